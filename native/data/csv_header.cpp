// The signs of a header. People expect one where the first record holds text at all; what speaks against it are fields that are
// measurements, and texts that come again below.
#include "data/csv_header.h"

#include <algorithm>
#include <cmath>

#include "data/csv_fields.h"

namespace tensorwood::csv {
namespace {

enum class Kind : uint8_t { missing, text, truth, integer, measurement };

// A field of the first record and what stands below it.
struct Head {
  std::string text;
  bool quoted = false;
  Kind kind = Kind::missing;
  double value = 0;     // of numbers
  int64_t numbers = 0;  // fields below it
  int64_t texts = 0;
  bool fractions = false;  // among the numbers below it
  bool years = true;       // all numbers below it are
  bool quotes = false;     // one below it is quoted
  bool again = false;      // its text stands below it
};

constexpr size_t kCompared = 100;  // records

bool is_year(double value) { return value >= 1800 && value <= 2100 && value == std::floor(value); }

Kind kind_of(const Cell& cell, const MissingWords& missing, const NumberForm& form, double& value) {
  if (missing.has(cell.text) || missing.has_dash(cell.text)) return Kind::missing;
  const Reading reading = read_spelling(cell.text, form);
  value = reading.value;
  switch (reading.spelling) {
    case Spelling::other:
    case Spelling::date_like:
      return Kind::text;
    case Spelling::boolean:
      return Kind::truth;
    case Spelling::time:
      return Kind::integer;
    default:
      const bool digits = std::all_of(cell.text.begin(), cell.text.end(), [](char c) { return c >= '0' && c <= '9'; });
      return digits && cell.text.size() < 10 ? Kind::integer : Kind::measurement;
  }
}

std::vector<Head> compare(const std::vector<Row>& rows, const MissingWords& missing, const NumberForm& form) {
  std::vector<Head> heads(rows[0].size());
  for (size_t c = 0; c < heads.size(); ++c) {
    Head& head = heads[c];
    head.text = rows[0][c].text;
    head.quoted = rows[0][c].quoted;
    head.kind = kind_of(rows[0][c], missing, form, head.value);
    for (size_t r = 1; r < std::min(rows.size(), kCompared); ++r) {
      if (c >= rows[r].size()) continue;
      const Cell& cell = rows[r][c];
      double value = 0;
      const Kind kind = kind_of(cell, missing, form, value);
      if (kind == Kind::missing) continue;
      head.quotes |= cell.quoted;
      head.again |= cell.text == head.text && !(rows[r].size() == heads.size() && rows[r][0].text == rows[0][0].text && c > 0);
      kind == Kind::text || kind == Kind::truth ? ++head.texts : ++head.numbers;
      head.fractions |= kind == Kind::measurement;
      head.years &= is_year(value);
    }
  }
  return heads;
}

std::vector<double> numbers_of(const std::vector<Head>& heads) {
  std::vector<double> numbers;
  for (const Head& head : heads)
    if (head.kind == Kind::integer) numbers.push_back(head.value);
  return numbers;
}

// The step by which numbers count up; 0 when they do not.
double step_of(const std::vector<double>& numbers) {
  if (numbers.size() < 2) return 0;
  const double step = numbers[1] - numbers[0];
  for (size_t i = 1; i < numbers.size(); ++i)
    if (numbers[i] - numbers[i - 1] != step) return 0;
  return std::max(step, 0.0);
}

bool counts_up(const std::vector<double>& numbers) {
  return std::adjacent_find(numbers.begin(), numbers.end(), [](double a, double b) { return a >= b; }) == numbers.end();
}

// The numbers of a record in the columns whose first field is an integer.
std::vector<double> numbers_below(const Row& row, const std::vector<Head>& heads, const NumberForm& form) {
  std::vector<double> numbers;
  for (size_t c = 0; c < heads.size() && c < row.size(); ++c) {
    if (heads[c].kind != Kind::integer) continue;
    const double value = read_spelling(row[c].text, form).value;
    if (!std::isnan(value)) numbers.push_back(value);
  }
  return numbers;
}

// Whether the column of an unnamed first field counts the rows from 0 or 1.
bool is_index(const std::vector<Row>& rows, const NumberForm& form) {
  if (!rows[0][0].text.empty() || rows.size() < 2 || rows[0].size() < 2) return false;
  for (size_t r = 1; r < rows.size(); ++r) {
    const double expected = static_cast<double>(r - 1), value = read_spelling(rows[r][0].text, form).value;
    if (value != expected && value != expected + 1) return false;
  }
  return true;
}

// A first record of integers that count up, beside texts or alone.
HeaderGuess judge_counting(const std::vector<Row>& rows, const std::vector<Head>& heads, const NumberForm& form) {
  const std::vector<double> numbers = numbers_of(heads);
  const double step = step_of(numbers);
  const bool mixed = numbers.size() < heads.size(), names = std::all_of(numbers.begin(), numbers.end(), is_year);
  const auto is_number = [](const Head& h) { return h.kind == Kind::integer; };
  const bool years = std::any_of(heads.begin(), heads.end(), [&](const Head& h) { return is_number(h) && h.years && h.numbers > 0; });
  const bool fractions = std::any_of(heads.begin(), heads.end(), [&](const Head& h) { return is_number(h) && h.fractions; });
  const auto above_texts = [&](const Head& h) { return !is_number(h) || (h.numbers == 0 && h.texts >= 2); };
  if (std::all_of(heads.begin(), heads.end(), above_texts)) return {true, true};
  if (names && !years && (mixed || step > 0)) return {true, true};
  if (step > 0 && fractions) return {true, true};
  const bool positions = mixed && numbers.size() >= 3 && step == 1 && (numbers[0] == 0 || numbers[0] == 1);
  if (positions) return {true, true};
  // The records below may count up as well: then the first is one of them.
  bool alike = true;
  for (size_t r = 1; r < rows.size(); ++r) {
    const std::vector<double> below = numbers_below(rows[r], heads, form);
    alike &= step > 0 ? step_of(below) == step : below.size() == numbers.size() && counts_up(below);
  }
  const bool counting = step > 0 || (numbers.size() >= 3 && counts_up(numbers));
  if (!counting) return {false, mixed};
  return {!alike && (mixed || (numbers.size() >= 3 && step == 1 && (numbers[0] == 0 || numbers[0] == 1))), true};
}

bool has_twins(const std::vector<Head>& heads) {
  std::vector<std::string> texts;
  for (const Head& head : heads)
    if (head.kind == Kind::integer) texts.push_back(head.text);
  std::sort(texts.begin(), texts.end());
  return std::adjacent_find(texts.begin(), texts.end()) != texts.end();
}

}  // namespace

HeaderGuess guess_header(const std::vector<Row>& rows, const MissingWords& missing, const NumberForm& form) {
  const std::vector<Head> heads = compare(rows, missing, form);
  const auto count = [&](auto&& test) { return std::count_if(heads.begin(), heads.end(), test); };
  const auto is_text = [](const Head& h) { return h.kind == Kind::text || h.kind == Kind::truth; };
  const int64_t texts = count(is_text);
  const int64_t again = count([&](const Head& h) { return h.kind == Kind::truth || (is_text(h) && h.again); });
  const int64_t numbers = count([](const Head& h) { return h.kind == Kind::integer || h.kind == Kind::measurement; });
  if (rows.size() < 2) return {numbers == 0};
  if (is_index(rows, form) && texts + numbers > 0) return {true, false, true};
  if (numbers == 0 && 2 * again <= texts) return {true};
  const auto names_numbers = [](const Head& h) { return h.kind == Kind::text && h.texts == 0 && h.numbers >= 2; };
  const auto is_quoted_above = [](const Head& h) { return h.kind == Kind::integer && h.quoted && !h.quotes && h.numbers >= 2; };
  if (count(names_numbers) > 0) return {true, numbers > 0};
  if (numbers == 0) return {false, true};
  if (count(is_quoted_above) > 0) return {true};
  if (count([](const Head& h) { return h.kind == Kind::measurement || h.kind == Kind::truth; }) > 0 || has_twins(heads)) return {false};
  if (again > 0) return {false};
  return judge_counting(rows, heads, form);
}

}  // namespace tensorwood::csv
