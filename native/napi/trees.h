// What the functions about trees share: the objects behind their handles, and how `spec` objects, written by lib/trees, are read.
#pragma once
#include "napi/runtime.h"
#include "trees/bins.h"
#include "trees/forest.h"

namespace tensorwood {

// Binned features with their labels.
class Dataset {
 public:
  static const HandleType handle;
  std::shared_ptr<Runtime> runtime;
  const Device* accelerator = nullptr;  // of what is trained on it; null = the runtime's device does everything
  Bins bins;
  std::vector<float> label, weight;
  float largest_label = 0;
  std::unique_ptr<Account> account;
  int64_t bytes() const { return bins.bytes() + static_cast<int64_t>(label.size() + weight.size()) * 4; }
};

class Model {
 public:
  static const HandleType handle;
  explicit Model(std::shared_ptr<Runtime> owner) : runtime(std::move(owner)), kernels(runtime->device()) {}
  const std::shared_ptr<Runtime> runtime;
  const PredictKernels kernels;
  Forest forest;
  std::vector<float> row;  // of predict_row, on the JavaScript thread
  std::unique_ptr<Account> account;
};

int64_t get_integer(const Napi::Object& spec, const char* name, int64_t least = 0, int64_t most = INT32_MAX);
double get_number(const Napi::Object& spec, const char* name);
Napi::Object get_object(const Napi::Value& value, const char* what);
Napi::Array get_list(const Napi::Object& spec, const char* name);
// { rows, columns: [{ data, offset, stride, categorical, remap? }] } in elements; every row must lie inside its array. Adds the arrays to
// `pinned`.
Columns read_columns_spec(const Napi::Object& spec, std::vector<Napi::Value>& pinned);
// A typed array of one number a row, added to `pinned`; without data when absent.
Column read_numbers_spec(const Napi::Object& spec, const char* name, int64_t rows, std::vector<Napi::Value>& pinned);
// The same as f32, for the job to read; empty when absent.
std::vector<float> read_numbers(const Column& column, int64_t rows);
// Throws ERR_TENSORWOOD_MEMORY with the cure when this process may not take so many bytes more.
void check_memory(int64_t bytes, const char* what, const char* cure);

void add_dataset_functions(Napi::Object exports);

}  // namespace tensorwood
