// Lines of libsvm files: label, qid:n, index:value pairs, and comments behind #.
#include "data/libsvm.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "data/utf8.h"

namespace tensorwood::csv {
namespace {

constexpr int kLinesLooked = 100;

// Takes the next line off; without the comment and the carriage return.
std::string_view take_line(std::string_view& text, char newline) {
  const size_t end = text.find(newline);
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return trimmed(line.substr(0, line.find('#')));
}

std::string_view take_word(std::string_view& line) {
  const size_t begin = line.find_first_not_of(" \t\r");
  line.remove_prefix(begin == std::string_view::npos ? line.size() : begin);
  const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
  line.remove_prefix(word.size());
  return word;
}

// A value; NaN for one that is missing.
bool parse_value(std::string_view text, const SparseRules& rules, double& value) {
  if (parse_number(text, '.', value)) return true;
  value = std::nan("");
  if (text.empty()) return false;
  return rules.bad_values_missing || text == "nan" || text == "NaN" || rules.missing.has(text) || rules.missing.has_dash(text);
}

bool parse_pair(std::string_view word, const SparseRules& rules, SparseEntry& entry) {
  const size_t colon = word.find(':');
  if (colon == std::string_view::npos) return false;
  const auto [end, error] = std::from_chars(word.data(), word.data() + colon, entry.index);
  if (error != std::errc() || end != word.data() + colon) return false;
  const std::string_view text = word.substr(colon + 1);
  if (!parse_value(text, rules, entry.value)) return false;
  entry.wide = needs_double(text, entry.value);
  return true;
}

struct Line {
  double label = 0;
  double query = std::nan("");
  bool wide_label = false, wide_query = false;
  std::vector<SparseEntry> entries;
};

// Reads a line that is not blank; returns what is wrong, '' for nothing.
std::string parse_line(std::string_view text, const SparseRules& rules, Line& line) {
  line.entries.clear();
  line.query = std::nan("");
  line.wide_query = false;
  const std::string_view label = take_word(text);
  if (!parse_value(label, rules, line.label)) return "expected a number for the label, got " + shown(label);
  line.wide_label = needs_double(label, line.label);
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    if (word.substr(0, 4) == "qid:") {
      const std::string_view query = word.substr(4);
      if (!parse_value(query, rules, line.query)) return "expected a number behind qid:, got " + shown(word);
      line.wide_query = needs_double(query, line.query);
      continue;
    }
    SparseEntry entry{};
    if (!parse_pair(word, rules, entry)) return "expected index:value, got " + shown(word);
    if (!line.entries.empty() && entry.index <= line.entries.back().index)
      return "expected indices that grow along the line, got " + std::to_string(entry.index) + " behind " +
             std::to_string(line.entries.back().index);
    line.entries.push_back(entry);
  }
  return {};
}

}  // namespace

bool looks_like_libsvm(std::string_view text, bool complete, char newline, const MissingWords& missing) {
  const SparseRules rules = {missing, false};
  int lines = 0, fitting = 0;
  bool pairs = false;
  Line line;
  while (lines < kLinesLooked && !text.empty()) {
    if (!complete && text.find(newline) == std::string_view::npos) break;
    const std::string_view words = take_line(text, newline);
    if (words.empty() || words == "\r") continue;
    const bool fits = parse_line(words, rules, line).empty();
    if (lines == 0 && !fits) return false;
    pairs |= fits && !line.entries.empty();
    fitting += fits;
    ++lines;
  }
  return pairs && 2 * fitting >= lines;
}

void parse_sparse(std::string_view text, char newline, const SparseRules& rules, SparseBlock& block) {
  const char* begin = text.data();
  Line line;
  while (!text.empty()) {
    const int64_t offset = text.data() - begin;
    std::string_view words = take_line(text, newline);
    while (!words.empty() && words.back() == '\r') words.remove_suffix(1);
    if (words.empty()) continue;
    if (std::string reason = parse_line(words, rules, line); !reason.empty()) {
      if (++block.bad_count <= kBadKept) block.bad.push_back({offset, std::move(reason), Fault::shape});
      continue;
    }
    for (SparseEntry& entry : line.entries) {
      entry.row = static_cast<uint32_t>(block.rows) & 0x7fffffff;
      block.least = std::min(block.least, entry.index);
      block.most = std::max(block.most, entry.index);
      block.entries.push_back(entry);
    }
    block.labels.push_back(line.label);
    block.queries.push_back(line.query);
    block.wide_label |= line.wide_label;
    block.wide_query |= line.wide_query;
    block.has_queries |= !std::isnan(line.query);
    ++block.rows;
  }
  std::stable_sort(block.entries.begin(), block.entries.end(),
                   [](const SparseEntry& a, const SparseEntry& b) { return a.index < b.index; });
}

}  // namespace tensorwood::csv
