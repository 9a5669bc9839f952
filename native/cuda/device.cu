// The CUDA device as the executor and the tree engine see it. This file and the kernels make a shared object of their own, opened on first
// use and linked to no driver: where there is none, tensorwood_cuda_device() says so.
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/plugin.h"
#include "cuda/check.h"
#include "cuda/tables.h"

namespace tensorwood::cuda {

static thread_local cudaError_t first_failure = cudaSuccess;

void keep_failure(cudaError_t error) {
  if (first_failure == cudaSuccess) first_failure = error;
}

namespace {

void* allocate(int64_t bytes) {
  void* memory = nullptr;
  const size_t size = static_cast<size_t>(bytes > 0 ? bytes : 1);
  const bool allocated = cudaMalloc(&memory, size) == cudaSuccess;
  if (allocated && cudaMemset(memory, 0, size) == cudaSuccess) return memory;
  if (allocated) cudaFree(memory);
  cudaGetLastError();  // told by the answer: not to the next job
  return nullptr;
}

int64_t available() {
  size_t free = 0, total = 0;
  return cudaMemGetInfo(&free, &total) == cudaSuccess ? static_cast<int64_t>(free) : INT64_MAX;
}

void release(void* memory, int64_t) { cudaFree(memory); }

void write(void* to, const void* host, int64_t bytes, void* stream) {
  keep_failure(cudaMemcpyAsync(to, host, static_cast<size_t>(bytes), cudaMemcpyHostToDevice, static_cast<cudaStream_t>(stream)));
}

void read(void* host, const void* from, int64_t bytes, void* stream) {
  keep_failure(cudaMemcpyAsync(host, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, static_cast<cudaStream_t>(stream)));
}

void copy(void* to, const void* from, int64_t bytes, void* stream) {
  keep_failure(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, static_cast<cudaStream_t>(stream)));
}

void fill(void* to, int byte, int64_t bytes, void* stream) {
  keep_failure(cudaMemsetAsync(to, byte, static_cast<size_t>(bytes), static_cast<cudaStream_t>(stream)));
}

Status synchronize(void* stream) {
  keep_failure(cudaGetLastError());
  keep_failure(cudaStreamSynchronize(static_cast<cudaStream_t>(stream)));
  return status_of(std::exchange(first_failure, cudaSuccess), "a kernel");
}

const Kernel* find(std::string_view name, DType dtype) {
  const Kernel* any = nullptr;
  for (int t = 0; t < table_count; t++) {
    for (int i = 0; i < tables[t]->count; i++) {
      const Kernel& row = tables[t]->rows[i];
      if (name != row.name) continue;
      if (row.dtype == dtype) return &row;
      if (row.dtype == DType::any) any = &row;
    }
  }
  return any;
}

// Checks of calls are the CPU's: napi/devices.cpp fills them in.
constexpr Device device = {"cuda", "cuda", false, allocate, available, release, write, read, copy, fill, synchronize, find, nullptr};

}  // namespace
}  // namespace tensorwood::cuda

// The two symbols of the shared object. The version is asked for first.
extern "C" __attribute__((visibility("default"))) const char* tensorwood_cuda_version() { return TENSORWOOD_TEXT(TENSORWOOD_VERSION); }

// The device, or null and why it cannot be used. description and reason hold 256 bytes each.
extern "C" __attribute__((visibility("default"))) const tensorwood::Device* tensorwood_cuda_device(char* description, char* reason) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0) {
    std::snprintf(reason, 256, "%s", error != cudaSuccess ? cudaGetErrorString(error) : "no CUDA device was found");
    return nullptr;
  }
  cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, 0) != cudaSuccess || properties.major < 8) {
    std::snprintf(reason, 256, "the GPU is older than compute capability 8.0");
    return nullptr;
  }
  std::snprintf(description, 256, "%.200s, compute capability %d.%d, %.1f GB", properties.name, properties.major, properties.minor,
                static_cast<double>(properties.totalGlobalMem) / 1e9);
  return &tensorwood::cuda::device;
}
