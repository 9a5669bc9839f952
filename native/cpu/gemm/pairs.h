// Packing of bf16 for an instruction that multiplies pairs: a step of a panel holds two neighbours of k in the bits of one float, the first
// in the low half. An odd k ends with a zero.
#pragma once
#include "core/inline.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

struct PairBlock {
  const uint16_t* data;
  int64_t line_stride, step_stride;
  int lines;         // at most the panel's width
  int64_t elements;  // of k
};

TENSORWOOD_INLINE Vector join(Vector first, Vector second) { return from_bits(shift_right(bits(first), 16) | bits(second)); }
TENSORWOOD_INLINE Vector first_of_pair(Vector pair) { return from_bits(shift_left(bits(pair), 16)); }
TENSORWOOD_INLINE Vector second_of_pair(Vector pair) {
  return from_bits(bits(pair) & broadcast_integers(static_cast<int32_t>(0xffff0000u)));
}

// Lines side by side in memory: two runs become one step.
static inline void pack_pair_runs(const PairBlock& block, float* panel, int width) {
  for (int64_t k = 0; k < block.elements; k += 2, panel += width) {
    const uint16_t* first = block.data + k * block.step_stride;
    for (int i = 0; i < width; i += Vector::lanes) {
      const int count = block.lines - i, filled = width - i < Vector::lanes ? width - i : Vector::lanes;
      const Vector second = k + 1 < block.elements ? load_partial(first + block.step_stride + i, count) : broadcast(0.0f);
      store_partial(panel + i, join(load_partial(first + i, count), second), filled);
    }
  }
}

static inline void pack_pair(const PairBlock& block, int64_t k, float* panel, int width) {
  for (int i = 0; i < width; i++) {
    const uint16_t* from = block.data + i * block.line_stride + k * block.step_stride;
    const uint32_t first = i < block.lines ? from[0] : 0, second = i < block.lines && k + 1 < block.elements ? from[block.step_stride] : 0;
    const uint32_t both = first | second << 16;
    std::memcpy(panel + k / 2 * width + i, &both, 4);
  }
}

// Steps side by side in memory: pairs are there already, and move as floats would (pack.h). Packs the lines of one vector, from `first`.
static inline void pack_pair_squares(const PairBlock& block, float* panel, int width, int first) {
  constexpr int L = Vector::lanes;
  const int filled = width - first < L ? width - first : L;
  const uint16_t* from = block.data + first * block.line_stride;
  const int64_t whole = block.elements / 2;
  for (int64_t pair = 0; pair < whole; pair += L) {
    const int pairs = static_cast<int>(whole - pair < L ? whole - pair : L);
    Vector square[L];
    for (int i = 0; i < L; i++) {
      const auto* line = reinterpret_cast<const float*>(from + i * block.line_stride + 2 * pair);
      square[i] = first + i < block.lines ? load_partial(line, pairs) : broadcast(0.0f);
    }
    transpose(square);
    for (int i = 0; i < L; i++) {
      if (i < pairs) store_partial(panel + (pair + i) * width + first, square[i], filled);
    }
  }
}

static inline void pack_pair_panel(const PairBlock& block, float* panel, int width) {
  if (block.line_stride == 1) return pack_pair_runs(block, panel, width);
  int64_t packed = 0;
  if (block.step_stride == 1) {
    for (int first = 0; first < width; first += Vector::lanes) pack_pair_squares(block, panel, width, first);
    packed = block.elements / 2 * 2;
  }
  for (int64_t k = packed; k < block.elements; k += 2) pack_pair(block, k, panel, width);
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
