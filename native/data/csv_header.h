// Whether the first record of a file names its columns, told by comparing it with the records below it.
#pragma once
#include <string>
#include <vector>

#include "data/csv_spelling.h"

namespace tensorwood::csv {

struct Cell {
  std::string text;  // without spaces around it
  bool quoted;
};
using Row = std::vector<Cell>;

struct HeaderGuess {
  bool header;
  bool close = false;  // the other answer is not absurd
  bool index = false;  // the first column has no name and counts the rows, as pandas writes it
};

// rows[0] is the first record.
HeaderGuess guess_header(const std::vector<Row>& rows, const MissingWords& missing, const NumberForm& form);

}  // namespace tensorwood::csv
