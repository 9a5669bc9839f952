// Copies whose innermost axis is not the input's: tiles of both axes are read along the input's rows and written along the output's, so
// that each cache line is used whole. Compiled once per instruction set, in its namespace.
#pragma once
#include "core/threads.h"
#include "cpu/strided.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int64_t kTile = 64;

// to[r pitch_to + c] = from[c pitch_from + r]. Through a buffer, so that rows of `to` that share a cache set are written one after another.
template <class T>
TENSORWOOD_INLINE void transpose_tile(const T* from, int64_t pitch_from, T* to, int64_t pitch_to, int64_t rows, int64_t columns) {
  if (columns < 16) {  // less than a cache line of each row
    for (int64_t r = 0; r < rows; r++) {
      for (int64_t c = 0; c < columns; c++) to[r * pitch_to + c] = from[c * pitch_from + r];
    }
    return;
  }
  constexpr int64_t kStep = kTile + 64 / sizeof(T);  // not a power of two: neighbours in a column lie in different sets
  alignas(64) T tile[kTile * kStep];
  int64_t c = 0;
  for (; c + 4 <= columns; c += 4) {
    const T *p = from + c * pitch_from, *q = p + pitch_from, *s = q + pitch_from, *t = s + pitch_from;
    for (int64_t r = 0; r < rows; r++) {
      T* cell = tile + r * kStep + c;
      cell[0] = p[r];
      cell[1] = q[r];
      cell[2] = s[r];
      cell[3] = t[r];
    }
  }
  for (; c < columns; c++) {
    for (int64_t r = 0; r < rows; r++) tile[r * kStep + c] = from[c * pitch_from + r];
  }
  for (int64_t r = 0; r < rows; r++) std::memcpy(to + r * pitch_to, tile + r * kStep, static_cast<size_t>(columns) * sizeof(T));
}

// The two axes that change places, and what lies around them.
struct Transposition {
  int64_t rows, columns;  // the input's innermost axis (stride 1), and the output's
  int64_t pitch_from, pitch_to;
  int outer_axes;
  int64_t shape[kMaxRank], from[kMaxRank], to[kMaxRank];
};

static inline bool find_transposition(const Layout& layout, Transposition& found) {
  const int inner = layout.rank - 1;
  const int64_t* stride = layout.stride[0];
  int row_axis = -1;
  for (int d = 0; d < inner; d++) {
    if (stride[d] == 1) row_axis = d;
  }
  if (row_axis < 0 || stride[inner] <= 1 || layout.shape[inner] < 2 || layout.shape[row_axis] < 4) return false;
  found.outer_axes = 0;
  int64_t step = 1;
  for (int d = inner; d >= 0; d--) {
    if (d == row_axis)
      found.pitch_to = step;
    else if (d != inner) {
      found.shape[found.outer_axes] = layout.shape[d];
      found.from[found.outer_axes] = stride[d];
      found.to[found.outer_axes++] = step;
    }
    step *= layout.shape[d];
  }
  found.rows = layout.shape[row_axis];
  found.columns = layout.shape[inner];
  found.pitch_from = stride[inner];
  return true;
}

template <class T>
static void transpose_all(const Transposition& t, const T* from, T* to, Threads& threads) {
  const int64_t tiles = (t.rows + kTile - 1) / kTile;
  int64_t tasks = tiles;
  for (int d = 0; d < t.outer_axes; d++) tasks *= t.shape[d];
  const int64_t grouped = 16384 / (kTile * t.columns) + 1;
  threads.parallel((tasks + grouped - 1) / grouped, [&](int64_t task, int) {
    for (int64_t i = task * grouped; i < (task + 1) * grouped && i < tasks; i++) {
      const int64_t row = i % tiles * kTile, rows = t.rows - row < kTile ? t.rows - row : kTile;
      int64_t rest = i / tiles, source = row, target = row * t.pitch_to;
      for (int d = 0; d < t.outer_axes; d++) {
        source += rest % t.shape[d] * t.from[d];
        target += rest % t.shape[d] * t.to[d];
        rest /= t.shape[d];
      }
      for (int64_t c = 0; c < t.columns; c += kTile) {
        const int64_t columns = t.columns - c < kTile ? t.columns - c : kTile;
        transpose_tile(from + source + c * t.pitch_from, t.pitch_from, to + target + c, t.pitch_to, rows, columns);
      }
    }
  });
}

// False when the copy is not of this kind. output is dense, of the input's shape and dtype.
static inline bool copy_transposed(const Operand& input, const Operand& output, Threads& threads) {
  const Layout layout = merge_axes(&input, 1);
  Transposition found;
  if (!find_transposition(layout, found)) return false;
  const int64_t bytes = size_of(output.dtype);
  if (bytes == 4)
    transpose_all(found, static_cast<const uint32_t*>(input.data), static_cast<uint32_t*>(output.data), threads);
  else if (bytes == 2)
    transpose_all(found, static_cast<const uint16_t*>(input.data), static_cast<uint16_t*>(output.data), threads);
  else
    transpose_all(found, static_cast<const uint8_t*>(input.data), static_cast<uint8_t*>(output.data), threads);
  return true;
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
