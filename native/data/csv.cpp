// The reader as a whole: dialect, blocks in parallel, dictionaries joined, columns filled.
#include "data/csv.h"

#include <algorithm>
#include <iterator>
#include <new>

#include "core/limits.h"
#include "data/csv_block.h"
#include "data/csv_columns.h"
#include "data/csv_dialect.h"
#include "data/csv_source.h"
#include "data/libsvm_table.h"
#include "data/utf8.h"

namespace tensorwood::csv {

namespace {

// What a block's bytes say before it is known whether it begins inside quotes: offsets are from its beginning, -1 = none.
struct Survey {
  int64_t quotes = 0;
  int64_t first_end[2] = {-1, -1};  // behind the first line end after an even [0] or odd [1] number of quotes
};

Survey survey(const char* text, int64_t size, const Dialect& d) {
  Survey s;
  const char quote = d.quote ? d.quote : d.newline;
  for (int64_t at = 0; at < size; at += 64) {
    uint64_t bits = match(text + at, quote, d.newline, d.newline);
    if (size - at < 64) bits &= (uint64_t{1} << (size - at)) - 1;
    for (; bits != 0; bits &= bits - 1) {
      const int64_t i = at + __builtin_ctzll(bits);
      int64_t& end = s.first_end[s.quotes & 1];
      if (text[i] != d.newline)
        ++s.quotes;
      else if (end < 0)
        end = i + 1;
    }
  }
  return s;
}

}  // namespace

// One reading of one file, phase by phase.
class Reader {
 public:
  Reader(const Input& input, const Options& options, Threads& threads, const std::atomic<bool>& cancelled, Table& table)
      : input_(input),
        path_(input.path),
        options_(options),
        threads_(threads),
        cancelled_(cancelled),
        table_(table),
        buffers_(threads.count()) {}

  Status run() {
    Status status = source_.open(input_);
    if (status.ok()) status = read_head();
    if (status.ok()) status = find_borders();
    if (status.ok() && head_.libsvm) return read_sparse();
    if (status.ok()) status = read_records();
    if (status.ok() && late_commas_) {
      // A file has one decimal mark: what was read before is wrong where points stand between thousands.
      head_.commas = true;
      take_commas(head_);
      auto& doubts = head_.doubts;
      const auto is_settled = [](const Doubt& doubt) { return doubt.kind == "point or group"; };
      doubts.erase(std::remove_if(doubts.begin(), doubts.end(), is_settled), doubts.end());
      status = read_records();
    }
    return status;
  }

 private:
  int64_t block_count() const { return static_cast<int64_t>(borders_.size()) - 1; }

  Status read_head() {
    const int64_t size = std::min(source_.size(), kHeadBytes);
    if (Status s = source_.read(0, size, buffers_[0]); !s.ok()) return s;
    return examine(path_, buffers_[0].data(), size, size == source_.size(), options_, head_);
  }

  Status check_wanted() const {
    return cancelled_.load(std::memory_order_relaxed) ? Status{"ERR_TENSORWOOD_ABORTED", "readCsv: aborted"} : Status{};
  }

  // Runs f(task, buffer) on all threads; the first failure (in order of tasks) wins. Memory that runs out is a failure like another.
  template <class F>
  Status for_each(int64_t tasks, const F& f) {
    std::vector<Status> statuses(tasks);
    threads_.parallel(tasks, [&](int64_t task, int worker) {
      if (!(statuses[task] = check_wanted()).ok()) return;
      try {
        statuses[task] = f(task, buffers_[worker]);
        if (statuses[task].ok()) statuses[task] = check_wanted();
      } catch (const std::bad_alloc&) {
        statuses[task] = {"ERR_TENSORWOOD_MEMORY", "readCsv: not enough memory to read '" + path_ + "'"};
      }
    });
    for (Status& s : statuses)
      if (!s.ok()) return s;
    return {};
  }

