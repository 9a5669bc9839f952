// Packing, the first step of a matrix product: a block of a matrix becomes panels that the micro-kernels (micro.h) read front to back.
// A panel holds `width` lines (rows of A, columns of B), one step of k after the other: panel[k * width + line]. Lines past the end of the
// matrix are zero. bf16 is widened to f32 here, or kept as pairs (pairs.h). Source of the scheme: Goto, van de Geijn, "Anatomy of
// High-Performance Matrix Multiplication".
#pragma once
#include "core/inline.h"
#include "core/kernel.h"
#include "cpu/gemm/pairs.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// A matrix seen as lines of k elements: element (line, k) lies at data[line * line_stride + k * step_stride]. For A a line is a row, for B
// it is a column, so both are packed by the same code and a transposed operand costs nothing.
struct Lines {
  const void* data;
  DType dtype;  // f32 or bf16
  int64_t line_stride, step_stride;
  int64_t paired = 0;  // 0, or the elements of k, of which a step takes two
};

TENSORWOOD_INLINE Lines advance(const Lines& lines, int64_t line, int64_t step) {
  const int64_t taken = lines.paired ? 2 * step : step;
  const int64_t bytes = (line * lines.line_stride + taken * lines.step_stride) * (lines.dtype == DType::f32 ? 4 : 2);
  Lines rest = lines;
  rest.data = static_cast<const std::byte*>(lines.data) + bytes;
  if (lines.paired) rest.paired -= taken;
  return rest;
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

// Stores the first `count` lanes of a step. Lanes past them fall on the next step, which is written later, so only the last step needs
// care.
TENSORWOOD_INLINE void store_step(float* to, Vector value, int count, bool last) {
  if (last && count < Vector::lanes) return store_partial(to, value, count);
  store(to, value);
}

// Lines side by side in memory: `count` whole panels, each `pitch` after the one before. Each step is one run through all of them.
template <class T>
static inline void pack_wide_runs(const Block<T>& block, Panel panel, int64_t count, int64_t pitch) {
  for (int64_t k = 0; k < block.steps; k++) {
    for (int64_t p = 0; p < count; p++) {
      const T* from = block.data + k * block.step_stride + p * panel.width;
      float* to = panel.data + k * panel.width + p * pitch;
      for (int i = 0; i < panel.width; i += Vector::lanes) store(to + i, load(from + i));
    }
  }
}

// The same for panels narrower than a vector. A load may reach past its panel into the next step's run, which must be there to be read.
template <class T>
static inline void pack_narrow_runs(const Block<T>& block, Panel panel, int64_t count, int64_t pitch) {
  const int64_t loose = block.step_stride >= Vector::lanes && block.steps > 0 ? block.steps - 1 : 0;
  for (int64_t k = 0; k < loose; k++) {
    for (int64_t p = 0; p < count; p++) {
      store(panel.data + k * panel.width + p * pitch, load(block.data + k * block.step_stride + p * panel.width));
    }
  }
  for (int64_t k = loose; k < block.steps; k++) {
    for (int64_t p = 0; p < count; p++) {
      const Vector value = load_partial(block.data + k * block.step_stride + p * panel.width, panel.width);
      store_step(panel.data + k * panel.width + p * pitch, value, panel.width, k == block.steps - 1);
    }
  }
}

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

// Up to a square of lines and steps, transposed in registers. Lines past `lines` are zero.
template <class T, bool Whole>
TENSORWOOD_INLINE void pack_square(const T* from, int64_t line_stride, int lines, int steps, Vector (&square)[Vector::lanes]) {
#pragma GCC unroll 16
  for (int i = 0; i < Vector::lanes; i++) {
    if (i >= lines) {
      square[i] = broadcast(0.0f);
    } else if constexpr (Whole) {
      square[i] = load(from + i * line_stride);
    } else {
      square[i] = load_partial(from + i * line_stride, steps);
    }
  }
  transpose(square);
}

// Steps side by side in memory. Packs the lines of one vector, from `first`.
template <class T>
static inline void pack_transposed(const Block<T>& block, Panel panel, int first) {
  constexpr int L = Vector::lanes;
  const int lines = block.lines - first < L ? block.lines - first : L, filled = panel.width - first < L ? panel.width - first : L;
  const T* from = block.data + first * block.line_stride;
  float* to = panel.data + first;
  Vector square[L];
  int64_t k = 0;
  for (; k + L < block.steps; k += L, to += L * panel.width) {
    pack_square<T, true>(from + k, block.line_stride, lines, L, square);
#pragma GCC unroll 16
    for (int i = 0; i < L; i++) store(to + i * panel.width, square[i]);
  }
  const int steps = static_cast<int>(block.steps - k);
  if (steps <= 0) return;
  pack_square<T, false>(from + k, block.line_stride, lines, steps, square);
  for (int i = 0; i < L; i++) {
    if (i < steps) store_step(to + i * panel.width, square[i], filled, i == steps - 1);
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
  if (source.paired) {
    const int64_t elements = 2 * steps < source.paired ? 2 * steps : source.paired;
    const auto* data = static_cast<const uint16_t*>(source.data);
    return pack_pair_panel({data, source.line_stride, source.step_stride, lines, elements}, panel.data, panel.width);
  }
  if (source.dtype == DType::f32) {
    pack_typed<float>({static_cast<const float*>(source.data), source.line_stride, source.step_stride, lines, steps}, panel);
  } else {
    pack_typed<uint16_t>({static_cast<const uint16_t*>(source.data), source.line_stride, source.step_stride, lines, steps}, panel);
  }
}

// A few panels at a time: enough to use whole cache lines of the source, few enough not to crowd each other out of a cache set.
constexpr int64_t kGroupLines = 64;

template <class T>
static inline void pack_run_panels(const Lines& source, int64_t panels, int64_t steps, Panel panel) {
  const int64_t pitch = panel.width * steps, group = kGroupLines / panel.width < 1 ? 1 : kGroupLines / panel.width;
  Block<T> block = {static_cast<const T*>(source.data), 1, source.step_stride, panel.width, steps};
  for (; panels > 0; panels -= group, block.data += group * panel.width, panel.data += group * pitch) {
    const int64_t count = panels < group ? panels : group;
    if (panel.width < Vector::lanes) {
      pack_narrow_runs(block, panel, count, pitch);
    } else {
      pack_wide_runs(block, panel, count, pitch);
    }
  }
}

// `lines` lines and `steps` steps as ceil(lines / panel.width) panels, each of panel.width * steps floats.
static inline void pack_panels(const Lines& source, int64_t lines, int64_t steps, Panel panel) {
  int64_t line = 0;
  if (source.line_stride == 1 && !source.paired) {
    const int64_t panels = lines / panel.width;
    if (source.dtype == DType::f32) pack_run_panels<float>(source, panels, steps, panel);
    if (source.dtype != DType::f32) pack_run_panels<uint16_t>(source, panels, steps, panel);
    line = panels * panel.width;
  }
  for (float* to = panel.data + line * steps; line < lines; line += panel.width, to += panel.width * steps) {
    pack_panel(advance(source, line, 0), static_cast<int>(lines - line < panel.width ? lines - line : panel.width), steps,
               {to, panel.width});
  }
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
