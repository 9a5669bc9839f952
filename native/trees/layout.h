// Memory layouts that the engine and the kernels share: packed gradients, histograms, split records, nodes ready for prediction.
#pragma once
#include <cstdint>

#include "core/inline.h"

namespace tensorwood {

// A gradient pair is int64: (first derivative << 32) + second derivative, which is at least 0. A histogram slot is the sum of pairs, so one
// addition serves both. Scales are chosen so that the sums over all rows stay within 31 bits; nothing else bounds them, so one large row
// takes no more from the others than its share of the sum. Where every derivative fits 15 bits, as among many rows alike, pairs are stored
// in half the memory: uint32, (first << 16) + second.
TENSORWOOD_INLINE int64_t pair_of(int32_t first, int32_t second) { return first * (int64_t{1} << 32) + second; }
TENSORWOOD_INLINE uint32_t short_pair_of(int32_t first, int32_t second) {
  return (static_cast<uint32_t>(first) << 16) + static_cast<uint32_t>(second);
}
constexpr double kMostShort = 32767;  // the largest derivative of a short pair
TENSORWOOD_INLINE int64_t widen_pair(int64_t pair) { return pair; }
TENSORWOOD_INLINE int64_t widen_pair(uint32_t pair) {
  return pair_of(static_cast<int32_t>(pair) >> 16, static_cast<int32_t>(pair & 0xffffu));
}
TENSORWOOD_INLINE int32_t first_sum(int64_t slot) { return static_cast<int32_t>(slot >> 32); }
TENSORWOOD_INLINE int32_t second_sum(int64_t slot) { return static_cast<int32_t>(static_cast<uint32_t>(slot)); }

// Slots from one feature to the next: an odd number of cache lines, so that equal bins of neighbours never share a cache set (a stride
// of 1, 2 or 4 KiB costs up to 12x on skewed features).
constexpr int32_t padded_slots(int32_t bins) { return (((bins + 7) / 8) | 1) * 8; }
constexpr int32_t kNarrowBins = 256;  // u8 codes: up to 255 values and the missing bin
constexpr int32_t kNarrowSlots = padded_slots(kNarrowBins);

// A row of the feature table that split kernels read.
struct FeatureSlot {
  int32_t slot;         // of its first bin in the histogram
  int32_t bins;         // value bins; the missing bin follows them
  int32_t categorical;  // 0 or 1
  int32_t scan;         // 0 = subtract only: the feature is not sampled for this node
};

// The best split of one feature.
struct Split {
  double gain;           // in units of the loss, less than 0 = none
  int64_t left;          // histogram sum that goes left
  int32_t feature;       // set by the engine
  int32_t bin;           // numeric: bins up to this one go left. categorical: how many of the sorted categories go left
  int32_t missing_left;  // 0 or 1
  int32_t direction;     // categorical: 0 = one category alone, 1 = the lowest of the sorted ones, -1 = the highest
  int32_t certain;       // 0 = its second derivatives allow fewer rows than asked for on a side or in a category
};

// A node ready for prediction: value is a threshold (x <= value goes left) or, as bits, the position of a category set. The children of
// a node are neighbours, `left` ahead of it; a leaf is its own left child and sends everything there.
struct NarrowNode {
  float value;
  uint32_t bits;  // feature 14 | categorical 1 | missing left 1 | left 16
  TENSORWOOD_INLINE uint32_t feature() const { return bits >> 18; }
  TENSORWOOD_INLINE bool categorical() const { return (bits >> 17) & 1; }
  TENSORWOOD_INLINE uint32_t missing_left() const { return (bits >> 16) & 1; }
  TENSORWOOD_INLINE uint32_t left() const { return bits & 0xffff; }
};
struct WideNode {
  float value;
  uint32_t bits;  // feature 30 | categorical 1 | missing left 1
  uint32_t ahead;
  TENSORWOOD_INLINE uint32_t feature() const { return bits >> 2; }
  TENSORWOOD_INLINE bool categorical() const { return (bits >> 1) & 1; }
  TENSORWOOD_INLINE uint32_t missing_left() const { return bits & 1; }
  TENSORWOOD_INLINE uint32_t left() const { return ahead; }
};

struct TreeSpan {
  int64_t first_node;
  int32_t depth;
  int32_t group;  // class
};

}  // namespace tensorwood
