// The grammars of numbers and dates, and what a column of them is.
#include "data/csv_spelling.h"

#include <algorithm>
#include <cmath>

#include "data/csv_fields.h"

namespace tensorwood::csv {
namespace {

constexpr double kDay = 86400000.0;

// Whether some spelling begins with this byte.
bool leads(char c) {
  static constexpr std::string_view most = "0123456789+-.$\xe2\xc2tTfFiIUEGJC";
  return most.find(c) != std::string_view::npos;
}

bool is_letter(char c) { return static_cast<unsigned>((c | 0x20) - 'a') < 26 && (c | 0x20) != 'e'; }  // but that of an exponent
bool is_digit(char c) { return static_cast<unsigned>(c - '0') < 10; }

// Reads a text from its beginning.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  bool done() const { return text_.empty(); }
  char peek() const { return text_.empty() ? '\0' : text_[0]; }
  bool take(char c) {
    if (peek() != c || done()) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take_any(std::string_view choices, char& taken) {
    if (done() || choices.find(text_[0]) == std::string_view::npos) return false;
    taken = text_[0];
    text_.remove_prefix(1);
    return true;
  }
  // At least `least` and at most `most` digits.
  bool digits(size_t least, size_t most, int& value) {
    size_t n = 0;
    for (value = 0; n < most && n < text_.size() && is_digit(text_[n]); ++n) value = value * 10 + (text_[n] - '0');
    text_.remove_prefix(n);
    return n >= least;
  }

 private:
  std::string_view text_;
};

// Digits, a month by name or by digits, and digits, as dates have them.
bool is_date_like(std::string_view text) {
  static constexpr std::string_view months = "jan feb mar apr may jun jul aug sep oct nov dec";
  Cursor at(text);
  int first, month, last;
  char separator;
  if (!at.digits(1, 4, first) || !at.take_any("-/. ", separator)) return false;
  std::string name;
  for (char letter; at.take_any("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", letter);)
    name.push_back(static_cast<char>(letter | 0x20));
  if (name.empty() ? !at.digits(1, 2, month)
                   : name.size() < 3 || name.size() > 9 || months.find(name.substr(0, 3)) == std::string_view::npos)
    return false;
  if (!at.take(separator) || !at.digits(1, 4, last) || is_digit(at.peek())) return false;
  const auto is_year = [](int number) { return number >= 1000 && number < 3000; };
  if (name.empty() && !is_year(first) && !(is_year(last) && first < 32)) return false;
  return at.done() || at.peek() == ' ' || at.peek() == 'T';
}

// Days since 1970-01-01. Hinnant, "chrono-compatible low-level date algorithms".
int64_t days_of(int year, int month, int day) {
  const int64_t y = year - (month <= 2);
  const int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool is_date(int year, int month, int day) {
  if (month < 1 || month > 12 || day < 1) return false;
  static constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= lengths[month - 1] + (leap && month == 2);
}

// `basic`: without the signs between the numbers, which only a time of day tells from a number.
bool parse_date(Cursor& at, char order, bool& basic, double& milliseconds) {
  int year, month, day;
  char separator;
  basic = false;
  if (order == 'y') {
    if (!at.digits(4, 4, year)) return false;
    basic = !at.take_any("-/", separator);
    if (!at.digits(2, 2, month) || (!basic && !at.take(separator)) || !at.digits(2, 2, day)) return false;
  } else {
    if (!at.digits(1, 2, day) || !at.take_any("/.-", separator) || !at.digits(1, 2, month) || !at.take(separator) || !at.digits(4, 4, year))
      return false;
    if (order == 'm') std::swap(day, month);
  }
  if (is_digit(at.peek()) || !is_date(year, month, day)) return false;
  milliseconds = static_cast<double>(days_of(year, month, day)) * kDay;
  return true;
}

bool parse_zone(Cursor& at, double& milliseconds) {
  at.take(' ');
  if (at.take('Z') || at.take('z')) return true;
  if (at.take('U')) return at.take('T') && at.take('C');
  int hours, minutes = 0;
  char sign;
  if (!at.take_any("+-", sign) || !at.digits(2, 2, hours)) return false;
  if (at.take(':') ? !at.digits(2, 2, minutes) : is_digit(at.peek()) && !at.digits(2, 2, minutes)) return false;
  if (minutes > 59 || hours * 60 + minutes > 14 * 60) return false;
  milliseconds += (sign == '+' ? -1 : 1) * (hours * 60 + minutes) * 60000.0;
  return true;
}

// Whether another number of the clock follows: behind a colon, or as its digits alone.
bool goes_on(Cursor& at, bool basic) { return basic ? is_digit(at.peek()) : at.take(':'); }

// The hour alone is a clock behind `T`, where it is no number beside a date.
bool parse_clock(Cursor& at, bool basic, bool hour_alone, double& milliseconds) {
  int hours, minutes = 0, seconds = 0;
  if (!at.digits(2, 2, hours)) return false;
  double fraction = 0;
  if (!goes_on(at, basic)) {
    if (!hour_alone) return false;
  } else if (!at.digits(2, 2, minutes)) {
    return false;
  } else if (goes_on(at, basic)) {
    if (!at.digits(2, 2, seconds)) return false;
    char point;
    if (at.take_any(".,", point)) {
      if (!is_digit(at.peek())) return false;
      int digit;
      for (double unit = 100; is_digit(at.peek()); unit /= 10) {
        at.digits(1, 1, digit);
        fraction += digit * unit;
      }
    }
  }
  const bool midnight = hours == 24 && minutes == 0 && seconds == 0 && fraction == 0;  // at the end of the day
  if ((hours > 23 && !midnight) || minutes > 59 || seconds > 60) return false;         // 60: a leap second
  milliseconds += (hours * 3600 + minutes * 60 + seconds) * 1000.0 + fraction;
  return true;
}

// Takes the separators between groups of three digits out: at least one group, the first of one to three digits, none behind `decimal`.
bool without_groups(std::string_view s, char separator, char decimal, std::string& out) {
  out.clear();
  size_t i = 0;
  if (i < s.size() && (s[i] == '-' || s[i] == '+')) out.push_back(s[i++]);
  size_t run = 0, groups = 0;
  for (; i < s.size() && s[i] != decimal; ++i) {
    if (is_digit(s[i])) {
      out.push_back(s[i]);
      ++run;
    } else {
      if (s[i] != separator || run == 0 || run > 3 || (groups > 0 && run != 3)) return false;
      ++groups;
      run = 0;
    }
  }
  if (groups == 0 || run != 3) return false;
  if (i < s.size()) out.append(s.substr(i));
  return true;
}

bool parse_grouped(std::string_view s, char separator, char decimal, double& value) {
  std::string digits;
  return without_groups(s, separator, decimal, digits) && parse_number(digits, decimal, value);
}

// The spaces that stand between groups of digits, as one byte: a plain one, U+00A0 and U+202F.
std::string with_plain_spaces(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s.substr(i, 2) == "\xc2\xa0") {
      out.push_back(' ');
      ++i;
    } else if (s.substr(i, 3) == "\xe2\x80\xaf") {
      out.push_back(' ');
      i += 2;
    } else {
      out.push_back(s[i]);
    }
  }
  return out;
}

bool is_true(std::string_view s) { return s == "true" || s == "True" || s == "TRUE"; }
bool is_false(std::string_view s) { return s == "false" || s == "False" || s == "FALSE"; }

Reading plain_number(std::string_view s, double value, const NumberForm& form) {
  if (is_identifier(s, value)) return {Spelling::identifier, value};
  if (form.decimal != '.' || s.find('.') == std::string_view::npos) return {Spelling::number, value};
  std::string digits;
  const bool zero = s[s[0] == '-' || s[0] == '+' ? 1 : 0] == '0';
  return {without_groups(s, '.', ',', digits) && !zero ? Spelling::point_or_group : Spelling::point, value};
}

// Numbers whose separators another form would explain; the form itself has decimal points and no groups.
Reading read_separated(std::string_view s) {
  double value;
  if (s.find(',') != std::string_view::npos) {
    if (parse_grouped(s, ',', '.', value)) {
      const size_t commas = static_cast<size_t>(std::count(s.begin(), s.end(), ','));
      const std::string_view digits = s[0] == '-' || s[0] == '+' ? s.substr(1) : s;
      if (commas > 1 || s.find('.') != std::string_view::npos) return {Spelling::group, value};
      if (digits[0] != '0') return {Spelling::comma_or_group, std::nan("")};
    }
    if (parse_number(s, ',', value)) return {Spelling::comma, value};
  }
  if (parse_grouped(s, '.', ',', value)) return {Spelling::group_and_comma, value};
  return {Spelling::other, std::nan("")};
}

Reading read_number(std::string_view s, const NumberForm& form) {
  double value;
  if (parse_number(s, form.decimal, value)) return plain_number(s, value, form);
  if (std::any_of(s.begin(), s.end(), is_letter)) return {Spelling::other, std::nan("")};
  const std::string spaced = with_plain_spaces(s);
  if (form.thousands != 0 && parse_grouped(form.thousands == ' ' ? spaced : s, form.thousands, form.decimal, value))
    return {Spelling::number, value};
  if (form.decimal == ',' && parse_grouped(s, '.', ',', value)) return {Spelling::number, value};
  if (form.decimal == '.' && form.thousands == 0)
    if (const Reading found = read_separated(s); found.spelling != Spelling::other) return found;
  for (const char separator : {' ', '\''})
    for (const char decimal : {form.decimal, '.', ','})
      if (parse_grouped(spaced, separator, decimal, value)) return {Spelling::spaced, value};
  return {Spelling::other, std::nan("")};
}

bool take_ends(std::string_view& s, std::string_view sign) {
  if (s.size() <= sign.size()) return false;
  if (s.substr(0, sign.size()) == sign)
    s.remove_prefix(sign.size());
  else if (s.substr(s.size() - sign.size()) == sign)
    s.remove_suffix(sign.size());
  else
    return false;
  s = trimmed(s);
  return true;
}

// A number with a sign that says of what.
Reading read_unit(std::string_view s, const NumberForm& form) {
  const bool minus = s.size() > 1 && s[0] == '-' && !is_digit(s[1]);
  std::string_view rest = minus ? s.substr(1) : s;
  Spelling spelling = Spelling::percent;
  bool found = !rest.empty() && rest.back() == '%' && take_ends(rest, "%");
  for (const std::string_view sign : {"$", "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5", "USD", "EUR", "GBP", "JPY", "CHF"})
    if (!found && take_ends(rest, sign)) {
      found = true;
      spelling = Spelling::currency;
    }
  if (!found) return {Spelling::other, std::nan("")};
  Reading number = read_number(rest, form);
  if (number.spelling == Spelling::other) return number;
  if (number.spelling == Spelling::comma_or_group && spelling == Spelling::currency) parse_grouped(rest, ',', '.', number.value);
  return {spelling, minus ? -number.value : number.value};
}

}  // namespace

