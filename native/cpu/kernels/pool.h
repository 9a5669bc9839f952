// Pooling of images: the largest or the mean element under a sliding window, and what each output's gradient gives to the inputs under it.
// Planes are independent, so each is one thread's.
//
// Integers of every kernel here: [kernel y, kernel x, stride y, stride x, pad y, pad x]. No numbers. Operands are dense, (images, channels,
// h, w). Padding never wins a maximum and counts as zeros in a mean. The first of equal elements is the maximum; a NaN is larger than all.
#pragma once
#include "core/kernel.h"
#include "core/threads.h"
#include "cpu/strided.h"
#include "cpu/window.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

struct Pool {
  int64_t planes;
  Axis y, x;
};

static inline Pool pool_of(const Args& args, const Operand& x, const Operand& y) {
  const int64_t* v = args.integers;
  return {x.shape[0] * x.shape[1], {x.shape[2], y.shape[2], v[0], v[2], v[4], 1}, {x.shape[3], y.shape[3], v[1], v[3], v[5], 1}};
}

static inline const char* check_pool(const Args& args, const Operand& x, const Operand& y) {
  if (args.integer_count != 6 || args.number_count != 0) return "expected 6 integers and no numbers, got another count";
  for (int i = 0; i < args.input_count + args.output_count; i++) {
    const Operand& o = i < args.input_count ? args.inputs[i] : args.outputs[i - args.input_count];
    if (o.rank != 4 || !is_dense(o)) return "expected dense operands of rank 4, got others";
    if (o.dtype != args.outputs[0].dtype) return "expected operands of one type, got several";
  }
  if (x.shape[0] != y.shape[0] || x.shape[1] != y.shape[1]) return "expected as many planes in as out, got others";
  if (x.shape[2] == 0 || x.shape[3] == 0) return "expected planes with elements, got none";
  const Pool pool = pool_of(args, x, y);
  if (!fits(pool.y) || !fits(pool.x)) return "expected sizes of y that the window gives, got others";
  return 2 * pool.y.pad <= pool.y.kernel && 2 * pool.x.pad <= pool.x.kernel ? nullptr
                                                                            : "expected a pad of at most half the kernel, got more";
}

TENSORWOOD_INLINE float read(float a) { return a; }
TENSORWOOD_INLINE float read(uint16_t a) { return bf16_to_float(a); }
TENSORWOOD_INLINE void write(float* to, float a) { *to = a; }
TENSORWOOD_INLINE void write(uint16_t* to, float a) { *to = float_to_bf16(a); }

// Inputs under the window of one output, within the image.
static inline Span under(const Axis& a, int64_t output) {
  const int64_t start = input_start(a, output, 0), end = start + a.kernel;
  return {start < 0 ? 0 : start, end < a.input ? end : a.input};
}

template <class T>
static inline int64_t largest(const Pool& pool, const T* plane, int64_t row, int64_t column) {
  const Span rows = under(pool.y, row), columns = under(pool.x, column);
  int64_t at = rows.first * pool.x.input + columns.first;
  float best = read(plane[at]);
  for (int64_t i = rows.first; i < rows.last; i++) {
    for (int64_t j = columns.first; j < columns.last; j++) {
      const float value = read(plane[i * pool.x.input + j]);
      if (value > best || (value != value && best == best)) {
        best = value;
        at = i * pool.x.input + j;
      }
    }
  }
  return at;
}

template <class T>
static inline float total(const Pool& pool, const T* plane, int64_t row, int64_t column) {
  const Span rows = under(pool.y, row), columns = under(pool.x, column);
  float sum = 0.0f;
  for (int64_t i = rows.first; i < rows.last; i++) {
    for (int64_t j = columns.first; j < columns.last; j++) sum += read(plane[i * pool.x.input + j]);
  }
  return sum;
}

// f(row, column, output index) for each output of a plane.
template <class F>
TENSORWOOD_INLINE void for_outputs(const Pool& pool, const F& f) {
  for (int64_t row = 0; row < pool.y.output; row++) {
    for (int64_t column = 0; column < pool.x.output; column++) f(row, column, row * pool.x.output + column);
  }
}

// f(start of the input's plane, start of the output's) for each plane.
template <class F>
TENSORWOOD_INLINE void for_planes(const Pool& pool, const Args& args, const F& f) {
  if (size_of(args.outputs[0]) == 0) return;
  args.threads->parallel(pool.planes,
                         [&](int64_t plane, int) { f(plane * pool.y.input * pool.x.input, plane * pool.y.output * pool.x.output); });
}

template <class T>
static inline void max_pool(const Args& args) {
  const Pool pool = pool_of(args, args.inputs[0], args.outputs[0]);
  for_planes(pool, args, [&](int64_t input, int64_t output) {
    const T* from = static_cast<const T*>(args.inputs[0].data) + input;
    T* to = static_cast<T*>(args.outputs[0].data) + output;
    for_outputs(pool, [&](int64_t row, int64_t column, int64_t at) { to[at] = from[largest(pool, from, row, column)]; });
  });
}

