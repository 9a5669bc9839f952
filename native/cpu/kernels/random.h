// Random numbers: uniform, normal, bernoulli and dropout. Every element draws from its own counter (native/core/philox.h), so a mask is
// drawn again in the backward pass instead of being kept. Input 0 is the random state, i32 (4); integers: the stream.
#pragma once
#include "core/threads.h"
#include "cpu/isa/math.h"
#include "cpu/isa/philox.h"
#include "cpu/strided.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int64_t kDraws = 64, kTaskDraws = 16384;
static_assert(kTaskDraws % kDraws == 0 && kDraws % kDrawLanes == 0, "tasks start at a whole block");

// f(const uint32_t* words, int64_t start, int n): the words of elements [start, start + n), n <= kDraws; words holds kDraws.
template <class F>
TENSORWOOD_INLINE void for_draws(const Args& args, int64_t total, const F& f) {
  const PhiloxStream stream = philox_stream(static_cast<const int32_t*>(args.inputs[0].data), args.integers[0]);
  args.threads->parallel((total + kTaskDraws - 1) / kTaskDraws, [&](int64_t task, int) {
    uint32_t words[kDraws];
    const int64_t end = (task + 1) * kTaskDraws < total ? (task + 1) * kTaskDraws : total;
    for (int64_t start = task * kTaskDraws; start < end; start += kDraws) {
      draw_words(stream, static_cast<uint64_t>(start) / 4, kDraws, words);
      f(words, start, static_cast<int>(end - start < kDraws ? end - start : kDraws));
    }
  });
}

// (0, 1) in 2^23 equal steps, the ends never: exact in f32.
TENSORWOOD_INLINE Vector unit_interval(const uint32_t* words) {
  const Integers x = shift_right(load_integers(reinterpret_cast<const int32_t*>(words)), 9);
  return (to_floats(x) + broadcast(0.5f)) * broadcast(1.0f / 8388608.0f);
}

static void store_floats(const Operand& output, const float* from, int64_t start, int n) {
  if (output.dtype == DType::f32) {
    std::memcpy(static_cast<float*>(output.data) + start, from, static_cast<size_t>(n) * 4);
  } else {
    for (int i = 0; i < n; i++) static_cast<uint16_t*>(output.data)[start + i] = float_to_bf16(from[i]);
  }
}

// Numbers: low, high.
static void random_uniform(const Args& args) {
  const Vector low = broadcast(static_cast<float>(args.numbers[0])),
               width = broadcast(static_cast<float>(args.numbers[1] - args.numbers[0]));
  for_draws(args, size_of(args.outputs[0]), [&](const uint32_t* words, int64_t start, int n) {
    float x[kDraws];
    for (int i = 0; i < kDraws; i += Vector::lanes) store(x + i, multiply_add(unit_interval(words + i), width, low));
    store_floats(args.outputs[0], x, start, n);
  });
}

// Sine and cosine of 2 pi u for u in [0, 1]: an eighth of a turn about the nearest quarter, by Taylor's polynomials (below 1e-8), then the
// quarter's sign and exchange.
TENSORWOOD_INLINE void sine_cosine(Vector u, Vector& sine, Vector& cosine) {
  const Vector quarter = round_nearest(u * broadcast(4.0f));
  const Vector x = (u - quarter * broadcast(0.25f)) * broadcast(6.28318530717958647692f), square = x * x;
  const float sines[] = {1.0f, -1.0f / 6, 1.0f / 120, -1.0f / 5040, 1.0f / 362880};
  const float cosines[] = {1.0f, -1.0f / 2, 1.0f / 24, -1.0f / 720, 1.0f / 40320, -1.0f / 3628800};
  const Vector s = x * polynomial(square, sines), c = polynomial(square, cosines);
  const Integers k = to_integers(quarter), one = broadcast_integers(1);
  const Mask even = to_floats(k & one) == broadcast(0.0f);
  sine = from_bits(bits(select(even, s, c)) ^ shift_left(shift_right(k, 1), 31));
  cosine = from_bits(bits(select(even, c, s)) ^ shift_left(shift_right(k + one, 1), 31));
}

