// By how much gradients are multiplied before they are rounded to integers.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tensorwood {

// The largest power of two, so that products with it are exact and whole numbers stay whole, with which sums over all rows, each rounded
// up, fit 31 bits. No float times a row's index leaves its bounds: 254 is twice the largest exponent of a float, -149 its least.
inline double choose_scale(double sum, int64_t rows) {
  if (!(sum > 0)) return 1;
  return std::ldexp(1.0, std::clamp(std::ilogb((2147483000.0 - static_cast<double>(rows)) / sum), -149, 254));
}

}  // namespace tensorwood
