// The middle of the CSV reader: the records of one block become pieces of columns. Blocks know nothing of each other.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/csv.h"
#include "data/csv_fields.h"
#include "data/csv_spelling.h"
#include "data/utf8.h"

namespace tensorwood::csv {

// Distinct strings, numbered in order of appearance.
class Dictionary {
 public:
  // `offset`: where the record stands, kept for the first of a text.
  int32_t code(std::string_view text, int64_t offset);
  int64_t offset(int64_t code) const { return first_[code]; }
  std::string_view text(int64_t code) const { return std::string_view(strings_.text).substr(strings_.offsets[code], length(code)); }
  int64_t count() const { return strings_.count(); }
  int64_t bytes() const {
    const size_t places = strings_.offsets.capacity() + first_.capacity();
    return static_cast<int64_t>(strings_.text.capacity() + places * 8 + (hashes_.capacity() + slots_.capacity()) * 4);
  }

 private:
  size_t length(int64_t code) const { return strings_.offsets[code + 1] - strings_.offsets[code]; }
  void grow();

  Strings strings_;
  std::vector<int64_t> first_;    // of each string: the offset of its first record
  std::vector<uint32_t> hashes_;  // of each string
  std::vector<int32_t> slots_;    // open addressing, -1 = free
};

// Fields of one kind: how many, and the first.
struct Odd {
  int64_t count = 0;
  int64_t offset = 0;  // of its record
  std::string text;
  void add(std::string_view field, int64_t at, int64_t times = 1) {
    count += times;
    if (count == times) {
      offset = at;
      text = kept_of(field);
    }
  }
};

// What a piece holds besides plain numbers.
struct Words {
  std::vector<int32_t> codes;  // local to the block
  Dictionary dictionary;
  Odd bad;      // what was none of the numbers that the column must hold, and was taken for missing
  Odd rounded;  // integers that a double may not tell from their neighbours
  Odd grouped;  // points between thousands, and no comma
  Odd unzoned;  // times of day that told no zone
};

// One for every block and column: small where the column is one of plain numbers.
class Piece {
 public:
  std::vector<double> numbers;
  bool wide = false;
  bool demoted = false;  // a guessed number column holds other text: read it again as a category
  bool dated = false;    // a field was a date
  bool plain = false;    // a field was a number as it stands
  bool commas = false;   // a field had a decimal comma
  bool zoned = false;    // a time of day told its zone

  const Words& words() const {
    static const Words none;
    return words_ ? *words_ : none;
  }
  Words& make_words() {
    if (!words_) words_ = std::make_unique<Words>();
    return *words_;
  }
  int64_t bytes() const;

 private:
  std::unique_ptr<Words> words_;
};

// What a record is refused for, as far as it has a cure of its own.
enum class Fault : uint8_t { shape, value, commas, order };

struct BadRecord {
  int64_t offset;  // from the beginning of the block
  std::string reason;
  Fault fault;
};

struct Block {
  int64_t rows = 0;
  std::vector<Piece> pieces;  // of each column that is not skipped
  std::vector<BadRecord> bad;
  int64_t bad_count = 0;    // lines
  bool bad_quotes = false;  // quotes of a bad record span lines
  bool stray = false;       // quotes stand inside fields
  Odd swallowed;            // ends of lines inside quotes of good records
};

// A column as the file has it.
struct FileColumn {
  std::string name;
  Type type = Type::number;
  bool guessed = true;  // a number column that turns out to hold text may become a category
  bool times = false;   // the numbers are dates
  bool points = false;  // the first records show a decimal point that cannot stand between thousands
  std::string unsure;   // the first of its numbers, where all that have a point may be fractions or thousands
  NumberForm form;
};

constexpr int64_t kBadKept = 100;

// How fields are read, whatever their column.
struct FieldRules {
  Dialect dialect;
  MissingWords missing;
  bool bad_values_missing;
  const std::atomic<bool>& cancelled;
};

// Reads the records of text[0, size), or some of them when cancelled; kPadding bytes behind must be readable.
void parse_block(const char* text, int64_t size, const FieldRules& rules, const std::vector<FileColumn>& columns, Block& block);

}  // namespace tensorwood::csv
