// Sums of packed gradients per bin: one block adds its share of the rows to a private histogram of one feature in shared memory, then adds
// that to the result; integers, so the order of atomics does not show. Rows and operands as in native/cpu/kernels/histogram.h.
#include "cuda/launch.h"
#include "trees/layout.h"

namespace tensorwood::cuda {
namespace {

constexpr int kThreads = 256, kRowsEach = 64;  // rows of a thread, more where the grid is as large as it gets

struct Rows {
  const void* bins;  // u8 or u16
  int64_t stride;
  const int64_t* pairs;
  const uint32_t* rows;
  int64_t count;
  const int32_t* slots;
  int64_t features;
  unsigned long long* histogram;
  int32_t wide;      // u16 bins
  int32_t privates;  // slots of the private histogram, 0 = add straight to the result
};

__device__ uint32_t bin_of(const Rows& r, uint32_t row, int64_t feature) {
  const int64_t at = row * r.stride + feature;
  return r.wide != 0 ? static_cast<const uint16_t*>(r.bins)[at] : static_cast<const uint8_t*>(r.bins)[at];
}

__device__ void add_feature(const Rows& r, int64_t feature, unsigned long long* own) {
  const int slot = r.slots[feature];
  for (int i = static_cast<int>(threadIdx.x); i < r.privates; i += kThreads) own[i] = 0;
#ifndef PLANT_MISSING_ZEROING_BARRIER
  __syncthreads();
#endif
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x, step = static_cast<int64_t>(gridDim.x) * kThreads;
  unsigned long long* target = r.privates > 0 ? own : r.histogram + slot;
  for (int64_t i = first; i < r.count && slot >= 0; i += step) {
    atomicAdd(target + bin_of(r, r.rows[i], feature), static_cast<unsigned long long>(r.pairs[r.rows[i]]));
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < r.privates && slot >= 0; i += kThreads) {
    if (own[i] != 0) atomicAdd(r.histogram + slot + i, own[i]);  // a thread zeroes for the next feature only what it adds here
  }
}

__global__ void add_rows(Rows r) {
  SharedMemory shared;
  unsigned long long* own = shared.take<unsigned long long>(r.privates);
  for (int64_t feature = blockIdx.y; feature < r.features; feature += gridDim.y) add_feature(r, feature, own);
}

__global__ void add_all(const unsigned long long* from, unsigned long long* to, int64_t count) {
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += static_cast<int64_t>(gridDim.x) * blockDim.x) {
    to[i] += from[i];
  }
}

void run_histogram(const Args& a) {
  Rows r = {};
  r.bins = a.inputs[0].data;
  r.wide = a.inputs[0].dtype == DType::u16;
  r.stride = a.inputs[0].stride[0];
  r.pairs = static_cast<const int64_t*>(a.inputs[1].data);
  r.rows = static_cast<const uint32_t*>(a.inputs[2].data);
  r.count = a.inputs[2].shape[0];
  r.slots = static_cast<const int32_t*>(a.inputs[3].data);
  r.histogram = static_cast<unsigned long long*>(a.outputs[0].data);
  r.privates = r.wide != 0 ? 0 : kNarrowBins;
  r.features = a.inputs[3].shape[0];
  if (r.count == 0 || r.features == 0) return;
  const dim3 grid(grid_for(r.count, kThreads * kRowsEach), grid_for(r.features, 1, kMostAcross));
  launch(add_rows, grid, dim3(kThreads), r.privates * static_cast<int>(sizeof(unsigned long long)), a.stream, r);
}

void run_add_histogram(const Args& a) {
  const int64_t count = a.inputs[0].shape[0];
  launch(add_all, dim3(grid_for(count, kThreads)), dim3(kThreads), 0, a.stream, static_cast<const unsigned long long*>(a.inputs[0].data),
         static_cast<unsigned long long*>(a.outputs[0].data), count);
}

constexpr Kernel rows[] = {{"histogram", DType::i64, run_histogram, nullptr, nullptr},
                           {"add_histogram", DType::i64, run_add_histogram, nullptr, nullptr}};

}  // namespace

extern const Table table_histogram;
const Table table_histogram = {rows, sizeof rows / sizeof rows[0]};

}  // namespace tensorwood::cuda
