// The bin of every value: how many cuts lie below it. Done once, before the first tree.
//   bin_values: inputs value f32 (n), cuts f32 (256, ascending, padded with infinity); output codes u8 (n); integers [missing bin].
#pragma once
#include "core/inline.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// Eight halvings without a branch, all lanes at once.
TENSORWOOD_INLINE Integers find_bins(const float* cuts, Vector value, Integers missing) {
  const Integers zero = broadcast_integers(0);
  Integers at = zero;
#pragma GCC unroll 8
  for (int half = 128; half > 0; half /= 2) {
    const Vector cut = gather(cuts, at + broadcast_integers(half - 1));
    at = at + bits(select(cut < value, from_bits(broadcast_integers(half)), from_bits(zero)));
  }
  return bits(select(value == value, from_bits(at), from_bits(missing)));
}

static void run_bin_values(const Args& a) {
  const float* value = static_cast<const float*>(a.inputs[0].data);
  const float* cuts = static_cast<const float*>(a.inputs[1].data);
  uint8_t* codes = static_cast<uint8_t*>(a.outputs[0].data);
  const Integers missing = broadcast_integers(static_cast<int32_t>(a.integers[0]));
  for (int64_t i = 0; i < a.inputs[0].shape[0]; i += Vector::lanes) {
    const int lanes = a.inputs[0].shape[0] - i < Vector::lanes ? static_cast<int>(a.inputs[0].shape[0] - i) : Vector::lanes;
    int32_t found[Vector::lanes];
    store_integers(found, find_bins(cuts, load_partial(value + i, lanes), missing));
    for (int j = 0; j < lanes; j++) codes[i + j] = static_cast<uint8_t>(found[j]);
  }
}

static const char* refuse_in_program(const Args&) { return "expected a call by the tree engine, got one from a program"; }

constexpr Kernel rows[] = {{"bin_values", DType::u8, run_bin_values, refuse_in_program, nullptr}};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
