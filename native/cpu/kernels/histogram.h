// Sums of packed gradients per bin, row by row: the second step of growing a tree and most of its time. One read-modify-write of 64 bits
// serves both derivatives; the limit is about one a cycle.
//   histogram: inputs bins u8 or u16 (n, row stride), pairs i64 or u32 (n), rows u32 (m, ascending), slots i32 (features): where each
//   column of bins begins in the histogram (-1 = left out), [bins u16 and their slots, beside u8 ones]; output i64 (slots), added to. u8
//   columns are kNarrowSlots apart when integers[0] is 1. add_histogram: input i64 (n); output i64 (n), added to. count_rows: inputs bins
//   u8 or u16 (n, one column), rows u32 (m); output u32 (bins), added to.
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

// Codes of a row, by which its pair is added: those of every narrow column, of the columns that are listed, or of two tables at once.
struct Dense {
  const uint8_t* bins;
  int64_t stride;
  int features;

  TENSORWOOD_INLINE void fetch(int64_t row) const { __builtin_prefetch(bins + row * stride); }
  TENSORWOOD_INLINE void add(int64_t row, int64_t pair, int64_t* histogram) const {
    add_row(bins + row * stride, pair, histogram, features);
  }
};
template <class Bin>
struct Listed {
  const Bin* bins;
  int64_t stride;
  int features;
  const int32_t* slots;

  TENSORWOOD_INLINE void fetch(int64_t row) const { __builtin_prefetch(bins + row * stride); }
  TENSORWOOD_INLINE void add(int64_t row, int64_t pair, int64_t* TENSORWOOD_RESTRICT histogram) const {
    const Bin* TENSORWOOD_RESTRICT own = bins + row * stride;
    for (int f = 0; f < features; f++) {
      if (slots[f] >= 0) histogram[slots[f] + own[f]] += pair;
    }
  }
};
template <class Narrow>
struct Both {
  Narrow narrow;
  Listed<uint16_t> wide;

  TENSORWOOD_INLINE void fetch(int64_t row) const {
    narrow.fetch(row);
    wide.fetch(row);
  }
  TENSORWOOD_INLINE void add(int64_t row, int64_t pair, int64_t* histogram) const {
    narrow.add(row, pair, histogram);
    wide.add(row, pair, histogram);
  }
};

template <class Pair, class Codes>
static void add_pairs(const Args& a, const Codes& codes) {
  const Pair* pairs = static_cast<const Pair*>(a.inputs[1].data);
  const uint32_t* rows = static_cast<const uint32_t*>(a.inputs[2].data);
  int64_t* histogram = static_cast<int64_t*>(a.outputs[0].data);
  const int64_t m = a.inputs[2].shape[0];
  if (m == 0) return;
  if (static_cast<int64_t>(rows[m - 1]) - rows[0] == m - 1) {  // ascending without a gap
    for (int64_t r = rows[0]; r < rows[0] + m; r++) codes.add(r, widen_pair(pairs[r]), histogram);
    return;
  }
  const int64_t early = m > kAhead ? m - kAhead : 0;
  for (int64_t i = 0; i < early; i++) {
    codes.fetch(rows[i + kAhead]);
    __builtin_prefetch(pairs + rows[i + kAhead]);
    codes.add(rows[i], widen_pair(pairs[rows[i]]), histogram);
  }
  for (int64_t i = early; i < m; i++) codes.add(rows[i], widen_pair(pairs[rows[i]]), histogram);
}

template <class Codes>
TENSORWOOD_INLINE void add_rows(const Args& a, const Codes& codes) {
  a.inputs[1].dtype == DType::u32 ? add_pairs<uint32_t>(a, codes) : add_pairs<int64_t>(a, codes);
}

template <class Bin>
TENSORWOOD_INLINE Listed<Bin> read_listed(const Operand& bins, const Operand& slots) {
  return {static_cast<const Bin*>(bins.data), bins.stride[0], static_cast<int>(slots.shape[0]), static_cast<const int32_t*>(slots.data)};
}

static void run_histogram(const Args& a) {
  const Operand &bins = a.inputs[0], &slots = a.inputs[3];
  if (bins.dtype == DType::u16) return add_rows(a, read_listed<uint16_t>(bins, slots));
  const Listed<uint8_t> listed = read_listed<uint8_t>(bins, slots);
  const Dense dense = {listed.bins, listed.stride, listed.features};
  const bool all = a.integers[0] == 1;
  if (a.input_count == 4) return all ? add_rows(a, dense) : add_rows(a, listed);
  const Listed<uint16_t> wide = read_listed<uint16_t>(a.inputs[4], a.inputs[5]);
  all ? add_rows(a, Both<Dense>{dense, wide}) : add_rows(a, Both<Listed<uint8_t>>{listed, wide});
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
