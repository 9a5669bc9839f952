// The beginning of a CSV file tells how to read the rest: encoding, line ends, delimiter, header, and a guess at the type of each column.
#pragma once
#include <string>
#include <vector>

#include "data/csv.h"
#include "data/csv_block.h"
#include "data/csv_fields.h"
#include "core/status.h"

namespace tensorwood::csv {

constexpr int64_t kHeadBytes = 1 << 20;

struct Head {
  Dialect dialect;
  bool libsvm = false;  // no delimited text: see libsvm.h
  bool header = false;
  bool commas = false;        // some column shows that commas are decimal
  NumberForm form;            // of numbers, before a column shows another
  int64_t above = 0;          // lines above the first record that has as many fields as most have
  bool short_header = false;  // the first record alone has one field less than the others
  int64_t data = 0;           // offset of the first record of data in the file
  std::vector<FileColumn> columns;
  std::vector<Doubt> doubts;
};

// text[0, size) is the beginning of the file (all of it when complete), with kPadding bytes behind.
Status examine(const std::string& path, const char* text, int64_t size, bool complete, const Options& options, Head& head);

// Takes commas for decimal in every column of numbers that has not shown decimal points.
void take_commas(Head& head);

}  // namespace tensorwood::csv
