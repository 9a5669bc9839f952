// The CSV reader under sanitizers: random files, read in one block and in many tiny ones on three threads, must give the same table or the
// same refusal. Usage: test_csv [files] [seed]
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "data/csv_block.h"
#include "data/csv_columns.h"
#include "expect.h"

using namespace tensorwood;

static std::mt19937 generator;
static int below(int n) { return static_cast<int>(generator() % static_cast<unsigned>(n)); }

static std::string random_text() {
  static const char* parts[] = {"\"",    "\"", ",",  ",",     "\n",  "\n",      "\r\n",       "\r",   "a",           "1",    "2.5",
                                "-3e4",  " ",  "NA", "\"\"",  ",\"", "\",",     ";",          "\t",   "99999999999", "true", "2024-02-29",
                                "1 234", "$",  "%",  "sep=;", "1,5", "1.234,5", "01/02/2024", ", \"", "\" ,"};
  static const char* heads[] = {"x,y\n", "sep=;\n", "\"sep=,\"\r\n", ",0,1\n", "1960,1961\n"};
  std::string text = below(3) == 0 ? heads[below(5)] : "";
  for (int i = below(120); i > 0; i--) {
    if (below(200) == 0)
      text.push_back(static_cast<char>(below(256)));
    else
      text += parts[below(static_cast<int>(sizeof parts / sizeof *parts))];
  }
  return text;
}

// Rows of equal width, so that many files are tables; now and then text comes later than the reader looks for types.
static std::string random_table() {
  static const char* cells[] = {"1", "2.5", "", "NA", "red", "\"a,b\"", "\"two\nlines\"", "\"say \"\"x\"\"\"", "7e300"};
  const int width = 1 + below(4);
  std::string text;
  for (int row = below(4) == 0 ? 1000 : 0; row > 0; row--) {
    for (int c = 0; c < width; c++) text += c > 0 ? ",1" : "1";
    text += "\n";
  }
  for (int row = below(60); row > 0; row--) {
    for (int c = 0; c < width; c++) text += std::string(c > 0 ? "," : "") + cells[below(row < 3 ? 9 : c % 2 == 0 ? 3 : 9)];
    text += below(50) == 0 ? ",\n" : "\n";
  }
  return text;
}

// Columns of one spelling each, and at times a field of another; told apart by commas, semicolons or spaces.
static std::string random_spellings() {
  static const std::vector<std::vector<const char*>> spellings = {{"1,5", "0,25", "3", "1.234,5"},
                                                                  {"1,234", "12,345"},
                                                                  {"1,234.5", "7", "1,234,567"},
                                                                  {"true", "FALSE", ""},
                                                                  {"2024-01-31", "NA", "2024-02-29T10:00:00.5+02:00"},
                                                                  {"01/02/2024", "31/12/1999"},
                                                                  {"007", "12", "9007199254740993"},
                                                                  {"$5", "12 %", "-",
                                                                   "\xe2\x82\xac"
                                                                   "1,234"},
                                                                  {"inf", "-Infinity", "1e400", "--"},
                                                                  {"red", "blue", "caf\xe9"},
                                                                  {"1 234",
                                                                   "5\xc2\xa0"
                                                                   "678"}};
  const char delimiter = ",; "[below(3)];
  std::vector<int> kinds(static_cast<size_t>(1 + below(4)));
  for (int& kind : kinds) kind = below(static_cast<int>(spellings.size()));
  std::string text;
  const int rows = below(3) == 0 ? 1100 + below(50) : below(60), odd = below(2) == 0 ? below(1 + rows) : -1,
            late = below(3) == 0 ? 1050 : 0;
  for (int row = 0; row < rows; row++) {
    for (size_t c = 0; c < kinds.size(); c++) {
      const auto& words = spellings[static_cast<size_t>(row == odd ? below(static_cast<int>(spellings.size())) : kinds[c])];
      const std::string word = row < late ? "" : words[static_cast<size_t>(below(static_cast<int>(words.size())))];
      if (c > 0) text += delimiter;
      text += word.find(delimiter) == std::string::npos ? word : "\"" + word + "\"";
    }
    text += "\n";
  }
  return text;
}

// Lines of libsvm files, some of them broken.
static std::string random_sparse() {
  static const char* odd[] = {"x",     "1:",     ":2",    "0:1",  "4294967295:1", "4294967296:1",
                              "qid:3", "# note", "1:nan", "-1:2", "1e400",        "2:16777217"};
  std::string text;
  for (int row = 1 + below(80); row > 0; row--) {
    text += std::to_string(below(3));
    if (below(3) == 0) text += " qid:" + std::to_string(below(5));
    for (int index = below(3), pairs = below(5); pairs > 0; pairs--, index += 1 + below(30))
      text += " " + std::to_string(index) + ":" + std::to_string(below(9)) + ".5";
    if (below(20) == 0) text += std::string(" ") + odd[below(static_cast<int>(sizeof odd / sizeof *odd))];
    text += below(9) == 0 ? "\r\n" : "\n";
  }
  return text;
}

