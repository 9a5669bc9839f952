// Rows of a node go left or right, in order: the fourth step of growing a tree.
//   partition: inputs bins u8 or u16 (n, one column, three readable bytes after it), rows u32 (m), [left u8 (bins), three readable bytes
//   after it: 1 goes left]; outputs
//   left u32 (m), right u32 (m), left may be rows itself; count i64 (1) of those gone left.
//   integers [last bin that goes left, missing bin, whether missing goes left], read when there is no table.
#pragma once
#include "trees/layout.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

struct Threshold {
  uint32_t last, missing, missing_left;
  TENSORWOOD_INLINE bool operator()(uint32_t bin) const { return bin == missing ? missing_left != 0 : bin <= last; }
};
struct Chosen {
  const uint8_t* left;
  TENSORWOOD_INLINE bool operator()(uint32_t bin) const { return left[bin] != 0; }
};

constexpr int64_t kAhead = 64;  // rows whose bins are fetched early: scattered rows miss the cache

// Both sides are always written and only one end moves: no branch to mispredict.
template <class Bin, class GoesLeft>
TENSORWOOD_INLINE void divide(const Bin* bins, const uint32_t* rows, int64_t begin, int64_t end, uint32_t*& left, uint32_t*& right,
                              const GoesLeft& goes_left) {
  for (int64_t i = begin; i < end; i++) {
    if (i + kAhead < end) __builtin_prefetch(bins + rows[i + kAhead]);
    const uint32_t row = rows[i];
    const bool is_left = goes_left(bins[row]);
    *left = row;
    *right = row;
    left += is_left;
    right += !is_left;
  }
}

#if defined(__AVX512F__)
template <int kBytes>
TENSORWOOD_INLINE __m512i gather_small(const void* from, __m512i at) {
  const __m512i wide = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), 0xffff, at, from, kBytes);
  return _mm512_and_si512(wide, _mm512_set1_epi32(kBytes == 1 ? 0xff : 0xffff));
}

TENSORWOOD_INLINE __mmask16 select_left(const Threshold& t, __m512i bin) {
  const __mmask16 is_missing = _mm512_cmpeq_epi32_mask(bin, _mm512_set1_epi32(static_cast<int>(t.missing)));
  const __mmask16 below = _mm512_cmple_epu32_mask(bin, _mm512_set1_epi32(static_cast<int>(t.last)));
  return t.missing_left ? below | is_missing : below & ~is_missing;
}
TENSORWOOD_INLINE __mmask16 select_left(const Chosen& c, __m512i bin) {
  const __m512i left = gather_small<1>(c.left, bin);
  return _mm512_test_epi32_mask(left, left);
}

// Sixteen rows a step: gather, compare, compress in the register (compress to memory is slow on Zen 4). -> rows done
template <class Bin, class GoesLeft>
TENSORWOOD_INLINE int64_t divide_vector(const Bin* bins, const uint32_t* rows, int64_t m, uint32_t*& left, uint32_t*& right,
                                        const GoesLeft& goes_left) {
  int64_t i = 0;
  for (; i + 16 <= m; i += 16) {
    if (i + kAhead + 16 <= m) {
      for (int j = 0; j < 16; j++) __builtin_prefetch(bins + rows[i + kAhead + j]);
    }
    const __m512i row = _mm512_loadu_si512(rows + i);
    const __mmask16 is_left = select_left(goes_left, gather_small<sizeof(Bin)>(bins, row));
    _mm512_storeu_si512(right, _mm512_maskz_compress_epi32(~is_left, row));
    _mm512_storeu_si512(left, _mm512_maskz_compress_epi32(is_left, row));
    const int n = __builtin_popcount(is_left);
    left += n;
    right += 16 - n;
  }
  return i;
}
#endif

template <class Bin, class GoesLeft>
TENSORWOOD_INLINE void divide_all(const Bin* bins, const uint32_t* rows, int64_t m, uint32_t*& left, uint32_t*& right,
                                  const GoesLeft& goes_left) {
  int64_t done = 0;
#if defined(__AVX512F__)
  if (m > 0 && rows[m - 1] < 0x40000000u) done = divide_vector(bins, rows, m, left, right, goes_left);  // gathers take signed positions
#endif
  divide(bins, rows, done, m, left, right, goes_left);
}

template <class Bin>
TENSORWOOD_INLINE void run_typed(const Args& a) {
  const Bin* bins = static_cast<const Bin*>(a.inputs[0].data);
  const uint32_t* rows = static_cast<const uint32_t*>(a.inputs[1].data);
  const int64_t m = a.inputs[1].shape[0];
  uint32_t* left = static_cast<uint32_t*>(a.outputs[0].data);
  uint32_t* right = static_cast<uint32_t*>(a.outputs[1].data);
  const uint32_t* first = left;
  if (a.input_count > 2) {
    divide_all(bins, rows, m, left, right, Chosen{static_cast<const uint8_t*>(a.inputs[2].data)});
  } else {
    const Threshold t = {static_cast<uint32_t>(a.integers[0]), static_cast<uint32_t>(a.integers[1]), static_cast<uint32_t>(a.integers[2])};
    divide_all(bins, rows, m, left, right, t);
  }
  *static_cast<int64_t*>(a.outputs[2].data) = left - first;
}

static void run_partition(const Args& a) {
  if (a.inputs[0].dtype == DType::u16) {
    run_typed<uint16_t>(a);
  } else {
    run_typed<uint8_t>(a);
  }
}

static const char* refuse_in_program(const Args&) { return "expected a call by the tree engine, got one from a program"; }

constexpr Kernel rows[] = {{"partition", DType::u32, run_partition, refuse_in_program, nullptr}};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
