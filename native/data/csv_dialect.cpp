// The guess at how a CSV file is written, from its first bytes.
#include "data/csv_dialect.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_set>

#include "data/csv_choices.h"
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
  const auto holds = [&](std::string_view part) { return s.find(part) != std::string_view::npos; };
  if (starts("PK\x03\x04") && (holds("[Content_Types].xml") || holds("xl/workbook") || holds("opendocument.spreadsheet")))
    return "a workbook of a spreadsheet: export it as CSV first";
  if (starts("\xd0\xcf\x11\xe0")) return "a workbook of Excel: export it as CSV first";
  if (starts("PK\x03\x04")) return "a zip archive: unpack it first";
  if (starts("\xff\xfe") || starts("\xfe\xff")) return "UTF-16 text: convert it to UTF-8 first";
  if (s.find('\0') != std::string_view::npos) return "binary, not text";
  return nullptr;
}

// Up to `limit` records with their fields as text; one that the end of an incomplete text may have cut is left out. `starts`: where each
// begins, and where the last ends.
std::vector<Row> sample(const char* text, int64_t size, bool complete, const Dialect& dialect, size_t limit, std::vector<int64_t>* starts) {
  std::vector<Row> rows;
  std::vector<Field> fields;
  std::string decoded;
  Records records(text, text + size, dialect);
  int64_t end = 0;
  for (int64_t start = 0; rows.size() < limit && records.next(fields); start = records.cursor() - text) {
    if (!complete && records.cursor() >= text + size) break;
    if (fields.empty()) continue;
    Row row;
    for (const Field& field : fields) {
      if (field.form == Field::raw) decode(field.text, dialect.quote, decoded);
      const std::string_view text = field.form == Field::raw ? std::string_view(decoded) : field.text;
      row.push_back({std::string(field.form == Field::bare ? trimmed(text) : text), field.form != Field::bare});
    }
    rows.push_back(std::move(row));
    if (starts != nullptr) starts->push_back(start);
    end = records.cursor() - text;
  }
  if (starts != nullptr) starts->push_back(end);
  return rows;
}

// Whether every comma in a field that is not quoted is one of a number. One at its end, or behind its closing quote, stands between fields.
bool has_number_commas(const std::vector<Row>& rows) {
  bool any = false;
  for (size_t r = rows.size() > 1 ? 1 : 0; r < rows.size(); ++r)
    for (const Cell& cell : rows[r]) {
      if (cell.text.find(',') == std::string::npos) continue;
      if (cell.text.back() == ',') return false;
      const Spelling s = read_spelling(cell.text, {}).spelling;
      if (s == Spelling::other && !cell.quoted) return false;
      any |= s != Spelling::other;
    }
  return any;
}

// Whether a quoted field below the first record is a number with a comma: the quotes are there because commas stand between fields.
bool quotes_commas(const std::vector<Row>& rows) {
  const auto is_quoted = [](const Cell& cell) {
    return cell.quoted && cell.text.find(',') != std::string::npos && read_spelling(cell.text, {}).spelling != Spelling::other;
  };
  return rows.size() > 1 &&
         std::any_of(rows.begin() + 1, rows.end(), [&](const Row& row) { return std::any_of(row.begin(), row.end(), is_quoted); });
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
    dialect.delimiter = candidate;
    std::map<size_t, size_t> records_of_width;
    const auto rows = sample(text, size, complete, dialect, kDelimiterRows, nullptr);
    if (candidate == options.decimal && !quotes_commas(rows)) continue;
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

NumberForm form_of(const Options& options) {
  const char decimal = options.thousands == '.' ? ',' : '.';
  return {options.decimal == 0 ? decimal : options.decimal, options.thousands, options.order};
}

bool is_detected(const Options& options) { return options.decimal == 0 && options.thousands == 0; }

// The bytes of so many lines, less where the text has not as many.
int64_t lines_of(std::string_view text, int64_t lines) {
  const char newline = text.find('\n') != std::string_view::npos ? '\n' : '\r';
  size_t at = 0;
  for (; lines > 0 && at < text.size(); --lines) {
    const size_t end = text.find(newline, at);
    at = end == std::string_view::npos ? text.size() : end + 1;
  }
  return static_cast<int64_t>(at);
}

// The lines that begin with # above the first that does not.
class Comments {
 public:
  Comments(const char* text, int64_t size) {
    const std::string_view s(text, static_cast<size_t>(size));
    for (int64_t at = 0; at < size;) {
      const int64_t length = lines_of(s.substr(static_cast<size_t>(at)), 1);
      const bool blank = s[static_cast<size_t>(at)] == '\n' || s[static_cast<size_t>(at)] == '\r';
      if (s[static_cast<size_t>(at)] != '#' && !(blank && count > 0)) break;
      count += !blank;
      at += length;
      bytes = at;
    }
    if (bytes == size) bytes = count = 0;
  }

  // Keeps the last of them where they are records of the table below: a header, or colours such as #ff0000.
  void keep_records(const char* text, int64_t size, bool complete, const Dialect& dialect) {
    std::vector<int64_t> starts;
    const auto rows = sample(text, size, complete, dialect, static_cast<size_t>(count) + 1, &starts);
    size_t below = 0;
    while (below < rows.size() && starts[below] < bytes) ++below;
    if (below == rows.size()) return;
    const size_t width = rows[below].size();
    for (; below > 0 && rows[below - 1].size() == width; --below, --count) {
      if (width == 1 && text[starts[below - 1] + 1] == ' ') return;
      bytes = starts[below - 1];
    }
  }

  int64_t bytes = 0, count = 0;
};

// Tells lines above the header, and headers that lack a name, by the number of fields that most records have.
void compare_widths(const std::vector<Row>& rows, const std::vector<int64_t>& starts, const char* text, const Options& options,
                    Head& head) {
  std::map<size_t, size_t> records_of_width;
  for (const Row& row : rows) ++records_of_width[row.size()];
  const auto most =
      std::max_element(records_of_width.begin(), records_of_width.end(), [](auto& a, auto& b) { return a.second < b.second; });
  const size_t width = most->first;
  if (width < 2 || width == rows[0].size() || most->second * 2 <= rows.size()) return;
  const auto first = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.size() == width; });
  const int64_t at = first - rows.begin();
  head.above = std::count(text, text + starts[static_cast<size_t>(at)], head.dialect.newline);
  const std::vector<Row> rest(first, rows.end());
  head.short_header = at == 1 && rows[0].size() + 1 == width && rows[0].size() > 1 &&
                      !guess_header(rest, {options.missing, options.missing_numbers}, form_of(options)).header;
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

