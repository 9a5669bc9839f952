// Copies that join tensors. The other layout operations are views, and a copy of a view is the elementwise machine's.
#pragma once
#include "core/threads.h"
#include "cpu/strided.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int64_t kPiece = 16384;  // elements of a task

// concat: inputs of any strides, one dense output of their dtype. Integers: the axis.
static const char* check_concat(const Args& args) {
  if (args.output_count != 1 || args.input_count < 1 || args.integer_count != 1) return "expected inputs, one output and an axis";
  const Operand& output = args.outputs[0];
  const int64_t axis = args.integers[0];
  if (axis < 0 || axis >= output.rank || !is_dense(output)) return "expected a dense output and one of its axes";
  int64_t total = 0;
  for (int k = 0; k < args.input_count; k++) {
    const Operand& input = args.inputs[k];
    if (input.dtype != output.dtype || input.rank != output.rank) return "expected inputs of the output's dtype and rank";
    for (int d = 0; d < output.rank; d++) {
      if (d != axis && input.shape[d] != output.shape[d]) return "expected inputs that differ from the output only along the axis";
    }
    total += input.shape[axis];
  }
  return total == output.shape[axis] ? nullptr : "expected inputs that fill the output's axis";
}

// Places rows of `chunk` elements of the input at every `pitch` elements of the output.
template <class T>
static void place_rows(const Operand& input, T* to, int64_t chunk, int64_t pitch, Threads& threads) {
  const Layout layout = merge_axes(&input, 1);
  const int64_t rows = size_of(input) / chunk, pieces = (chunk + kPiece - 1) / kPiece;
  const int64_t grouped = chunk < kPiece ? kPiece / chunk : 1, items = rows * pieces;
  threads.parallel((items + grouped - 1) / grouped, [&](int64_t task, int) {
    for (int64_t i = task * grouped; i < (task + 1) * grouped && i < items; i++) {
      const int64_t row = i / pieces, first = i % pieces * kPiece, left = chunk - first;
      copy_elements(layout, layout.stride[0], static_cast<const T*>(input.data), row * chunk + first, left < kPiece ? left : kPiece,
                    to + row * pitch + first);
    }
  });
}

static void run_concat(const Args& args) {
  const Operand& output = args.outputs[0];
  int64_t after = 1;
  for (int d = static_cast<int>(args.integers[0]); d < output.rank; d++) after *= output.shape[d];
  const int64_t bytes = size_of(output.dtype);
  for (int64_t k = 0, done = 0; k < args.input_count; k++) {
    const Operand& input = args.inputs[k];
    const int64_t size = size_of(input);
    if (size == 0) continue;
    const int64_t chunk = after / output.shape[args.integers[0]] * input.shape[args.integers[0]];
    std::byte* to = static_cast<std::byte*>(output.data) + done * bytes;
    if (bytes == 4)
      place_rows(input, reinterpret_cast<uint32_t*>(to), chunk, after, *args.threads);
    else if (bytes == 2)
      place_rows(input, reinterpret_cast<uint16_t*>(to), chunk, after, *args.threads);
    else if (bytes == 1)
      place_rows(input, reinterpret_cast<uint8_t*>(to), chunk, after, *args.threads);
    else
      place_rows(input, reinterpret_cast<uint64_t*>(to), chunk, after, *args.threads);
    done += chunk;
  }
}

constexpr Kernel rows[] = {{"concat", DType::any, run_concat, check_concat, nullptr}};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
