// Products of small matrices that are in cache, for kernels that consume them at once (attention, recurrence): C = A B or C += A B with
// A read an element at a time (any strides) and B, C along vectors. Large products belong to native/cpu/gemm.
#pragma once
#include "core/inline.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// Element (i, k) at data[i * row + k * step].
struct Left {
  const float* data;
  int64_t row, step;
};

// B's columns in panels of kPanel floats: element (k, j) at data[j / kPanel * panel + k * row + j % kPanel]. A row-major matrix has panel =
// kPanel.
struct Right {
  const float* data;
  int64_t row, panel;
};

struct Sums {
  float* data;
  int64_t row;
};

// Vectors a panel is wide: with the rows below, all accumulators, a row of B and one element of A fit the registers.
constexpr int kPanelVectors = Vector::lanes == 8 ? 2 : 4;
constexpr int64_t kPanel = kPanelVectors * Vector::lanes;
constexpr int tile_rows(int vectors) {
  return Vector::lanes == 16 ? (vectors == 4 ? 6 : vectors == 3 ? 8 : 12) : Vector::lanes == 8 ? (vectors == 2 ? 6 : 8) : 2;
}

// C (R rows, V vectors) = A B, plus what C holds when it accumulates.
template <int R, int V>
static void multiply_tile(int64_t depth, Left a, const float* b, int64_t b_row, Sums c, bool accumulate) {
  constexpr int L = Vector::lanes;
  Vector sum[R][V];
#pragma GCC unroll 12
  for (int i = 0; i < R; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < V; j++) sum[i][j] = accumulate ? load(c.data + i * c.row + j * L) : broadcast(0.0f);
  }
  for (int64_t k = 0; k < depth; k++) {
    Vector right[V];
#pragma GCC unroll 4
    for (int j = 0; j < V; j++) right[j] = load(b + j * L);
#pragma GCC unroll 12
    for (int i = 0; i < R; i++) {
      const Vector left = broadcast(a.data[i * a.row]);
#pragma GCC unroll 4
      for (int j = 0; j < V; j++) sum[i][j] = multiply_add(left, right[j], sum[i][j]);
    }
    a.data += a.step;
    b += b_row;
  }
#pragma GCC unroll 12
  for (int i = 0; i < R; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < V; j++) store(c.data + i * c.row + j * L, sum[i][j]);
  }
}

// The rows that are left after whole tiles, fewer than R + 1.
template <int R, int V>
static void multiply_rest(int64_t rows, int64_t depth, Left a, const float* b, int64_t b_row, Sums c, bool accumulate) {
  if (rows == R) return multiply_tile<R, V>(depth, a, b, b_row, c, accumulate);
  if constexpr (R > 1) multiply_rest<R - 1, V>(rows, depth, a, b, b_row, c, accumulate);
}

template <int R, int V>
static void multiply_strip(int64_t rows, int64_t depth, Left a, const float* b, int64_t b_row, Sums c, bool accumulate) {
  for (; rows >= R; rows -= R) {
    multiply_tile<R, V>(depth, a, b, b_row, c, accumulate);
    a.data += R * a.row;
    c.data += R * c.row;
  }
  if constexpr (R > 1) multiply_rest<R - 1, V>(rows, depth, a, b, b_row, c, accumulate);
}

struct TileExtent {
  int64_t rows, columns, depth;
};

// Columns are computed up to a whole vector: B has, and C has room for, columns rounded up to lanes.
static void multiply_panels(const TileExtent& size, Left a, const Right& b, Sums c, bool accumulate) {
  for (int64_t column = 0; column < size.columns; column += kPanel) {
    const float* panel = b.data + column / kPanel * b.panel;
    const int64_t vectors = (size.columns - column + Vector::lanes - 1) / Vector::lanes;
    const Sums to = {c.data + column, c.row};
    if (vectors >= kPanelVectors) {
      multiply_strip<tile_rows(kPanelVectors), kPanelVectors>(size.rows, size.depth, a, panel, b.row, to, accumulate);
    } else if (vectors == 3) {
      if constexpr (kPanelVectors > 3) multiply_strip<tile_rows(3), 3>(size.rows, size.depth, a, panel, b.row, to, accumulate);
    } else if (vectors == 2) {
      if constexpr (kPanelVectors > 2) multiply_strip<tile_rows(2), 2>(size.rows, size.depth, a, panel, b.row, to, accumulate);
    } else {
      multiply_strip<tile_rows(1), 1>(size.rows, size.depth, a, panel, b.row, to, accumulate);
    }
  }
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
