// The model file: one JSON object with every number exact (shortest digits that read back to the same bits).
//   {"format":"tensorwood-forest","version":1,"objective":"binary","classes":1,"about":{...},"categorical":[0,1],"base":[m...],
//    "trees":[{"group":0,"feature":[-1 = leaf...],"left":[right is left + 1...],"value":[threshold or leaf value...],"missing_left":[...],
//              "gain":[...],"weight":[...],"rows":[...],"set":[...],"sets":[words, bits, ...]}]}      (set and sets only with categories)
// Numbers are f32, values to predict from too. Version 2 has "ranked":[0,1] after "categorical": the thresholds of those features are f64,
// and so their values are compared. A forest without such a feature is of version 1.
#pragma once
#include <atomic>
#include <string>
#include <string_view>

#include "core/status.h"
#include "trees/forest.h"

namespace tensorwood {

// Once *cancelled it stops before the next tree, with no text.
std::string write_forest(const Forest& forest, const std::atomic<bool>* cancelled = nullptr);

// Treats the text as hostile: every index, length and number is checked. `subject` begins the error's sentence. The code is
// ERR_TENSORWOOD_FORMAT. On success the forest is compacted and ready for prediction. Once *cancelled it stops within some thousand
// elements.
Status read_forest(std::string_view text, const std::string& subject, Forest& forest, const std::atomic<bool>* cancelled = nullptr);

const char* objective_name(Objective objective);

}  // namespace tensorwood
