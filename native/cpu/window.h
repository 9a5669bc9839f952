// A window that slides over the two last axes of an image batch: sizes and their check, shared by convolution and pooling.
#pragma once
#include "core/inline.h"
#include "core/kernel.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

struct Axis {
  int64_t input, output, kernel, stride, pad, dilation;
};

TENSORWOOD_INLINE int64_t input_start(const Axis& a, int64_t output, int64_t tap) { return output * a.stride + tap * a.dilation - a.pad; }

// Outputs whose tap falls inside the input.
struct Span {
  int64_t first, last;  // [first, last)
};

static inline Span inside(const Axis& a, int64_t tap) {
  const int64_t start = tap * a.dilation - a.pad;
  const int64_t first = start >= 0 ? 0 : (-start + a.stride - 1) / a.stride;
  const int64_t last = start >= a.input ? 0 : (a.input - start + a.stride - 1) / a.stride;
  return {first, last < a.output ? last : a.output};
}

constexpr int64_t kWindowLimit = int64_t{1} << 24;  // of every size of a window, so that their products fit int64

static inline bool fits(const Axis& a) {
  const bool sane = a.kernel >= 1 && a.stride >= 1 && a.pad >= 0 && a.dilation >= 1 && a.input >= 0 && a.input <= kWindowLimit;
  if (!sane || a.kernel > kWindowLimit || a.stride > kWindowLimit || a.pad > kWindowLimit || a.dilation > kWindowLimit) return false;
  const int64_t free = a.input + 2 * a.pad - a.dilation * (a.kernel - 1) - 1;
  return free >= 0 && a.output == free / a.stride + 1;
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
