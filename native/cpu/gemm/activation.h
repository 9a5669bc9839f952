// The activations that a matrix product applies to each finished strip, and their slopes for the way back.
#pragma once
#include "core/codes.h"
#include "core/inline.h"
#include "cpu/isa/math.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

TENSORWOOD_INLINE Vector activate(Activation activation, Vector x) {
  switch (activation) {
    case Activation::relu:
      return maximum(broadcast(0.0f), x);  // NaN stays NaN
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_tanh:
      return gelu_tanh(x);
    default:
      return x;
  }
}

// The derivative at x, where x is what the activation was applied to.
TENSORWOOD_INLINE Vector slope(Activation activation, Vector x) {
  switch (activation) {
    case Activation::relu:
      return select(broadcast(0.0f) < x, broadcast(1.0f), broadcast(0.0f));
    case Activation::gelu:
      return gelu_derivative(x);
    case Activation::gelu_tanh:
      return gelu_tanh_derivative(x);
    default:
      return broadcast(1.0f);
  }
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