bool parse_time(std::string_view text, char order, double& milliseconds, Zone& zone) {
  zone = Zone::timeless;
  if (text.size() < 8 || text.size() > 40 || !is_digit(text[0])) return false;
  Cursor at(text);
  bool basic;
  if (!parse_date(at, order, basic, milliseconds)) return false;
  if (at.done()) return !basic;
  char between;
  if (!at.take_any("Tt ", between) || !parse_clock(at, basic, between != ' ', milliseconds)) return false;
  zone = at.done() ? Zone::none : Zone::told;
  return at.done() || (parse_zone(at, milliseconds) && at.done());
}

Reading read_spelling(std::string_view text, const NumberForm& form) {
  const Reading other = {Spelling::other, std::nan("")};
  if (text.empty() || !leads(text[0])) return other;
  double value;
  if (parse_number(text, form.decimal, value)) return plain_number(text, value, form);
  if (is_true(text)) return {Spelling::boolean, 1};
  if (is_false(text)) return {Spelling::boolean, 0};
  if (text.size() > 64 || std::none_of(text.begin(), text.end(), is_digit)) return other;
  Zone zone;
  if (parse_time(text, form.order, value, zone)) return {Spelling::time, value, zone};
  if (const Reading number = read_number(text, form); number.spelling != Spelling::other) return number;
  for (const char order : {'y', 'd', 'm'})
    if (order != form.order && parse_time(text, order, value, zone))
      return {order == 'y' ? Spelling::time : Spelling::day_month, value, zone};
  if (is_date_like(text)) return {Spelling::date_like, std::nan("")};
  return read_unit(text, form);
}

