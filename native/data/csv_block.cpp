// The records of one block: fields found, checked and appended to pieces of columns.
#include "data/csv_block.h"

#include <algorithm>
#include <random>

#include "data/utf8.h"

namespace tensorwood::csv {
namespace {

constexpr int64_t kTurn = 1024;                        // records between two looks at whether they are still wanted
constexpr double kExactInDouble = 9007199254740992.0;  // 2^53

// Drawn once for each process, so that no file can be made of texts whose hashes meet.
struct Secret {
  uint64_t start, factor;
  Secret() {
    std::random_device draw;
    const auto word = [&] { return uint64_t{draw()} << 32 | draw(); };
    start = word();
    factor = word() | 1;
  }
};

// Both halves of the product: not to be undone by who does not know a factor (Wang Yi, wyhash).
uint64_t fold(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint32_t hash_of(std::string_view s) {
  static const Secret secret;
  uint64_t h = secret.start ^ s.size();
  while (s.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, s.data(), 8);
    h = fold(h ^ word, secret.factor) ^ secret.start;
    s.remove_prefix(8);
  }
  uint64_t word = 0;
  std::memcpy(&word, s.data(), s.size());
  h = fold(h ^ word, secret.factor);
  return static_cast<uint32_t>(h ^ h >> 32);
}

class BlockParser {
 public:
  BlockParser(const FieldRules& rules, const std::vector<FileColumn>& columns, Block& block)
      : rules_(rules), columns_(columns), block_(block) {
    size_t pieces = 0;
    for (size_t i = 0; i < columns.size(); ++i)
      if (columns[i].type != Type::skip) order_.push_back({i, pieces++});
    block_.pieces.resize(pieces);
    std::stable_partition(order_.begin(), order_.end(), [&](const Place& place) { return columns[place.column].type == Type::number; });
  }

  void parse(const char* text, int64_t size) {
    Records records(text, text + size, rules_.dialect);
    std::vector<Field> fields;
    const char* start = text;
    for (int64_t record = 0; records.next(fields); ++record) {
      if (record % kTurn == 0 && rules_.cancelled.load(std::memory_order_relaxed)) return;
      offset_ = start - text;
      lines_ = records.lines();
      block_.stray |= records.open();
      if (records.open())
        reject("a quoted field is never closed", Fault::shape);
      else if (!fields.empty())
        add(fields);
      start = records.cursor();
    }
    block_.stray |= records.stray();
  }

 private:
  struct Place {
    size_t column, piece;
  };

  // A sign that was set, or a field that was counted.
  struct Change {
    bool* sign;
    Odd* odd;
  };

  void add(const std::vector<Field>& fields) {
    if (fields.size() != columns_.size()) {
      const auto fields_in = [](size_t n) { return std::to_string(n) + (n == 1 ? " field" : " fields"); };
      return reject("expected " + fields_in(columns_.size()) + ", got " + std::to_string(fields.size()), Fault::shape);
    }
    changes_.clear();
    for (const auto [i, of_block] : order_) {
      const FileColumn& column = columns_[i];
      Piece& piece = block_.pieces[of_block];
      if (column.type == Type::category ? store_category(piece, fields[i]) : store_number(column, piece, fields[i])) continue;
      undo();
      const char* expected = column.times ? "expected a date in column '" : "expected a number in column '";
      return reject(expected + column.name + "', got " + shown(fields[i].text), fault_of(fields[i]));
    }
    ++block_.rows;
    if (lines_ > 0) block_.swallowed.add("", offset_, lines_);
  }

  std::string_view text_of(const Field& field) {
    if (field.form == Field::raw) {
      decode(field.text, rules_.dialect.quote, scratch_);
      return scratch_;
    }
    return rules_.dialect.trim && field.form == Field::bare ? trimmed(field.text) : field.text;
  }

  Fault fault_of(const Field& field) {
    const Spelling s = read_spelling(trimmed(text_of(field)), {}).spelling;
    if (s == Spelling::day_month) return Fault::order;
    return s == Spelling::comma_or_group || s == Spelling::group || shows_decimal_comma(s) ? Fault::commas : Fault::value;
  }

  bool store_category(Piece& piece, const Field& field) {
    const std::string_view text = text_of(field);
    const bool missing = field.form == Field::bare ? rules_.missing.has(text) : text.empty();  // in quotes it is a word
    Words& words = piece.make_words();
    words.codes.push_back(missing ? -1 : words.dictionary.code(text, offset_));
    return true;
  }

