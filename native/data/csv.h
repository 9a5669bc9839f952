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

enum class Type : uint8_t { number = 0, category = 1, skip = 2 };

// A plain file, or bytes that stay where they are and what messages call them.
struct Input {
  std::string path;
  const char* bytes = nullptr;
  int64_t size = 0;
};

struct Options {
  char delimiter = 0;  // 0 = the most regular of , ; tab |
  char quote = '"';    // 0 = quotes mean nothing
  char decimal = '.';
  int header = -1;   // 1 = the first record names the columns, 0 = it is data, -1 = it names them unless one of its fields is a number
  bool trim = true;  // spaces and tabs around a field that is not quoted
  bool skip_bad_lines = false;
  int64_t block_bytes = 1 << 20;     // never by the number of threads: where blocks meet must not depend on it; tests make it small
  std::vector<std::string> names;    // instead of the header's
  std::vector<std::string> columns;  // read only these; empty = all
  std::vector<std::string> missing;  // spellings of a missing value; the empty field always is one
  std::vector<std::pair<std::string, Type>> types;  // columns whose type is not to be guessed
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
  Strings categories;  // sorted by bytes
};

struct Block;

class Table {
 public:
  Table();
  ~Table();
  int64_t rows = 0;
  char delimiter = ',';
  bool header = false;
  std::vector<Column> columns;  // of the types number and category
  std::vector<BadLine> bad;     // the first hundred
  int64_t bad_count = 0;

  int64_t bytes() const;  // held, about

  // Writes a number column (float* or, for f64, double*) or the codes of a category column (int32_t*): rows values.
  void fill_numbers(int column, float* to, Threads& threads) const;
  void fill_numbers(int column, double* to, Threads& threads) const;
  void fill_codes(int column, int32_t* to, Threads& threads) const;

 private:
  friend class Reader;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<int> pieces_;                                // [column] -> column of the file
  std::vector<int64_t> first_row_;                         // of each block
  std::vector<std::vector<std::vector<int32_t>>> recode_;  // [column][block][local code] -> code
};

// Blocks until the file is read. Codes: _FILE (cannot be opened or read), _FORMAT (not delimited text), _DATA (no rows, bad lines),
// _ARGUMENT (a column is named that the file lacks), _ABORTED, _MEMORY.
Status read(const Input& input, const Options& options, Threads& threads, const std::atomic<bool>& cancelled, Table& table);

}  // namespace tensorwood::csv
