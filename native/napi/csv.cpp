// Functions of lib/native.ts about CSV files: open (parse on all threads), then read (fill the caller's arrays in place).
#include "data/csv.h"

#include <algorithm>
#include <cstring>

#include "napi/runtime.h"

namespace tensorwood {
namespace {

class OpenCsv {
 public:
  static const HandleType handle;
  explicit OpenCsv(std::shared_ptr<Runtime> runtime) : runtime(std::move(runtime)) {}

  std::shared_ptr<Runtime> runtime;
  csv::Table table;
  std::unique_ptr<Account> account;
};

const HandleType OpenCsv::handle = {{0x5a0c7be3914d4f28, 0x93f1d60b7e2ac805}, "CSV table"};

std::vector<std::string> read_texts(const Napi::Value& list, const std::string& what) {
  if (!list.IsArray()) fail("ERR_TENSORWOOD_ARGUMENT", what + ": expected an array of strings");
  const auto array = list.As<Napi::Array>();
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < array.Length(); i++) texts.push_back(read_text(array.Get(i), what));
  return texts;
}

char read_character(const Napi::Object& spec, const char* name) {
  const std::string text = read_text(spec.Get(name), name);
  if (text.size() > 1) fail("ERR_TENSORWOOD_ARGUMENT", std::string("readCsv: expected ") + name + " to be one ASCII character");
  return text.empty() ? 0 : text[0];
}

csv::Options read_options(const Napi::Value& value) {
  if (!value.IsObject()) fail("ERR_TENSORWOOD_ARGUMENT", "readCsv: expected an object of options");
  const auto spec = value.As<Napi::Object>();
  csv::Options options;
  options.delimiter = read_character(spec, "delimiter");
  options.quote = read_character(spec, "quote");
  options.decimal = read_character(spec, "decimal");
  options.header = static_cast<int>(read_integer(spec.Get("header"), "header", -1, 1));
  options.skip_lines = read_integer(spec.Get("skipLines"), "skipLines", 0, 1000000);
  options.trim = spec.Get("trim").ToBoolean();
  options.skip_bad_lines = spec.Get("skipBadLines").ToBoolean();
  options.bad_values_missing = spec.Get("badValuesMissing").ToBoolean();
  options.thousands = read_character(spec, "thousands");
  options.order = read_character(spec, "dateOrder");
  options.names = read_texts(spec.Get("names"), "names");
  options.columns = read_texts(spec.Get("columns"), "columns");
  options.ignore = read_texts(spec.Get("ignore"), "ignore");
  options.missing = read_texts(spec.Get("missing"), "missing");
  options.missing_numbers = read_texts(spec.Get("missingNumbers"), "missingNumbers");
  const auto add_types = [&](const char* list, csv::Type type, std::vector<std::pair<std::string, csv::Type>>& types) {
    for (std::string& name : read_texts(spec.Get(list), list)) types.emplace_back(std::move(name), type);
  };
  add_types("numbers", csv::Type::number, options.types);
  add_types("categories", csv::Type::category, options.types);
  add_types("dates", csv::Type::time, options.types);
  add_types("knownNumbers", csv::Type::number, options.known);
  add_types("knownCategories", csv::Type::category, options.known);
  return options;
}

Napi::Value describe_column(Napi::Env env, const csv::Column& column) {
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("name", column.name);
  answer.Set("type", column.type == csv::Type::category ? "category" : column.wide ? "f64" : "f32");
  answer.Set("times", column.times);
  answer.Set("categories", static_cast<double>(column.categories.count()));
  answer.Set("textBytes", static_cast<double>(column.categories.text.size()));
  return answer;
}

Napi::Value describe_doubt(Napi::Env env, const csv::Doubt& doubt) {
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("kind", doubt.kind);
  answer.Set("column", doubt.column);
  answer.Set("count", static_cast<double>(doubt.count));
  answer.Set("text", doubt.text);
  answer.Set("line", static_cast<double>(doubt.line));
  return answer;
}

Napi::Value describe_table(Napi::Env env, const std::shared_ptr<OpenCsv>& open) {
  const csv::Table& table = open->table;
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("csv", wrap(env, open));
  answer.Set("rows", static_cast<double>(table.rows));
  answer.Set("delimiter", table.delimiter == 0 ? std::string() : std::string(1, table.delimiter));
  answer.Set("header", table.header);
  answer.Set("badCount", static_cast<double>(table.bad_count));
  Napi::Array bad = Napi::Array::New(env, table.bad.size()), columns = Napi::Array::New(env, table.columns.size());
  for (size_t i = 0; i < table.bad.size(); i++) {
    const Napi::HandleScope scope(env);
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("line", static_cast<double>(table.bad[i].line));
    entry.Set("reason", table.bad[i].reason);
    bad.Set(static_cast<uint32_t>(i), entry);
  }
  for (size_t i = 0; i < table.columns.size(); i++) {
    const Napi::HandleScope scope(env);
    columns.Set(static_cast<uint32_t>(i), describe_column(env, table.columns[i]));
  }
  Napi::Array doubts = Napi::Array::New(env, table.doubts.size());
  for (size_t i = 0; i < table.doubts.size(); i++) {
    const Napi::HandleScope scope(env);
    doubts.Set(static_cast<uint32_t>(i), describe_doubt(env, table.doubts[i]));
  }
  answer.Set("doubts", doubts);
  answer.Set("bad", bad);
  answer.Set("columns", columns);
  return answer;
}

// Bytes in place, or the path of a plain file.
csv::Input read_input(const Napi::Value& content, const Napi::Value& name) {
  csv::Input input{read_text(name, "name")};
  if (content.IsString()) {
    input.path = read_text(content, "path");
    return input;
  }
  const View bytes = read_view(content, "readCsv");
  input.bytes = bytes.bytes == 0 ? "" : reinterpret_cast<const char*>(bytes.data);
  input.size = bytes.bytes;
  return input;
}

// (runtime, path or bytes, what messages call it, options)
Napi::Value open_csv(const Napi::CallbackInfo& info) {
  const auto open = std::make_shared<OpenCsv>(unwrap<Runtime>(info[0]));
  Task task;
  task.pinned = {info[1]};
  task.work = [open, input = read_input(info[1], info[2]), options = read_options(info[3])](Job& job) {
    return csv::read(input, options, open->runtime->threads(), job.cancelled_flag(), open->table);
  };
  task.result = [open](Napi::Env env) {
    open->account = std::make_unique<Account>(env, open->table.bytes());
    return describe_table(env, open);
  };
  return start_job(info.Env(), open->runtime->coordinator(), std::move(task));
}

bool is_wide(const csv::Column& column) { return column.type == csv::Type::number && column.wide; }

void fill(const csv::Table& table, int column, const View& target, Threads& threads) {
  if (table.columns[column].type == csv::Type::category)
    table.fill_codes(column, reinterpret_cast<int32_t*>(target.data), threads);
  else if (is_wide(table.columns[column]))
    table.fill_numbers(column, reinterpret_cast<double*>(target.data), threads);
  else
    table.fill_numbers(column, reinterpret_cast<float*>(target.data), threads);
}

void fill_text(const csv::Strings& strings, const View& text, const View& offsets) {
  if (!strings.text.empty()) std::memcpy(text.data, strings.text.data(), strings.text.size());
  std::copy(strings.offsets.begin(), strings.offsets.end(), reinterpret_cast<double*>(offsets.data));
}

void check_target(const View& target, size_t bytes, size_t size, const std::string& what) {
  if (static_cast<size_t>(target.bytes) != bytes || reinterpret_cast<uintptr_t>(target.data) % size != 0)
    fail("ERR_TENSORWOOD_ARGUMENT", "readCsv: " + what + " does not fit its column");
}

// (csv, first column, one array a column from there: Float32Array, Float64Array or Int32Array as its type says; text and offsets of each
// column of categories among them)
Napi::Value read_csv(const Napi::CallbackInfo& info) {
  const auto open = unwrap<OpenCsv>(info[0]);
  const auto& columns = open->table.columns;
  const size_t first = static_cast<size_t>(read_integer(info[1], "first", 0, static_cast<int64_t>(columns.size())));
  const std::vector<View> targets = read_views(info[2], "readCsv: target");
  const std::vector<View> texts = read_views(info[3], "readCsv: text");
  const size_t count = std::min(targets.size(), columns.size() - first);
  std::vector<const csv::Strings*> strings;
  for (size_t i = first; i < first + count; i++)
    if (columns[i].type == csv::Type::category) strings.push_back(&columns[i].categories);
  if (targets.size() != count || texts.size() != 2 * strings.size())
    fail("ERR_TENSORWOOD_ARGUMENT", "readCsv: expected one target a column, and two texts a column of categories");
  for (size_t i = 0; i < count; i++) {
    const size_t size = is_wide(columns[first + i]) ? 8 : 4;
    check_target(targets[i], static_cast<size_t>(open->table.rows) * size, size, "target " + std::to_string(i));
  }
  for (size_t i = 0; i < strings.size(); i++) {
    check_target(texts[2 * i], strings[i]->text.size(), 1, "text " + std::to_string(2 * i));
    check_target(texts[2 * i + 1], strings[i]->offsets.size() * 8, 8, "text " + std::to_string(2 * i + 1));
  }
  Task task;
  for (const size_t list : {2, 3}) pin_elements(info[list], task.pinned);  // the caller may change the lists meanwhile
  task.work = [open, first, targets, texts, strings](Job& job) {
    for (size_t i = 0; i < targets.size() && !job.cancelled(); i++)
      fill(open->table, static_cast<int>(first + i), targets[i], open->runtime->threads());
    for (size_t i = 0; i < strings.size() && !job.cancelled(); i++) fill_text(*strings[i], texts[2 * i], texts[2 * i + 1]);
    return job.cancelled() ? Status{"ERR_TENSORWOOD_ABORTED", "readCsv: aborted"} : Status{};
  };
  return start_job(info.Env(), open->runtime->coordinator(), std::move(task));
}

}  // namespace

bool dispose_csv(const Napi::Value& value) { return dispose_as<OpenCsv>(value); }

void add_csv_functions(Napi::Object exports) {
  add_function<open_csv>(exports, "openCsv");
  add_function<read_csv>(exports, "readCsv");
}

}  // namespace tensorwood
