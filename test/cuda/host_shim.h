// CUDA for a compiler without CUDA: one fiber a thread, blocks one after another in an order that depends on the seed. Included by
// native/cuda/launch.h. It checks what a GPU leaves undefined: threads that meet at different barriers, lanes outside their own mask,
// exited lanes named in a mask, deadlocks, carved sizes that differ between threads or pass the launch's bytes. Shared memory is poisoned
// with 0xFF before each block, each piece is a heap block of its own (address sanitizer red zones), and fibers are announced to thread
// sanitizer; shuffles give no ordering, as CUDA says.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

namespace tensorwood::host_shim {

struct Fiber {
  dim3 thread, block, block_size, grid_size;
};
// A plain pointer: a thread_local object would be reached through an initialisation wrapper.
extern __thread Fiber* current;

void barrier(const char* file, int line);
void* carve(int piece, size_t bytes);
void run_grid(dim3 grid, dim3 block, size_t shared, const std::function<void()>& body);
// Collects `argument` of every lane of the mask; the last lane to arrive calls combine(context, arguments by lane, mask).
using Combine = void (*)(void* const* arguments, unsigned mask);
void warp_collective(unsigned mask, void* argument, Combine combine, const char* file, int line);
unsigned lane();

template <class T>
struct Shuffle {
  T value, result;
  int source;  // lane to read, -1 = own
};

// Touches other lanes' variables, which is the hardware's doing and no access of a thread.
template <class T>
__attribute__((no_sanitize("thread"))) void combine_shuffle(void* const* arguments, unsigned mask) {
  for (unsigned i = 0; i < 32; i++) {
    if (!(mask >> i & 1)) continue;
    auto* mine = static_cast<Shuffle<T>*>(arguments[i]);
    const int from = mine->source < 0 || mine->source > 31 || !(mask >> mine->source & 1) ? static_cast<int>(i) : mine->source;
    mine->result = static_cast<Shuffle<T>*>(arguments[from])->value;
  }
}

template <class T>
T shuffle(unsigned mask, T value, int source, const char* file, int line) {
  Shuffle<T> argument{value, value, source};
  warp_collective(mask, &argument, combine_shuffle<T>, file, line);
  return argument.result;
}

struct Vote {
  bool value;
  unsigned result;
};
__attribute__((no_sanitize("thread"))) inline void combine_vote(void* const* arguments, unsigned mask) {
  unsigned votes = 0;
  for (unsigned i = 0; i < 32; i++) votes |= (mask >> i & 1) && static_cast<Vote*>(arguments[i])->value ? 1u << i : 0u;
  for (unsigned i = 0; i < 32; i++) {
    if (mask >> i & 1) static_cast<Vote*>(arguments[i])->result = votes;
  }
}

}  // namespace tensorwood::host_shim

#define threadIdx (::tensorwood::host_shim::current->thread)
#define blockIdx (::tensorwood::host_shim::current->block)
#define blockDim (::tensorwood::host_shim::current->block_size)
#define gridDim (::tensorwood::host_shim::current->grid_size)

inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { tensorwood::host_shim::barrier(file, line); }
void __syncwarp(unsigned mask = 0xffffffffu, const char* file = __builtin_FILE(), int line = __builtin_LINE());

template <class T>
T __shfl_sync(unsigned mask, T value, int source, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return tensorwood::host_shim::shuffle(mask, value, source, file, line);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int with, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return tensorwood::host_shim::shuffle(mask, value, static_cast<int>(tensorwood::host_shim::lane()) ^ with, file, line);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, int by, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return tensorwood::host_shim::shuffle(mask, value, static_cast<int>(tensorwood::host_shim::lane()) + by, file, line);
}
inline unsigned __ballot_sync(unsigned mask, bool value, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  tensorwood::host_shim::Vote argument{value, 0};
  tensorwood::host_shim::warp_collective(mask, &argument, tensorwood::host_shim::combine_vote, file, line);
  return argument.result;
}

// Relaxed, as CUDA's are; written with atomics so that thread sanitizer knows them.
template <class T>
T atomicAdd(T* at, T value) {
  return __atomic_fetch_add(at, value, __ATOMIC_RELAXED);
}
inline float atomicAdd(float* at, float value) {
  uint32_t seen = __atomic_load_n(reinterpret_cast<uint32_t*>(at), __ATOMIC_RELAXED), next;
  float was;
  do {
    std::memcpy(&was, &seen, 4);
    const float sum = was + value;
    std::memcpy(&next, &sum, 4);
  } while (!__atomic_compare_exchange_n(reinterpret_cast<uint32_t*>(at), &seen, next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return was;
}

inline float rsqrtf(float a) { return 1.0f / std::sqrt(a); }
inline float __uint_as_float(unsigned a) {
  float f;
  std::memcpy(&f, &a, 4);
  return f;
}
inline unsigned __float_as_uint(float a) {
  unsigned u;
  std::memcpy(&u, &a, 4);
  return u;
}

// The part of the runtime's interface that native/cuda/device.cu uses.
using cudaStream_t = void*;
enum cudaError_t { cudaSuccess = 0, cudaErrorMemoryAllocation = 2 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
struct cudaDeviceProp {
  char name[256];
  int major, minor, multiProcessorCount;
  size_t totalGlobalMem;
};
cudaError_t cudaMalloc(void** memory, size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaMemset(void* memory, int value, size_t bytes);
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaGetLastError();
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
const char* cudaGetErrorString(cudaError_t error);

namespace tensorwood::cuda {

class SharedMemory {
 public:
  template <class T>
  T* take(int count) {
    return static_cast<T*>(host_shim::carve(pieces_++, sizeof(T) * static_cast<size_t>(count)));
  }

 private:
  int pieces_ = 0;
};

template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, int shared, void*, A... args) {
  host_shim::run_grid(grid, block, static_cast<size_t>(shared), [=] { kernel(static_cast<P>(args)...); });
}

}  // namespace tensorwood::cuda
