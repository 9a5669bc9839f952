// Optimizer updates and what belongs to them: AdamW, SGD with momentum, moving averages, the norm of all gradients. One call takes every
// tensor of a model and walks them in chunks of fixed size, in parallel. Operands of the updates: groups of `count` tensors each
// (parameters, gradients, moments), then scalars f32 () that vary from step to step; outputs: parameters, then moments. Outputs may lie
// over their inputs. All f32, dense. Integers: [count, ...]. A gradient scale that is not finite leaves every tensor as it was.
#pragma once
#include <math.h>

#include "core/threads.h"
#include "cpu/rows.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int64_t kChunk = 16384;

TENSORWOOD_INLINE int64_t chunks_in(const Operand& tensor) { return divide_up(size_of(tensor), kChunk); }
TENSORWOOD_INLINE const float* input_floats(const Args& args, int64_t k) { return static_cast<const float*>(args.inputs[k].data); }
TENSORWOOD_INLINE float* output_floats(const Args& args, int64_t k) { return static_cast<float*>(args.outputs[k].data); }

// f(tensor, start, n, chunk): every chunk of tensors [0, count) of the inputs. scratch holds count + 1 numbers.
template <class F>
TENSORWOOD_INLINE void for_chunks(const Args& args, int64_t count, const F& f) {
  int64_t* first = reinterpret_cast<int64_t*>(args.scratch);
  first[0] = 0;
  for (int64_t t = 0; t < count; t++) first[t + 1] = first[t] + chunks_in(args.inputs[t]);
  args.threads->parallel(first[count], [&](int64_t chunk, int) {
    int64_t low = 0, high = count;
    while (high - low > 1) {
      const int64_t middle = (low + high) / 2;
      (first[middle] <= chunk ? low : high) = middle;
    }
    const int64_t start = (chunk - first[low]) * kChunk, left = size_of(args.inputs[low]) - start;
    f(low, start, left < kChunk ? left : kChunk, chunk);
  });
}
static int64_t scratch_chunks(const Args& args, int) { return (args.integers[0] + 1) * 8; }

// What a skipped step leaves: outputs equal to the states they stand for. map(k): the input of output k.
template <class F>
static void keep_states(const Args& args, const F& map) {
  for (int64_t k = 0; k < args.output_count; k++) {
    const Operand& from = args.inputs[map(k)];
    if (from.data != args.outputs[k].data) std::memcpy(args.outputs[k].data, from.data, static_cast<size_t>(size_of(from)) * 4);
  }
}

// --- AdamW ---------------------------------------------------------------------------------------------------------------------------
// Loshchilov and Hutter, arXiv:1711.05101. Inputs: parameters, gradients, first moments, second moments, then learning rate, step (from 1),
// gradient scale. Integers: count, 1 = correct the moments' bias. Numbers: beta1, beta2, epsilon, then decay and learning rate factor of
// each tensor.
struct AdamW {
  float beta1, beta2, epsilon, rate, scale, correction1, root_correction2;
};

static AdamW adamw_constants(const Args& args, int64_t count) {
  const double step = input_floats(args, 4 * count + 1)[0];
  const bool corrected = args.integers[1] != 0;
  const double correction1 = corrected ? 1 - ::pow(args.numbers[0], step) : 1,
               correction2 = corrected ? 1 - ::pow(args.numbers[1], step) : 1;
  return {static_cast<float>(args.numbers[0]),        static_cast<float>(args.numbers[1]),  static_cast<float>(args.numbers[2]),
          input_floats(args, 4 * count)[0],           input_floats(args, 4 * count + 2)[0], static_cast<float>(1 / correction1),
          static_cast<float>(1 / ::sqrt(correction2))};
}