// Types, columns and ways to treat bad lines that the file may or may not fit.
static csv::Options random_options() {
  csv::Options options;
  options.missing = {"NA"};
  options.skip_bad_lines = below(2) == 0;
  options.missing_numbers = {"-", "--"};
  options.bad_values_missing = below(3) == 0;
  options.decimal = ".,\0\0\0"[below(5)];
  options.thousands = ", '\0\0\0"[below(6)];
  options.order = "ymd"[below(3)];
  options.quote = below(8) == 0 ? 0 : '"';
  if (below(4) == 0) options.known = {{"column1", csv::Type::number}, {"column2", csv::Type::category}, {"f90", csv::Type::number}};
  if (below(2) == 0) return options;
  options.header = 0;
  options.types = {{"column1", below(3) > 0 ? csv::Type::number : csv::Type::category}};
  if (below(2) == 0) options.types.emplace_back("column2", below(2) == 0 ? csv::Type::category : csv::Type::time);
  if (below(4) == 0) options.columns = {"column1", "column3"};
  return options;
}

struct Outcome {
  Status status;
  csv::Table table;
};

static std::unique_ptr<Outcome> read_text(const std::string& path, csv::Options options, int64_t block_bytes, Threads& threads) {
  const std::atomic<bool> cancelled{false};
  auto outcome = std::make_unique<Outcome>();
  options.block_bytes = block_bytes;
  outcome->status = csv::read({path}, options, threads, cancelled, outcome->table);
  return outcome;
}

static bool same_numbers(const csv::Table& a, const csv::Table& b, int column, Threads& threads) {
  std::vector<double> x(static_cast<size_t>(a.rows)), y(x.size());
  a.fill_numbers(column, x.data(), threads);
  b.fill_numbers(column, y.data(), threads);
  return x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(double)) == 0;
}

static bool same_codes(const csv::Table& a, const csv::Table& b, int column, Threads& threads) {
  std::vector<int32_t> x(static_cast<size_t>(a.rows)), y(x.size());
  a.fill_codes(column, x.data(), threads);
  b.fill_codes(column, y.data(), threads);
  for (const int32_t code : x)
    if (code < -1 || code >= a.columns[static_cast<size_t>(column)].categories.count()) return false;
  return x == y;
}

static bool same_doubts(const csv::Table& a, const csv::Table& b) {
  const auto equal = [](const csv::Doubt& x, const csv::Doubt& y) {
    return x.kind == y.kind && x.column == y.column && x.count == y.count && x.text == y.text && x.line == y.line;
  };
  return std::equal(a.doubts.begin(), a.doubts.end(), b.doubts.begin(), b.doubts.end(), equal);
}

static bool same(const Outcome& a, const Outcome& b, Threads& threads) {
  if (a.status.message != b.status.message) return false;
  if (!a.status.ok()) return std::strcmp(a.status.code, b.status.code) == 0;
  if (a.table.rows != b.table.rows || a.table.bad_count != b.table.bad_count || a.table.columns.size() != b.table.columns.size())
    return false;
  if (!same_doubts(a.table, b.table)) return false;
  for (size_t i = 0; i < a.table.bad.size(); i++)
    if (a.table.bad[i].line != b.table.bad[i].line || a.table.bad[i].reason != b.table.bad[i].reason) return false;
  for (size_t c = 0; c < a.table.columns.size(); c++) {
    const csv::Column &x = a.table.columns[c], &y = b.table.columns[c];
    if (x.name != y.name || x.type != y.type || x.wide != y.wide || x.times != y.times || x.categories.text != y.categories.text)
      return false;
    const int column = static_cast<int>(c);
    if (!(x.type == csv::Type::category ? same_codes : same_numbers)(a.table, b.table, column, threads)) return false;
  }
  return true;
}

static void write_file(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
}

static bool is_torn(const Outcome& outcome) { return outcome.status.message.find("changed while") != std::string::npos; }

