// The table that the blocks of a libsvm file are: columns label, qid where lines have one, and f1, f2, ... (from f0 where an index is 0).
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>

#include "core/status.h"
#include "data/csv.h"
#include "data/libsvm.h"

namespace tensorwood::csv {

constexpr int64_t kLabel = -2, kQuery = -1;  // in place of an index

class SparseReader {
 public:
  SparseReader(const std::string& path, const Options& options, const std::atomic<bool>& cancelled, Table& table)
      : path_(path), options_(options), cancelled_(cancelled), table_(table) {}
  // Names the columns of the blocks that were read. _DATA: no rows; _MEMORY: a table of so many columns has no room; _ARGUMENT: options ask
  // for what such a file does not have; _ABORTED.
  Status join();

 private:
  Status check_options() const;
  Status check_width(int64_t columns) const;
  Status check_room() const;
  Status name_columns(int64_t least, int64_t most, bool queries);
  void add(std::string name, int64_t index);
  void find_wide();

  const std::string& path_;
  const Options& options_;
  const std::atomic<bool>& cancelled_;
  Table& table_;
};

template <class T>
void fill_sparse(const SparseBlock& block, int64_t index, T* to) {
  if (index < 0) {
    const std::vector<double>& values = index == kLabel ? block.labels : block.queries;
    std::transform(values.begin(), values.end(), to, [](double value) { return static_cast<T>(value); });
    return;
  }
  std::fill(to, to + block.rows, T{0});
  const auto before = [](const SparseEntry& e, int64_t i) { return e.index < i; };
  auto entry = std::lower_bound(block.entries.begin(), block.entries.end(), index, before);
  for (; entry != block.entries.end() && entry->index == index; ++entry) to[entry->row] = static_cast<T>(entry->value);
}

}  // namespace tensorwood::csv