  // borders_[k] = offset of the first record that begins in or after block k.
  Status find_borders() {
    const int64_t begin = head_.data, end = source_.size();
    const int64_t blocks = std::max<int64_t>(1, (end - begin + options_.block_bytes - 1) / options_.block_bytes);
    surveys_.assign(blocks, {});
    Status status = for_each(blocks, [&](int64_t k, std::vector<char>& buffer) {
      const int64_t at = begin + k * options_.block_bytes, size = std::min(options_.block_bytes, end - at);
      Status s = source_.read(at, size, buffer);
      if (s.ok()) surveys_[k] = survey(buffer.data(), size, head_.dialect);
      return s;
    });
    if (!status.ok()) return status;
    borders_.assign(blocks + 1, end);
    borders_[0] = begin;
    int64_t quotes = surveys_[0].quotes;
    std::vector<int64_t> ends(blocks, -1);
    for (int64_t k = 1; k < blocks; ++k) {
      ends[k] = surveys_[k].first_end[quotes & 1];
      quotes += surveys_[k].quotes;
    }
    // A block without a line end has no border of its own: its bytes belong to the block before.
    for (int64_t k = blocks - 1; k > 0; --k) borders_[k] = ends[k] < 0 ? borders_[k + 1] : begin + k * options_.block_bytes + ends[k];
    borders_.erase(std::unique(borders_.begin() + 1, borders_.end()), borders_.end());
    return {};
  }

  Status read_records() {
    table_.bad.clear();
    table_.bad_count = 0;
    Status status = parse_all();
    if (status.ok()) status = describe_bad_lines(table_.blocks_);
    if (status.ok()) status = join();
    return status;
  }

  Status parse_all() {
    Status status = parse(head_.columns, table_.blocks_);
    const auto stray = [](const std::unique_ptr<Block>& b) { return b->stray; };
    if (status.ok() && std::any_of(table_.blocks_.begin(), table_.blocks_.end(), stray)) {
      // Quotes inside fields: parity told nothing. One block holds all of the file, and the grammar alone finds the ends of records.
      borders_ = {head_.data, source_.size()};
      status = parse(head_.columns, table_.blocks_);
    }
    return status.ok() ? parse_demoted() : status;
  }

  // Number columns that turned out to hold other text are read again as categories, beside those that may refuse a record: both readings
  // must keep the same rows.
  Status parse_demoted() {
    std::vector<FileColumn> again = head_.columns;
    struct Move {
      size_t from, to;  // pieces of the second reading and of the first
    };
    std::vector<Move> moves;
    size_t first = 0, second = 0;
    for (size_t c = 0; c < again.size(); ++c) {
      FileColumn& column = head_.columns[c];
      if (column.type == Type::skip) continue;
      const bool demoted =
          std::any_of(table_.blocks_.begin(), table_.blocks_.end(), [&](const auto& b) { return b->pieces[first].demoted; });
      if (demoted) {
        column.type = Type::category;
        column.form = head_.form;
      }
      const bool refuses = column.type == Type::number && !column.guessed;
      again[c].type = demoted ? Type::category : refuses ? Type::number : Type::skip;
      if (demoted) moves.push_back({second, first});
      second += demoted || refuses;
      ++first;
    }
    if (moves.empty()) return {};
    std::vector<std::unique_ptr<Block>> blocks;
    if (Status s = parse(again, blocks); !s.ok()) return s;
    for (size_t b = 0; b < blocks.size(); ++b)
      for (const Move& move : moves) table_.blocks_[b]->pieces[move.to] = std::move(blocks[b]->pieces[move.from]);
    return {};
  }

  // A file may have many more pieces of columns than bytes.
  Status check_room(const std::vector<FileColumn>& columns) const {
    const auto kept = std::count_if(columns.begin(), columns.end(), [](const FileColumn& c) { return c.type != Type::skip; });
    const double bytes = static_cast<double>(block_count()) * static_cast<double>(kept) * sizeof(Piece);
    if (has_room(bytes)) return {};
    return {"ERR_TENSORWOOD_MEMORY", "readCsv: expected '" + path_ + "' to fit into memory, got " + std::to_string(kept) + " columns in " +
                                         std::to_string(block_count()) + " blocks, which take " +
                                         std::to_string(static_cast<int64_t>(bytes / 1e6)) + " MB; read some of them with { columns }"};
  }

  Status read_block(int64_t k, std::vector<char>& buffer) const {
    const int64_t size = borders_[k + 1] - borders_[k];
    if (size > options_.block_bytes && !has_room(static_cast<double>(size)))
      return {"ERR_TENSORWOOD_MEMORY", "readCsv: expected records of '" + path_ + "' that fit into memory, got " +
                                           std::to_string(size / 1000000) + " MB without an end of one that is sure"};
    return source_.read(borders_[k], size, buffer);
  }

  Status parse(const std::vector<FileColumn>& columns, std::vector<std::unique_ptr<Block>>& blocks) {
    if (Status s = check_room(columns); !s.ok()) return s;
    blocks.clear();
    blocks.resize(block_count());
    const FieldRules rules = {head_.dialect, {options_.missing, options_.missing_numbers}, options_.bad_values_missing, cancelled_};
    return for_each(block_count(), [&](int64_t k, std::vector<char>& buffer) {
      blocks[k] = std::make_unique<Block>();
      const int64_t size = borders_[k + 1] - borders_[k];
      Status s = read_block(k, buffer);
      if (s.ok()) parse_block(buffer.data(), size, rules, columns, *blocks[k]);
      return s;
    });
  }

