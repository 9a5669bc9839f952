// Gradients of the losses, their rounding to integers, and the update of margins; first and last step of growing a tree.
//   gradient_squared, gradient_logistic: inputs margin f32 (n), label f32 (n), weight f32 (n) or none; outputs first f32 (n), second f32
//   (n). gradient_softmax: margin, first, second are (K, n). measure_gradients: inputs first, second; output f64 (4): largest |first|,
//   sum |first|, largest second, sum second.
//   quantize: inputs first f32 (n), second f32 (n); output i64 or u32 (n) pairs (trees/layout.h); numbers [scale first, scale second];
//   integers [seed, index of the first row]. sum_gradients: inputs first, second, rows u32 (m); output f64 (2), the sums of these rows.
//   add_leaf: input rows u32 (m); output margin f32 (n); numbers [value].
#pragma once
#include "trees/layout.h"
#include "trees/objective.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int kSums = 16;  // sums run over 16 fixed lanes whatever the vector width, so that bits agree

struct Extent {
  float first[kSums] = {}, second[kSums] = {};
  double first_sum[kSums] = {}, second_sum[kSums] = {};
};

static void run_measure_gradients(const Args& a) {
  const float* first = static_cast<const float*>(a.inputs[0].data);
  const float* second = static_cast<const float*>(a.inputs[1].data);
  const int64_t n = a.inputs[0].shape[0];
  Extent e;
  for (int64_t i = 0; i < n; i += kSums) {
    const int lanes = n - i < kSums ? static_cast<int>(n - i) : kSums;
    float g[kSums] = {}, h[kSums] = {};
    std::memcpy(g, first + i, sizeof(float) * lanes);
    std::memcpy(h, second + i, sizeof(float) * lanes);
    for (int j = 0; j < kSums; j++) {
      const float a = g[j] < 0 ? -g[j] : g[j];
      e.first[j] = a > e.first[j] ? a : e.first[j];
      e.second[j] = h[j] > e.second[j] ? h[j] : e.second[j];
      e.first_sum[j] += a;
      e.second_sum[j] += h[j];
    }
  }
  double* out = static_cast<double*>(a.outputs[0].data);
  for (int k = 0; k < 4; k++) out[k] = 0;
  for (int j = 0; j < kSums; j++) {
    out[0] = e.first[j] > out[0] ? e.first[j] : out[0];
    out[1] += e.first_sum[j];
    out[2] = e.second[j] > out[2] ? e.second[j] : out[2];
    out[3] += e.second_sum[j];
  }
}

TENSORWOOD_INLINE void weigh(float* TENSORWOOD_RESTRICT first, float* TENSORWOOD_RESTRICT second, const float* TENSORWOOD_RESTRICT weight,
                             int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    first[i] *= weight[i];
    second[i] *= weight[i];
  }
}

template <Gradient (*Of)(float, float)>
static void run_gradient(const Args& a) {
  const int64_t n = a.inputs[0].shape[0];
  const float* TENSORWOOD_RESTRICT margin = static_cast<const float*>(a.inputs[0].data);
  const float* TENSORWOOD_RESTRICT label = static_cast<const float*>(a.inputs[1].data);
  float* TENSORWOOD_RESTRICT first = static_cast<float*>(a.outputs[0].data);
  float* TENSORWOOD_RESTRICT second = static_cast<float*>(a.outputs[1].data);
  for (int64_t i = 0; i < n; i++) {
    const Gradient d = Of(margin[i], label[i]);
    first[i] = d.first;
    second[i] = d.second;
  }
  if (a.input_count > 2) weigh(first, second, static_cast<const float*>(a.inputs[2].data), n);
}

// first holds e^(margin - largest) of every class on the way.
static void run_gradient_softmax(const Args& a) {
  const int64_t classes = a.inputs[0].shape[0], n = a.inputs[0].shape[1], stride = a.inputs[0].stride[0], to = a.outputs[0].stride[0];
  const float* margin = static_cast<const float*>(a.inputs[0].data);
  const float* label = static_cast<const float*>(a.inputs[1].data);
  float* first = static_cast<float*>(a.outputs[0].data);
  float* second = static_cast<float*>(a.outputs[1].data);
  constexpr int64_t kRows = 64;
  for (int64_t i = 0; i < n; i += kRows) {
    const int64_t m = n - i < kRows ? n - i : kRows;
    float largest[kRows], total[kRows];
    for (int64_t j = 0; j < m; j++) largest[j] = margin[i + j];
    for (int64_t k = 1; k < classes; k++)
      for (int64_t j = 0; j < m; j++) largest[j] = margin[k * stride + i + j] > largest[j] ? margin[k * stride + i + j] : largest[j];
    for (int64_t j = 0; j < m; j++) total[j] = 0;
    for (int64_t k = 0; k < classes; k++)
      for (int64_t j = 0; j < m; j++) {
        const float power = exponential(margin[k * stride + i + j] - largest[j]);
        first[k * to + i + j] = power;
        total[j] += power;
      }
    for (int64_t k = 0; k < classes; k++) {
      for (int64_t j = 0; j < m; j++) {
        const Gradient d = softmax_gradient(first[k * to + i + j] / total[j], label[i + j] == static_cast<float>(k));
        first[k * to + i + j] = d.first;
        second[k * to + i + j] = d.second;
      }
      if (a.input_count > 2) weigh(first + k * to + i, second + k * to + i, static_cast<const float*>(a.inputs[2].data) + i, m);
    }
  }
}