// A file of numbers that another thread keeps turning into text and back: two readings may differ, what is filled may not.
static void read_what_changes(const std::string& path, Threads& threads) {
  std::string texts[2];
  for (int row = 0; row < 3000; row++) {
    texts[0] += "1,2,3\n";
    texts[1] += row % 5 == 0 ? "x,2,3\n" : row % 7 == 0 ? "1,a,3\n" : "1,2,3\n";
  }
  write_file(path, texts[0]);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    const int file = ::open(path.c_str(), O_WRONLY);
    for (int turn = 0; !done; turn++) {
      const std::string& text = texts[turn % 2];
      if (::pwrite(file, text.data(), text.size(), 0) < 0) break;
    }
    ::close(file);
  });
  csv::Options options;
  options.header = 0;
  options.skip_bad_lines = true;
  options.types = {{"column1", csv::Type::number}};
  int torn = 0;
  for (int i = 0; i < 5000 && torn == 0; i++) {
    const auto got = read_text(path, options, 100, threads);
    torn += is_torn(*got);
    if (got->status.ok()) EXPECT(same(*got, *got, threads));
  }
  EXPECT(torn > 0);
  done = true;
  writer.join();
}

// A header of many columns above many blocks of bad lines: small text, and no memory for a piece of each column in each block.
static void refuse_what_has_no_room(const std::string& path, Threads& threads) {
  std::string text(100000, ',');
  for (int row = 0; row < 500000; row++) text += "\n1";
  write_file(path, text);
  csv::Options options;
  options.header = 1;
  options.delimiter = ',';
  options.skip_bad_lines = true;
  const auto refused = read_text(path, options, 2, threads);
  EXPECT(!refused->status.ok() && std::string(refused->status.code) == "ERR_TENSORWOOD_MEMORY");
  options.columns = {"column1"};
  EXPECT(std::string(read_text(path, options, 100000, threads)->status.code) == "ERR_TENSORWOOD_DATA");
}

// What a block holds for each column besides its values.
static void take_little_for_columns(const std::string& path, Threads& threads) {
  std::string text;
  for (int row = 0; row < 20; row++) {
    for (int c = 0; c < 20000; c++) text += c > 0 ? ",1" : "1";
    text += "\n";
  }
  write_file(path, text);
  csv::Options options;
  options.header = 0;
  const auto got = read_text(path, options, 40000, threads);
  EXPECT(got->status.ok() && got->table.bytes() >= 20 * 20000 * 8 && got->table.bytes() < 20 * 20000 * 64);
}

// One block may be all of a file, and one column all of its texts: both stop when nobody waits any longer.
static void stop_when_cancelled() {
  std::string text;
  for (int row = 0; row < 10000; row++) text += "text " + std::to_string(row) + "\n";
  const int64_t size = static_cast<int64_t>(text.size());
  text.append(csv::kPadding, '\0');
  const std::vector<std::string> none;
  std::vector<csv::FileColumn> columns(1);
  columns[0].type = csv::Type::category;
  std::atomic<bool> cancelled{false};
  const csv::FieldRules rules = {{}, {none, none}, false, cancelled};
  csv::Block all, part;
  csv::parse_block(text.data(), size, rules, columns, all);
  cancelled = true;
  csv::parse_block(text.data(), size, rules, columns, part);
  EXPECT(all.rows == 10000 && part.rows < 10000);
  const csv::MissingWords missing(none, none);
  for (const bool stops : {false, true}) {
    cancelled = stops;
    const csv::WholeColumn whole = csv::describe_column(columns[0], {&all.pieces[0]}, {missing, false, true, cancelled});
    EXPECT(whole.doubts.empty() == stops);
  }
}

int main(int count, char** words) {
  const int files = count > 1 ? std::atoi(words[1]) : 2000;
  generator.seed(count > 2 ? static_cast<unsigned>(std::atoi(words[2])) : 1);
  const std::shared_ptr<Threads> one = shared_threads(1), three = shared_threads(3);
  const std::string path = "test_csv." + std::to_string(getpid());
  int tables = 0;
  for (int i = 0; i < files && failures == 0; i++) {
    static std::string (*const writers[])() = {random_text, random_table, random_spellings, random_sparse};
    const std::string text = writers[below(4)]();
    write_file(path, text);
    const csv::Options options = random_options();
    const auto whole = read_text(path, options, 1 << 20, *one);
    tables += whole->status.ok();
    EXPECT(!is_torn(*whole));
    for (const int64_t block_bytes : {3, 17, 64, 100}) {
      const bool equal = same(*whole, *read_text(path, options, block_bytes, *three), *three);
      EXPECT(equal);
      if (!equal)
        std::printf("blocks of %lld bytes, file %d (%s):\n%s\n", static_cast<long long>(block_bytes), i, whole->status.message.c_str(),
                    text.c_str());
    }
  }
  read_what_changes(path, *three);
  refuse_what_has_no_room(path, *three);
  take_little_for_columns(path, *three);
  stop_when_cancelled();
  std::remove(path.c_str());
  EXPECT(tables > files / 10);
  return finish();
}
