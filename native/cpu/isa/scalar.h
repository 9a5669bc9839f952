// The vector type of one lane: any CPU, and the arm64 fallback. The three files of this folder have the same names in the same order;
// kernels are written once over them. A Mask is what comparisons give; select(mask, a, b) is a where the mask holds.
#pragma once
#include <cmath>
#include <cstring>

#include "core/inline.h"
#include "core/kernel.h"
#include "cpu/isa/bf16.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

struct Vector {
  static constexpr int lanes = 1;
  float v;
};
struct Integers {  // 32-bit lanes
  int32_t v;
};
struct Mask {
  bool v;
};

TENSORWOOD_INLINE Vector broadcast(float a) { return {a}; }
TENSORWOOD_INLINE Vector load(const float* p) { return {*p}; }
TENSORWOOD_INLINE Vector load_partial(const float* p, int n) { return {n > 0 ? *p : 0.0f}; }  // lanes past n are 0
TENSORWOOD_INLINE void store(float* p, Vector a) { *p = a.v; }
TENSORWOOD_INLINE void store_partial(float* p, Vector a, int n) {
  if (n > 0) *p = a.v;
}
TENSORWOOD_INLINE Vector operator+(Vector a, Vector b) { return {a.v + b.v}; }
TENSORWOOD_INLINE Vector operator-(Vector a, Vector b) { return {a.v - b.v}; }
TENSORWOOD_INLINE Vector operator*(Vector a, Vector b) { return {a.v * b.v}; }
TENSORWOOD_INLINE Vector operator/(Vector a, Vector b) { return {a.v / b.v}; }
TENSORWOOD_INLINE Vector multiply_add(Vector a, Vector b, Vector c) { return {a.v * b.v + c.v}; }  // a b + c; fused where the set has it
TENSORWOOD_INLINE Vector minimum(Vector a, Vector b) { return {a.v < b.v ? a.v : b.v}; }           // b when either is NaN
TENSORWOOD_INLINE Vector maximum(Vector a, Vector b) { return {a.v > b.v ? a.v : b.v}; }
TENSORWOOD_INLINE Vector square_root(Vector a) { return {__builtin_sqrtf(a.v)}; }
TENSORWOOD_INLINE Vector round_nearest(Vector a) { return {__builtin_nearbyintf(a.v)}; }
TENSORWOOD_INLINE Vector round_down(Vector a) { return {__builtin_floorf(a.v)}; }
TENSORWOOD_INLINE Mask operator<(Vector a, Vector b) { return {a.v < b.v}; }
TENSORWOOD_INLINE Mask operator<=(Vector a, Vector b) { return {a.v <= b.v}; }
TENSORWOOD_INLINE Mask operator==(Vector a, Vector b) { return {a.v == b.v}; }
TENSORWOOD_INLINE Mask operator&(Mask a, Mask b) { return {a.v && b.v}; }
TENSORWOOD_INLINE Mask operator|(Mask a, Mask b) { return {a.v || b.v}; }
TENSORWOOD_INLINE Mask operator!(Mask a) { return {!a.v}; }
TENSORWOOD_INLINE Vector select(Mask m, Vector a, Vector b) { return m.v ? a : b; }
TENSORWOOD_INLINE Vector keep_first(Vector a, int n, Vector rest) { return n > 0 ? a : rest; }  // lanes past n come from rest

TENSORWOOD_INLINE Integers broadcast_integers(int32_t a) { return {a}; }
TENSORWOOD_INLINE Integers load_integers(const int32_t* p) { return {*p}; }
TENSORWOOD_INLINE void store_integers(int32_t* p, Integers a) { *p = a.v; }
TENSORWOOD_INLINE Integers operator+(Integers a, Integers b) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.v) + static_cast<uint32_t>(b.v))};
}
TENSORWOOD_INLINE Integers operator-(Integers a, Integers b) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.v) - static_cast<uint32_t>(b.v))};
}
TENSORWOOD_INLINE Integers operator&(Integers a, Integers b) { return {a.v & b.v}; }
TENSORWOOD_INLINE Integers operator|(Integers a, Integers b) { return {a.v | b.v}; }
TENSORWOOD_INLINE Integers operator^(Integers a, Integers b) { return {a.v ^ b.v}; }
TENSORWOOD_INLINE Integers shift_left(Integers a, int n) { return {static_cast<int32_t>(static_cast<uint32_t>(a.v) << n)}; }
TENSORWOOD_INLINE Integers shift_right(Integers a, int n) { return {static_cast<int32_t>(static_cast<uint32_t>(a.v) >> n)}; }  // logical
// The two halves of the 64-bit products, unsigned.
struct WideProduct {
  Integers low, high;
};
TENSORWOOD_INLINE WideProduct multiply_wide(Integers a, uint32_t b) {
  const uint64_t product = uint64_t{static_cast<uint32_t>(a.v)} * b;
  return {{static_cast<int32_t>(static_cast<uint32_t>(product))}, {static_cast<int32_t>(static_cast<uint32_t>(product >> 32))}};
}
// Stores 4 words for each lane side by side, the lane that holds quad_lanes[l] = 0 first, then 1, ...: the order that costs no shuffle
// between halves of a register.
constexpr int quad_lanes[1] = {0};
TENSORWOOD_INLINE void store_quads(int32_t* p, const Integers (&x)[4]) {
  for (int i = 0; i < 4; i++) p[i] = x[i].v;
}
TENSORWOOD_INLINE Integers to_integers(Vector a) { return {static_cast<int32_t>(__builtin_nearbyintf(a.v))}; }  // nearest; in range only
TENSORWOOD_INLINE Vector to_floats(Integers a) { return {static_cast<float>(a.v)}; }
TENSORWOOD_INLINE Integers bits(Vector a) {
  Integers r;
  std::memcpy(&r.v, &a.v, 4);
  return r;
}
TENSORWOOD_INLINE Vector from_bits(Integers a) {
  Vector r;
  std::memcpy(&r.v, &a.v, 4);
  return r;
}
TENSORWOOD_INLINE Vector power_of_two(Integers n) { return from_bits(shift_left(n + broadcast_integers(127), 23)); }
// a 2^n for whole n in [-252, 254], rounded once: two factors reach the denormals and infinity.
TENSORWOOD_INLINE Vector scale(Vector a, Vector n) {
  const Integers all = to_integers(n), half = {all.v >> 1};
  return a * power_of_two(half) * power_of_two(all - half);
}
TENSORWOOD_INLINE Vector gather(const float* p, Integers at) { return {p[at.v]}; }

TENSORWOOD_INLINE void transpose(Vector (&)[1]) {}  // rows[i] lane j and rows[j] lane i change places

// Sums over the lanes always pair them in the same tree.
TENSORWOOD_INLINE float reduce_add(Vector a) { return a.v; }
TENSORWOOD_INLINE float reduce_max(Vector a) { return a.v; }

TENSORWOOD_INLINE Vector load(const uint16_t* p) { return {bf16_to_float(*p)}; }
TENSORWOOD_INLINE Vector load_partial(const uint16_t* p, int n) { return {n > 0 ? bf16_to_float(*p) : 0.0f}; }
TENSORWOOD_INLINE void store(uint16_t* p, Vector a) { *p = float_to_bf16(a.v); }
TENSORWOOD_INLINE void store_partial(uint16_t* p, Vector a, int n) {
  if (n > 0) *p = float_to_bf16(a.v);
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