// Down, or up with the chance of what is left; noise is uniform in [0, 1). Whole numbers stay as they are.
TENSORWOOD_INLINE int32_t round_at_random(float x, uint32_t noise) {
  const int32_t cut = static_cast<int32_t>(x);  // towards zero
  const int32_t whole = cut - (static_cast<float>(cut) > x);
  return whole + (static_cast<float>(static_cast<int32_t>(noise >> 8)) * 0x1p-24f < x - static_cast<float>(whole));
}

// A power of two that is too large for a float where gradients are denormal: two factors.
struct Scale {
  float once, again;
  explicit Scale(double scale) : once(static_cast<float>(scale < 0x1p127 ? scale : 0x1p127)), again(static_cast<float>(scale / once)) {}
  TENSORWOOD_INLINE float of(float x) const { return x * once * again; }
};

TENSORWOOD_INLINE void store_pair(int64_t& to, int32_t first, int32_t second) { to = pair_of(first, second); }
TENSORWOOD_INLINE void store_pair(uint32_t& to, int32_t first, int32_t second) { to = short_pair_of(first, second); }

// By a hash of the row's index: sums are unbiased however small a gradient is beside the unit.
template <class Pair>
static void run_quantize(const Args& a) {
  const int64_t n = a.inputs[0].shape[0];
  const float* TENSORWOOD_RESTRICT first = static_cast<const float*>(a.inputs[0].data);
  const float* TENSORWOOD_RESTRICT second = static_cast<const float*>(a.inputs[1].data);
  Pair* TENSORWOOD_RESTRICT out = static_cast<Pair*>(a.outputs[0].data);
  const Scale first_scale(a.numbers[0]), second_scale(a.numbers[1]);
  const uint32_t seed = static_cast<uint32_t>(a.integers[0]), begin = static_cast<uint32_t>(a.integers[1]);
  for (int64_t i = 0; i < n; i++) {
    uint32_t x = (begin + static_cast<uint32_t>(i)) * 0x9e3779b9u ^ seed;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    x ^= x >> 16;
    store_pair(out[i], round_at_random(first_scale.of(first[i]), x), round_at_random(second_scale.of(second[i]), x * 0x9e3779b1u));
  }
}

// Over fixed lanes, so that bits agree. The rows of a leaf are scattered: they are fetched early.
static void run_sum_gradients(const Args& a) {
  constexpr int64_t kLanes = 4, kAhead = 32;
  const float* first = static_cast<const float*>(a.inputs[0].data);
  const float* second = static_cast<const float*>(a.inputs[1].data);
  const uint32_t* rows = static_cast<const uint32_t*>(a.inputs[2].data);
  const int64_t m = a.inputs[2].shape[0];
  double first_sum[kLanes] = {}, second_sum[kLanes] = {};
  for (int64_t i = 0; i < m; i++) {
    if (i + kAhead < m) {
      __builtin_prefetch(first + rows[i + kAhead]);
      __builtin_prefetch(second + rows[i + kAhead]);
    }
    first_sum[i % kLanes] += first[rows[i]];
    second_sum[i % kLanes] += second[rows[i]];
  }
  double* out = static_cast<double*>(a.outputs[0].data);
  out[0] = (first_sum[0] + first_sum[1]) + (first_sum[2] + first_sum[3]);
  out[1] = (second_sum[0] + second_sum[1]) + (second_sum[2] + second_sum[3]);
}

static void run_add_leaf(const Args& a) {
  const int64_t m = a.inputs[0].shape[0];
  const uint32_t* rows = static_cast<const uint32_t*>(a.inputs[0].data);
  float* margin = static_cast<float*>(a.outputs[0].data);
  const float value = static_cast<float>(a.numbers[0]);
  for (int64_t i = 0; i < m; i++) margin[rows[i]] += value;
}

static const char* refuse_in_program(const Args&) { return "expected a call by the tree engine, got one from a program"; }

constexpr Kernel rows[] = {{"gradient_squared", DType::f32, run_gradient<squared_gradient>, refuse_in_program, nullptr},
                           {"gradient_logistic", DType::f32, run_gradient<logistic_gradient>, refuse_in_program, nullptr},
                           {"gradient_softmax", DType::f32, run_gradient_softmax, refuse_in_program, nullptr},
                           {"measure_gradients", DType::f64, run_measure_gradients, refuse_in_program, nullptr},
                           {"quantize", DType::i64, run_quantize<int64_t>, refuse_in_program, nullptr},
                           {"quantize", DType::u32, run_quantize<uint32_t>, refuse_in_program, nullptr},
                           {"sum_gradients", DType::f64, run_sum_gradients, refuse_in_program, nullptr},
                           {"add_leaf", DType::f32, run_add_leaf, refuse_in_program, nullptr}};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
