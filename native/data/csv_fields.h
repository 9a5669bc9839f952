// The lexical half of the CSV reader: finds the bytes that matter 64 at a time (after simdjson's structural index), cuts records into
// fields, and turns a field into a number.
#pragma once
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace tensorwood::csv {

constexpr int64_t kPadding = 64;  // readable bytes behind every buffer that is scanned

struct Dialect {
  char delimiter = ',';
  char quote = '"';
  char newline = '\n';
  bool trim = true;
  bool runs() const { return delimiter == ' '; }  // so many spaces are one delimiter, and those at the ends of a line are none
};

// Bit i is set where text[i] is one of three bytes; reads 64 bytes.
inline uint64_t match(const char* text, char a, char b, char c) {
  uint64_t bits = 0;
#ifdef __SSE2__
  const __m128i va = _mm_set1_epi8(a), vb = _mm_set1_epi8(b), vc = _mm_set1_epi8(c);
  for (int i = 0; i < 4; ++i) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + 16 * i));
    const __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, va), _mm_cmpeq_epi8(x, vb)), _mm_cmpeq_epi8(x, vc));
    bits |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(hit))) << (16 * i);
  }
#else
  for (int i = 0; i < 64; ++i) bits |= static_cast<uint64_t>(text[i] == a || text[i] == b || text[i] == c) << i;
#endif
  return bits;
}

// Walks over the delimiters, line ends and quotes of [begin, end).
class Marks {
 public:
  Marks(const char* begin, const char* end, const Dialect& d)
      : at_(begin), end_(end), delimiter_(d.delimiter), newline_(d.newline), quote_(d.quote ? d.quote : d.newline) {
    bits_ = match(at_, delimiter_, newline_, quote_);
  }
  // The next mark, or end.
  const char* next() {
    while (bits_ == 0) {
      at_ += 64;
      if (at_ >= end_) return at_ = end_;
      bits_ = match(at_, delimiter_, newline_, quote_);
    }
    const char* mark = at_ + __builtin_ctzll(bits_);
    bits_ &= bits_ - 1;
    return mark < end_ ? mark : end_;
  }

 private:
  const char* at_;
  const char* end_;
  char delimiter_, newline_, quote_;
  uint64_t bits_;
};

struct Field {
  std::string_view text;
  enum Form : uint8_t { bare, quoted, raw } form;  // raw = as written, quotes included: see decode()
};

// What a raw field says: the opening quote is dropped, doubled quotes become one, and what follows the closing quote is taken as it is.
inline void decode(std::string_view raw, char quote, std::string& out) {
  out.clear();
  size_t i = 1;
  for (; i < raw.size(); ++i) {
    if (raw[i] == quote) {
      if (i + 1 >= raw.size() || raw[i + 1] != quote) break;
      ++i;
    }
    out.push_back(raw[i]);
  }
  if (i < raw.size()) out.append(raw.substr(i + 1));
}

// Cuts the records of [begin, end) one by one. kPadding bytes behind end must be readable.
class Records {
 public:
  Records(const char* begin, const char* end, const Dialect& dialect)
      : dialect_(dialect), marks_(begin, end, dialect), cursor_(begin), end_(end) {}

  const char* cursor() const { return cursor_; }
  bool stray() const { return stray_; }     // a quote stood inside a field: quote parity does not tell where records end
  bool open() const { return open_; }       // a quote was never closed
  int64_t lines() const { return lines_; }  // ends of lines inside quotes of the last record

  // The next record's fields (valid while the buffer is), or false at the end. A blank line has no fields.
  bool next(std::vector<Field>& fields) {
    fields.clear();
    lines_ = 0;
    if (cursor_ >= end_) return false;
    for (;;) {
      const char* start = cursor_;
      const char* mark = marks_.next();
      Field field;
      if (dialect_.quote != 0 && mark < end_ && *mark == dialect_.quote && (mark == start || opens_behind_blanks(start, mark))) {
        mark = quoted(mark, field);
      } else {
        mark = rest(mark);
        field = {{start, static_cast<size_t>(mark - start)}, Field::bare};
      }
      const bool last = mark >= end_ || *mark == dialect_.newline;
      cursor_ = mark < end_ ? mark + 1 : end_;
      if (last && field.form == Field::bare) strip_return(field);
      const bool nothing = field.form == Field::bare && field.text.empty();
      if (!nothing || !(dialect_.runs() || (last && fields.empty()))) fields.push_back(field);
      if (last) return true;
    }
  }

 private:
  // From a mark to the end of the field it stands in, taking quotes as they are.
  const char* rest(const char* mark) {
    while (mark < end_ && *mark == dialect_.quote && dialect_.quote != 0) {
      stray_ = true;
      mark = marks_.next();
    }
    return mark;
  }

  // The opening quote has been taken from the marks. Returns the mark that ends the field.
  const char* quoted(const char* start, Field& field) {
    bool doubled = false;
    const char* close = marks_.next();
    while (close < end_) {
      if (*close == dialect_.quote) {
        if (close + 1 >= end_ || close[1] != dialect_.quote) break;
        marks_.next();
        doubled = true;
      } else if (*close == dialect_.newline) {
        ++lines_;
      }
      close = marks_.next();
    }
    if (close >= end_) {
      open_ = true;
      if (lines_ > 0 && end_[-1] == dialect_.newline) --lines_;  // it ends the record
    }
    const char* mark = close < end_ ? marks_.next() : end_;
    const char* behind = close < end_ ? close + 1 : end_;
    while (dialect_.trim && behind < mark && is_blank(*behind)) ++behind;
    const bool plain = close >= end_ || ((mark == behind || is_return(behind, mark)) && !(mark < end_ && *mark == dialect_.quote));
    if (!plain) {
      stray_ = true;
      mark = rest(mark);
    }
    if (plain && !doubled)
      field = {{start + 1, static_cast<size_t>(close - start - 1)}, Field::quoted};
    else
      field = {{start, static_cast<size_t>((plain && close < end_ ? close + 1 : mark) - start)}, Field::raw};
    return mark;
  }

