// What normalizations share: operands that may be absent, the scale and shift after the normal, and checks.
#pragma once
#include "cpu/rows.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

template <class T>
TENSORWOOD_INLINE T* data_of(const Operand& x) {
  return static_cast<T*>(x.data);
}
// Null unless the flag is set; then takes the next operand.
TENSORWOOD_INLINE const Operand* next_if(int64_t flag, const Operand*& next) { return flag ? next++ : nullptr; }
TENSORWOOD_INLINE float* floats_of(const Operand* x) { return x ? data_of<float>(*x) : nullptr; }

struct Affine {
  const float *weight, *bias;  // (C), or null: 1 and 0

  TENSORWOOD_INLINE Vector scale_at(int64_t j, int count) const { return weight ? load_lanes(weight + j, count) : broadcast(1.0f); }
  TENSORWOOD_INLINE Vector shift_at(int64_t j, int count) const { return bias ? load_lanes(bias + j, count) : broadcast(0.0f); }
};

static const char* check_flags(const Args& args, int count) {
  if (args.integer_count != count) return "expected other integers";
  for (int i = 0; i < count; i++) {
    if (args.integers[i] != 0 && args.integers[i] != 1) return "expected flags of 0 or 1";
  }
  return nullptr;
}

static bool is_like(const Operand& a, const Operand& x) { return a.dtype == x.dtype && same_shape(a, x); }
static bool is_float_vector(const Operand& a, int64_t width) { return a.dtype == DType::f32 && is_vector(a, width) && is_dense(a); }

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
