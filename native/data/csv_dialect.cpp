// The guess at how a CSV file is written, from its first bytes.
#include "data/csv_dialect.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "data/csv_header.h"
#include "data/libsvm.h"
#include "data/utf8.h"

namespace tensorwood::csv {
namespace {

constexpr size_t kSampleRows = 1000;
constexpr size_t kDelimiterRows = 100;

// Names the format by its first bytes when they are not text.
const char* foreign(const char* text, int64_t size) {
  const std::string_view s(text, static_cast<size_t>(size));
  const auto starts = [&](std::string_view magic) { return s.substr(0, magic.size()) == magic; };
  if (starts("PAR1")) return "a Parquet file (readParquet reads those)";
  if (starts("\x1f\x8b")) return "compressed with gzip: unpack it first";
  if (starts("PK\x03\x04")) return "a zip archive: unpack it first";
  if (starts("\xff\xfe") || starts("\xfe\xff")) return "UTF-16 text: convert it to UTF-8 first";
  if (s.find('\0') != std::string_view::npos) return "binary, not text";
  return nullptr;
}

// Up to `limit` records with their fields as text; one that the end of an incomplete text may have cut is left out.
std::vector<Row> sample(const char* text, int64_t size, bool complete, const Dialect& dialect, size_t limit, int64_t* first_end) {
  std::vector<Row> rows;
  std::vector<Field> fields;
  std::string decoded;
  Records records(text, text + size, dialect);
  while (rows.size() < limit && records.next(fields)) {
    if (!complete && records.cursor() >= text + size) break;
    if (fields.empty()) continue;
    Row row;
    for (const Field& field : fields) {
      if (field.form == Field::raw) decode(field.text, dialect.quote, decoded);
      const std::string_view text = field.form == Field::raw ? std::string_view(decoded) : field.text;
      row.push_back({std::string(field.form == Field::bare ? trimmed(text) : text), field.form != Field::bare});
    }
    rows.push_back(std::move(row));
    if (rows.size() == 1 && first_end != nullptr) *first_end = records.cursor() - text;
  }
  return rows;
}

// Whether every comma in a field that is not quoted is one of a number.
bool has_number_commas(const std::vector<Row>& rows) {
  bool any = false;
  for (size_t r = rows.size() > 1 ? 1 : 0; r < rows.size(); ++r)
    for (const Cell& cell : rows[r]) {
      if (cell.text.find(',') == std::string::npos) continue;
      const Spelling s = read_spelling(cell.text, {}).spelling;
      if (s == Spelling::other && !cell.quoted) return false;
      any |= s != Spelling::other;
    }
  return any;
}

// Whether records are a table by runs of spaces: all of one width, with a column of numbers below the first record.
bool is_spaced(const std::vector<Row>& rows, const MissingWords& missing) {
  if (rows.size() < 2 || rows[0].size() < 2) return false;
  const size_t width = rows[0].size();
  std::vector<bool> numbers(width, true);
  for (size_t r = 0; r < rows.size(); ++r) {
    if (rows[r].size() != width) return false;
    for (size_t c = 0; c < width && r > 0; ++c)
      numbers[c] = numbers[c] && (missing.has(rows[r][c].text) || read_spelling(rows[r][c].text, {}).spelling != Spelling::other);
  }
  return std::find(numbers.begin(), numbers.end(), true) != numbers.end();
}

// The delimiter under which most records have the same number of fields, more than one; the wider table wins a tie, but commas that are
// decimal under another delimiter are none.
char detect_delimiter(const char* text, int64_t size, bool complete, Dialect dialect, const Options& options) {
  char best = options.decimal == ',' ? ';' : ',';
  std::pair<size_t, size_t> best_score{0, 0};
  for (const char candidate : {',', ';', '\t', '|'}) {
    if (candidate == options.decimal) continue;
    dialect.delimiter = candidate;
    std::map<size_t, size_t> records_of_width;
    const auto rows = sample(text, size, complete, dialect, kDelimiterRows, nullptr);
    for (const Row& row : rows) ++records_of_width[row.size()];
    for (const auto& [width, count] : records_of_width) {
      if (width < 2 || count * 2 < rows.size()) continue;
      const std::pair<size_t, size_t> score{count * 10 / std::max<size_t>(rows.size(), 1), width};
      const bool decimals = best == ',' && score.first >= best_score.first && has_number_commas(rows);
      if (score > best_score || decimals) best = candidate, best_score = score;
    }
  }
  if (best_score.second > 0 && best != ',') return best;
  dialect.delimiter = ' ';
  const auto rows = sample(text, size, complete, dialect, kDelimiterRows, nullptr);
  const bool spaced = is_spaced(rows, {options.missing, options.missing_numbers});
  return spaced && (best_score.second == 0 || has_number_commas(rows)) ? ' ' : best;
}

// The line by which Excel is told the delimiter: `sep=;`, in quotes or not. Returns its bytes with its end, 0 where there is none.
int64_t separator_line(const char* text, int64_t size, char quote, char& delimiter) {
  std::string_view s(text, static_cast<size_t>(size));
  const bool quoted = !s.empty() && s[0] == '"';
  if (quoted) s.remove_prefix(1);
  if (s.size() < 5 || (s.substr(0, 4) != "sep=" && s.substr(0, 4) != "SEP=")) return 0;
  const char found = s[4];
  const bool letter = static_cast<unsigned>((found | 0x20) - 'a') < 26, digit = static_cast<unsigned>(found - '0') < 10;
  if (letter || digit || found == '\n' || found == '\r' || found == '"' || found == quote || (found & 0x80) != 0) return 0;
  s.remove_prefix(5);
  if (quoted && (s.empty() || s[0] != '"')) return 0;
  if (quoted) s.remove_prefix(1);
  const size_t length = s.substr(0, 2) == "\r\n" ? 2 : 1;
  if (s.empty() || (s[0] != '\n' && s[0] != '\r')) return 0;
  delimiter = found;
  return size - static_cast<int64_t>(s.size() - length);
}

// Whether the options name columns that the first record has: then it holds names.
bool is_named(const Row& first, const Options& options) {
  if (!options.names.empty()) return false;
  if (options.columns.empty() && options.types.empty() && options.known.empty()) return false;
  std::unordered_set<std::string_view> names;
  for (const Cell& cell : first) names.insert(cell.text);
  const auto has = [&](const std::string& name) { return names.count(name) > 0; };
  const auto has_name = [&](const auto& entry) { return has(entry.first); };
  return std::any_of(options.columns.begin(), options.columns.end(), has) ||
         std::any_of(options.types.begin(), options.types.end(), has_name) ||
         (!options.known.empty() && std::all_of(options.known.begin(), options.known.end(), has_name));
}

NumberForm form_of(const Options& options) { return {options.decimal == 0 ? '.' : options.decimal, options.thousands, options.order}; }

void decide_header(const std::vector<Row>& rows, const Options& options, Head& head) {
  head.header = options.header == 1;
  if (options.header >= 0) return;
  const HeaderGuess guess = guess_header(rows, {options.missing, options.missing_numbers}, form_of(options));
  head.header = guess.header || is_named(rows[0], options);
  std::string line;
  for (size_t c = 0; c < rows[0].size() && c < 4; ++c) line.append(c > 0 ? ", " : "").append(kept_of(rows[0][c].text));
  if (rows[0].size() > 4) line += ", …";
  if (guess.index) head.doubts.push_back({"index", options.names.empty() ? "column1" : options.names[0], 0, "", 0});
  if (guess.close && guess.header == head.header) head.doubts.push_back({head.header ? "header" : "no header", "", 0, line, 0});
}

void name_columns(const Options& options, const Row& first, Head& head) {
  for (size_t i = 0; i < first.size(); ++i) {
    FileColumn column;
    if (i < options.names.size())
      column.name = options.names[i];
    else if (head.header && !first[i].text.empty())
      column.name = first[i].text;
    else
      column.name = "column" + std::to_string(i + 1);
    head.columns.push_back(std::move(column));
  }
}

Tally tally_of(const std::vector<Row>& rows, size_t column, bool header, const MissingWords& missing, const NumberForm& form) {
  Tally tally;
  for (size_t r = header ? 1 : 0; r < rows.size(); ++r) {
    if (column >= rows[r].size() || missing.has(rows[r][column].text)) continue;
    if (missing.has_dash(rows[r][column].text))
      ++tally.dashes;
    else
      tally.add(read_spelling(rows[r][column].text, form).spelling);
  }
  return tally;
}

void guess_types(const std::vector<Row>& rows, const Options& options, Head& head) {
  const MissingWords missing(options.missing, options.missing_numbers);
  const NumberForm form = form_of(options);
  std::vector<Tally> tallies;
  for (size_t i = 0; i < head.columns.size(); ++i) {
    tallies.push_back(tally_of(rows, i, head.header, missing, form));
    head.commas |= options.decimal == 0 && options.thousands == 0 && judge(tallies[i], false) == Verdict::decimal_comma;
  }
  for (size_t i = 0; i < head.columns.size(); ++i) {
    FileColumn& column = head.columns[i];
    const Verdict verdict = judge(tallies[i], head.commas);
    column.form = form;
    if (verdict == Verdict::decimal_comma && options.decimal == 0 && options.thousands == 0) column.form.decimal = ',';
    column.times = verdict == Verdict::time;
    // Truth values and groups of digits are read as texts, and become numbers when all of them are known.
    const bool direct = verdict == Verdict::number || column.times || (verdict == Verdict::decimal_comma && column.form.decimal == ',');
    column.type = direct ? Type::number : Type::category;
  }
}

Status apply_choices(const std::string& path, const Options& options, Head& head) {
  std::unordered_map<std::string_view, FileColumn*> named;
  for (FileColumn& column : head.columns) named[column.name] = &column;
  const auto find = [&](const std::string& name) {
    const auto found = named.find(name);
    return found == named.end() ? nullptr : found->second;
  };
  const auto unknown = [&](const std::string& name) {
    std::string list;
    for (size_t i = 0; i < head.columns.size() && i < 12; ++i) list += (i ? ", " : "") + head.columns[i].name;
    return Status{"ERR_TENSORWOOD_ARGUMENT",
                  "readCsv: '" + path + "' has no column '" + name + "' (columns: " + list + (head.columns.size() > 12 ? ", ...)" : ")")};
  };
  for (const std::string& name : options.columns)
    if (find(name) == nullptr) return unknown(name);
  const std::unordered_set<std::string_view> wanted(options.columns.begin(), options.columns.end());
  for (FileColumn& column : head.columns)
    if (!wanted.empty() && wanted.count(column.name) == 0) column.type = Type::skip;
  const auto choose = [](FileColumn& column, Type type) {
    if (column.type == Type::skip) return;
    column.type = type == Type::time ? Type::number : type;
    column.times = type == Type::time;
    column.guessed = false;
  };
  for (const auto& [name, type] : options.known)
    if (FileColumn* column = find(name)) choose(*column, type);
  for (const auto& [name, type] : options.types) {
    FileColumn* column = find(name);
    if (column == nullptr) return unknown(name);
    choose(*column, type);
  }
  return {};
}

Status refuse_foreign_names(const std::string& path, const Head& head) {
  for (const FileColumn& column : head.columns)
    if (!is_utf8(column.name))
      return {"ERR_TENSORWOOD_FORMAT", "readCsv: expected UTF-8 in the header of '" + path + "', got the bytes of '" +
                                           from_latin1(column.name) + "'; convert the file, as by iconv -f latin1 -t utf-8"};
  return {};
}

Status refuse_twins(const std::string& path, const Head& head) {
  std::set<std::string> seen;
  for (const FileColumn& column : head.columns)
    if (!seen.insert(column.name).second)
      return {"ERR_TENSORWOOD_FORMAT", "readCsv: '" + path + "' names the column '" + column.name + "' twice; pass { names } to read it"};
  return {};
}

}  // namespace

Status examine(const std::string& path, const char* text, int64_t size, bool complete, const Options& options, Head& head) {
  if (const char* what = foreign(text, size)) return {"ERR_TENSORWOOD_FORMAT", "readCsv: '" + path + "' is " + what};
  int64_t mark = size >= 3 && std::string_view(text, 3) == "\xef\xbb\xbf" ? 3 : 0;
  char delimiter = options.delimiter;
  char separator = 0;
  mark += separator_line(text + mark, size - mark, options.quote, separator);
  if (delimiter == 0) delimiter = separator;
  text += mark;
  size -= mark;
  const auto has = [&](char c) { return std::memchr(text, c, static_cast<size_t>(size)) != nullptr; };
  head.dialect = {delimiter, options.quote, has('\n') || !has('\r') ? '\n' : '\r', options.trim};
  head.data = mark;
  if (delimiter == 0 &&
      looks_like_libsvm({text, static_cast<size_t>(size)}, complete, head.dialect.newline, {options.missing, options.missing_numbers})) {
    head.libsvm = true;
    head.dialect.quote = 0;
    return {};
  }
  if (delimiter == 0) head.dialect.delimiter = detect_delimiter(text, size, complete, head.dialect, options);
  if (options.delimiter == 0 && head.dialect.runs()) head.doubts.push_back({"spaces", "", 0, "", 0});

  int64_t first_end = 0;
  const auto rows = sample(text, size, complete, head.dialect, kSampleRows, &first_end);
  if (rows.empty() && complete) return {"ERR_TENSORWOOD_DATA", "readCsv: '" + path + "' holds no rows"};
  if (rows.empty()) return {"ERR_TENSORWOOD_FORMAT", "readCsv: the first record of '" + path + "' is longer than 1 MiB: is it a table?"};
  decide_header(rows, options, head);
  if (head.header) head.data += first_end;
  if (options.names.size() > rows[0].size())
    return {"ERR_TENSORWOOD_ARGUMENT", "readCsv: expected at most " + std::to_string(rows[0].size()) + " names for the columns of '" +
                                           path + "', got " + std::to_string(options.names.size())};
  name_columns(options, rows[0], head);
  if (Status foreign_names = refuse_foreign_names(path, head); !foreign_names.ok()) return foreign_names;
  if (Status twins = refuse_twins(path, head); !twins.ok()) return twins;
  guess_types(rows, options, head);
  return apply_choices(path, options, head);
}

}  // namespace tensorwood::csv
