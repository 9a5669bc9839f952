// bf16, one number at a time: stored in uint16_t, rounded to nearest even; NaN stays a NaN.
#pragma once
#include <cstdint>
#include <cstring>

#include "core/inline.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

TENSORWOOD_INLINE float bf16_to_float(uint16_t a) {
  const uint32_t wide = static_cast<uint32_t>(a) << 16;
  float f;
  std::memcpy(&f, &wide, 4);
  return f;
}
TENSORWOOD_INLINE uint16_t float_to_bf16(float a) {
  uint32_t u;
  std::memcpy(&u, &a, 4);
  if ((u & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((u >> 16) | 0x40u);
  return static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
