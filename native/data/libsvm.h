// Files of libsvm (label index:value ...), which XGBoost and LightGBM read too: what a line leaves out is 0. Blocks of lines become entries
// sorted by column; a dense column is made of them when it is asked for.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/csv_block.h"

namespace tensorwood::csv {

struct SparseEntry {
  uint32_t index;
  uint32_t row : 31;  // of the block
  uint32_t wide : 1;  // f32 does not hold it
  double value;
};

struct SparseBlock {
  int64_t rows = 0;
  std::vector<double> labels;
  std::vector<double> queries;  // qid; NaN where a line has none
  std::vector<SparseEntry> entries;
  uint32_t least = UINT32_MAX, most = 0;  // of the indices
  bool has_queries = false;
  bool wide_label = false, wide_query = false;
  std::vector<BadRecord> bad;
  int64_t bad_count = 0;

  int64_t bytes() const {
    return static_cast<int64_t>((labels.capacity() + queries.capacity()) * sizeof(double) + entries.capacity() * sizeof(SparseEntry));
  }
};

// How values are read, whatever their column.
struct SparseRules {
  MissingWords missing;
  bool bad_values_missing;
};

// Whether the first lines are those of such a file. `complete`: text is all of it.
bool looks_like_libsvm(std::string_view text, bool complete, char newline, const MissingWords& missing);

void parse_sparse(std::string_view text, char newline, const SparseRules& rules, SparseBlock& block);

}  // namespace tensorwood::csv
