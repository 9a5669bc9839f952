// Batch norm, forward and backward. f32 or bf16 activations, f32 weights and statistics.
// Source: Ioffe, Szegedy, "Batch Normalization" (2015).
#pragma once
#include "core/threads.h"
#include "cpu/affine.h"
#include "cpu/isa/math.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// x (N, C, ...) as N x C planes of `inner` elements. Planes longer than one: a task is a channel. Planes of one element, that is (N, C):
// a task is a block of channels, one a lane.
struct Planes {
  int64_t batch, channels, inner;

  TENSORWOOD_INLINE int64_t start(int64_t n, int64_t c) const { return (n * channels + c) * inner; }
  TENSORWOOD_INLINE double count() const { return static_cast<double>(batch) * static_cast<double>(inner); }
};

static Planes planes_of(const Operand& x) {
  Planes planes = {x.shape[0], x.shape[1], 1};
  for (int axis = 2; axis < x.rank; axis++) planes.inner *= x.shape[axis];
  return planes;
}

// Calls channel(c) for each channel, or block(c, count) for each vector of channels when planes have one element.
template <class Channel, class Block>
TENSORWOOD_INLINE void for_channels(const Args& args, const Planes& planes, const Channel& channel, const Block& block) {
  constexpr int64_t L = Vector::lanes;
  if (planes.inner > 1) return args.threads->parallel(planes.channels, [&](int64_t c, int) { channel(c); });
  args.threads->parallel(divide_up(planes.channels, L),
                         [&](int64_t task, int) { block(task * L, static_cast<int>(smaller(L, planes.channels - task * L))); });
}

struct BatchNorm {
  const float *weight, *bias;  // or null
  float epsilon;
};

template <class T>
static void batch_norm_channel(const T* x, T* y, const Planes& planes, int64_t c, const BatchNorm& norm, float* mean, float* variance) {
  double sum = 0, squares = 0;
  for (int64_t n = 0; n < planes.batch; n++) {
    const T* plane = x + planes.start(n, c);
    Vector part = broadcast(0.0f);
    for_vectors(planes.inner, [&](int64_t j, int count) { part = part + load_lanes(plane + j, count); });
    sum += reduce_add(part);
  }
  mean[c] = static_cast<float>(sum / planes.count());
  const Vector middle = broadcast(mean[c]);
  for (int64_t n = 0; n < planes.batch; n++) {
    const T* plane = x + planes.start(n, c);
    Vector part = broadcast(0.0f);
    for_vectors(planes.inner, [&](int64_t j, int count) {
      const Vector d = keep_first(load_lanes(plane + j, count) - middle, count, broadcast(0.0f));
      part = multiply_add(d, d, part);
    });
    squares += reduce_add(part);
  }
  variance[c] = static_cast<float>(squares / planes.count());
  const float deviation = 1.0f / __builtin_sqrtf(variance[c] + norm.epsilon);
  const Vector factor = broadcast(norm.weight ? norm.weight[c] * deviation : deviation), shift = broadcast(norm.bias ? norm.bias[c] : 0);
  for (int64_t n = 0; n < planes.batch; n++) {
    const int64_t start = planes.start(n, c);
    for_vectors(planes.inner, [&](int64_t j, int count) {
      store_lanes(y + start + j, multiply_add(load_lanes(x + start + j, count) - middle, factor, shift), count);
    });
  }
}

TENSORWOOD_INLINE Vector inverse_deviation(Vector variance, float epsilon) {
  return broadcast(1.0f) / square_root(variance + broadcast(epsilon));
}