  // Of blocks of either kind of file.
  template <class B>
  Status describe_bad_lines(const std::vector<std::unique_ptr<B>>& blocks) {
    int64_t from = 0;
    int64_t line = 1;
    Fault fault = Fault::shape;
    int64_t rows = 0;
    const bool quotes = has_stray_quotes(blocks);
    for (int64_t k = 0; k < block_count(); ++k) {
      table_.bad_count += blocks[k]->bad_count;
      rows += blocks[k]->rows;
      for (const BadRecord& bad : blocks[k]->bad) {
        if (table_.bad.size() >= static_cast<size_t>(kBadKept)) break;
        if (Status s = count_lines(from, borders_[k] + bad.offset, line); !s.ok()) return s;
        from = borders_[k] + bad.offset;
        table_.bad.push_back({line, bad.reason});
        if (table_.bad.size() == 1) fault = bad.fault;
      }
    }
    const bool most = fault == Fault::shape && table_.bad_count > rows && !head_.libsvm;
    if (table_.bad_count == 0 || (options_.skip_bad_lines && !(most && head_.above > 0))) return {};
    const int64_t more = table_.bad_count - 1;
    const std::string others = more == 0 ? "" : " (and " + std::to_string(more) + (more == 1 ? " more bad line)" : " more bad lines)");
    static constexpr const char* cures[] = {
        "; leave such lines out with { badLines: 'skip' }", "; take such fields for missing with { badValues: 'missing' }",
        "; say what its commas mean with { decimal: ',' } or { thousands: ',' }", "; say which part is the day with { dateOrder: 'dmy' }"};
    return {"ERR_TENSORWOOD_DATA", "readCsv: '" + path_ + "' line " + std::to_string(table_.bad[0].line) + ": " + table_.bad[0].reason +
                                       others +
                                       (quotes ? "; if its quotes mean nothing, say so with { quote: '' }"
                                        : most ? cure_of_most()
                                               : cures[static_cast<size_t>(fault)])};
  }

  // Whether quotes that open in bad records and span lines are no quotes at all: others stand inside fields, or one is never closed.
  static bool has_stray_quotes(const std::vector<std::unique_ptr<Block>>& blocks) {
    const auto any = [&](const auto& test) { return std::any_of(blocks.begin(), blocks.end(), test); };
    return any([](const auto& b) { return b->bad_quotes; }) && any([](const auto& b) { return b->stray; });
  }
  static bool has_stray_quotes(const std::vector<std::unique_ptr<SparseBlock>>&) { return false; }

  // Where most lines are bad, the first is wrong, and no line is to be left out for its sake.
  std::string cure_of_most() const {
    const std::string lines = "{ skipLines: " + std::to_string(head_.above) + " }";
    if (head_.short_header) return "; the header lacks a name: leave it out with " + lines + " and name all columns with { names }";
    if (head_.above > 0) return "; leave out the lines above the header with " + lines;
    return "; say what stands between fields with { delimiter }";
  }

  // Adds to `line` the line ends of [from, to).
  Status count_lines(int64_t from, int64_t to, int64_t& line) {
    for (int64_t at = from; at < to; at += options_.block_bytes) {
      if (Status s = check_wanted(); !s.ok()) return s;
      const int64_t size = std::min(options_.block_bytes, to - at);
      if (Status s = source_.read(at, size, buffers_[0]); !s.ok()) return s;
      line += std::count(buffers_[0].begin(), buffers_[0].begin() + size, head_.dialect.newline);
    }
    return {};
  }

