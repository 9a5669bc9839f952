// The pull reader of model files.
#include "trees/json.h"

#include <charconv>
#include <cmath>

namespace tensorwood {
namespace {

constexpr int kMostNesting = 64;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool starts_number(char c) { return c == '-' || (c >= '0' && c <= '9'); }

}  // namespace

void JsonReader::refuse(const std::string& expected) const {
  throw Malformed{"expected " + expected + " at byte " + std::to_string(at_ - start_) + (at_ < end_ ? "" : ", got the end of the text")};
}

void JsonReader::space() {
  while (at_ < end_ && is_space(*at_)) at_++;
}

bool JsonReader::take(char c) {
  space();
  if (at_ == end_ || *at_ != c) return false;
  at_++;
  return true;
}

void JsonReader::expect(char c) {
  if (!take(c)) refuse(std::string("'") + c + "'");
}

std::string JsonReader::string() {
  expect('"');
  std::string out;
  while (at_ < end_ && *at_ != '"') {
    if (*at_ == '\\' || static_cast<unsigned char>(*at_) < 0x20) refuse("a plain string");
    out.push_back(*at_++);
  }
  expect('"');
  return out;
}

int64_t JsonReader::integer(int64_t least, int64_t most) {
  space();
  int64_t value = 0;
  const std::from_chars_result r = std::from_chars(at_, end_, value);
  const bool whole = r.ec == std::errc() && (r.ptr == end_ || (*r.ptr != '.' && *r.ptr != 'e' && *r.ptr != 'E'));
  if (!whole || value < least || value > most) refuse("an integer in [" + std::to_string(least) + ", " + std::to_string(most) + "]");
  at_ = r.ptr;
  return value;
}

template <class T>
T JsonReader::real() {
  space();
  T value = 0;
  if (at_ == end_ || !starts_number(*at_)) refuse("a number");
  const std::from_chars_result r = std::from_chars(at_, end_, value);
  if (r.ec != std::errc() || !std::isfinite(value)) refuse("a finite " + std::to_string(8 * sizeof value) + "-bit number");
  at_ = r.ptr;
  return value;
}

std::vector<int32_t> JsonReader::integers(int64_t least, int64_t most) {
  std::vector<int32_t> out;
  array([&] { out.push_back(static_cast<int32_t>(integer(least, most))); });
  return out;
}

std::vector<float> JsonReader::numbers() {
  std::vector<float> out;
  array([&] { out.push_back(real<float>()); });
  return out;
}

std::vector<double> JsonReader::doubles() {
  std::vector<double> out;
  array([&] { out.push_back(real<double>()); });
  return out;
}

void JsonReader::skip_string() {
  expect('"');
  while (at_ < end_ && *at_ != '"') {
    if (*at_ == '\\') at_++;
    if (at_ < end_) at_++;
  }
  expect('"');
}

void JsonReader::skip_value(int depth) {
  if (depth > kMostNesting) refuse("less nesting");
  space();
  if (at_ == end_) refuse("a value");
  if (*at_ == '"') return skip_string();
  if (*at_ == '[') return array([&] { skip_value(depth + 1); });
  if (*at_ == '{') {
    expect('{');
    if (take('}')) return;
    do {
      skip_string();
      expect(':');
      skip_value(depth + 1);
    } while (take(','));
    return expect('}');
  }
  const char* first = at_;  // a number, true, false or null: whoever reads the text checks which
  while (at_ < end_ && !is_space(*at_) && *at_ != ',' && *at_ != ']' && *at_ != '}' && *at_ != ':' && *at_ != '"') at_++;
  if (at_ == first) refuse("a value");
}

std::string_view JsonReader::skip() {
  space();
  const char* first = at_;
  skip_value(0);
  return {first, static_cast<size_t>(at_ - first)};
}

void JsonReader::finish() {
  space();
  if (at_ != end_) refuse("the end of the text");
}

}  // namespace tensorwood
