// Rows of a table by index (embeddings), and their gradient, which sums rows in the order of the indices: no atomics, the same bits for any
// number of threads. An index outside the table fails the run; nothing is read or written there.
#pragma once
#include "core/threads.h"
#include "cpu/strided.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int64_t kGatherWork = 16384;  // elements of a task, about

static void fail_run(const Args& args) {
  static const char* const sentence = "expected indices within the table's rows";
  if (args.failure != nullptr) __atomic_store_n(args.failure, sentence, __ATOMIC_RELAXED);
}

// The caller may change its array during the run (a SharedArrayBuffer): what was checked is what is used.
TENSORWOOD_INLINE int64_t read_once(const int32_t* index) { return __atomic_load_n(index, __ATOMIC_RELAXED); }

// Inputs: table (V, D) with dense rows, indices (...) dense i32. Output: (..., D) dense.
static void gather_rows(const Args& args) {
  const Operand& table = args.inputs[0];
  const int32_t* index = static_cast<const int32_t*>(args.inputs[1].data);
  const int64_t count = size_of(args.inputs[1]), bytes = table.shape[1] * size_of(table.dtype),
                pitch = table.stride[0] * size_of(table.dtype);
  const int64_t grouped = kGatherWork / (table.shape[1] + 1) + 1;
  const std::byte* from = static_cast<const std::byte*>(table.data);
  std::byte* to = static_cast<std::byte*>(args.outputs[0].data);
  args.threads->parallel((count + grouped - 1) / grouped, [&](int64_t task, int) {
    for (int64_t i = task * grouped; i < (task + 1) * grouped && i < count; i++) {
      const int64_t row = read_once(index + i);
      if (row < 0 || row >= table.shape[0]) {
        std::memset(to + i * bytes, 0, static_cast<size_t>(bytes));
        fail_run(args);
      } else {
        std::memcpy(to + i * bytes, from + row * pitch, static_cast<size_t>(bytes));
      }
    }
  });
}

TENSORWOOD_INLINE void add_row(const float* from, int64_t n, float* to) {
  int64_t i = 0;
  for (; i + Vector::lanes <= n; i += Vector::lanes) store(to + i, load(to + i) + load(from + i));
  for (; i < n; i++) to[i] += from[i];
}

// Inputs: rows (..., D) dense f32, indices (...) dense i32. Output: (V, D) dense f32, row v the sum of the rows whose index is v.
// A task owns a tile of the output and looks at every index.
static void scatter_rows(const Args& args) {
  const Operand& output = args.outputs[0];
  const int32_t* index = static_cast<const int32_t*>(args.inputs[1].data);
  const int64_t count = size_of(args.inputs[1]), V = output.shape[0], D = output.shape[1];
  constexpr int64_t kBands = 16, kWidth = 512;
  const int64_t band = (V + kBands - 1) / kBands, tiles = (D + kWidth - 1) / kWidth;
  args.threads->parallel(kBands * tiles, [&](int64_t task, int) {
    const int64_t first = task / tiles * band, end = first + band < V ? first + band : V, column = task % tiles * kWidth;
    const int64_t n = D - column < kWidth ? D - column : kWidth;
    const float* from = static_cast<const float*>(args.inputs[0].data) + column;
    float* to = static_cast<float*>(output.data) + column;
    for (int64_t v = first; v < end; v++) std::memset(to + v * D, 0, static_cast<size_t>(n) * 4);
    for (int64_t i = 0; i < count; i++) {
      const int64_t row = read_once(index + i);
      if (row >= first && row < end) add_row(from + i * D, n, to + row * D);
      if (row < 0 || row >= V) fail_run(args);
    }
  });
}

// Output: i32 (N), 0 to N - 1.
static void arange(const Args& args) {
  int32_t* to = static_cast<int32_t*>(args.outputs[0].data);
  for (int64_t i = 0; i < args.outputs[0].shape[0]; i++) to[i] = static_cast<int32_t>(i);
}

// table (V, D), indices and rows (indices..., D) of either direction.
static const char* check_rows(const Operand& table, const Operand& indices, const Operand& picked) {
  if (indices.dtype != DType::i32 || !is_dense(indices) || !is_dense(picked)) return "expected dense indices of i32 and dense rows";
  if (table.rank != 2 || picked.rank != indices.rank + 1 || picked.shape[indices.rank] != table.shape[1])
    return "expected a table (V, D) and rows (indices..., D)";
  for (int d = 0; d < indices.rank; d++) {
    if (picked.shape[d] != indices.shape[d]) return "expected a row for each index";
  }
  return nullptr;
}
static const char* check_gather(const Args& args) {
  if (args.input_count != 2 || args.output_count != 1) return "expected a table, indices, and one output";
  const Operand& table = args.inputs[0];
  if (const char* wrong = check_rows(table, args.inputs[1], args.outputs[0])) return wrong;
  if (table.dtype != args.outputs[0].dtype) return "expected an output of the table's dtype";
  return table.shape[1] <= 1 || table.stride[1] == 1 ? nullptr : "expected a table with dense rows";
}
static const char* check_scatter(const Args& args) {
  if (args.input_count != 2 || args.output_count != 1) return "expected rows, indices, and one output";
  if (const char* wrong = check_rows(args.outputs[0], args.inputs[1], args.inputs[0])) return wrong;
  const bool floats = args.inputs[0].dtype == DType::f32 && args.outputs[0].dtype == DType::f32;
  return floats && is_dense(args.outputs[0]) ? nullptr : "expected dense f32 rows and output";
}
static const char* check_arange(const Args& args) {
  if (args.input_count != 0 || args.output_count != 1) return "expected no input and one output";
  const Operand& output = args.outputs[0];
  return output.dtype == DType::i32 && output.rank == 1 && is_dense(output) && output.shape[0] <= INT32_MAX
             ? nullptr
             : "expected a dense output (N) of i32";
}

constexpr Kernel rows[] = {
    {"gather_rows", DType::any, gather_rows, check_gather, nullptr},
    {"scatter_rows", DType::f32, scatter_rows, check_scatter, nullptr},
    {"arange", DType::i32, arange, check_arange, nullptr},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
