// Packing, the first step of a matrix product: a block of a matrix becomes panels that the micro-kernels (micro.h) read front to back.
// A panel holds `width` lines (rows of A, columns of B), one step of k after the other: panel[k * width + line]. Lines past the end of the
// matrix are zero. bf16 is widened to f32 here. Source of the scheme: Goto, van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication".
#pragma once
#include "core/inline.h"
#include "core/kernel.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// A matrix seen as lines of k elements: element (line, k) lies at data[line * line_stride + k * step_stride]. For A a line is a row, for B
// it is a column, so both are packed by the same code and a transposed operand costs nothing.
struct Lines {
  const void* data;
  DType dtype;  // f32 or bf16
  int64_t line_stride, step_stride;
};

TENSORWOOD_INLINE Lines advance(const Lines& lines, int64_t line, int64_t step) {
  const int64_t elements = line * lines.line_stride + step * lines.step_stride;
  const int64_t bytes = elements * (lines.dtype == DType::f32 ? 4 : 2);
  return {static_cast<const std::byte*>(lines.data) + bytes, lines.dtype, lines.line_stride, lines.step_stride};
}

TENSORWOOD_INLINE float widen(float a) { return a; }
TENSORWOOD_INLINE float widen(uint16_t a) { return bf16_to_float(a); }

template <class T>
struct Block {
  const T* data;
  int64_t line_stride, step_stride;
  int lines;  // at most the panel's width
  int64_t steps;
};

struct Panel {
  float* data;
  int width;
};

// Lines side by side in memory: each step is one run.
template <class T>
static inline void pack_runs(const Block<T>& block, Panel panel) {
  const int whole = block.lines / Vector::lanes * Vector::lanes;
  const T* from = block.data;
  float* to = panel.data;
  for (int64_t k = 0; k < block.steps; k++, from += block.step_stride, to += panel.width) {
    for (int i = 0; i < whole; i += Vector::lanes) store(to + i, load(from + i));
    if (whole < block.lines) store_partial(to + whole, load_partial(from + whole, block.lines - whole), block.lines - whole);
    for (int i = block.lines; i < panel.width; i++) to[i] = 0.0f;
  }
}

// Steps side by side in memory: squares of one vector a side are transposed in registers. Packs the lines of one vector, from `first`.
template <class T>
static inline void pack_transposed(const Block<T>& block, Panel panel, int first) {
  constexpr int L = Vector::lanes;
  const int lines = block.lines - first < L ? block.lines - first : L, filled = panel.width - first < L ? panel.width - first : L;
  const T* from = block.data + first * block.line_stride;
  for (int64_t k = 0; k < block.steps; k += L) {
    const int steps = static_cast<int>(block.steps - k < L ? block.steps - k : L);
    Vector square[L];
    for (int i = 0; i < L; i++) square[i] = i < lines ? load_partial(from + i * block.line_stride + k, steps) : broadcast(0.0f);
    transpose(square);
    float* to = panel.data + k * panel.width + first;
    for (int i = 0; i < L; i++) {
      if (i < steps) store_partial(to + i * panel.width, square[i], filled);
    }
  }
}

template <class T>
static inline void pack_strided(const Block<T>& block, Panel panel) {
  for (int64_t k = 0; k < block.steps; k++) {
    for (int i = 0; i < panel.width; i++) {
      panel.data[k * panel.width + i] = i < block.lines ? widen(block.data[i * block.line_stride + k * block.step_stride]) : 0.0f;
    }
  }
}

template <class T>
static inline void pack_typed(const Block<T>& block, Panel panel) {
  if (block.line_stride == 1) return pack_runs(block, panel);
  if (block.step_stride != 1 || Vector::lanes == 1) return pack_strided(block, panel);
  for (int first = 0; first < panel.width; first += Vector::lanes) pack_transposed(block, panel, first);
}

// One panel: the first `lines` <= panel.width lines and `steps` steps of `source`.
static inline void pack_panel(const Lines& source, int lines, int64_t steps, Panel panel) {
  if (source.dtype == DType::f32) {
    pack_typed<float>({static_cast<const float*>(source.data), source.line_stride, source.step_stride, lines, steps}, panel);
  } else {
    pack_typed<uint16_t>({static_cast<const uint16_t*>(source.data), source.line_stride, source.step_stride, lines, steps}, panel);
  }
}

// `lines` lines and `steps` steps as ceil(lines / panel.width) panels, each of panel.width * steps floats.
static inline void pack_panels(const Lines& source, int64_t lines, int64_t steps, Panel panel) {
  for (int64_t line = 0; line < lines; line += panel.width, panel.data += panel.width * steps) {
    pack_panel(advance(source, line, 0), static_cast<int>(lines - line < panel.width ? lines - line : panel.width), steps, panel);
  }
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
