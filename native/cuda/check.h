// CUDA's errors as Status.
#pragma once
#include <string>

#include "core/status.h"
#include "cuda/launch.h"

namespace tensorwood::cuda {

inline Status status_of(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return {};
  return {"ERR_TENSORWOOD_DEVICE", std::string("cuda: ") + doing + " failed: " + cudaGetErrorString(error)};
}

}  // namespace tensorwood::cuda