  Status join() {
    table_.rows = 0;
    table_.first_row_.clear();
    for (const auto& block : table_.blocks_) {
      if (!is_whole(*block)) return {"ERR_TENSORWOOD_FILE", "readCsv: '" + path_ + "' changed while it was read"};
      table_.first_row_.push_back(table_.rows);
      table_.rows += block->rows;
    }
    if (table_.rows == 0) return {"ERR_TENSORWOOD_DATA", "readCsv: '" + path_ + "' holds no rows"};
    table_.delimiter = head_.dialect.delimiter;
    table_.header = head_.header;
    std::vector<const FileColumn*> kept;
    for (const FileColumn& column : head_.columns)
      if (column.type != Type::skip) kept.push_back(&column);
    const MissingWords missing(options_.missing, options_.missing_numbers);
    const ColumnRules rules = {missing, head_.commas, options_.decimal == 0 && options_.thousands == 0, cancelled_};
    std::vector<WholeColumn> whole(kept.size());
    Status status = for_each(static_cast<int64_t>(kept.size()), [&](int64_t i, std::vector<char>&) {
      std::vector<const Piece*> pieces;
      for (const auto& block : table_.blocks_) pieces.push_back(&block->pieces[i]);
      whole[i] = describe_column(*kept[i], pieces, rules);
      return Status{};
    });
    const bool commas = std::any_of(whole.begin(), whole.end(), [](const WholeColumn& column) { return column.commas; });
    late_commas_ = commas && !head_.commas;
    if (!status.ok() || late_commas_) return status;
    std::vector<PlacedDoubt> doubts;
    for (size_t b = 0; b < table_.blocks_.size(); ++b)
      if (const Block& block = *table_.blocks_[b]; block.stray && block.swallowed.count > 0)
        doubts.push_back({{"stray quotes", "", block.swallowed.count, "", 0}, static_cast<int64_t>(b), block.swallowed.offset});
    for (WholeColumn& column : whole) {
      table_.columns.push_back(std::move(column.column));
      table_.recode_.push_back(std::move(column.recode));
      table_.values_.push_back(std::move(column.values));
      std::move(column.doubts.begin(), column.doubts.end(), std::back_inserter(doubts));
    }
    return place(std::move(doubts));
  }

  // Tells the lines of doubts, in one walk over the file.
  Status place(std::vector<PlacedDoubt> doubts) {
    std::vector<PlacedDoubt*> order;
    for (PlacedDoubt& d : doubts)
      if (d.block >= 0) order.push_back(&d);
    const auto offset_of = [&](const PlacedDoubt* d) { return borders_[d->block] + d->offset; };
    std::sort(order.begin(), order.end(), [&](auto* a, auto* b) { return offset_of(a) < offset_of(b); });
    int64_t from = 0, line = 1;
    for (PlacedDoubt* d : order) {
      if (Status s = count_lines(from, offset_of(d), line); !s.ok()) return s;
      from = offset_of(d);
      d->doubt.line = line;
    }
    table_.doubts = std::move(head_.doubts);
    for (PlacedDoubt& d : doubts) {
      if (!is_utf8(d.doubt.text)) d.doubt.text = from_latin1(d.doubt.text);
      table_.doubts.push_back(std::move(d.doubt));
    }
    return {};
  }

  Status read_sparse() {
    table_.sparse_.resize(block_count());
    const SparseRules rules = {{options_.missing, options_.missing_numbers}, options_.bad_values_missing};
    Status status = for_each(block_count(), [&](int64_t k, std::vector<char>& buffer) {
      const int64_t size = borders_[k + 1] - borders_[k];
      table_.sparse_[k] = std::make_unique<SparseBlock>();
      Status s = read_block(k, buffer);
      if (s.ok()) parse_sparse({buffer.data(), static_cast<size_t>(size)}, head_.dialect.newline, rules, *table_.sparse_[k]);
      return s;
    });
    if (status.ok()) status = describe_bad_lines(table_.sparse_);
    return status.ok() ? SparseReader(path_, options_, cancelled_, table_).join() : status;
  }

  // Whether every column that is kept has a value in every row: two readings of a file that is written meanwhile may differ.
  bool is_whole(const Block& block) const {
    auto piece = block.pieces.begin();
    for (const FileColumn& column : head_.columns) {
      if (column.type == Type::skip) continue;
      const size_t values = column.type == Type::category ? piece->words().codes.size() : piece->numbers.size();
      if (values != static_cast<size_t>(block.rows)) return false;
      ++piece;
    }
    return true;
  }

  const Input& input_;
  const std::string& path_;
  const Options& options_;
  Threads& threads_;
  const std::atomic<bool>& cancelled_;
  Table& table_;
  Source source_;
  Head head_;
  bool late_commas_ = false;  // a column shows them that the first records did not show
  std::vector<Survey> surveys_;
  std::vector<int64_t> borders_;
  std::vector<std::vector<char>> buffers_;  // of each worker
};

Status read(const Input& input, const Options& options, Threads& threads, const std::atomic<bool>& cancelled, Table& table) {
  try {
    return Reader(input, options, threads, cancelled, table).run();
  } catch (const std::bad_alloc&) {
    return {"ERR_TENSORWOOD_MEMORY", "readCsv: not enough memory to read '" + input.path + "'"};
  }
}

}  // namespace tensorwood::csv
