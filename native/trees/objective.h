// Link functions and derivatives of the losses, one row at a time; the gradient kernels of every back-end include this file. exponential()
// is one fixed sequence of additions and multiplications, so that every instruction set gives the same bits.
#pragma once
#include <cstdint>
#include <cstring>

#include "core/inline.h"

namespace tensorwood {

struct Gradient {
  float first, second;
};

// e^x for x in [-87, 88], clamped outside; relative error below 2e-7. Cody-Waite reduction and the degree-5 polynomial of Cephes expf.
TENSORWOOD_INLINE float exponential(float x) {
  x = x > 88.0f ? 88.0f : x;
  x = x > -87.0f ? x : -87.0f;
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest integer
  const float n = (x * 1.44269504f + magic) - magic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * r) * r + r + 1.0f;
  const int32_t shifted = (static_cast<int32_t>(n) + 127) << 23;
  float power;
  std::memcpy(&power, &shifted, 4);
  return p * power;
}

TENSORWOOD_INLINE float sigmoid(float margin) { return 1.0f / (1.0f + exponential(-margin)); }

TENSORWOOD_INLINE Gradient squared_gradient(float margin, float label) { return {margin - label, 1.0f}; }

TENSORWOOD_INLINE Gradient logistic_gradient(float margin, float label) {
  const float p = sigmoid(margin);
  const float h = p * (1.0f - p);
  return {p - label, h > 1e-16f ? h : 1e-16f};
}

// Of one class with probability p; the factor 2 is the diagonal bound that XGBoost uses.
TENSORWOOD_INLINE Gradient softmax_gradient(float p, bool is_label) {
  const float h = 2.0f * p * (1.0f - p);
  return {is_label ? p - 1.0f : p, h > 1e-16f ? h : 1e-16f};
}

}  // namespace tensorwood
