// Operands as rows: everything but the last axis, numbered in row-major order. For the kernels that work along the last axis, and for their
// checks.
#pragma once
#include "cpu/shapes.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

TENSORWOOD_INLINE int64_t width_of(const Operand& x) { return x.rank == 0 ? 1 : x.shape[x.rank - 1]; }
TENSORWOOD_INLINE int64_t rows_of(const Operand& x) {
  int64_t rows = 1;
  for (int axis = 0; axis + 1 < x.rank; axis++) rows *= x.shape[axis];
  return rows;
}

TENSORWOOD_INLINE bool has_dense_rows(const Operand& x) {
  return x.rank == 0 || x.shape[x.rank - 1] <= 1 || x.stride[x.rank - 1] == 1 || is_empty(x);
}

// Where row i of an operand starts, in elements. Most operands have evenly spaced rows, which takes no division.
struct RowStarts {
  const Operand& x;
  bool even;
  int64_t step;

  TENSORWOOD_INLINE explicit RowStarts(const Operand& operand) : x(operand), even(true), step(0) {
    int64_t inner = 1;  // rows that the axes seen so far make
    for (int axis = x.rank - 2; axis >= 0; axis--) {
      if (x.shape[axis] == 1) continue;
      if (inner == 1) step = x.stride[axis];
      even = even && x.stride[axis] == step * inner;
      inner *= x.shape[axis];
    }
  }
  TENSORWOOD_INLINE int64_t operator[](int64_t row) const {
    if (even) return row * step;
    int64_t at = 0;
    for (int axis = x.rank - 2; axis >= 0; axis--) {
      at += row % x.shape[axis] * x.stride[axis];
      row /= x.shape[axis];
    }
    return at;
  }
};

// Calls f(column, count) for each vector of a row; count < lanes only for the last.
template <class F>
TENSORWOOD_INLINE void for_vectors(int64_t width, const F& f) {
  constexpr int L = Vector::lanes;
  int64_t j = 0;
  for (; j + L <= width; j += L) f(j, L);
  if (j < width) f(j, static_cast<int>(width - j));
}

// load and store of the first `count` lanes, where a constant count = lanes needs no mask.
template <class T>
TENSORWOOD_INLINE Vector load_lanes(const T* p, int count) {
  return count == Vector::lanes ? load(p) : load_partial(p, count);
}
template <class T>
TENSORWOOD_INLINE void store_lanes(T* p, Vector a, int count) {
  if (count == Vector::lanes) return store(p, a);
  store_partial(p, a, count);
}

// Rows that one task takes, about 16 K elements, so that a task outlasts its hand-over many times. A function of the shape alone.
TENSORWOOD_INLINE int64_t rows_a_task(int64_t width) { return larger(1, 16384 / larger(1, width)); }

// f(first row, end row) over all rows, in tasks.
template <class F>
TENSORWOOD_INLINE void parallel_rows(const Args& args, int64_t rows, int64_t rows_each, const F& f) {
  args.threads->parallel(divide_up(rows, rows_each),
                         [&](int64_t task, int) { f(task * rows_each, smaller(rows, (task + 1) * rows_each)); });
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
