// Sums over the threads of a warp and of a block, always in the same order.
#pragma once
#include "cuda/launch.h"

namespace tensorwood::cuda {

// Every lane gets the result. All 32 lanes take part.
__device__ inline float sum_warp(float value) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(kFullMask, value, distance);
  return value;
}

// Every thread gets the result. blockDim.x is a multiple of 32; scratch holds one float a warp and may be used again after the call.
__device__ inline float sum_block(float value, float* scratch) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  value = sum_warp(value);
  if (lane == 0) scratch[warp] = value;
#ifndef PLANT_MISSING_BARRIER
  __syncthreads();
#endif
  float total = scratch[0];
  for (int i = 1; i < warps; i++) total += scratch[i];
  __syncthreads();
  return total;
}

}  // namespace tensorwood::cuda
