// Names of the caller against the columns of a file.
#include "data/csv_choices.h"

#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "data/unknown_column.h"

namespace tensorwood::csv {

Status apply_choices(const std::string& path, const Options& options, std::vector<FileColumn>& columns) {
  std::unordered_map<std::string_view, FileColumn*> named;
  for (FileColumn& column : columns) named[column.name] = &column;
  const auto find = [&](const std::string& name) {
    const auto found = named.find(name);
    return found == named.end() ? nullptr : found->second;
  };
  const auto unknown = [&](const std::string& name) {
    std::vector<std::string> names;
    for (const FileColumn& column : columns) names.push_back(column.name);
    return unknown_column(path, name, names, listed(names));
  };
  for (const auto* names : {&options.columns, &options.ignore})
    for (const std::string& name : *names)
      if (find(name) == nullptr) return unknown(name);
  const std::unordered_set<std::string_view> wanted(options.columns.begin(), options.columns.end()),
      ignored(options.ignore.begin(), options.ignore.end());
  bool any = false;
  for (FileColumn& column : columns) {
    const bool skipped = (!wanted.empty() && wanted.count(column.name) == 0) || ignored.count(column.name) > 0;
    if (skipped) column.type = Type::skip;
    any |= !skipped;
  }
  if (!any) return nothing_left(path);
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

}  // namespace tensorwood::csv