Verdict judge(const Tally& tally, bool commas) {
  const auto all = [&](int64_t count) { return count == tally.total; };
  if (all(0)) return tally.dashes > 0 ? Verdict::category : Verdict::number;
  if (all(tally.of(Spelling::boolean))) return Verdict::boolean;
  if (all(tally.of(Spelling::time))) return Verdict::time;
  const int64_t integers = tally.of(Spelling::number), unsure = tally.of(Spelling::comma_or_group);
  const int64_t sure = tally.of(Spelling::comma) + tally.of(Spelling::group_and_comma);
  const int64_t groups = commas || tally.of(Spelling::group_and_comma) > 0 ? tally.of(Spelling::point_or_group) : 0;
  const bool by_commas = sure > 0 || (commas && unsure + groups > 0);
  if (by_commas && all(integers + unsure + sure + groups)) return Verdict::decimal_comma;
  if (all(tally.plain())) return Verdict::number;
  const int64_t points = tally.of(Spelling::point) + tally.of(Spelling::group);
  if (points > 0 && all(tally.plain() + unsure + tally.of(Spelling::group))) return Verdict::thousands_comma;
  return Verdict::category;
}

MissingWords::MissingWords(const std::vector<std::string>& everywhere, const std::vector<std::string>& among_numbers)
    : everywhere_(everywhere), among_numbers_(among_numbers) {
  for (const auto* words : {&everywhere, &among_numbers})
    for (const std::string& word : *words)
      if (!word.empty()) lengths_[static_cast<uint8_t>(word[0])] |= uint64_t{1} << std::min<size_t>(word.size(), 63);
}

bool MissingWords::is_in(const std::vector<std::string>& words, std::string_view text) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return text == word; });
}

}  // namespace tensorwood::csv
