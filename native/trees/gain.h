// What a leaf is worth: the second-order formulas of gradient boosting (XGBoost, arXiv 1603.02754, section 2), the last step before growth
// decides. Written once; the split kernels of every back-end include this file. No fused operations: bits are the same everywhere.
#pragma once
#include "core/inline.h"

namespace tensorwood {

struct Penalty {
  double l1, l2, max_delta_step;  // max_delta_step 0 = unlimited
};

// Moves towards zero by l1, never past it.
TENSORWOOD_INLINE double soften(double gradient, double l1) {
  const double less = gradient - l1, more = gradient + l1;
  return less > 0 ? less : more < 0 ? more : 0.0;
}

// The value that takes most off the loss of a leaf with these sums.
TENSORWOOD_INLINE double leaf_value(double gradient, double hessian, const Penalty& p) {
  if (!(hessian + p.l2 > 0)) return 0;
  const double value = -soften(gradient, p.l1) / (hessian + p.l2);
  if (p.max_delta_step <= 0) return value;
  return value > p.max_delta_step ? p.max_delta_step : value < -p.max_delta_step ? -p.max_delta_step : value;
}

// Twice the loss that the best leaf value takes off; the gain of a split is the score of both sides less the score of the parent.
TENSORWOOD_INLINE double leaf_score(double gradient, double hessian, const Penalty& p) {
  if (p.max_delta_step <= 0) {
    const double soft = soften(gradient, p.l1);
    return hessian + p.l2 > 0 ? soft * soft / (hessian + p.l2) : 0.0;
  }
  const double value = leaf_value(gradient, hessian, p);
  return -(2 * gradient * value + (hessian + p.l2) * value * value + 2 * p.l1 * (value < 0 ? -value : value));
}

}  // namespace tensorwood
