// Columns of a libsvm file, named and measured before any of them is made dense.
#include "data/libsvm_table.h"

#include <charconv>
#include <set>
#include <string_view>

#include "core/limits.h"
#include "data/unknown_column.h"

namespace tensorwood::csv {
namespace {

constexpr int64_t kMostColumns = 100000;  // each becomes an object of JavaScript

// The index of a column `f12`; -1 for other names, and for zeros before it.
int64_t index_of(const std::string& name) {
  int64_t index = -1;
  if (name.size() < 2 || name[0] != 'f' || (name[1] == '0' && name.size() > 2)) return -1;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), index);
  return error == std::errc() && end == name.data() + name.size() ? index : -1;
}

}  // namespace

Status SparseReader::check_options() const {
  const auto refuse = [&](const std::string& what) {
    return Status{"ERR_TENSORWOOD_ARGUMENT",
                  "readCsv: '" + path_ + "' is a libsvm file, " + what + "; read it as text with { delimiter: ' ' }"};
  };
  if (!options_.names.empty()) return refuse("whose columns have no other names than label, qid and f1, f2, ...");
  if (options_.header == 1) return refuse("whose first line is a row and names no columns");
  for (const auto& [name, type] : options_.types)
    if (type != Type::number) return refuse("which holds numbers alone, not '" + name + "' as something else");
  return {};
}

Status SparseReader::check_width(int64_t columns) const {
  if (columns > kMostColumns)
    return {"ERR_TENSORWOOD_MEMORY", "readCsv: expected '" + path_ + "' (libsvm) to have at most " + std::to_string(kMostColumns) +
                                         " columns, got " + std::to_string(table_.rows) + " rows of " + std::to_string(columns) +
                                         " columns; read some of them with { columns }"};
  return {};
}

Status SparseReader::check_room() const {
  double bytes = 0;
  for (const Column& column : table_.columns)
    bytes += static_cast<double>(table_.rows) * static_cast<double>(column.wide ? sizeof(double) : sizeof(float));
  if (!has_room(bytes))
    return {"ERR_TENSORWOOD_MEMORY", "readCsv: expected '" + path_ + "' (libsvm) to fit into memory, got " + std::to_string(table_.rows) +
                                         " rows of " + std::to_string(table_.columns.size()) + " columns, which take " +
                                         std::to_string(static_cast<int64_t>(bytes / 1e6)) + " MB; read some of them with { columns }"};
  return {};
}

void SparseReader::add(std::string name, int64_t index) {
  Column column;
  column.name = std::move(name);
  table_.columns.push_back(std::move(column));
  table_.indices_.push_back(index);
}

// Columns with a number that f32 does not hold.
void SparseReader::find_wide() {
  std::set<int64_t> wide;
  for (const auto& block : table_.sparse_) {
    if (cancelled_.load(std::memory_order_relaxed)) return;
    int64_t last = -1;
    for (const SparseEntry& entry : block->entries) {
      if (!entry.wide || entry.index == last) continue;
      last = entry.index;
      wide.insert(last);
    }
    if (block->wide_label) wide.insert(kLabel);
    if (block->wide_query) wide.insert(kQuery);
  }
  for (size_t i = 0; i < table_.columns.size(); ++i) table_.columns[i].wide = wide.count(table_.indices_[i]) > 0;
}

// The columns that are asked for, of label, perhaps qid, and the features from `least` to `most`.
Status SparseReader::name_columns(int64_t least, int64_t most, bool queries) {
  const std::string first = "f" + std::to_string(least), last = "f" + std::to_string(most);
  const auto place = [&](const std::string& name) { return name == "label" ? kLabel : name == "qid" ? kQuery : index_of(name); };
  for (const auto* names : {&options_.columns, &options_.ignore})
    for (const std::string& name : *names) {
      const int64_t index = index_of(name);
      if (name != "label" && (name != "qid" || !queries) && (index < least || index > most))
        return unknown_column(path_, name, {"label"}, std::string("label, ") + (queries ? "qid, " : "") + first + " to " + last);
    }
  std::set<std::string_view> left_out(options_.ignore.begin(), options_.ignore.end());  // and those that were added
  std::vector<std::string> wanted = options_.columns;
  if (wanted.empty()) {
    if (Status s = check_width(most - least + 2 + queries - static_cast<int64_t>(left_out.size())); !s.ok()) return s;
    wanted.push_back("label");
    if (queries) wanted.push_back("qid");
    for (int64_t i = least; i <= most; ++i) wanted.push_back("f" + std::to_string(i));
  }
  for (const std::string& name : wanted)
    if (left_out.insert(name).second) add(name, place(name));
  return table_.columns.empty() ? nothing_left(path_) : Status{};
}

Status SparseReader::join() {
  if (Status s = check_options(); !s.ok()) return s;
  int64_t least = 1, most = 0;
  bool queries = false;
  for (const auto& block : table_.sparse_) {
    table_.first_row_.push_back(table_.rows);
    table_.rows += block->rows;
    if (block->entries.empty()) continue;
    least = std::min<int64_t>(least, block->least);
    most = std::max<int64_t>(most, block->most);
  }
  for (const auto& block : table_.sparse_) queries |= block->has_queries;
  for (const auto& [name, type] : options_.known) most = std::max(most, std::min(index_of(name), kMostColumns));
  if (table_.rows == 0) return {"ERR_TENSORWOOD_DATA", "readCsv: '" + path_ + "' holds no rows"};
  table_.delimiter = 0;
  if (Status s = name_columns(least, most, queries); !s.ok()) return s;
  find_wide();
  if (cancelled_.load(std::memory_order_relaxed)) return {"ERR_TENSORWOOD_ABORTED", "readCsv: aborted"};
  if (Status s = check_room(); !s.ok()) return s;
  table_.doubts.push_back({"libsvm", "", 0, queries ? "qid" : "", 0});
  return {};
}

}  // namespace tensorwood::csv