template <class T>
static inline void average_pool(const Args& args) {
  const Pool pool = pool_of(args, args.inputs[0], args.outputs[0]);
  const float share = 1.0f / static_cast<float>(pool.y.kernel * pool.x.kernel);
  for_planes(pool, args, [&](int64_t input, int64_t output) {
    const T* from = static_cast<const T*>(args.inputs[0].data) + input;
    T* to = static_cast<T*>(args.outputs[0].data) + output;
    for_outputs(pool, [&](int64_t row, int64_t column, int64_t at) { write(to + at, total(pool, from, row, column) * share); });
  });
}

// A plane of gradients is summed in f32 scratch and then stored.
template <class T>
TENSORWOOD_INLINE void store_plane(const float* sums, int64_t count, T* to) {
  for (int64_t i = 0; i < count; i++) write(to + i, sums[i]);
}

template <class T>
static inline void max_pool_gradient(const Args& args) {
  const Pool pool = pool_of(args, args.inputs[1], args.inputs[0]);
  const int64_t area = pool.y.input * pool.x.input, pixels = pool.y.output * pool.x.output;
  if (size_of(args.outputs[0]) == 0) return;
  args.threads->parallel(pool.planes, [&](int64_t plane, int worker) {
    float* sums = reinterpret_cast<float*>(args.scratch) + worker * area;
    const T* dy = static_cast<const T*>(args.inputs[0].data) + plane * pixels;
    const T* x = static_cast<const T*>(args.inputs[1].data) + plane * area;
    for (int64_t i = 0; i < area; i++) sums[i] = 0.0f;
    for_outputs(pool, [&](int64_t row, int64_t column, int64_t at) { sums[largest(pool, x, row, column)] += read(dy[at]); });
    store_plane(sums, area, static_cast<T*>(args.outputs[0].data) + plane * area);
  });
}

template <class T>
static inline void average_pool_gradient(const Args& args) {
  const Pool pool = pool_of(args, args.outputs[0], args.inputs[0]);
  const int64_t area = pool.y.input * pool.x.input, pixels = pool.y.output * pool.x.output;
  const float share = 1.0f / static_cast<float>(pool.y.kernel * pool.x.kernel);
  if (size_of(args.outputs[0]) == 0) return;
  args.threads->parallel(pool.planes, [&](int64_t plane, int worker) {
    float* sums = reinterpret_cast<float*>(args.scratch) + worker * area;
    const T* dy = static_cast<const T*>(args.inputs[0].data) + plane * pixels;
    for (int64_t i = 0; i < area; i++) sums[i] = 0.0f;
    for_outputs(pool, [&](int64_t row, int64_t column, int64_t at) {
      const Span rows = under(pool.y, row), columns = under(pool.x, column);
      const float part = read(dy[at]) * share;
      for (int64_t i = rows.first; i < rows.last; i++) {
        for (int64_t j = columns.first; j < columns.last; j++) sums[i * pool.x.input + j] += part;
      }
    });
    store_plane(sums, area, static_cast<T*>(args.outputs[0].data) + plane * area);
  });
}

static inline int64_t plane_scratch(const Args& args, int threads) {
  return 4 * threads * args.outputs[0].shape[2] * args.outputs[0].shape[3];
}

// max_pool2d, avg_pool2d: x -> y
static inline const char* forward_check(const Args& args) {
  if (args.input_count != 1 || args.output_count != 1) return "expected 1 input and 1 output, got another count";
  return check_pool(args, args.inputs[0], args.outputs[0]);
}

// max_pool2d_gradient: dy, x -> dx
static inline const char* max_gradient_check(const Args& args) {
  if (args.input_count != 2 || args.output_count != 1) return "expected 2 inputs and 1 output, got another count";
  if (!same_shape(args.inputs[1], args.outputs[0])) return "expected dx of x's shape, got another";
  return check_pool(args, args.inputs[1], args.inputs[0]);
}

// avg_pool2d_gradient: dy -> dx
static inline const char* average_gradient_check(const Args& args) {
  if (args.input_count != 1 || args.output_count != 1) return "expected 1 input and 1 output, got another count";
  return check_pool(args, args.outputs[0], args.inputs[0]);
}

constexpr Kernel rows[] = {
    {"max_pool2d", DType::f32, max_pool<float>, forward_check, nullptr},
    {"max_pool2d", DType::bf16, max_pool<uint16_t>, forward_check, nullptr},
    {"avg_pool2d", DType::f32, average_pool<float>, forward_check, nullptr},
    {"avg_pool2d", DType::bf16, average_pool<uint16_t>, forward_check, nullptr},
    {"max_pool2d_gradient", DType::f32, max_pool_gradient<float>, max_gradient_check, plane_scratch},
    {"max_pool2d_gradient", DType::bf16, max_pool_gradient<uint16_t>, max_gradient_check, plane_scratch},
    {"avg_pool2d_gradient", DType::f32, average_pool_gradient<float>, average_gradient_check, plane_scratch},
    {"avg_pool2d_gradient", DType::bf16, average_pool_gradient<uint16_t>, average_gradient_check, plane_scratch},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
