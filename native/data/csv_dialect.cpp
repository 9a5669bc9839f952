// The guess at how a CSV file is written, from its first bytes.
#include "data/csv_dialect.h"

#include <algorithm>
#include <map>
#include <set>

#include "data/utf8.h"

namespace tensorwood::csv {
namespace {

using Row = std::vector<std::string>;
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
      row.push_back(field.form == Field::raw ? decoded : std::string(field.form == Field::bare ? trimmed(field.text) : field.text));
    }
    rows.push_back(std::move(row));
    if (rows.size() == 1 && first_end != nullptr) *first_end = records.cursor() - text;
  }
  return rows;
}

// The delimiter under which most records have the same number of fields, more than one; the wider table wins a tie.
char detect_delimiter(const char* text, int64_t size, bool complete, Dialect dialect) {
  char best = dialect.decimal == ',' ? ';' : ',';
  std::pair<size_t, size_t> best_score{0, 0};
  for (const char candidate : {',', ';', '\t', '|'}) {
    if (candidate == dialect.decimal) continue;
    dialect.delimiter = candidate;
    std::map<size_t, size_t> records_of_width;
    const auto rows = sample(text, size, complete, dialect, kDelimiterRows, nullptr);
    for (const Row& row : rows) ++records_of_width[row.size()];
    for (const auto& [width, count] : records_of_width) {
      if (width < 2 || count * 2 < rows.size()) continue;
      const std::pair<size_t, size_t> score{count * 10 / std::max<size_t>(rows.size(), 1), width};
      if (score > best_score) best = candidate, best_score = score;
    }
  }
  return best;
}

bool is_quantity(const std::string& field, const Dialect& dialect) {
  double value;
  return parse_number(trimmed(field), dialect.decimal, value) && !is_identifier(trimmed(field), value);
}

// A first record names the columns unless it holds a number; bare positions (1,2,3,Phase) are names.
bool names_columns(const Row& first, const Dialect& dialect) {
  size_t numbers = 0, positions = 0;
  double value;
  for (size_t i = 0; i < first.size(); ++i) {
    if (!parse_number(trimmed(first[i]), dialect.decimal, value)) continue;
    ++numbers;
    positions += value == static_cast<double>(i) || value == static_cast<double>(i + 1);
  }
  return numbers == 0 || (numbers >= 3 && positions == numbers);
}

void name_columns(const Options& options, const Row& first, Head& head) {
  for (size_t i = 0; i < first.size(); ++i) {
    FileColumn column;
    if (i < options.names.size())
      column.name = options.names[i];
    else if (head.header && !first[i].empty())
      column.name = first[i];
    else
      column.name = "column" + std::to_string(i + 1);
    head.columns.push_back(std::move(column));
  }
}

void guess_types(const std::vector<Row>& rows, const Options& options, Head& head) {
  for (size_t i = 0; i < head.columns.size(); ++i) {
    const bool text = std::any_of(rows.begin() + (head.header ? 1 : 0), rows.end(), [&](const Row& row) {
      return i < row.size() && !is_missing(trimmed(row[i]), options.missing) && !is_quantity(row[i], head.dialect);
    });
    head.columns[i].type = text ? Type::category : Type::number;
  }
}

Status apply_choices(const std::string& path, const Options& options, Head& head) {
  const auto find = [&](const std::string& name) {
    return std::find_if(head.columns.begin(), head.columns.end(), [&](const FileColumn& c) { return c.name == name; });
  };
  const auto unknown = [&](const std::string& name) {
    std::string list;
    for (size_t i = 0; i < head.columns.size() && i < 12; ++i) list += (i ? ", " : "") + head.columns[i].name;
    return Status{"ERR_TENSORWOOD_ARGUMENT",
                  "readCsv: '" + path + "' has no column '" + name + "' (columns: " + list + (head.columns.size() > 12 ? ", ...)" : ")")};
  };
  for (const std::string& name : options.columns)
    if (find(name) == head.columns.end()) return unknown(name);
  for (FileColumn& column : head.columns) {
    const auto& wanted = options.columns;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), column.name) == wanted.end()) column.type = Type::skip;
  }
  for (const auto& [name, type] : options.types) {
    const auto column = find(name);
    if (column == head.columns.end()) return unknown(name);
    if (column->type == Type::skip) continue;
    column->type = type;
    column->guessed = false;
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
  const int64_t mark = size >= 3 && std::string_view(text, 3) == "\xef\xbb\xbf" ? 3 : 0;
  text += mark;
  size -= mark;
  const auto has = [&](char c) { return std::memchr(text, c, static_cast<size_t>(size)) != nullptr; };
  head.dialect = {options.delimiter, options.quote, has('\n') || !has('\r') ? '\n' : '\r', options.decimal, options.trim};
  if (options.delimiter == 0) head.dialect.delimiter = detect_delimiter(text, size, complete, head.dialect);

  int64_t first_end = 0;
  const auto rows = sample(text, size, complete, head.dialect, kSampleRows, &first_end);
  if (rows.empty() && complete) return {"ERR_TENSORWOOD_DATA", "readCsv: '" + path + "' holds no rows"};
  if (rows.empty()) return {"ERR_TENSORWOOD_FORMAT", "readCsv: the first record of '" + path + "' is longer than 1 MiB: is it a table?"};
  head.header = options.header < 0 ? names_columns(rows[0], head.dialect) : options.header == 1;
  head.data = mark + (head.header ? first_end : 0);
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