template <class T>
static void batch_norm_block(const T* x, T* y, const Planes& planes, int64_t c, int lanes, const BatchNorm& norm, float* mean,
                             float* variance) {
  const Vector share = broadcast(static_cast<float>(1.0 / planes.count()));
  Vector sum = broadcast(0.0f), squares = broadcast(0.0f);
  for (int64_t n = 0; n < planes.batch; n++) sum = sum + load_lanes(x + planes.start(n, c), lanes);
  const Vector middle = sum * share;
  for (int64_t n = 0; n < planes.batch; n++) {
    const Vector d = load_lanes(x + planes.start(n, c), lanes) - middle;
    squares = multiply_add(d, d, squares);
  }
  store_lanes(mean + c, middle, lanes);
  store_lanes(variance + c, squares * share, lanes);
  const Affine affine = {norm.weight, norm.bias};
  const Vector factor = affine.scale_at(c, lanes) * inverse_deviation(squares * share, norm.epsilon), shift = affine.shift_at(c, lanes);
  for (int64_t n = 0; n < planes.batch; n++) {
    const int64_t at = planes.start(n, c);
    store_lanes(y + at, multiply_add(load_lanes(x + at, lanes) - middle, factor, shift), lanes);
  }
}

// Integers: has a weight, a bias. Numbers: epsilon. Inputs: x (N, C, ...) dense [, weight (C)] [, bias (C)]. Outputs: y like x, mean (C),
// variance (C) of the batch (divided by the count).
template <class T>
static void run_batch_norm_as(const Args& args) {
  const Planes planes = planes_of(args.inputs[0]);
  const Operand* next = args.inputs + 1;
  const float* weight = floats_of(next_if(args.integers[0], next));
  const BatchNorm norm = {weight, floats_of(next_if(args.integers[1], next)), static_cast<float>(args.numbers[0])};
  const T* x = data_of<T>(args.inputs[0]);
  T* y = data_of<T>(args.outputs[0]);
  float *mean = data_of<float>(args.outputs[1]), *variance = data_of<float>(args.outputs[2]);
  for_channels(
      args, planes, [&](int64_t c) { batch_norm_channel(x, y, planes, c, norm, mean, variance); },
      [&](int64_t c, int lanes) { batch_norm_block(x, y, planes, c, lanes, norm, mean, variance); });
}

static void run_batch_norm(const Args& args) {
  if (args.inputs[0].dtype == DType::f32) return run_batch_norm_as<float>(args);
  run_batch_norm_as<uint16_t>(args);
}

struct ChannelStatistics {
  const float *mean, *variance, *weight;  // weight: or null
  float epsilon;
  float *dweight, *dbias;  // (C)
};

template <class T>
static void batch_norm_gradient_channel(const T* g, const T* x, T* dx, const Planes& planes, int64_t c, const ChannelStatistics& s) {
  const float deviation = 1.0f / __builtin_sqrtf(s.variance[c] + s.epsilon);
  const Vector middle = broadcast(s.mean[c]);
  double sum = 0, product = 0;
  for (int64_t n = 0; n < planes.batch; n++) {
    const int64_t start = planes.start(n, c);
    Vector a = broadcast(0.0f), b = broadcast(0.0f);
    for_vectors(planes.inner, [&](int64_t j, int count) {
      const Vector slope = load_lanes(g + start + j, count);
      a = a + slope;
      b = multiply_add(slope, load_lanes(x + start + j, count) - middle, b);
    });
    sum += reduce_add(a);
    product += reduce_add(b);
  }
  s.dbias[c] = static_cast<float>(sum);
  s.dweight[c] = static_cast<float>(product) * deviation;
  const Vector shift = broadcast(static_cast<float>(sum / planes.count()));
  const Vector lean = broadcast(static_cast<float>(product / planes.count()) * deviation * deviation);
  const Vector factor = broadcast(s.weight ? s.weight[c] * deviation : deviation);
  for (int64_t n = 0; n < planes.batch; n++) {
    const int64_t start = planes.start(n, c);
    for_vectors(planes.inner, [&](int64_t j, int count) {
      const Vector away = load_lanes(x + start + j, count) - middle;
      store_lanes(dx + start + j, (load_lanes(g + start + j, count) - shift - away * lean) * factor, count);
    });
  }
}