  static bool is_blank(char c) { return c == ' ' || c == '\t'; }

  // Does nothing but blanks stand before the quote at `mark`?
  bool opens_behind_blanks(const char* start, const char* mark) const { return dialect_.trim && std::all_of(start, mark, is_blank); }

  // Is [at, mark) the carriage return of a line end?
  bool is_return(const char* at, const char* mark) const {
    return mark == at + 1 && *at == '\r' && (mark >= end_ || *mark == dialect_.newline);
  }

  void strip_return(Field& field) const {
    if (dialect_.newline == '\n' && !field.text.empty() && field.text.back() == '\r') field.text.remove_suffix(1);
  }

  Dialect dialect_;
  Marks marks_;
  const char* cursor_;
  const char* end_;
  bool stray_ = false, open_ = false;
  int64_t lines_ = 0;
};

inline std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

// Whether a number beyond the range of doubles is a large one. s: digits with a point or an exponent, as std::from_chars has read them.
inline bool is_large(std::string_view s) {
  const size_t mark = s.find_first_of("eE");
  const std::string_view digits = s.substr(0, mark);
  const size_t first = digits.find_first_of("123456789"), point = std::min(digits.find('.'), digits.size());
  int64_t exponent = 0;
  if (mark != std::string_view::npos) {
    const std::string_view text = s.substr(mark + (s[mark + 1] == '+' ? 2 : 1));
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (error == std::errc::result_out_of_range) return text[0] != '-';
  }
  const int64_t places = static_cast<int64_t>(point) - static_cast<int64_t>(first);  // of the first digit before the point
  return exponent > -places;
}

// Correctly rounded, by the standard library: for what the fast path leaves over.
inline bool parse_number_slowly(std::string_view s, char decimal, double& out) {
  if (!s.empty() && s.front() == '+') {
    s.remove_prefix(1);
    if (!s.empty() && s.front() == '-') return false;
  }
  std::string copy(s);
  if (decimal != '.') {
    if (copy.find('.') != std::string::npos) return false;
    for (char& c : copy)
      if (c == decimal) c = '.';
  }
  const size_t digit = copy.empty() ? 0 : copy[0] == '-';
  if (digit >= copy.size() || std::strchr("0123456789.iI", copy[digit]) == nullptr) return false;
  const auto [end, error] = std::from_chars(copy.data(), copy.data() + copy.size(), out);
  if (end != copy.data() + copy.size() || error == std::errc::invalid_argument) return false;
  if (error == std::errc::result_out_of_range)
    out = std::copysign(is_large(copy) ? std::numeric_limits<double>::infinity() : 0.0, copy[0] == '-' ? -1.0 : 1.0);
  return true;
}

// The whole of s as a decimal number, infinities included. Up to 19 digits and a power of ten that is exact as double give the correctly
// rounded value by one multiplication or division (Clinger 1990).
inline bool parse_number(std::string_view s, char decimal, double& out) {
  static constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const char *p = s.data(), *end = p + s.size();
  const bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) ++p;
  uint64_t mantissa = 0;
  const char* first = p;
  while (p < end && static_cast<unsigned>(*p - '0') < 10) mantissa = mantissa * 10 + static_cast<unsigned>(*p++ - '0');
  int64_t digits = p - first, exponent = 0;
  if (p < end && *p == decimal) {
    const char* fraction = ++p;
    while (p < end && static_cast<unsigned>(*p - '0') < 10) mantissa = mantissa * 10 + static_cast<unsigned>(*p++ - '0');
    exponent = -(p - fraction);
    digits += p - fraction;
  }
  if (p != end || digits == 0 || digits > 19 || mantissa > (uint64_t{1} << 53) || exponent < -22)
    return parse_number_slowly(s, decimal, out);
  const double magnitude = static_cast<double>(mantissa) / powers[-exponent];
  out = negative ? -magnitude : magnitude;
  return true;
}

// Whether floats may not tell a number from its neighbours: it is none of them, and large, tiny or written with more digits than a float
// has (texts of up to 8 characters that differ are floats that differ).
inline bool needs_double(std::string_view s, double value) {
  const double size = std::fabs(value);
  if (!std::isfinite(value) || (size <= std::numeric_limits<float>::max() && static_cast<double>(static_cast<float>(value)) == value))
    return false;
  return s.size() > 8 || size > 16777216.0 || size < std::numeric_limits<float>::min();
}

// Whether a number is a name rather than a quantity: zeros lead it, or it is an integer that a double may not tell from its neighbours.
inline bool is_identifier(std::string_view s, double value) {
  const auto is_digit = [](char c) { return static_cast<unsigned>(c - '0') < 10; };
  if (!s.empty() && (s.front() == '-' || s.front() == '+')) s.remove_prefix(1);
  if (s.size() > 1 && s[0] == '0' && is_digit(s[1])) return true;
  return std::fabs(value) >= 9007199254740992.0 && std::all_of(s.begin(), s.end(), is_digit);
}

}  // namespace tensorwood::csv