// Box and Muller, Annals of Mathematical Statistics 29, 1958: two normal numbers of two uniform ones, the words of a pair being those of
// its radius and its angle. Numbers: mean, deviation.
static void random_normal(const Args& args) {
  constexpr int kPairs = kDraws / 2;
  const Vector mean = broadcast(static_cast<float>(args.numbers[0])), deviation = broadcast(static_cast<float>(args.numbers[1]));
  for_draws(args, size_of(args.outputs[0]), [&](const uint32_t* words, int64_t start, int n) {
    uint32_t radii[kPairs], angles[kPairs];
    float first[kPairs], second[kPairs], x[kDraws];
    for (int i = 0; i < kPairs; i++) {
      radii[i] = words[2 * i];
      angles[i] = words[2 * i + 1];
    }
    for (int i = 0; i < kPairs; i += Vector::lanes) {
      Vector sine, cosine;
      sine_cosine(unit_interval(angles + i), sine, cosine);
      const Vector radius = deviation * square_root(broadcast(-2.0f) * log(unit_interval(radii + i)));
      store(first + i, mean + radius * cosine);
      store(second + i, mean + radius * sine);
    }
    for (int i = 0; i < kPairs; i++) {
      x[2 * i] = first[i];
      x[2 * i + 1] = second[i];
    }
    store_floats(args.outputs[0], x, start, n);
  });
}

// An element holds when its word is less than the limit: probability limit / 2^32, up to 1.
static uint64_t limit_of(double probability) {
  const double scaled = probability * 4294967296.0;
  return scaled >= 4294967296.0 ? uint64_t{1} << 32 : scaled > 0 ? static_cast<uint64_t>(scaled) : 0;
}

// Numbers: the probability of true.
static void bernoulli(const Args& args) {
  const uint64_t limit = limit_of(args.numbers[0]);
  uint8_t* to = static_cast<uint8_t*>(args.outputs[0].data);
  for_draws(args, size_of(args.outputs[0]), [&](const uint32_t* words, int64_t start, int n) {
    for (int i = 0; i < n; i++) to[start + i] = words[i] < limit;
  });
}

// Input 1: x, dense. Numbers: the rate at which elements become 0; the others grow by 1 / (1 - rate).
static void dropout(const Args& args) {
  const uint64_t limit = limit_of(1 - args.numbers[0]);
  const uint32_t last = static_cast<uint32_t>(limit - 1);  // the largest word that keeps; with rate 1 nothing does: scale is 0
  const float scale = limit == 0 ? 0.0f : static_cast<float>(1 / (1 - args.numbers[0]));
  const Operand &x = args.inputs[1], &y = args.outputs[0];
  for_draws(args, size_of(y), [&](const uint32_t* words, int64_t start, int n) {
    if (y.dtype == DType::f32) {
      const float* from = static_cast<const float*>(x.data) + start;
      float* to = static_cast<float*>(y.data) + start;
      for (int i = 0; i < n; i++) to[i] = words[i] <= last ? from[i] * scale : 0.0f;
    } else {
      const uint16_t* from = static_cast<const uint16_t*>(x.data) + start;
      uint16_t* to = static_cast<uint16_t*>(y.data) + start;
      for (int i = 0; i < n; i++) to[i] = words[i] <= last ? float_to_bf16(bf16_to_float(from[i]) * scale) : uint16_t{0};
    }
  });
}

static bool is_state(const Operand& state) {
  return state.dtype == DType::i32 && state.rank == 1 && state.shape[0] == 4 && is_dense(state);
}
static bool is_dense_floating(const Operand& x) { return is_floating(x) && is_dense(x); }

static const char* check_draw(const Args& args, int inputs, int numbers) {
  if (args.input_count != inputs || args.output_count != 1 || !is_state(args.inputs[0]))
    return "expected a random state, i32 (4), and one output";
  if (args.integer_count != 1 || args.number_count != numbers) return "expected a stream, and the numbers of the distribution";
  return nullptr;
}
static const char* check_floats(const Args& args) {
  if (const char* wrong = check_draw(args, 1, 2)) return wrong;
  return is_dense_floating(args.outputs[0]) ? nullptr : "expected a dense output of f32 or bf16";
}
static const char* check_bernoulli(const Args& args) {
  if (const char* wrong = check_draw(args, 1, 1)) return wrong;
  return args.outputs[0].dtype == DType::boolean && is_dense(args.outputs[0]) ? nullptr : "expected a dense output of bool";
}
static const char* check_dropout(const Args& args) {
  if (const char* wrong = check_draw(args, 2, 1)) return wrong;
  const Operand &x = args.inputs[1], &y = args.outputs[0];
  return is_dense_floating(x) && is_dense_floating(y) && x.dtype == y.dtype && same_shape(x, y)
             ? nullptr
             : "expected x and output alike, dense, f32 or bf16";
}

constexpr Kernel rows[] = {
    {"random_uniform", DType::any, random_uniform, check_floats, nullptr},
    {"random_normal", DType::any, random_normal, check_floats, nullptr},
    {"bernoulli", DType::boolean, bernoulli, check_bernoulli, nullptr},
    {"dropout", DType::any, dropout, check_dropout, nullptr},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