template <class T>
static void batch_norm_gradient_block(const T* g, const T* x, T* dx, const Planes& planes, int64_t c, int lanes,
                                      const ChannelStatistics& s) {
  const Vector deviation = inverse_deviation(load_lanes(s.variance + c, lanes), s.epsilon), middle = load_lanes(s.mean + c, lanes);
  const Vector share = broadcast(static_cast<float>(1.0 / planes.count()));
  Vector sum = broadcast(0.0f), product = broadcast(0.0f);
  for (int64_t n = 0; n < planes.batch; n++) {
    const Vector slope = load_lanes(g + planes.start(n, c), lanes);
    sum = sum + slope;
    product = multiply_add(slope, load_lanes(x + planes.start(n, c), lanes) - middle, product);
  }
  store_lanes(s.dbias + c, sum, lanes);
  store_lanes(s.dweight + c, product * deviation, lanes);
  const Vector shift = sum * share, lean = product * share * deviation * deviation;
  const Vector factor = (s.weight ? load_lanes(s.weight + c, lanes) : broadcast(1.0f)) * deviation;
  for (int64_t n = 0; n < planes.batch; n++) {
    const int64_t at = planes.start(n, c);
    const Vector away = load_lanes(x + at, lanes) - middle;
    store_lanes(dx + at, (load_lanes(g + at, lanes) - shift - away * lean) * factor, lanes);
  }
}

// Integers: has a weight. Numbers: epsilon. Inputs: g, x (N, C, ...) dense, mean (C), variance (C) [, weight (C)]. Outputs: dx, dweight
// (C), dbias (C).
template <class T>
static void run_batch_norm_gradient_as(const Args& args) {
  const Planes planes = planes_of(args.inputs[1]);
  const ChannelStatistics s = {
      data_of<float>(args.inputs[2]),      data_of<float>(args.inputs[3]),  args.integers[0] ? data_of<float>(args.inputs[4]) : nullptr,
      static_cast<float>(args.numbers[0]), data_of<float>(args.outputs[1]), data_of<float>(args.outputs[2])};
  const T *g = data_of<T>(args.inputs[0]), *x = data_of<T>(args.inputs[1]);
  T* dx = data_of<T>(args.outputs[0]);
  for_channels(
      args, planes, [&](int64_t c) { batch_norm_gradient_channel(g, x, dx, planes, c, s); },
      [&](int64_t c, int lanes) { batch_norm_gradient_block(g, x, dx, planes, c, lanes, s); });
}

static void run_batch_norm_gradient(const Args& args) {
  if (args.inputs[0].dtype == DType::f32) return run_batch_norm_gradient_as<float>(args);
  run_batch_norm_gradient_as<uint16_t>(args);
}

static const char* check_planes(const Args& args, int first_vector, int tensors) {
  if (args.number_count != 1) return "expected 1 number";
  const Operand& x = args.inputs[0];
  if (!is_floating(x) || x.rank < 2) return "expected floating x (N, C, ...)";
  if (rows_of(x) * width_of(x) == 0) return "expected at least one element";
  for (int i = 0; i < args.input_count; i++) {
    const Operand& a = args.inputs[i];
    if (i < tensors ? !is_like(a, x) || !is_dense(a) : !is_float_vector(a, x.shape[1])) return "expected dense inputs (N, C, ...) and (C)";
  }
  for (int i = 0; i < args.output_count; i++) {
    const Operand& a = args.outputs[i];
    if (i < first_vector ? !is_like(a, x) || !is_dense(a) : !is_float_vector(a, x.shape[1]))
      return "expected dense outputs (N, C, ...) and (C)";
  }
  return nullptr;
}

static const char* check_batch_norm(const Args& args) {
  if (const char* wrong = check_flags(args, 2)) return wrong;
  if (args.input_count != 1 + args.integers[0] + args.integers[1] || args.output_count != 3) return "expected other operands";
  return check_planes(args, 1, 1);
}
static const char* check_batch_norm_gradient(const Args& args) {
  if (const char* wrong = check_flags(args, 1)) return wrong;
  if (args.input_count != 4 + args.integers[0] || args.output_count != 3) return "expected other operands";
  return check_planes(args, 1, 2);
}

constexpr Kernel rows[] = {
    {"batch_norm", DType::any, run_batch_norm, check_batch_norm, nullptr},
    {"batch_norm_gradient", DType::any, run_batch_norm_gradient, check_batch_norm_gradient, nullptr},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
