// The only header through which kernels see a device. nvcc gives it CUDA; any other compiler gives it the host shim of test/cuda, which
// runs each CUDA thread as a fiber, so that the same source is executed and sanitized where there is no GPU. Rules: no <<<>>>, no inline
// asm, no early return before a barrier; dynamic shared memory is carved by SharedMemory, by every thread alike.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/kernel.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>

namespace tensorwood::cuda {

extern __shared__ __align__(16) unsigned char shared_bytes[];

// Hands out pieces of the block's dynamic shared memory, each aligned to 16 bytes.
class SharedMemory {
 public:
  template <class T>
  __device__ T* take(int count) {
    T* piece = reinterpret_cast<T*>(shared_bytes + used_);
    used_ += (count * static_cast<int>(sizeof(T)) + 15) / 16 * 16;
    return piece;
  }

 private:
  int used_ = 0;
};

// Keeps the first error of this thread for the next synchronize (device.cu): later ones mostly follow from it.
void keep_failure(cudaError_t error);

// Queues kernel(args...) on the stream. shared = bytes of dynamic shared memory: the sum of the pieces, each rounded up to 16.
template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, int shared, void* stream, A... args) {
  if (shared > 48 * 1024) cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, shared);
  kernel<<<grid, block, static_cast<size_t>(shared), static_cast<cudaStream_t>(stream)>>>(static_cast<P>(args)...);
  keep_failure(cudaGetLastError());
}

}  // namespace tensorwood::cuda
#else
#include "host_shim.h"
#endif

namespace tensorwood::cuda {

constexpr int kWarp = 32;
constexpr unsigned kFullMask = 0xffffffffu;

// Blocks along y and z, and along x where those multiply them.
constexpr int kMostAcross = 256;

// A grid of blocks of `threads` that covers n elements by grid-stride loops.
inline unsigned grid_for(int64_t n, int threads, int most = 4096) {
  const int64_t blocks = (n + threads - 1) / threads;
  return static_cast<unsigned>(blocks < 1 ? 1 : blocks < most ? blocks : most);
}

}  // namespace tensorwood::cuda
