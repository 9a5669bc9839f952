// The CSV reader under sanitizers: random files, read in one block and in many tiny ones on three threads, must give the same table or the
// same refusal. Usage: test_csv [files] [seed]
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

#include "data/csv.h"
#include "expect.h"

using namespace tensorwood;

static std::mt19937 generator;
static int below(int n) { return static_cast<int>(generator() % static_cast<unsigned>(n)); }

static std::string random_text() {
  static const char* parts[] = {"\"",  "\"",   ",", ",",  "\n",   "\n",  "\r\n", "\r", "a",  "1",
                                "2.5", "-3e4", " ", "NA", "\"\"", ",\"", "\",",  ";",  "\t", "99999999999"};
  std::string text = below(4) == 0 ? "x,y\n" : "";
  for (int i = below(120); i > 0; i--) {
    if (below(200) == 0)
      text.push_back(static_cast<char>(below(256)));
    else
      text += parts[below(static_cast<int>(sizeof parts / sizeof *parts))];
  }
  return text;
}

// Rows of equal width, so that many files are tables.
static std::string random_table() {
  static const char* cells[] = {"1", "2.5", "", "NA", "red", "\"a,b\"", "\"two\nlines\"", "\"say \"\"x\"\"\"", "7e300"};
  const int width = 1 + below(4);
  std::string text;
  for (int row = below(60); row > 0; row--) {
    for (int c = 0; c < width; c++) text += std::string(c > 0 ? "," : "") + cells[below(row < 3 ? 9 : c % 2 == 0 ? 3 : 9)];
    text += below(50) == 0 ? ",\n" : "\n";
  }
  return text;
}

struct Outcome {
  Status status;
  csv::Table table;
};

static std::unique_ptr<Outcome> read_text(const std::string& path, csv::Options options, int64_t block_bytes, Threads& threads) {
  const std::atomic<bool> cancelled{false};
  auto outcome = std::make_unique<Outcome>();
  options.block_bytes = block_bytes;
  outcome->status = csv::read(path, options, threads, cancelled, outcome->table);
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

static bool same(const Outcome& a, const Outcome& b, Threads& threads) {
  if (a.status.message != b.status.message) return false;
  if (!a.status.ok()) return std::strcmp(a.status.code, b.status.code) == 0;
  if (a.table.rows != b.table.rows || a.table.bad_count != b.table.bad_count || a.table.columns.size() != b.table.columns.size())
    return false;
  for (size_t i = 0; i < a.table.bad.size(); i++)
    if (a.table.bad[i].line != b.table.bad[i].line || a.table.bad[i].reason != b.table.bad[i].reason) return false;
  for (size_t c = 0; c < a.table.columns.size(); c++) {
    const csv::Column &x = a.table.columns[c], &y = b.table.columns[c];
    if (x.name != y.name || x.type != y.type || x.wide != y.wide || x.categories.text != y.categories.text) return false;
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

int main(int count, char** words) {
  const int files = count > 1 ? std::atoi(words[1]) : 2000;
  generator.seed(count > 2 ? static_cast<unsigned>(std::atoi(words[2])) : 1);
  const std::unique_ptr<Threads> one(make_threads(1)), three(make_threads(3));
  const std::string path = "test_csv." + std::to_string(getpid());
  int tables = 0;
  for (int i = 0; i < files && failures == 0; i++) {
    const std::string text = below(2) == 0 ? random_text() : random_table();
    write_file(path, text);
    csv::Options options;
    options.missing = {"NA"};
    options.skip_bad_lines = below(2) == 0;
    options.quote = below(8) == 0 ? 0 : '"';
    const auto whole = read_text(path, options, 1 << 20, *one);
    tables += whole->status.ok();
    for (const int64_t block_bytes : {3, 17, 64, 100}) {
      const bool equal = same(*whole, *read_text(path, options, block_bytes, *three), *three);
      EXPECT(equal);
      if (!equal)
        std::printf("blocks of %lld bytes, file %d (%s):\n%s\n", static_cast<long long>(block_bytes), i, whole->status.message.c_str(),
                    text.c_str());
    }
  }
  std::remove(path.c_str());
  EXPECT(tables > files / 10);
  return finish();
}