static void adamw(const Args& args) {
  const int64_t count = args.integers[0];
  const AdamW c = adamw_constants(args, count);
  if (!__builtin_isfinite(c.scale)) return keep_states(args, [&](int64_t k) { return k < count ? k : k + count; });
  for_chunks(args, count, [&](int64_t t, int64_t start, int64_t n, int64_t) {
    const double decay = args.numbers[3 + 2 * t], rate = c.rate * args.numbers[4 + 2 * t];
    const float *p = input_floats(args, t) + start, *g = input_floats(args, t + count) + start;
    const float *m = input_floats(args, t + 2 * count) + start, *v = input_floats(args, t + 3 * count) + start;
    float *to_p = output_floats(args, t) + start, *to_m = output_floats(args, t + count) + start,
          *to_v = output_floats(args, t + 2 * count) + start;
    const Vector beta1 = broadcast(c.beta1), beta2 = broadcast(c.beta2), rest1 = broadcast(static_cast<float>(1 - args.numbers[0]));
    const Vector rest2 = broadcast(static_cast<float>(1 - args.numbers[1])), scale = broadcast(c.scale), epsilon = broadcast(c.epsilon);
    const Vector keep = broadcast(static_cast<float>(1 - rate * decay)), size = broadcast(static_cast<float>(-rate * c.correction1));
    const Vector root = broadcast(c.root_correction2);
    for_vectors(n, [&](int64_t i, int lanes) {
      const Vector gradient = load_lanes(g + i, lanes) * scale;
      const Vector first = multiply_add(beta1, load_lanes(m + i, lanes), rest1 * gradient);
      const Vector second = multiply_add(beta2, load_lanes(v + i, lanes), rest2 * gradient * gradient);
      const Vector direction = first / multiply_add(square_root(second), root, epsilon);
      store_lanes(to_m + i, first, lanes);
      store_lanes(to_v + i, second, lanes);
      store_lanes(to_p + i, multiply_add(load_lanes(p + i, lanes), keep, size * direction), lanes);
    });
  });
}

// --- SGD -----------------------------------------------------------------------------------------------------------------------------
// Inputs: parameters, gradients, velocities, then learning rate, gradient scale. Integers: count, 1 = Nesterov's form (Sutskever et al.,
// ICML 2013). Numbers: momentum, then decay (added to the gradient) and learning rate factor of each tensor. velocity = momentum velocity +
// gradient.
static void sgd(const Args& args) {
  const int64_t count = args.integers[0];
  const double learning_rate = input_floats(args, 3 * count)[0];
  const float gradient_scale = input_floats(args, 3 * count + 1)[0];
  if (!__builtin_isfinite(gradient_scale)) return keep_states(args, [&](int64_t k) { return k < count ? k : k + count; });
  const bool nesterov = args.integers[1] != 0;
  for_chunks(args, count, [&](int64_t t, int64_t start, int64_t n, int64_t) {
    const float *p = input_floats(args, t) + start, *g = input_floats(args, t + count) + start,
                *m = input_floats(args, t + 2 * count) + start;
    float *to_p = output_floats(args, t) + start, *to_m = output_floats(args, t + count) + start;
    const Vector momentum = broadcast(static_cast<float>(args.numbers[0])), scale = broadcast(gradient_scale);
    const Vector decay = broadcast(static_cast<float>(args.numbers[1 + 2 * t]));
    const Vector size = broadcast(static_cast<float>(-learning_rate * args.numbers[2 + 2 * t]));
    for_vectors(n, [&](int64_t i, int lanes) {
      const Vector parameter = load_lanes(p + i, lanes), gradient = multiply_add(parameter, decay, load_lanes(g + i, lanes) * scale);
      const Vector velocity = multiply_add(momentum, load_lanes(m + i, lanes), gradient);
      store_lanes(to_m + i, velocity, lanes);
      store_lanes(to_p + i, multiply_add(size, nesterov ? multiply_add(momentum, velocity, gradient) : velocity, parameter), lanes);
    });
  });
}

// --- moving average ------------------------------------------------------------------------------------------------------------------
// Inputs: averages, values, then decay. Outputs: decay average + (1 - decay) value. Integers: count.
static void ema(const Args& args) {
  const int64_t count = args.integers[0];
  const float decay = input_floats(args, 2 * count)[0];
  for_chunks(args, count, [&](int64_t t, int64_t start, int64_t n, int64_t) {
    const float *average = input_floats(args, t) + start, *value = input_floats(args, t + count) + start;
    float* to = output_floats(args, t) + start;
    const Vector rest = broadcast(1.0f - decay);
    for_vectors(n, [&](int64_t i, int lanes) {
      const Vector a = load_lanes(average + i, lanes);
      store_lanes(to + i, multiply_add(rest, load_lanes(value + i, lanes) - a, a), lanes);
    });
  });
}

