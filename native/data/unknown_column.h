// The refusal of a name that no column of a file has, with the nearest name that one has.
#pragma once
#include <string>
#include <vector>

#include "core/status.h"

namespace tensorwood::csv {

// `list` stands for all of `names`, which may be many.
Status unknown_column(const std::string& path, const std::string& name, const std::vector<std::string>& names, const std::string& list);

// The first dozen.
std::string listed(const std::vector<std::string>& names);

// Nothing is left to read.
Status nothing_left(const std::string& path);

}  // namespace tensorwood::csv
