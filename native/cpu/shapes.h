// What kernels ask of operands: sizes, types, and how they lie in memory; and the arithmetic of sizes.
#pragma once
#include "core/inline.h"
#include "core/kernel.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

TENSORWOOD_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
TENSORWOOD_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
TENSORWOOD_INLINE int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
TENSORWOOD_INLINE int64_t round_up(int64_t a, int64_t step) { return divide_up(a, step) * step; }

TENSORWOOD_INLINE bool is_floating(DType dtype) { return dtype == DType::f32 || dtype == DType::bf16; }
TENSORWOOD_INLINE bool is_floating(const Operand& x) { return is_floating(x.dtype); }

// Hides tensorwood::size_of(DType) no more than it must: both are found.
using tensorwood::size_of;
static inline int64_t size_of(const Operand& x) {
  int64_t size = 1;
  for (int axis = 0; axis < x.rank; axis++) size *= x.shape[axis];
  return size;
}

TENSORWOOD_INLINE bool has_shape(const Operand& x, int rank, const int64_t* shape) {
  if (x.rank != rank) return false;
  for (int axis = 0; axis < rank; axis++) {
    if (x.shape[axis] != shape[axis]) return false;
  }
  return true;
}
TENSORWOOD_INLINE bool same_shape(const Operand& a, const Operand& b) { return has_shape(a, b.rank, b.shape); }
TENSORWOOD_INLINE bool is_vector(const Operand& x, int64_t width) { return x.rank == 1 && x.shape[0] == width; }

TENSORWOOD_INLINE bool is_empty(const Operand& x) {
  for (int axis = 0; axis < x.rank; axis++) {
    if (x.shape[axis] == 0) return true;
  }
  return false;
}
// Row-major, or without elements: strides of such an operand mean nothing.
static inline bool is_dense(const Operand& x) {
  int64_t step = 1;
  for (int axis = x.rank - 1; axis >= 0; axis--) {
    if (x.shape[axis] > 1 && x.stride[axis] != step) return is_empty(x);
    step *= x.shape[axis];
  }
  return true;
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