// --- norm ----------------------------------------------------------------------------------------------------------------------------
static double sum_of_squares(const float* p, int64_t n) {
  constexpr int L = Vector::lanes;
  Vector a = broadcast(0.0f), b = a, c = a, d = a;
  int64_t i = 0;
  for (; i + 4 * L <= n; i += 4 * L) {
    const Vector w = load(p + i), x = load(p + i + L), y = load(p + i + 2 * L), z = load(p + i + 3 * L);
    a = multiply_add(w, w, a);
    b = multiply_add(x, x, b);
    c = multiply_add(y, y, c);
    d = multiply_add(z, z, d);
  }
  double total = reduce_add((a + b) + (c + d));
  for (; i < n; i++) total += static_cast<double>(p[i]) * p[i];
  return total;
}

// Inputs: tensors. Output: f32 (), the root of the sum of all squares; chunks are added in order. Integers: count.
static void global_norm(const Args& args) {
  const int64_t count = args.integers[0];
  double* partial = reinterpret_cast<double*>(args.scratch) + count + 1;
  for_chunks(args, count, [&](int64_t t, int64_t start, int64_t n, int64_t chunk) {
    partial[chunk] = sum_of_squares(input_floats(args, t) + start, n);
  });
  double total = 0;
  for (int64_t chunk = 0; chunk < reinterpret_cast<int64_t*>(args.scratch)[count]; chunk++) total += partial[chunk];
  output_floats(args, 0)[0] = static_cast<float>(::sqrt(total));
}
static int64_t scratch_norm(const Args& args, int) {
  int64_t chunks = 0;
  for (int64_t t = 0; t < args.integers[0]; t++) chunks += chunks_in(args.inputs[t]);
  return (args.integers[0] + 1 + chunks) * 8;
}

// --- checks --------------------------------------------------------------------------------------------------------------------------
static bool all_floats(const Operand* operands, int count) {
  for (int k = 0; k < count; k++) {
    if (operands[k].dtype != DType::f32 || !is_dense(operands[k])) return false;
  }
  return true;
}

// `groups` tensors for each of the count of integers[0], all of the shape of the first, then scalars; outputs stand for all groups but the
// gradients.
static const char* check_groups(const Args& args, int64_t groups, int64_t scalars, int64_t outputs) {
  const int64_t count = args.integer_count > 0 ? args.integers[0] : -1;
  if (count < 0 || count > INT32_MAX || args.input_count != groups * count + scalars || args.output_count != outputs * count)
    return "expected groups of as many tensors as said";
  if (!all_floats(args.inputs, args.input_count) || !all_floats(args.outputs, args.output_count)) return "expected dense f32 tensors";
  for (int64_t k = count; k < groups * count; k++) {
    if (size_of(args.inputs[k]) != size_of(args.inputs[k % count]))
      return "expected tensors of a group to have the sizes of the first group's";
  }
  for (int64_t k = 0; k < args.output_count; k++) {
    if (size_of(args.outputs[k]) != size_of(args.inputs[k % count])) return "expected outputs of their inputs' sizes";
  }
  for (int64_t k = groups * count; k < args.input_count; k++) {
    if (size_of(args.inputs[k]) != 1) return "expected scalars after the tensors";
  }
  return nullptr;
}
static const char* check_adamw(const Args& args) {
  if (const char* wrong = check_groups(args, 4, 3, 3)) return wrong;
  return args.integer_count == 2 && args.number_count == 3 + 2 * args.integers[0] ? nullptr
                                                                                  : "expected betas, epsilon, and two numbers a tensor";
}
static const char* check_sgd(const Args& args) {
  if (const char* wrong = check_groups(args, 3, 2, 2)) return wrong;
  return args.integer_count == 2 && args.number_count == 1 + 2 * args.integers[0] ? nullptr
                                                                                  : "expected a momentum, and two numbers a tensor";
}
static const char* check_ema(const Args& args) { return check_groups(args, 2, 1, 1); }
static const char* check_norm(const Args& args) {
  if (args.integer_count != 1 || args.integers[0] != args.input_count || args.output_count != 1) return "expected tensors and one output";
  if (!all_floats(args.inputs, args.input_count) || !all_floats(args.outputs, 1)) return "expected dense f32 tensors";
  return size_of(args.outputs[0]) == 1 ? nullptr : "expected a scalar output";
}

constexpr Kernel rows[] = {
    {"adamw", DType::f32, adamw, check_adamw, scratch_chunks},
    {"sgd", DType::f32, sgd, check_sgd, scratch_chunks},
    {"ema", DType::f32, ema, check_ema, scratch_chunks},
    {"global_norm", DType::f32, global_norm, check_norm, scratch_norm},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
