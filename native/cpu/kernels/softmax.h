// Softmax and its logarithm along the last axis, and their gradients. f32 or bf16 with f32 arithmetic; each row is read while it is in
// cache.
#pragma once
#include "core/threads.h"
#include "cpu/isa/math.h"
#include "cpu/rows.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

template <class T>
TENSORWOOD_INLINE float row_maximum(const T* x, int64_t width) {
  const Vector lowest = broadcast(-__builtin_inff());
  Vector most = lowest;
  for_vectors(width, [&](int64_t j, int count) { most = maximum(keep_first(load_lanes(x + j, count), count, lowest), most); });
  return reduce_max(most);
}

// Sum of e^(x - shift); with `write`, y receives the terms.
template <bool write, class T>
TENSORWOOD_INLINE float row_exponentials(const T* x, T* y, int64_t width, float shift) {
  Vector sum = broadcast(0.0f);
  for_vectors(width, [&](int64_t j, int count) {
    const Vector term = exp(load_lanes(x + j, count) - broadcast(shift));
    if (write) store_lanes(y + j, term, count);
    sum = sum + keep_first(term, count, broadcast(0.0f));
  });
  return reduce_add(sum);
}

template <class T>
static void softmax_row(const T* x, T* y, int64_t width) {
  const float highest = row_maximum(x, width);
  const Vector factor = broadcast(1.0f / row_exponentials<false>(x, y, width, highest));
  for_vectors(width, [&](int64_t j, int count) { store_lanes(y + j, exp(load_lanes(x + j, count) - broadcast(highest)) * factor, count); });
}
// f32 keeps the terms in y, where bf16 would round them twice.
static void softmax_row(const float* x, float* y, int64_t width) {
  const Vector factor = broadcast(1.0f / row_exponentials<true>(x, y, width, row_maximum(x, width)));
  for_vectors(width, [&](int64_t j, int count) { store_lanes(y + j, load_lanes(y + j, count) * factor, count); });
}

template <class T>
static void log_softmax_row(const T* x, T* y, int64_t width) {
  const float highest = row_maximum(x, width);
  const Vector low = broadcast(logarithm(row_exponentials<false>(x, y, width, highest)));
  for_vectors(width, [&](int64_t j, int count) { store_lanes(y + j, load_lanes(x + j, count) - broadcast(highest) - low, count); });
}

// dx = y (g - sum(g y))
template <class T>
static void softmax_gradient_row(const T* g, const T* y, T* dx, int64_t width) {
  Vector sum = broadcast(0.0f);
  for_vectors(width, [&](int64_t j, int count) { sum = multiply_add(load_lanes(g + j, count), load_lanes(y + j, count), sum); });
  const Vector mean = broadcast(reduce_add(sum));
  for_vectors(width,
              [&](int64_t j, int count) { store_lanes(dx + j, load_lanes(y + j, count) * (load_lanes(g + j, count) - mean), count); });
}

// dx = g - e^y sum(g)
template <class T>
static void log_softmax_gradient_row(const T* g, const T* y, T* dx, int64_t width) {
  Vector sum = broadcast(0.0f);
  for_vectors(width, [&](int64_t j, int count) { sum = sum + load_lanes(g + j, count); });
  const Vector total = broadcast(reduce_add(sum));
  for_vectors(width,
              [&](int64_t j, int count) { store_lanes(dx + j, load_lanes(g + j, count) - exp(load_lanes(y + j, count)) * total, count); });
}

// Inputs x; outputs y of the same shape and dtype. Rows of x may lie anywhere; y is dense.
template <class T, bool logarithm>
static void run_softmax_as(const Args& args) {
  const Operand &x = args.inputs[0], &y = args.outputs[0];
  const RowStarts from(x), to(y);
  const int64_t width = width_of(x);
  parallel_rows(args, rows_of(x), rows_a_task(width), [&](int64_t first, int64_t end) {
    for (int64_t row = first; row < end; row++) {
      const T* in = static_cast<const T*>(x.data) + from[row];
      T* out = static_cast<T*>(y.data) + to[row];
      if (logarithm) {
        log_softmax_row(in, out, width);
      } else {
        softmax_row(in, out, width);
      }
    }
  });
}

template <bool logarithm>
static void run_softmax(const Args& args) {
  if (args.inputs[0].dtype == DType::f32) return run_softmax_as<float, logarithm>(args);
  run_softmax_as<uint16_t, logarithm>(args);
}

// Inputs g, y; outputs dx, all of one shape and dtype.
template <class T, bool logarithm>
static void run_softmax_gradient_as(const Args& args) {
  const Operand &g = args.inputs[0], &y = args.inputs[1], &dx = args.outputs[0];
  const RowStarts g_rows(g), y_rows(y), dx_rows(dx);
  const int64_t width = width_of(g);
  parallel_rows(args, rows_of(g), rows_a_task(width), [&](int64_t first, int64_t end) {
    for (int64_t row = first; row < end; row++) {
      const T* g_row = static_cast<const T*>(g.data) + g_rows[row];
      const T* y_row = static_cast<const T*>(y.data) + y_rows[row];
      T* dx_row = static_cast<T*>(dx.data) + dx_rows[row];
      if (logarithm) {
        log_softmax_gradient_row(g_row, y_row, dx_row, width);
      } else {
        softmax_gradient_row(g_row, y_row, dx_row, width);
      }
    }
  });
}

template <bool logarithm>
static void run_softmax_gradient(const Args& args) {
  if (args.inputs[0].dtype == DType::f32) return run_softmax_gradient_as<float, logarithm>(args);
  run_softmax_gradient_as<uint16_t, logarithm>(args);
}

static const char* check_alike(const Args& args, int inputs) {
  if (args.input_count != inputs || args.output_count != 1) return "expected the operands of a softmax";
  const Operand& y = args.outputs[0];
  if (!is_floating(y) || y.rank < 1 || !has_dense_rows(y)) return "expected floating rows of rank 1 or more";
  for (int i = 0; i < inputs; i++) {
    const Operand& x = args.inputs[i];
    if (x.dtype != y.dtype || !same_shape(x, y) || !has_dense_rows(x))
      return "expected inputs of the output's dtype and shape, with dense rows";
  }
  return nullptr;
}
static const char* check_softmax(const Args& args) { return check_alike(args, 1); }
static const char* check_softmax_gradient(const Args& args) { return check_alike(args, 2); }

constexpr Kernel rows[] = {
    {"softmax", DType::any, run_softmax<false>, check_softmax, nullptr},
    {"log_softmax", DType::any, run_softmax<true>, check_softmax, nullptr},
    {"softmax_gradient", DType::any, run_softmax_gradient<false>, check_softmax_gradient, nullptr},
    {"log_softmax_gradient", DType::any, run_softmax_gradient<true>, check_softmax_gradient, nullptr},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
