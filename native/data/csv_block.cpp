// The records of one block: fields found, checked and appended to pieces of columns.
#include "data/csv_block.h"

#include <algorithm>

#include "data/utf8.h"

namespace tensorwood::csv {
namespace {

constexpr double kExactInFloat = 16777216.0;  // 2^24: beyond it f32 skips integers

uint32_t hash_of(std::string_view s) {
  uint64_t h = 0xcbf29ce484222325u ^ s.size();
  while (s.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, s.data(), 8);
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
    s.remove_prefix(8);
  }
  uint64_t word = 0;
  std::memcpy(&word, s.data(), s.size());
  h = (h ^ word) * 0x9e3779b97f4a7c15u;
  return static_cast<uint32_t>(h >> 32);
}

class BlockParser {
 public:
  BlockParser(const Dialect& dialect, const std::vector<FileColumn>& columns, const std::vector<std::string>& missing, Block& block)
      : dialect_(dialect), columns_(columns), missing_(missing), block_(block) {
    block_.pieces.resize(columns.size());
    for (const Type type : {Type::number, Type::category})
      for (size_t i = 0; i < columns.size(); ++i)
        if (columns[i].type == type) order_.push_back(i);
  }

  void parse(const char* text, int64_t size) {
    Records records(text, text + size, dialect_);
    std::vector<Field> fields;
    const char* start = text;
    while (records.next(fields)) {
      if (records.open())
        reject(start - text, "a quoted field is never closed");
      else if (!fields.empty())
        add(fields, start - text);
      start = records.cursor();
    }
    block_.stray = records.stray();
  }

 private:
  void add(const std::vector<Field>& fields, int64_t offset) {
    if (fields.size() != columns_.size()) {
      const auto fields_in = [](size_t n) { return std::to_string(n) + (n == 1 ? " field" : " fields"); };
      return reject(offset, "expected " + fields_in(columns_.size()) + ", got " + std::to_string(fields.size()));
    }
    for (const size_t i : order_) {
      if (store(columns_[i], block_.pieces[i], fields[i])) continue;
      undo();
      return reject(offset, "expected a number in column '" + columns_[i].name + "', got " + shown(fields[i].text));
    }
    ++block_.rows;
  }

  std::string_view text_of(const Field& field) {
    if (field.form == Field::raw) {
      decode(field.text, dialect_.quote, scratch_);
      return scratch_;
    }
    return dialect_.trim && field.form == Field::bare ? trimmed(field.text) : field.text;
  }

  bool store(const FileColumn& column, Piece& piece, const Field& field) {
    const std::string_view text = text_of(field);
    if (column.type == Type::category) {
      const bool missing = field.form == Field::bare ? is_missing(text, missing_) : text.empty();  // in quotes it is a word
      piece.codes.push_back(missing ? -1 : piece.dictionary.code(text));
      return true;
    }
    if (piece.demoted) return true;
    double value;
    if (!parse_number(text, dialect_.decimal, value)) {
      const std::string_view bare = trimmed(text);
      if (is_missing(bare, missing_)) {
        value = NAN;
      } else if (!parse_number(bare, dialect_.decimal, value)) {
        piece.demoted = column.guessed;
        return column.guessed;
      }
    }
    if (column.guessed && !std::isnan(value) && is_identifier(trimmed(text), value)) return piece.demoted = true;
    piece.wide |= std::fabs(value) > kExactInFloat && std::isfinite(value) && static_cast<double>(static_cast<float>(value)) != value;
    piece.numbers.push_back(value);
    return true;
  }

  // Takes back what the number columns before a bad field have stored of this record.
  void undo() {
    const size_t rows = static_cast<size_t>(block_.rows);
    for (Piece& piece : block_.pieces)
      if (piece.numbers.size() > rows) piece.numbers.resize(rows);
  }

  void reject(int64_t offset, std::string reason) {
    if (++block_.bad_count <= kBadKept) block_.bad.push_back({offset, std::move(reason)});
  }

  const Dialect& dialect_;
  const std::vector<FileColumn>& columns_;
  const std::vector<std::string>& missing_;
  Block& block_;
  std::vector<size_t> order_;  // of the columns: categories last, because a dictionary does not forget what a bad record said
  std::string scratch_;
};

}  // namespace

int32_t Dictionary::code(std::string_view text) {
  if (strings_.count() * 2 >= static_cast<int64_t>(slots_.size())) grow();
  const uint32_t hash = hash_of(text);
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    const int32_t at = slots_[slot];
    if (at < 0) {
      slots_[slot] = static_cast<int32_t>(strings_.count());
      hashes_.push_back(hash);
      strings_.text.append(text);
      strings_.offsets.push_back(strings_.text.size());
      return slots_[slot];
    }
    if (hashes_[at] == hash && this->text(at) == text) return at;
  }
}

void Dictionary::grow() {
  slots_.assign(std::max<size_t>(16, slots_.size() * 2), -1);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < hashes_.size(); ++i) {
    size_t slot = hashes_[i] & mask;
    while (slots_[slot] >= 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<int32_t>(i);
  }
}

bool is_missing(std::string_view text, const std::vector<std::string>& missing) {
  if (text.empty()) return true;
  return std::any_of(missing.begin(), missing.end(), [&](const std::string& m) { return text == m; });
}

void parse_block(const char* text, int64_t size, const Dialect& dialect, const std::vector<FileColumn>& columns,
                 const std::vector<std::string>& missing, Block& block) {
  BlockParser(dialect, columns, missing, block).parse(text, size);
}

}  // namespace tensorwood::csv
