// Element types and scalar mathematics of the kernels: bf16 as its 16 bits, rounding to nearest even, and the activations of
// lib/ops/elementwise.ts.
#pragma once
#include "cuda/launch.h"

namespace tensorwood::cuda {

__device__ inline float bf16_to_float(uint16_t a) { return __uint_as_float(static_cast<unsigned>(a) << 16); }

__device__ inline uint16_t float_to_bf16(float a) {
  const unsigned u = __float_as_uint(a);
  if ((u & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((u >> 16) | 0x40u);
  return static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

__device__ inline float load_float(const void* data, DType dtype, int64_t at) {
  return dtype == DType::bf16 ? bf16_to_float(static_cast<const uint16_t*>(data)[at]) : static_cast<const float*>(data)[at];
}

__device__ inline void store_float(void* data, DType dtype, int64_t at, float value) {
  if (dtype == DType::bf16) {
    static_cast<uint16_t*>(data)[at] = float_to_bf16(value);
  } else {
    static_cast<float*>(data)[at] = value;
  }
}

__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
// x Phi(x), Phi = distribution function of the standard normal
__device__ inline float gelu(float x) { return 0.5f * x * erfcf(-0.70710678f * x); }
// x held to [-limit, limit], past which the derivatives below are flat: their squares stay finite. A NaN stays one.
__device__ inline float hold(float x, float limit) { return x > limit ? limit : x < -limit ? -limit : x; }
__device__ inline float gelu_derivative(float x) {
  const float y = hold(x, 16.0f);
  return 0.5f * erfcf(-0.70710678f * y) + 0.39894228f * y * expf(-0.5f * y * y);
}
__device__ inline float gelu_tanh(float x) { return x * sigmoid(1.5957691f * (x + 0.044715f * x * x * x)); }
__device__ inline float gelu_tanh_derivative(float x) {
  const float y = hold(x, 1e4f);
  const float s = sigmoid(1.5957691f * (y + 0.044715f * y * y * y));
  return s + y * s * (1.0f - s) * 1.5957691f * (1.0f + 0.134145f * y * y);
}

}  // namespace tensorwood::cuda
