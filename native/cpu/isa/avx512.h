// The vector type of sixteen lanes: AVX-512 F, BW, VL, DQ. Names and meaning as in scalar.h.
#pragma once
#include <immintrin.h>

#include <cmath>
#include <cstring>

#include "core/inline.h"
#include "core/kernel.h"
#include "cpu/isa/bf16.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

struct Vector {
  static constexpr int lanes = 16;
  __m512 v;
};
struct Integers {
  __m512i v;
};
struct Mask {
  __mmask16 v;
};

TENSORWOOD_INLINE __mmask16 first_lanes(int n) { return n >= 16 ? 0xffff : n <= 0 ? 0 : static_cast<__mmask16>((1u << n) - 1); }

TENSORWOOD_INLINE Vector broadcast(float a) { return {_mm512_set1_ps(a)}; }
TENSORWOOD_INLINE Vector load(const float* p) { return {_mm512_loadu_ps(p)}; }
TENSORWOOD_INLINE Vector load_partial(const float* p, int n) { return {_mm512_maskz_loadu_ps(first_lanes(n), p)}; }
TENSORWOOD_INLINE void store(float* p, Vector a) { _mm512_storeu_ps(p, a.v); }
TENSORWOOD_INLINE void store_partial(float* p, Vector a, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), a.v); }
TENSORWOOD_INLINE Vector operator+(Vector a, Vector b) { return {_mm512_add_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Vector operator-(Vector a, Vector b) { return {_mm512_sub_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Vector operator*(Vector a, Vector b) { return {_mm512_mul_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Vector operator/(Vector a, Vector b) { return {_mm512_div_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Vector multiply_add(Vector a, Vector b, Vector c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
// sum + a.low b.low + a.high b.high for the two bf16 in the bits of each lane; denormals count as 0. This set alone has it.
TENSORWOOD_INLINE Vector dot_pairs(Vector a, Vector b, Vector sum) {
  return {_mm512_dpbf16_ps(sum.v, (__m512bh)_mm512_castps_si512(a.v), (__m512bh)_mm512_castps_si512(b.v))};
}
TENSORWOOD_INLINE Vector minimum(Vector a, Vector b) { return {_mm512_min_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Vector maximum(Vector a, Vector b) { return {_mm512_max_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Vector square_root(Vector a) { return {_mm512_sqrt_ps(a.v)}; }
TENSORWOOD_INLINE Vector round_nearest(Vector a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
TENSORWOOD_INLINE Vector round_down(Vector a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
TENSORWOOD_INLINE Mask operator<(Vector a, Vector b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
TENSORWOOD_INLINE Mask operator<=(Vector a, Vector b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
TENSORWOOD_INLINE Mask operator==(Vector a, Vector b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
TENSORWOOD_INLINE Mask operator&(Mask a, Mask b) { return {static_cast<__mmask16>(a.v & b.v)}; }
TENSORWOOD_INLINE Mask operator|(Mask a, Mask b) { return {static_cast<__mmask16>(a.v | b.v)}; }
TENSORWOOD_INLINE Mask operator!(Mask a) { return {static_cast<__mmask16>(~a.v)}; }
TENSORWOOD_INLINE Vector select(Mask m, Vector a, Vector b) { return {_mm512_mask_blend_ps(m.v, b.v, a.v)}; }
TENSORWOOD_INLINE Vector keep_first(Vector a, int n, Vector rest) { return {_mm512_mask_blend_ps(first_lanes(n), rest.v, a.v)}; }

TENSORWOOD_INLINE Integers broadcast_integers(int32_t a) { return {_mm512_set1_epi32(a)}; }
TENSORWOOD_INLINE Integers load_integers(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
TENSORWOOD_INLINE void store_integers(int32_t* p, Integers a) { _mm512_storeu_si512(p, a.v); }
TENSORWOOD_INLINE Integers operator+(Integers a, Integers b) { return {_mm512_add_epi32(a.v, b.v)}; }
TENSORWOOD_INLINE Integers operator-(Integers a, Integers b) { return {_mm512_sub_epi32(a.v, b.v)}; }
TENSORWOOD_INLINE Integers operator&(Integers a, Integers b) { return {_mm512_and_si512(a.v, b.v)}; }
TENSORWOOD_INLINE Integers operator|(Integers a, Integers b) { return {_mm512_or_si512(a.v, b.v)}; }
TENSORWOOD_INLINE Integers operator^(Integers a, Integers b) { return {_mm512_xor_si512(a.v, b.v)}; }
TENSORWOOD_INLINE Integers shift_left(Integers a, int n) { return {_mm512_slli_epi32(a.v, static_cast<unsigned>(n))}; }
TENSORWOOD_INLINE Integers shift_right(Integers a, int n) { return {_mm512_srli_epi32(a.v, static_cast<unsigned>(n))}; }
struct WideProduct {
  Integers low, high;
};
TENSORWOOD_INLINE WideProduct multiply_wide(Integers a, uint32_t b) {
  const __m512i factor = _mm512_set1_epi32(static_cast<int32_t>(b));
  const __m512i even = _mm512_mul_epu32(a.v, factor), odd = _mm512_mul_epu32(_mm512_srli_epi64(a.v, 32), factor);
  return {{_mm512_mask_shuffle_epi32(even, 0xaaaa, odd, _MM_PERM_CCAA)}, {_mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB)}};
}
constexpr int quad_lanes[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
TENSORWOOD_INLINE void store_quads(int32_t* p, const Integers (&x)[4]) {
  const __m512i a = _mm512_unpacklo_epi32(x[0].v, x[1].v), b = _mm512_unpackhi_epi32(x[0].v, x[1].v);
  const __m512i c = _mm512_unpacklo_epi32(x[2].v, x[3].v), d = _mm512_unpackhi_epi32(x[2].v, x[3].v);
  _mm512_storeu_si512(p, _mm512_unpacklo_epi64(a, c));
  _mm512_storeu_si512(p + 16, _mm512_unpackhi_epi64(a, c));
  _mm512_storeu_si512(p + 32, _mm512_unpacklo_epi64(b, d));
  _mm512_storeu_si512(p + 48, _mm512_unpackhi_epi64(b, d));
}
TENSORWOOD_INLINE Integers to_integers(Vector a) { return {_mm512_cvtps_epi32(a.v)}; }
TENSORWOOD_INLINE Vector to_floats(Integers a) { return {_mm512_cvtepi32_ps(a.v)}; }
TENSORWOOD_INLINE Integers bits(Vector a) { return {_mm512_castps_si512(a.v)}; }
TENSORWOOD_INLINE Vector from_bits(Integers a) { return {_mm512_castsi512_ps(a.v)}; }
TENSORWOOD_INLINE Vector scale(Vector a, Vector n) { return {_mm512_scalef_ps(a.v, n.v)}; }
TENSORWOOD_INLINE Vector gather(const float* p, Integers at) { return {_mm512_i32gather_ps(at.v, p, 4)}; }

// rows[i] lane j and rows[j] lane i change places.
TENSORWOOD_INLINE void transpose(Vector (&rows)[16]) {
  __m512 pairs[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 4) {
    const __m512 low = _mm512_unpacklo_ps(rows[i].v, rows[i + 1].v), high = _mm512_unpackhi_ps(rows[i].v, rows[i + 1].v);
    const __m512 next_low = _mm512_unpacklo_ps(rows[i + 2].v, rows[i + 3].v), next_high = _mm512_unpackhi_ps(rows[i + 2].v, rows[i + 3].v);
    pairs[i] = _mm512_shuffle_ps(low, next_low, 0x44);
    pairs[i + 1] = _mm512_shuffle_ps(low, next_low, 0xee);
    pairs[i + 2] = _mm512_shuffle_ps(high, next_high, 0x44);
    pairs[i + 3] = _mm512_shuffle_ps(high, next_high, 0xee);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 4; i++) {
    const __m512 even = _mm512_shuffle_f32x4(pairs[i], pairs[i + 4], 0x88), odd = _mm512_shuffle_f32x4(pairs[i], pairs[i + 4], 0xdd);
    const __m512 next_even = _mm512_shuffle_f32x4(pairs[i + 8], pairs[i + 12], 0x88);
    const __m512 next_odd = _mm512_shuffle_f32x4(pairs[i + 8], pairs[i + 12], 0xdd);
    rows[i].v = _mm512_shuffle_f32x4(even, next_even, 0x88);
    rows[i + 4].v = _mm512_shuffle_f32x4(odd, next_odd, 0x88);
    rows[i + 8].v = _mm512_shuffle_f32x4(even, next_even, 0xdd);
    rows[i + 12].v = _mm512_shuffle_f32x4(odd, next_odd, 0xdd);
  }
}

TENSORWOOD_INLINE float reduce_add(Vector a) {
  const __m256 y = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
TENSORWOOD_INLINE float reduce_max(Vector a) {
  const __m256 y = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  __m128 x = _mm_max_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

TENSORWOOD_INLINE __m512 widen_bf16(__m256i a) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(a), 16)); }
TENSORWOOD_INLINE __m256i narrow_bf16(__m512 a) {
  const __m512i u = _mm512_castps_si512(a);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
  const __m512i quiet = _mm512_or_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(0x40));
  return _mm512_cvtepi32_epi16(_mm512_mask_blend_epi32(_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), rounded, quiet));
}
TENSORWOOD_INLINE Vector load(const uint16_t* p) { return {widen_bf16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))}; }
TENSORWOOD_INLINE Vector load_partial(const uint16_t* p, int n) { return {widen_bf16(_mm256_maskz_loadu_epi16(first_lanes(n), p))}; }
TENSORWOOD_INLINE void store(uint16_t* p, Vector a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), narrow_bf16(a.v)); }
TENSORWOOD_INLINE void store_partial(uint16_t* p, Vector a, int n) { _mm256_mask_storeu_epi16(p, first_lanes(n), narrow_bf16(a.v)); }

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
