// Walking strided operands in row-major order: axes are merged where every operand allows it, then ranges of elements are visited one inner
// run at a time. Shared by the kernel families that take any strides; compiled once per instruction set, in its namespace.
#pragma once
#include <cstring>

#include "cpu/shapes.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int kMaxStrided = 16;

// One shape, and the strides of several operands over it. rank >= 1.
struct Layout {
  int rank;
  int64_t shape[kMaxRank];
  int64_t stride[kMaxStrided][kMaxRank];
};

static inline bool mergeable(const Layout& layout, const Operand* operands, int count, int axis) {
  for (int k = 0; k < count; k++) {
    if (layout.stride[k][layout.rank - 1] != operands[k].stride[axis] * operands[k].shape[axis]) return false;
  }
  return true;
}

// The merged layout of operands that all have the shape of the first.
static inline Layout merge_axes(const Operand* operands, int count) {
  Layout layout{};
  for (int d = 0; count > 0 && d < operands[0].rank; d++) {
    const int64_t size = operands[0].shape[d];
    if (size == 1) continue;
    const bool merged = layout.rank > 0 && mergeable(layout, operands, count, d);
    const int at = merged ? layout.rank - 1 : layout.rank++;
    layout.shape[at] = merged ? layout.shape[at] * size : size;
    for (int k = 0; k < count; k++) layout.stride[k][at] = operands[k].stride[d];
  }
  if (layout.rank == 0) {
    layout.rank = 1;
    layout.shape[0] = 1;
  }
  return layout;
}

// Where element `position` (row-major) of a strided operand lies.
static inline int64_t offset_of(const Layout& layout, const int64_t* stride, int64_t position) {
  int64_t offset = 0;
  for (int d = layout.rank - 1; d > 0; d--) {
    offset += position % layout.shape[d] * stride[d];
    position /= layout.shape[d];
  }
  return offset + position * stride[0];
}

// f(offset, done, count): elements [start + done, start + done + count) begin at `offset` and step by the innermost stride.
template <class F>
TENSORWOOD_INLINE void for_runs(const Layout& layout, const int64_t* stride, int64_t start, int64_t n, const F& f) {
  const int inner = layout.rank - 1;
  int64_t at[kMaxRank], offset = 0, rest = start;
  for (int d = inner; d >= 0; d--) {
    at[d] = d > 0 ? rest % layout.shape[d] : rest;
    offset += at[d] * stride[d];
    if (d > 0) rest /= layout.shape[d];
  }
  for (int64_t done = 0; done < n;) {
    const int64_t left = layout.shape[inner] - at[inner];
    const int64_t count = left < n - done ? left : n - done;
    f(offset, done, count);
    done += count;
    offset += count * stride[inner];
    at[inner] += count;
    for (int d = inner; d > 0 && at[d] == layout.shape[d]; d--) {
      offset += stride[d - 1] - at[d] * stride[d];
      at[d] = 0;
      at[d - 1]++;
    }
  }
}

// Copies elements [start, start + n) to dense memory.
template <class T>
TENSORWOOD_INLINE void copy_elements(const Layout& layout, const int64_t* stride, const T* from, int64_t start, int64_t n, T* to) {
  const int64_t step = stride[layout.rank - 1];
  for_runs(layout, stride, start, n, [&](int64_t offset, int64_t done, int64_t count) {
    const T* p = from + offset;
    T* q = to + done;
    if (step == 1) {
      std::memcpy(q, p, static_cast<size_t>(count) * sizeof(T));
    } else {
      for (int64_t i = 0; i < count; i++) q[i] = p[i * step];
    }
  });
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
