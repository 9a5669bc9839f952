// What the caller said of columns, over what was guessed: which to read, and as what.
#pragma once
#include <string>
#include <vector>

#include "core/status.h"
#include "data/csv_block.h"

namespace tensorwood::csv {

// Refuses names that no column has, and a choice that leaves none.
Status apply_choices(const std::string& path, const Options& options, std::vector<FileColumn>& columns);

}  // namespace tensorwood::csv
