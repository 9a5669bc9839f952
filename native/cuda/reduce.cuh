// Sums and maxima over the threads of a warp and of a block, always in the same order.
#pragma once
#include "cuda/launch.h"

namespace tensorwood::cuda {

struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
  static constexpr float identity = 0.0f;
};
struct Maximum {
  __device__ float operator()(float a, float b) const { return a > b ? a : b; }
  static constexpr float identity = -3.4028235e38f;
};

// Every lane gets the result. All 32 lanes take part.
template <class Operation>
__device__ inline float reduce_warp(float value) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) value = Operation()(value, __shfl_xor_sync(kFullMask, value, distance));
  return value;
}

// Every thread gets the result. blockDim.x is a multiple of 32; scratch holds one float a warp and may be used again after the call.
template <class Operation>
__device__ inline float reduce_block(float value, float* scratch) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  value = reduce_warp<Operation>(value);
  if (lane == 0) scratch[warp] = value;
#ifndef PLANT_MISSING_BARRIER
  __syncthreads();
#endif
  float total = scratch[0];
  for (int i = 1; i < warps; i++) total = Operation()(total, scratch[i]);
  __syncthreads();
  return total;
}

}  // namespace tensorwood::cuda
