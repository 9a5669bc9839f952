// How good margins are on labelled rows. Sums run over fixed chunks in order.
#pragma once
#include <vector>

#include "core/threads.h"
#include "trees/forest.h"

namespace tensorwood {

enum class Metric : int32_t { rmse = 0, logloss = 1, error = 2, auc = 3 };

struct Labels {
  const float* label = nullptr;
  const float* weight = nullptr;  // null = 1 each
  int64_t rows = 0;
};

inline bool larger_is_better(Metric metric) { return metric == Metric::auc; }

// margin is (rows, groups). logloss and error take the classes of the objective; NaN when undefined (AUC of one class).
double evaluate(Metric metric, const Forest& forest, const float* margin, const Labels& labels, Threads& threads);

}  // namespace tensorwood