  bool store_number(const FileColumn& column, Piece& piece, const Field& field) {
    if (piece.demoted) return true;
    const std::string_view text = text_of(field);
    double value;
    if (column.times || !parse_number(text, column.form.decimal, value)) {
      if (!read_odd(column, piece, trimmed(text), value)) return false;
      if (piece.demoted) return true;
    } else if (column.guessed) {
      if (is_identifier(trimmed(text), value)) return mark(piece, &Piece::demoted);
    } else {
      mark(piece, &Piece::plain);
      if (std::fabs(value) >= kExactInDouble && is_identifier(trimmed(text), value)) count(piece, &Words::rounded, trimmed(text));
    }
    if (column.form.decimal == ',') note_marks(piece, trimmed(text));
    if (needs_double(trimmed(text), value)) mark(piece, &Piece::wide);
    piece.numbers.push_back(value);
    return true;
  }

  // Where commas are decimal: which of both marks the field has.
  void note_marks(Piece& piece, std::string_view text) {
    if (text.find(',') != std::string_view::npos)
      mark(piece, &Piece::commas);
    else if (text.find('.') != std::string_view::npos && !rules_.missing.has(text) && !rules_.missing.has_dash(text))
      count(piece, &Words::grouped, text);
  }

  // A field that is no number as it stands. False: the record is refused.
  bool read_odd(const FileColumn& column, Piece& piece, std::string_view text, double& value) {
    value = NAN;
    if (rules_.missing.has(text) || rules_.missing.has_dash(text)) return true;
    const Reading reading = read_spelling(text, column.form);
    if (column.times ? reading.spelling == Spelling::time : is_read(column, reading)) {
      value = reading.value;
      if (reading.zone == Zone::told) mark(piece, &Piece::zoned);
      if (reading.zone == Zone::none) count(piece, &Words::unzoned, text);
      return mark(piece, reading.spelling == Spelling::time ? &Piece::dated : &Piece::plain);
    }
    if (column.guessed) return mark(piece, &Piece::demoted);
    if (!rules_.bad_values_missing) return false;
    count(piece, &Words::bad, text);
    return true;
  }

  // A column that must hold numbers takes every spelling that leaves no doubt.
  static bool is_read(const FileColumn& column, const Reading& reading) {
    const Spelling s = reading.spelling;
    if (s == Spelling::number || s == Spelling::point || s == Spelling::point_or_group) return true;
    return !column.guessed && s != Spelling::other && s != Spelling::day_month && !std::isnan(reading.value) && !shows_decimal_comma(s);
  }

  bool mark(Piece& piece, bool Piece::*sign) {
    if (!(piece.*sign)) changes_.push_back({&(piece.*sign), nullptr});
    return piece.*sign = true;
  }

  void count(Piece& piece, Odd Words::*odd, std::string_view text) {
    Odd& fields = piece.make_words().*odd;
    fields.add(text, offset_);
    changes_.push_back({nullptr, &fields});
  }

  // Takes back what the number columns before a bad field have stored of this record.
  void undo() {
    for (const Change& change : changes_) {
      if (change.sign != nullptr) *change.sign = false;
      if (change.odd != nullptr) --change.odd->count;
    }
    const size_t rows = static_cast<size_t>(block_.rows);
    for (Piece& piece : block_.pieces)
      if (piece.numbers.size() > rows) piece.numbers.resize(rows);
  }

  void reject(std::string reason, Fault fault) {
    block_.bad_count += 1 + lines_;
    block_.bad_quotes |= lines_ > 0;
    if (block_.bad.size() < static_cast<size_t>(kBadKept)) block_.bad.push_back({offset_, std::move(reason), fault});
  }

  const FieldRules& rules_;
  const std::vector<FileColumn>& columns_;
  Block& block_;
  std::vector<Place> order_;  // categories last, because a dictionary does not forget what a bad record said
  std::string scratch_;
  int64_t offset_ = 0;           // of the record
  int64_t lines_ = 0;            // ends of lines inside its quotes
  std::vector<Change> changes_;  // by the record, besides its values
};

}  // namespace

int32_t Dictionary::code(std::string_view text, int64_t offset) {
  if (strings_.count() * 2 >= static_cast<int64_t>(slots_.size())) grow();
  const uint32_t hash = hash_of(text);
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    const int32_t at = slots_[slot];
    if (at < 0) {
      slots_[slot] = static_cast<int32_t>(strings_.count());
      hashes_.push_back(hash);
      first_.push_back(offset);
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

int64_t Piece::bytes() const {
  int64_t bytes = static_cast<int64_t>(sizeof *this + numbers.capacity() * sizeof(double));
  if (words_) bytes += static_cast<int64_t>(sizeof *words_ + words_->codes.capacity() * sizeof(int32_t)) + words_->dictionary.bytes();
  return bytes;
}

void parse_block(const char* text, int64_t size, const FieldRules& rules, const std::vector<FileColumn>& columns, Block& block) {
  BlockParser(rules, columns, block).parse(text, size);
}

}  // namespace tensorwood::csv
