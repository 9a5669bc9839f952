// Sums of packed gradients per bin, row by row: the second step of growing a tree and most of its time. One read-modify-write of 64 bits
// serves both derivatives; the limit is about one a cycle.
//   histogram: inputs bins u8 or u16 (n, row stride), pairs i64 (n), rows u32 (m, ascending), slots i32 (features): where each column
//   of bins begins in the histogram; output i64 (slots), added to. u8 columns are kNarrowSlots apart when integers[0] is 1.
//   add_histogram: input i64 (n); output i64 (n), added to.
//   count_rows: inputs bins u8 or u16 (n, one column), rows u32 (m); output u32 (bins), added to.
#pragma once
#include "trees/layout.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int64_t kAhead = 24;  // rows to fetch early when they are scattered

// Every narrow column in place: the distance between histograms is a constant of the addressing mode.
TENSORWOOD_INLINE void add_row(const uint8_t* TENSORWOOD_RESTRICT bins, int64_t gradient, int64_t* TENSORWOOD_RESTRICT histogram,
                               int features) {
  int f = 0;
  for (; f + 4 <= features; f += 4, histogram += 4 * kNarrowSlots) {
    histogram[bins[f]] += gradient;
    histogram[kNarrowSlots + bins[f + 1]] += gradient;
    histogram[2 * kNarrowSlots + bins[f + 2]] += gradient;
    histogram[3 * kNarrowSlots + bins[f + 3]] += gradient;
  }
  for (; f < features; f++, histogram += kNarrowSlots) histogram[bins[f]] += gradient;
}

template <class Bin>
struct Listed {
  const int32_t* slots;
  TENSORWOOD_INLINE void operator()(const Bin* bins, int64_t gradient, int64_t* histogram, int features) const {
    for (int f = 0; f < features; f++) {
      if (slots[f] >= 0) histogram[slots[f] + bins[f]] += gradient;
    }
  }
};
struct Dense {
  TENSORWOOD_INLINE void operator()(const uint8_t* bins, int64_t gradient, int64_t* histogram, int features) const {
    add_row(bins, gradient, histogram, features);
  }
};

template <class Bin, class Add>
TENSORWOOD_INLINE void add_rows(const Args& a, const Add& add) {
  const Bin* bins = static_cast<const Bin*>(a.inputs[0].data);
  const int64_t stride = a.inputs[0].stride[0], m = a.inputs[2].shape[0];
  const int64_t* pairs = static_cast<const int64_t*>(a.inputs[1].data);
  const uint32_t* rows = static_cast<const uint32_t*>(a.inputs[2].data);
  const int features = static_cast<int>(a.inputs[3].shape[0]);
  int64_t* histogram = static_cast<int64_t*>(a.outputs[0].data);
  if (m == 0) return;
  if (static_cast<int64_t>(rows[m - 1]) - rows[0] == m - 1) {  // ascending without a gap
    for (int64_t r = rows[0]; r < rows[0] + m; r++) add(bins + r * stride, pairs[r], histogram, features);
    return;
  }
  const int64_t early = m > kAhead ? m - kAhead : 0;
  for (int64_t i = 0; i < early; i++) {
    __builtin_prefetch(bins + rows[i + kAhead] * stride);
    __builtin_prefetch(pairs + rows[i + kAhead]);
    add(bins + rows[i] * stride, pairs[rows[i]], histogram, features);
  }
  for (int64_t i = early; i < m; i++) add(bins + rows[i] * stride, pairs[rows[i]], histogram, features);
}

static void run_histogram(const Args& a) {
  const int32_t* slots = static_cast<const int32_t*>(a.inputs[3].data);
  if (a.inputs[0].dtype == DType::u16) {
    add_rows<uint16_t>(a, Listed<uint16_t>{slots});
  } else if (a.integers[0] == 1) {
    add_rows<uint8_t>(a, Dense{});
  } else {
    add_rows<uint8_t>(a, Listed<uint8_t>{slots});
  }
}

static void run_add_histogram(const Args& a) {
  const int64_t n = a.inputs[0].shape[0];
  const int64_t* TENSORWOOD_RESTRICT from = static_cast<const int64_t*>(a.inputs[0].data);
  int64_t* TENSORWOOD_RESTRICT to = static_cast<int64_t*>(a.outputs[0].data);
  for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

template <class Bin>
TENSORWOOD_INLINE void count_typed(const Args& a) {
  const Bin* bins = static_cast<const Bin*>(a.inputs[0].data);
  const uint32_t* rows = static_cast<const uint32_t*>(a.inputs[1].data);
  const int64_t m = a.inputs[1].shape[0], early = m > kAhead ? m - kAhead : 0;
  uint32_t* counts = static_cast<uint32_t*>(a.outputs[0].data);
  for (int64_t i = 0; i < early; i++) {
    __builtin_prefetch(bins + rows[i + kAhead]);
    counts[bins[rows[i]]]++;
  }
  for (int64_t i = early; i < m; i++) counts[bins[rows[i]]]++;
}

static void run_count_rows(const Args& a) {
  if (a.inputs[0].dtype == DType::u16) {
    count_typed<uint16_t>(a);
  } else {
    count_typed<uint8_t>(a);
  }
}

static const char* refuse_in_program(const Args&) { return "expected a call by the tree engine, got one from a program"; }

constexpr Kernel rows[] = {{"histogram", DType::i64, run_histogram, refuse_in_program, nullptr},
                           {"add_histogram", DType::i64, run_add_histogram, refuse_in_program, nullptr},
                           {"count_rows", DType::u32, run_count_rows, refuse_in_program, nullptr}};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
