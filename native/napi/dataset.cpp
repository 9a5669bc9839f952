// Data sets: features and labels from typed arrays to bins.
#include "core/limits.h"
#include "napi/devices.h"
#include "napi/trees.h"

namespace tensorwood {

const HandleType Dataset::handle = {{0x6a1f5cc2e83d4b19, 0x8d0247fe61a39c05}, "dataset"};

int64_t get_integer(const Napi::Object& spec, const char* name, int64_t least, int64_t most) {
  return read_integer(spec.Get(name), name, least, most);
}
double get_number(const Napi::Object& spec, const char* name) {
  const Napi::Value value = spec.Get(name);
  if (!value.IsNumber()) fail("ERR_TENSORWOOD_ARGUMENT", std::string(name) + ": expected a number");
  return value.As<Napi::Number>().DoubleValue();
}
Napi::Object get_object(const Napi::Value& value, const char* what) {
  if (!value.IsObject()) fail("ERR_TENSORWOOD_ARGUMENT", std::string(what) + ": expected an object");
  return value.As<Napi::Object>();
}
Napi::Array get_list(const Napi::Object& spec, const char* name) {
  const Napi::Value value = spec.Get(name);
  if (!value.IsArray()) fail("ERR_TENSORWOOD_ARGUMENT", std::string(name) + ": expected an array");
  return value.As<Napi::Array>();
}

namespace {

DType dtype_of(const Napi::TypedArray& array, const std::string& what) {
  switch (array.TypedArrayType()) {
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return DType::u8;
    case napi_int8_array:
      return DType::i8;
    case napi_int16_array:
      return DType::i16;
    case napi_uint16_array:
      return DType::u16;
    case napi_int32_array:
      return DType::i32;
    case napi_uint32_array:
      return DType::u32;
    case napi_float32_array:
      return DType::f32;
    case napi_float64_array:
      return DType::f64;
    case napi_bigint64_array:
      return DType::i64;
    default:
      fail("ERR_TENSORWOOD_ARGUMENT",
           what + ": expected numbers of up to 32 bits, 64-bit floats or signed 64-bit integers, got 64-bit unsigned or 16-bit ones");
  }
}

// { data, offset, stride, categorical, remap? } in elements; every row must lie inside the array.
Column read_column_spec(const Napi::Object& spec, int64_t rows, std::vector<Napi::Value>& pinned) {
  const Napi::Value data = spec.Get("data"), remap = spec.Get("remap");
  const View view = read_view(data, "features");
  const auto array = data.As<Napi::TypedArray>();
  const int64_t size = static_cast<int64_t>(array.ElementSize()), offset = get_integer(spec, "offset", 0, INT64_MAX >> 12),
                stride = get_integer(spec, "stride", 1, INT32_MAX);
  if (rows > 0 && offset + (rows - 1) * stride >= view.bytes / size)
    fail("ERR_TENSORWOOD_ARGUMENT", "features: expected a value in every row");
  Column column = {view.data + offset * size, dtype_of(array, "features"), stride};
  column.categorical = spec.Get("categorical").ToBoolean();
  pinned.push_back(data);
  if (!remap.IsUndefined()) {
    const View codes = read_view(remap, "remap");
    if (remap.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
      fail("ERR_TENSORWOOD_ARGUMENT", "remap: expected an Int32Array, got another array");
    column.remap = reinterpret_cast<const int32_t*>(codes.data);
    column.remap_count = static_cast<int32_t>(codes.bytes / 4);
    pinned.push_back(remap);
  }
  return column;
}

}  // namespace

Columns read_columns_spec(const Napi::Object& spec, std::vector<Napi::Value>& pinned) {
  Columns columns;
  columns.rows = get_integer(spec, "rows", 0, 1 << 30);
  const Napi::Array list = get_list(spec, "columns");
  for (uint32_t i = 0; i < list.Length(); i++)
    columns.columns.push_back(read_column_spec(get_object(list.Get(i), "column"), columns.rows, pinned));
  return columns;
}

Column read_numbers_spec(const Napi::Object& spec, const char* name, int64_t rows, std::vector<Napi::Value>& pinned) {
  const Napi::Value data = spec.Get(name);
  if (data.IsUndefined()) return {};
  const View view = read_view(data, name);
  const auto array = data.As<Napi::TypedArray>();
  if (static_cast<int64_t>(array.ElementLength()) != rows) {
    fail("ERR_TENSORWOOD_SHAPE",
         std::string(name) + ": expected " + std::to_string(rows) + " values, one a row, got " + std::to_string(array.ElementLength()));
  }
  pinned.push_back(data);
  return {view.data, dtype_of(array, name), 1};
}

std::vector<float> read_numbers(const Column& column, int64_t rows) {
  std::vector<float> numbers(column.data == nullptr ? 0 : static_cast<size_t>(rows));
  if (!numbers.empty()) read_column(column, 0, rows, numbers.data(), 1);
  return numbers;
}

void check_memory(int64_t bytes, const char* what, const char* cure) {
  const int64_t available = available_memory();
  if (bytes <= available) return;
  fail("ERR_TENSORWOOD_MEMORY", std::string(what) + ": expected at most " + std::to_string(available) +
                                    " bytes of memory (what this process may take now), got " + std::to_string(bytes) + "; " + cure);
}

namespace {

// What a job reads; made on the JavaScript thread.
struct DatasetJob {
  std::shared_ptr<Dataset> table = std::make_shared<Dataset>();
  Columns columns;
  Column label, weight;
  std::vector<std::string> names;  // of the columns, for errors
  BinOptions options;
};

Status bin_table(DatasetJob& job, const std::atomic<bool>& cancelled) {
  Dataset& table = *job.table;
  Threads& threads = table.runtime->threads();
  table.label = read_numbers(job.label, job.columns.rows);
  table.weight = read_numbers(job.weight, job.columns.rows);
  for (const float label : table.label) table.largest_label = std::max(table.largest_label, label);
  const Status status = check_codes(job.columns, job.options, job.names, threads);
  return status.ok() ? make_bins(job.columns, job.options, table.runtime->device(), threads, cancelled, table.bins) : status;
}

Napi::Value create_table(const Napi::CallbackInfo& info) {
  const auto& runtime = unwrap<Runtime>(info[0]);
  const Napi::Object spec = get_object(info[1], "dataset");
  auto job = std::make_shared<DatasetJob>();
  Task task;
  job->table->runtime = runtime;
  const Device& device = open_device(read_text(spec.Get("device"), "device"), "");
  if (!device.host) job->table->accelerator = &device;
  job->columns = read_columns_spec(spec, task.pinned);
  job->options.max_bins = static_cast<int32_t>(get_integer(spec, "maxBins", 2, kNarrowBins));
  const Napi::Array categories = get_list(spec, "categories");
  for (uint32_t i = 0; i < categories.Length(); i++)
    job->options.categories.push_back(static_cast<int32_t>(read_integer(categories.Get(i), "categories", 0, 65535)));
  if (job->options.categories.size() != job->columns.columns.size())
    fail("ERR_TENSORWOOD_ARGUMENT", "dataset: expected categories of every column");
  const Napi::Array names = get_list(spec, "names");
  for (uint32_t i = 0; i < names.Length(); i++) job->names.push_back(read_text(names.Get(i), "names"));
  if (job->names.size() != job->columns.columns.size()) fail("ERR_TENSORWOOD_ARGUMENT", "dataset: expected names of every column");
  check_memory(count_code_bytes(job->columns.rows, job->options.categories), "dataset", "use fewer rows or columns");
  job->label = read_numbers_spec(spec, "label", job->columns.rows, task.pinned);
  job->weight = read_numbers_spec(spec, "weight", job->columns.rows, task.pinned);
  task.work = [job](Job& run) { return bin_table(*job, run.cancelled_flag()); };
  task.result = [job](Napi::Env env) {
    job->table->account = std::make_unique<Account>(env, job->table->bytes());
    return wrap(env, job->table);
  };
  return start_job(info.Env(), runtime->coordinator(), std::move(task));
}

Napi::Value describe_table(const Napi::CallbackInfo& info) {
  const auto& table = unwrap<Dataset>(info[0]);
  Napi::Object answer = Napi::Object::New(info.Env());
  Napi::Array bins = Napi::Array::New(info.Env());
  for (const Feature& f : table->bins.features) bins.Set(bins.Length(), f.bins);
  answer.Set("rows", static_cast<double>(table->bins.rows));
  answer.Set("bytes", static_cast<double>(table->bytes()));
  answer.Set("device", (table->accelerator != nullptr ? *table->accelerator : table->runtime->device()).name);
  answer.Set("bins", bins);
  answer.Set("largestLabel", table->largest_label);
  return answer;
}

}  // namespace

void add_dataset_functions(Napi::Object exports) {
  add_function<create_table>(exports, "createTable");
  add_function<describe_table>(exports, "describeTable");
}

}  // namespace tensorwood
