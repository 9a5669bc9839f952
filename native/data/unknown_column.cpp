// Names compared as lib/schema.ts compares them: letters of ASCII in either case are one, and the nearest is told within two edits.
#include "data/unknown_column.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

namespace tensorwood::csv {
namespace {

constexpr size_t kMostEdits = 2;

bool same(char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b)); }

// Levenshtein distance, in bytes.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (same(a[i - 1], b[j - 1]) ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
    }
  }
  return row[b.size()];
}

std::string suggestion(const std::string& name, const std::vector<std::string>& names) {
  const std::string* nearest = nullptr;
  size_t least = std::min(kMostEdits, name.size() / 2) + 1;
  for (const std::string& other : names) {
    if (other.size() >= name.size() + least || name.size() >= other.size() + least) continue;
    const size_t edits = edit_distance(name, other);
    if (edits >= least) continue;
    least = edits;
    nearest = &other;
  }
  return nearest == nullptr ? "" : ", did you mean '" + *nearest + "'?";
}

}  // namespace

Status unknown_column(const std::string& path, const std::string& name, const std::vector<std::string>& names, const std::string& list) {
  return {"ERR_TENSORWOOD_ARGUMENT",
          "readCsv: '" + path + "' has no column '" + name + "'" + suggestion(name, names) + " (columns: " + list + ")"};
}

std::string listed(const std::vector<std::string>& names) {
  constexpr size_t kShown = 12;
  std::string list;
  for (size_t i = 0; i < std::min(kShown, names.size()); ++i) list += (i ? ", " : "") + names[i];
  return names.size() > kShown ? list + ", …" : list;
}

Status nothing_left(const std::string& path) {
  return {"ERR_TENSORWOOD_ARGUMENT", "readCsv: expected ignore to be some of the columns to read of '" + path + "', got all of them"};
}

}  // namespace tensorwood::csv
