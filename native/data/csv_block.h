// The middle of the CSV reader: the records of one block become pieces of columns. Blocks know nothing of each other.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/csv.h"
#include "data/csv_fields.h"

namespace tensorwood::csv {

// Distinct strings, numbered in order of appearance.
class Dictionary {
 public:
  int32_t code(std::string_view text);
  std::string_view text(int64_t code) const { return std::string_view(strings_.text).substr(strings_.offsets[code], length(code)); }
  int64_t count() const { return strings_.count(); }
  int64_t bytes() const {
    return static_cast<int64_t>(strings_.text.capacity() + strings_.offsets.capacity() * 8 + (hashes_.capacity() + slots_.capacity()) * 4);
  }

 private:
  size_t length(int64_t code) const { return strings_.offsets[code + 1] - strings_.offsets[code]; }
  void grow();

  Strings strings_;
  std::vector<uint32_t> hashes_;  // of each string
  std::vector<int32_t> slots_;    // open addressing, -1 = free
};

struct Piece {
  std::vector<double> numbers;
  std::vector<int32_t> codes;  // local to the block
  Dictionary dictionary;
  bool wide = false;
  bool demoted = false;  // a guessed number column holds other text: read it again as a category
};

struct BadRecord {
  int64_t offset;  // from the beginning of the block
  std::string reason;
};

struct Block {
  int64_t rows = 0;
  std::vector<Piece> pieces;  // of each column of the file
  std::vector<BadRecord> bad;
  int64_t bad_count = 0;
  bool stray = false;
};

// A column as the file has it.
struct FileColumn {
  std::string name;
  Type type = Type::number;
  bool guessed = true;  // a number column that turns out to hold text may become a category
};

constexpr int64_t kBadKept = 100;

bool is_missing(std::string_view text, const std::vector<std::string>& missing);

// Reads the records of text[0, size); kPadding bytes behind must be readable.
void parse_block(const char* text, int64_t size, const Dialect& dialect, const std::vector<FileColumn>& columns,
                 const std::vector<std::string>& missing, Block& block);

}  // namespace tensorwood::csv
