// The vector type of eight lanes: AVX2 with FMA. Names and meaning as in scalar.h.
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
  static constexpr int lanes = 8;
  __m256 v;
};
struct Integers {
  __m256i v;
};
struct Mask {
  __m256 v;
};

TENSORWOOD_INLINE __m256i first_lanes(int n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }

TENSORWOOD_INLINE Vector broadcast(float a) { return {_mm256_set1_ps(a)}; }
TENSORWOOD_INLINE Vector load(const float* p) { return {_mm256_loadu_ps(p)}; }
TENSORWOOD_INLINE Vector load_partial(const float* p, int n) { return {_mm256_maskload_ps(p, first_lanes(n))}; }
TENSORWOOD_INLINE void store(float* p, Vector a) { _mm256_storeu_ps(p, a.v); }
TENSORWOOD_INLINE void store_partial(float* p, Vector a, int n) { _mm256_maskstore_ps(p, first_lanes(n), a.v); }
TENSORWOOD_INLINE Vector operator+(Vector a, Vector b) { return {_mm256_add_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Vector operator-(Vector a, Vector b) { return {_mm256_sub_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Vector operator*(Vector a, Vector b) { return {_mm256_mul_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Vector operator/(Vector a, Vector b) { return {_mm256_div_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Vector multiply_add(Vector a, Vector b, Vector c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
TENSORWOOD_INLINE Vector minimum(Vector a, Vector b) { return {_mm256_min_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Vector maximum(Vector a, Vector b) { return {_mm256_max_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Vector square_root(Vector a) { return {_mm256_sqrt_ps(a.v)}; }
TENSORWOOD_INLINE Vector round_nearest(Vector a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
TENSORWOOD_INLINE Vector round_down(Vector a) { return {_mm256_floor_ps(a.v)}; }
TENSORWOOD_INLINE Mask operator<(Vector a, Vector b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
TENSORWOOD_INLINE Mask operator<=(Vector a, Vector b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
TENSORWOOD_INLINE Mask operator==(Vector a, Vector b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
TENSORWOOD_INLINE Mask operator&(Mask a, Mask b) { return {_mm256_and_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Mask operator|(Mask a, Mask b) { return {_mm256_or_ps(a.v, b.v)}; }
TENSORWOOD_INLINE Mask operator!(Mask a) { return {_mm256_xor_ps(a.v, _mm256_castsi256_ps(_mm256_set1_epi32(-1)))}; }
TENSORWOOD_INLINE Vector select(Mask m, Vector a, Vector b) { return {_mm256_blendv_ps(b.v, a.v, m.v)}; }
TENSORWOOD_INLINE Vector keep_first(Vector a, int n, Vector rest) {
  return {_mm256_blendv_ps(rest.v, a.v, _mm256_castsi256_ps(first_lanes(n)))};
}

TENSORWOOD_INLINE Integers broadcast_integers(int32_t a) { return {_mm256_set1_epi32(a)}; }
TENSORWOOD_INLINE Integers load_integers(const int32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
TENSORWOOD_INLINE void store_integers(int32_t* p, Integers a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v); }
TENSORWOOD_INLINE Integers operator+(Integers a, Integers b) { return {_mm256_add_epi32(a.v, b.v)}; }
TENSORWOOD_INLINE Integers operator-(Integers a, Integers b) { return {_mm256_sub_epi32(a.v, b.v)}; }
TENSORWOOD_INLINE Integers operator&(Integers a, Integers b) { return {_mm256_and_si256(a.v, b.v)}; }
TENSORWOOD_INLINE Integers operator|(Integers a, Integers b) { return {_mm256_or_si256(a.v, b.v)}; }
TENSORWOOD_INLINE Integers operator^(Integers a, Integers b) { return {_mm256_xor_si256(a.v, b.v)}; }
TENSORWOOD_INLINE Integers shift_left(Integers a, int n) { return {_mm256_slli_epi32(a.v, n)}; }
TENSORWOOD_INLINE Integers shift_right(Integers a, int n) { return {_mm256_srli_epi32(a.v, n)}; }
struct WideProduct {
  Integers low, high;
};
TENSORWOOD_INLINE WideProduct multiply_wide(Integers a, uint32_t b) {
  const __m256i factor = _mm256_set1_epi32(static_cast<int32_t>(b));
  const __m256i even = _mm256_mul_epu32(a.v, factor), odd = _mm256_mul_epu32(_mm256_srli_epi64(a.v, 32), factor);
  return {{_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa)}, {_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa)}};
}
constexpr int quad_lanes[8] = {0, 2, 4, 6, 1, 3, 5, 7};
TENSORWOOD_INLINE void store_quads(int32_t* p, const Integers (&x)[4]) {
  const __m256i a = _mm256_unpacklo_epi32(x[0].v, x[1].v), b = _mm256_unpackhi_epi32(x[0].v, x[1].v);
  const __m256i c = _mm256_unpacklo_epi32(x[2].v, x[3].v), d = _mm256_unpackhi_epi32(x[2].v, x[3].v);
  store_integers(p, {_mm256_unpacklo_epi64(a, c)});
  store_integers(p + 8, {_mm256_unpackhi_epi64(a, c)});
  store_integers(p + 16, {_mm256_unpacklo_epi64(b, d)});
  store_integers(p + 24, {_mm256_unpackhi_epi64(b, d)});
}
TENSORWOOD_INLINE Integers to_integers(Vector a) { return {_mm256_cvtps_epi32(a.v)}; }
TENSORWOOD_INLINE Vector to_floats(Integers a) { return {_mm256_cvtepi32_ps(a.v)}; }
TENSORWOOD_INLINE Integers bits(Vector a) { return {_mm256_castps_si256(a.v)}; }
TENSORWOOD_INLINE Vector from_bits(Integers a) { return {_mm256_castsi256_ps(a.v)}; }
TENSORWOOD_INLINE Vector power_of_two(Integers n) { return from_bits(shift_left(n + broadcast_integers(127), 23)); }
TENSORWOOD_INLINE Vector scale(Vector a, Vector n) {
  const Integers all = to_integers(n), half = {_mm256_srai_epi32(all.v, 1)};
  return a * power_of_two(half) * power_of_two(all - half);
}
TENSORWOOD_INLINE Vector gather(const float* p, Integers at) { return {_mm256_i32gather_ps(p, at.v, 4)}; }

// rows[i] lane j and rows[j] lane i change places.
TENSORWOOD_INLINE void transpose(Vector (&rows)[8]) {
  __m256 pairs[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; i += 4) {
    const __m256 low = _mm256_unpacklo_ps(rows[i].v, rows[i + 1].v), high = _mm256_unpackhi_ps(rows[i].v, rows[i + 1].v);
    const __m256 next_low = _mm256_unpacklo_ps(rows[i + 2].v, rows[i + 3].v), next_high = _mm256_unpackhi_ps(rows[i + 2].v, rows[i + 3].v);
    pairs[i] = _mm256_shuffle_ps(low, next_low, 0x44);
    pairs[i + 1] = _mm256_shuffle_ps(low, next_low, 0xee);
    pairs[i + 2] = _mm256_shuffle_ps(high, next_high, 0x44);
    pairs[i + 3] = _mm256_shuffle_ps(high, next_high, 0xee);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 4; i++) {
    rows[i].v = _mm256_permute2f128_ps(pairs[i], pairs[i + 4], 0x20);
    rows[i + 4].v = _mm256_permute2f128_ps(pairs[i], pairs[i + 4], 0x31);
  }
}

TENSORWOOD_INLINE float reduce_add(Vector a) {
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
TENSORWOOD_INLINE float reduce_max(Vector a) {
  __m128 x = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

TENSORWOOD_INLINE Vector load(const uint16_t* p) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), 16))};
}
TENSORWOOD_INLINE Vector load_partial(const uint16_t* p, int n) {
  uint16_t full[8] = {};
  for (int i = 0; i < n && i < 8; i++) full[i] = p[i];
  return load(full);
}
TENSORWOOD_INLINE void store(uint16_t* p, Vector a) {
  const __m256i u = _mm256_castps_si256(a.v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
  const __m256i quiet = _mm256_or_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(0x40));
  const __m256i r = _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)));
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(r, r), 0x08);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(packed));
}
TENSORWOOD_INLINE void store_partial(uint16_t* p, Vector a, int n) {
  uint16_t full[8];
  store(full, a);
  for (int i = 0; i < n && i < 8; i++) p[i] = full[i];
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
