// What a column is when all of it has been read: dictionaries of blocks joined, texts that are numbers in another spelling after all, and
// what of it is in doubt.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "data/csv.h"
#include "data/csv_block.h"

namespace tensorwood::csv {

// A doubt, and where its first field stands.
struct PlacedDoubt {
  Doubt doubt;
  int64_t block = -1;  // -1 = nowhere
  int64_t offset = 0;  // of the record, from the beginning of the block
};

struct WholeColumn {
  Column column;
  std::vector<std::vector<int32_t>> recode;  // [block][local code] -> code
  std::vector<double> values;                // [code], where texts turned out to be numbers
  std::vector<PlacedDoubt> doubts;
  bool commas = false;  // it shows that its commas are decimal
};

// What holds for all columns. `commas`: some column of the file shows that its commas are decimal; `detected`: the form of numbers was not
// told.
struct ColumnRules {
  const MissingWords& missing;
  bool commas;
  bool detected;
  const std::atomic<bool>& cancelled;  // then what is returned is of no use
};

WholeColumn describe_column(const FileColumn& file, const std::vector<const Piece*>& pieces, const ColumnRules& rules);

}  // namespace tensorwood::csv
