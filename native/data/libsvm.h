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
  uint32_t row;  // of the block
  double value;
};

struct SparseBlock {
  int64_t rows = 0;
  std::vector<double> labels;
  std::vector<double> queries;  // qid; NaN where a line has none
  std::vector<SparseEntry> entries;
  uint32_t least = UINT32_MAX, most = 0;  // of the indices
  bool has_queries = false;
  std::vector<BadRecord> bad;
  int64_t bad_count = 0;

  int64_t bytes() const {
    return static_cast<int64_t>((labels.capacity() + queries.capacity()) * sizeof(double) + entries.capacity() * sizeof(SparseEntry));
  }
};

// Whether the first lines are those of such a file. `complete`: text is all of it.
bool looks_like_libsvm(std::string_view text, bool complete, char newline);

void parse_sparse(std::string_view text, char newline, SparseBlock& block);

}  // namespace tensorwood::csv