// The first field whose point may be either, where no field says which.
std::string unsure_point(const std::vector<Row>& rows, size_t column, bool header, const Tally& tally, const NumberForm& form) {
  const int64_t unsure = tally.of(Spelling::point_or_group);
  if (unsure == 0 || unsure + tally.of(Spelling::number) != tally.total) return "";
  for (size_t r = header ? 1 : 0; r < rows.size(); ++r)
    if (column < rows[r].size() && read_spelling(rows[r][column].text, form).spelling == Spelling::point_or_group)
      return rows[r][column].text;
  return "";
}

void guess_types(const std::vector<Row>& rows, const Options& options, Head& head) {
  const MissingWords missing(options.missing, options.missing_numbers);
  const NumberForm form = head.form = form_of(options);
  std::vector<Tally> tallies;
  for (size_t i = 0; i < head.columns.size(); ++i) {
    tallies.push_back(tally_of(rows, i, head.header, missing, form));
    head.commas |= is_detected(options) && judge(tallies[i], false) == Verdict::decimal_comma;
  }
  for (size_t i = 0; i < head.columns.size(); ++i) {
    FileColumn& column = head.columns[i];
    const Verdict verdict = judge(tallies[i], head.commas);
    column.form = form;
    column.points = tallies[i].of(Spelling::point) > 0;
    if (verdict == Verdict::decimal_comma && is_detected(options)) column.form.decimal = ',';
    if (is_detected(options) && !head.commas) column.unsure = unsure_point(rows, i, head.header, tallies[i], form);
    column.times = verdict == Verdict::time;
    // Truth values and groups of digits are read as texts, and become numbers when all of them are known.
    const bool direct = verdict == Verdict::number || column.times || (verdict == Verdict::decimal_comma && column.form.decimal == ',');
    column.type = direct ? Type::number : Type::category;
  }
  if (head.commas) take_commas(head);
}

// Where semicolons or tabs are delimiters, commas may be decimal, and points may stand between thousands although no column shows it.
void doubt_points(const Options& options, Head& head) {
  for (const FileColumn& column : head.columns) {
    const bool is_likely = head.dialect.delimiter == ';' || (head.dialect.delimiter == '\t' && !options.known.empty());
    if (is_likely && !column.unsure.empty() && column.type == Type::number)
      head.doubts.push_back({"point or group", column.name, 0, column.unsure, 0});
  }
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
  mark += lines_of({text + mark, static_cast<size_t>(size - mark)}, options.skip_lines);
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
  Comments comments(text, size);
  if (delimiter == 0)
    head.dialect.delimiter = detect_delimiter(text + comments.bytes, size - comments.bytes, complete, head.dialect, options);
  if (comments.count > 0) comments.keep_records(text, size, complete, head.dialect);
  if (comments.count > 0) head.doubts.push_back({"comments", "", comments.count, "", 0});
  head.data += comments.bytes;
  const char* whole = text - mark;
  text += comments.bytes;
  size -= comments.bytes;
  if (options.delimiter == 0 && head.dialect.runs()) head.doubts.push_back({"spaces", "", 0, "", 0});

  std::vector<int64_t> starts;
  const auto rows = sample(text, size, complete, head.dialect, kSampleRows, &starts);
  if (rows.empty() && complete) return {"ERR_TENSORWOOD_DATA", "readCsv: '" + path + "' holds no rows"};
  if (rows.empty()) return {"ERR_TENSORWOOD_FORMAT", "readCsv: the first record of '" + path + "' is longer than 1 MiB: is it a table?"};
  decide_header(rows, options, head);
  for (int64_t& start : starts) start += text - whole;
  compare_widths(rows, starts, whole, options, head);
  if (head.header) head.data = starts[1];
  if (options.names.size() > rows[0].size())
    return {"ERR_TENSORWOOD_ARGUMENT", "readCsv: expected at most " + std::to_string(rows[0].size()) + " names for the columns of '" +
                                           path + "', got " + std::to_string(options.names.size())};
  name_columns(options, rows[0], head);
  if (Status foreign_names = refuse_foreign_names(path, head); !foreign_names.ok()) return foreign_names;
  if (Status twins = refuse_twins(path, head); !twins.ok()) return twins;
  guess_types(rows, options, head);
  const Status status = apply_choices(path, options, head.columns);
  if (status.ok()) doubt_points(options, head);
  return status;
}

void take_commas(Head& head) {
  for (FileColumn& column : head.columns)
    if (column.type == Type::number && !column.times && !column.points) column.form.decimal = ',';
}

}  // namespace tensorwood::csv
