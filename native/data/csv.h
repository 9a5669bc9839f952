// Reading of delimited text into columns: numbers (NaN = missing) and categories by code (-1 = missing). First step of the way from a file
// to a table. Grammar of RFC 4180, with what files in the wild add: any delimiter, bare carriage returns, quotes in the middle of a field
// taken as they are. The file is cut into fixed blocks at true ends of records (quote parity decides whether a line feed ends one), so the
// result never depends on the number of threads. Bytes are hostile: nothing outside a block's buffer is read, and the file is read, not
// mapped, so that a file truncated meanwhile is an error and not a signal.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/status.h"
#include "core/threads.h"

namespace tensorwood::csv {

enum class Type : uint8_t { number = 0, category = 1, time = 2, skip = 3 };  // time: of options alone; such a column is one of numbers

// A plain file, or bytes that stay where they are and what messages call them.
struct Input {
  std::string path;
  const char* bytes = nullptr;
  int64_t size = 0;
};

struct Options {
  char delimiter = 0;      // 0 = the most regular of , ; tab | and runs of spaces, or libsvm
  char quote = '"';        // 0 = quotes mean nothing
  char decimal = 0;        // 0 = a comma in columns where nothing else explains their commas, else a point
  char thousands = 0;      // between groups of three digits; 0 = none
  char order = 'y';        // of the parts of a date: y, d or m comes first
  int64_t skip_lines = 0;  // above the header
  int header = -1;         // 1 = the first record names the columns, 0 = it is data, -1 = what the records below it say
  bool trim = true;        // spaces and tabs around a field that is not quoted
  bool skip_bad_lines = false;
  bool bad_values_missing = false;           // a field that is none of the numbers that its column must hold is missing, and no bad line
  int64_t block_bytes = 1 << 20;             // never by the number of threads: where blocks meet must not depend on it; tests make it small
  std::vector<std::string> names;            // instead of the header's
  std::vector<std::string> columns;          // read only these; empty = all
  std::vector<std::string> ignore;           // but for these
  std::vector<std::string> missing;          // spellings of a missing value; the empty field always is one
  std::vector<std::string> missing_numbers;  // further spellings, among numbers
  std::vector<std::pair<std::string, Type>> types;  // columns whose type is not to be guessed
  std::vector<std::pair<std::string, Type>> known;  // the same, for columns that the file may lack
};

struct BadLine {
  int64_t line;  // from 1, counting the line feeds inside quotes
  std::string reason;
};

// The strings of a column by code, as one text: string i is text[offsets[i], offsets[i + 1]).
struct Strings {
  std::string text;
  std::vector<uint64_t> offsets{0};
  int64_t count() const { return static_cast<int64_t>(offsets.size()) - 1; }
};

struct Column {
  std::string name;
  Type type = Type::number;
  bool wide = false;   // a number beyond 2^24 is not exact as f32: the column wants f64
  bool times = false;  // the numbers are milliseconds since 1970
  Strings categories;  // sorted by bytes
};

// What was guessed and may be wrong: lib/data/csv-notes.ts puts it in words.
struct Doubt {
  std::string kind;
  std::string column;  // '' = the file
  int64_t count;       // fields that it is about
  std::string text;    // the first of them
  int64_t line;        // where that stands; 0 = unknown
};

struct Block;
struct SparseBlock;

class Table {
 public:
  Table();
  ~Table();
  int64_t rows = 0;
  char delimiter = ',';  // 0 = libsvm
  bool header = false;
  std::vector<Column> columns;  // of the types number and category
  std::vector<BadLine> bad;     // the first hundred
  int64_t bad_count = 0;
  std::vector<Doubt> doubts;

  int64_t bytes() const;  // held, about

  // Writes a number column (float* or, for f64, double*) or the codes of a category column (int32_t*): rows values.
  void fill_numbers(int column, float* to, Threads& threads) const;
  void fill_numbers(int column, double* to, Threads& threads) const;
  void fill_codes(int column, int32_t* to, Threads& threads) const;

 private:
  template <class T>
  void fill_numbers_as(int column, T* to, Threads& threads) const;

  friend class Reader;
  friend class SparseReader;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<int64_t> first_row_;                         // of each block
  std::vector<std::vector<std::vector<int32_t>>> recode_;  // [column][block][local code] -> code
  std::vector<std::vector<double>> values_;                // [column][code]: the numbers that texts turned out to be; empty for categories
  std::vector<std::unique_ptr<SparseBlock>> sparse_;       // of a libsvm file, in place of blocks_
  std::vector<int64_t> indices_;                           // [column] of a libsvm file; kLabel, kQuery
};

// Blocks until the file is read. Codes: _FILE (cannot be opened or read), _FORMAT (not delimited text), _DATA (no rows, bad lines),
// _ARGUMENT (a column is named that the file lacks), _ABORTED, _MEMORY.
Status read(const Input& input, const Options& options, Threads& threads, const std::atomic<bool>& cancelled, Table& table);

}  // namespace tensorwood::csv
