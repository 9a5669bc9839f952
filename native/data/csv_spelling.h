// What the text of a field means: a number in one of the spellings of the world, a truth value, a date, or none of these.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tensorwood::csv {

// How numbers and dates of a column are written.
struct NumberForm {
  char decimal = '.';
  char thousands = 0;  // between groups of three digits; 0 = none
  char order = 'y';    // of the parts of a date: y = year first, d = day first, m = month first
};

enum class Spelling : uint8_t {
  other,
  number,           // without a point
  point,            // 1.5
  point_or_group,   // 1.234: a fraction, or 1234 where commas are decimal
  identifier,       // zeros before a digit, or an integer beyond 2^53
  comma,            // 1,5
  group_and_comma,  // 1.234,5
  comma_or_group,   // 1,234: a fraction, or 1234
  group,            // 1,234.5 and 1,234,567
  spaced,           // 1 234
  percent,
  currency,
  boolean,
  time,       // a date, as the form orders it; milliseconds since 1970
  day_month,  // 01/02/2024: a date in an order that the form does not have
  date_like,  // 2024-02-30 and 5-Feb-2024: no date that is read
};
constexpr size_t kSpellings = static_cast<size_t>(Spelling::date_like) + 1;

// Of the time of day in a date, where it has one.
enum class Zone : uint8_t { timeless, none, told };

struct Reading {
  Spelling spelling = Spelling::other;
  double value;  // NaN where the spelling does not decide it
  Zone zone = Zone::timeless;
};

// `text` without spaces around it.
Reading read_spelling(std::string_view text, const NumberForm& form);

// A date (2024-01-31) with or without a time of day and a zone; UTC where there is none. In the basic form of ISO 8601 (20240131T103000Z) a
// time of day must follow. Milliseconds since 1970.
bool parse_time(std::string_view text, char order, double& milliseconds, Zone& zone);

// How many fields of a column have which spelling.
struct Tally {
  std::array<int64_t, kSpellings> counts{};
  int64_t dashes = 0;  // fields that mean a missing value among numbers alone
  int64_t total = 0;   // without those that are missing
  int64_t of(Spelling s) const { return counts[static_cast<size_t>(s)]; }
  int64_t plain() const { return of(Spelling::number) + of(Spelling::point) + of(Spelling::point_or_group); }
  void add(Spelling s) {
    ++counts[static_cast<size_t>(s)];
    ++total;
  }
};

enum class Verdict : uint8_t { number, decimal_comma, thousands_comma, boolean, time, category };

// What all fields together are. `commas`: another column of the file shows that its commas are decimal; then points between groups of three
// digits are none: a file has one decimal mark.
Verdict judge(const Tally& tally, bool commas);

// Whether an entry of this spelling shows alone that a comma is decimal.
inline bool shows_decimal_comma(Spelling s) { return s == Spelling::comma || s == Spelling::group_and_comma; }

// The spellings of a missing value: everywhere, and among numbers alone.
class MissingWords {
 public:
  MissingWords(const std::vector<std::string>& everywhere, const std::vector<std::string>& among_numbers);
  bool has(std::string_view text) const { return text.empty() || (may_be(text) && is_in(everywhere_, text)); }
  bool has_dash(std::string_view text) const { return may_be(text) && is_in(among_numbers_, text); }

 private:
  bool may_be(std::string_view text) const {
    return !text.empty() && (lengths_[static_cast<uint8_t>(text[0])] >> (text.size() < 63 ? text.size() : 63) & 1) != 0;
  }
  static bool is_in(const std::vector<std::string>& words, std::string_view text);

  const std::vector<std::string>& everywhere_;
  const std::vector<std::string>& among_numbers_;
  std::array<uint64_t, 256> lengths_{};  // of the words that begin with a byte: bit n is set where one has n bytes, bit 63 for longer ones
};

}  // namespace tensorwood::csv
