// The instructions of the elementwise machine (kernels/elementwise.h): for each code and lane type a vectorised loop over a block.
#pragma once
#include <math.h>

#include <climits>

#include "core/codes.h"
#include "cpu/isa/math.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

enum Lanes : int { kFloats = 0, kIntegers = 1 };
// out[i] = code(a[i], b[i], c[i]) for n elements, a multiple of the vector's lanes. out may be an operand.
using Function = void (*)(const void* a, const void* b, const void* c, void* out, int64_t n);

template <class F>
TENSORWOOD_INLINE Vector each_lane(Vector a, Vector b, F f) {
  float x[Vector::lanes], y[Vector::lanes];
  store(x, a);
  store(y, b);
  for (int i = 0; i < Vector::lanes; i++) x[i] = f(x[i], y[i]);
  return load(x);
}
TENSORWOOD_INLINE Vector round_to_bf16(Vector a) {
  const Integers u = bits(a);
  const Integers odd = shift_right(u, 16) & broadcast_integers(1);
  const Integers rounded = (u + odd + broadcast_integers(0x7fff)) & broadcast_integers(static_cast<int32_t>(0xffff0000u));
  return select(a == a, from_bits(rounded), a);
}
TENSORWOOD_INLINE Vector keep_nan(Vector a, Vector chosen) { return select(a == a, chosen, a); }  // chosen already carries a NaN of b

template <int code>
TENSORWOOD_INLINE Vector float_result(Vector a, Vector b, Vector c) {
  const Vector zero = broadcast(0.0f), one = broadcast(1.0f);
  if constexpr (code == kAdd)
    return a + b;
  else if constexpr (code == kSub)
    return a - b;
  else if constexpr (code == kMul)
    return a * b;
  else if constexpr (code == kDiv)
    return a / b;
  else if constexpr (code == kPow)
    return each_lane(a, b, [](float x, float y) { return ::powf(x, y); });
  else if constexpr (code == kNeg)
    return negate(a);
  else if constexpr (code == kAbs)
    return absolute(a);
  else if constexpr (code == kExp)
    return exp(a);
  else if constexpr (code == kLog)
    return log(a);
  else if constexpr (code == kSqrt)
    return square_root(a);
  else if constexpr (code == kRsqrt)
    return one / square_root(a);
  else if constexpr (code == kSquare)
    return a * a;
  else if constexpr (code == kReciprocal)
    return one / a;
  else if constexpr (code == kTanh)
    return tanh(a);
  else if constexpr (code == kSigmoid)
    return sigmoid(a);
  else if constexpr (code == kRelu)
    return maximum(zero, a);  // in this order a NaN stays one
  else if constexpr (code == kGelu)
    return gelu(a);
  else if constexpr (code == kGeluTanh)
    return gelu_tanh(a);
  else if constexpr (code == kSilu)
    return a * sigmoid(a);
  else if constexpr (code == kErf)
    return erf(a);
  else if constexpr (code == kSin)
    return each_lane(a, b, [](float x, float) { return ::sinf(x); });
  else if constexpr (code == kCos)
    return each_lane(a, b, [](float x, float) { return ::cosf(x); });
  else if constexpr (code == kMaximum)
    return keep_nan(a, maximum(a, b));
  else if constexpr (code == kMinimum)
    return keep_nan(a, minimum(a, b));
  else if constexpr (code == kClamp)
    return minimum(c, maximum(b, a));
  else if constexpr (code == kGeluDerivative)
    return gelu_derivative(a);
  else if constexpr (code == kGeluTanhDerivative)
    return gelu_tanh_derivative(a);
  else if constexpr (code == kSign)
    return select(zero < a, one, select(a < zero, broadcast(-1.0f), a));
  else if constexpr (code == kCastF32)
    return a;
  else
    return round_to_bf16(a);
}
template <int code>
static void floats(const void* a, const void* b, const void* c, void* out, int64_t n) {
  const float *x = static_cast<const float*>(a), *y = static_cast<const float*>(b), *z = static_cast<const float*>(c);
  for (int64_t i = 0; i < n; i += Vector::lanes)
    store(static_cast<float*>(out) + i, float_result<code>(load(x + i), load(y + i), load(z + i)));
}

template <int code>
TENSORWOOD_INLINE Mask comparison(Vector a, Vector b) {
  if constexpr (code == kEqual)
    return a == b;
  else if constexpr (code == kNotEqual)
    return !(a == b);
  else if constexpr (code == kLess)
    return a < b;
  else if constexpr (code == kLessEqual)
    return a <= b;
  else if constexpr (code == kGreater)
    return b < a;
  else if constexpr (code == kGreaterEqual)
    return b <= a;
  else
    return !(a == broadcast(0.0f));  // cast to bool
}
template <int code>
static void compare_floats(const void* a, const void* b, const void*, void* out, int64_t n) {
  const float *x = static_cast<const float*>(a), *y = static_cast<const float*>(b);
  const Vector yes = from_bits(broadcast_integers(1)), no = from_bits(broadcast_integers(0));
  for (int64_t i = 0; i < n; i += Vector::lanes) {
    store_integers(static_cast<int32_t*>(out) + i, bits(select(comparison<code>(load(x + i), load(y + i)), yes, no)));
  }
}

static void where_floats(const void* a, const void* b, const void* c, void* out, int64_t n) {
  const float *x = static_cast<const float*>(b), *y = static_cast<const float*>(c);
  for (int64_t i = 0; i < n; i += Vector::lanes) {
    const Mask no = to_floats(load_integers(static_cast<const int32_t*>(a) + i)) == broadcast(0.0f);
    store(static_cast<float*>(out) + i, select(no, load(y + i), load(x + i)));
  }
}

TENSORWOOD_INLINE int32_t truncate(float x) {
  if (!(x < 2147483648.0f)) return x == x ? INT_MAX : 0;
  return x < -2147483648.0f ? INT_MIN : static_cast<int32_t>(x);
}
template <int code>
static void truncate_floats(const void* a, const void*, const void*, void* out, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    const int32_t x = truncate(static_cast<const float*>(a)[i]);
    static_cast<int32_t*>(out)[i] = code == kCastU8 ? x & 255 : x;
  }
}

template <int code>
static void integers_to_floats(const void* a, const void*, const void*, void* out, int64_t n) {
  for (int64_t i = 0; i < n; i += Vector::lanes) {
    const Vector x = to_floats(load_integers(static_cast<const int32_t*>(a) + i));
    store(static_cast<float*>(out) + i, code == kCastBf16 ? round_to_bf16(x) : x);
  }
}

// Unsigned arithmetic wraps without undefined behaviour.
template <int code>
TENSORWOOD_INLINE int32_t integer_result(int32_t a, int32_t b, int32_t c) {
  const uint32_t x = static_cast<uint32_t>(a), y = static_cast<uint32_t>(b);
  if constexpr (code == kAdd)
    return static_cast<int32_t>(x + y);
  else if constexpr (code == kSub)
    return static_cast<int32_t>(x - y);
  else if constexpr (code == kMul)
    return static_cast<int32_t>(x * y);
  else if constexpr (code == kNeg)
    return static_cast<int32_t>(0u - x);
  else if constexpr (code == kAbs)
    return static_cast<int32_t>(a < 0 ? 0u - x : x);
  else if constexpr (code == kSquare)
    return static_cast<int32_t>(x * x);
  else if constexpr (code == kRelu)
    return a > 0 ? a : 0;
  else if constexpr (code == kMaximum)
    return a > b ? a : b;
  else if constexpr (code == kMinimum)
    return a < b ? a : b;
  else if constexpr (code == kClamp)
    return (a > b ? a : b) < c ? (a > b ? a : b) : c;
  else if constexpr (code == kWhere)
    return a != 0 ? b : c;
  else if constexpr (code == kEqual)
    return a == b;
  else if constexpr (code == kNotEqual)
    return a != b;
  else if constexpr (code == kLess)
    return a < b;
  else if constexpr (code == kLessEqual)
    return a <= b;
  else if constexpr (code == kGreater)
    return a > b;
  else if constexpr (code == kGreaterEqual)
    return a >= b;
  else if constexpr (code == kLogicalAnd)
    return (a != 0) & (b != 0);
  else if constexpr (code == kLogicalOr)
    return (a != 0) | (b != 0);
  else if constexpr (code == kLogicalNot)
    return a == 0;
  else if constexpr (code == kCastU8)
    return a & 255;
  else if constexpr (code == kCastBool)
    return a != 0;
  else if constexpr (code == kSign)
    return (a > 0) - (a < 0);
  else
    return a;
}
template <int code>
static void integers(const void* a, const void* b, const void* c, void* out, int64_t n) {
  const int32_t *x = static_cast<const int32_t*>(a), *y = static_cast<const int32_t*>(b), *z = static_cast<const int32_t*>(c);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) static_cast<int32_t*>(out)[i] = integer_result<code>(x[i], y[i], z[i]);
}

struct Instruction {
  int8_t arguments;
  int8_t result;    // lane type; -1 = that of the operands
  Function run[2];  // by lane type of the operands (of b and c for where); null = not defined
};

// In the order of InstructionCode.
constexpr Instruction instructions[kCodes] = {
    {0, -1, {nullptr, nullptr}},
    {2, -1, {floats<kAdd>, integers<kAdd>}},
    {2, -1, {floats<kSub>, integers<kSub>}},
    {2, -1, {floats<kMul>, integers<kMul>}},
    {2, -1, {floats<kDiv>, nullptr}},
    {2, -1, {floats<kPow>, nullptr}},
    {1, -1, {floats<kNeg>, integers<kNeg>}},
    {1, -1, {floats<kAbs>, integers<kAbs>}},
    {1, -1, {floats<kExp>, nullptr}},
    {1, -1, {floats<kLog>, nullptr}},
    {1, -1, {floats<kSqrt>, nullptr}},
    {1, -1, {floats<kRsqrt>, nullptr}},
    {1, -1, {floats<kSquare>, integers<kSquare>}},
    {1, -1, {floats<kReciprocal>, nullptr}},
    {1, -1, {floats<kTanh>, nullptr}},
    {1, -1, {floats<kSigmoid>, nullptr}},
    {1, -1, {floats<kRelu>, integers<kRelu>}},
    {1, -1, {floats<kGelu>, nullptr}},
    {1, -1, {floats<kGeluTanh>, nullptr}},
    {1, -1, {floats<kSilu>, nullptr}},
    {1, -1, {floats<kErf>, nullptr}},
    {1, -1, {floats<kSin>, nullptr}},
    {1, -1, {floats<kCos>, nullptr}},
    {2, -1, {floats<kMaximum>, integers<kMaximum>}},
    {2, -1, {floats<kMinimum>, integers<kMinimum>}},
    {3, -1, {floats<kClamp>, integers<kClamp>}},
    {3, -1, {where_floats, integers<kWhere>}},
    {2, 1, {compare_floats<kEqual>, integers<kEqual>}},
    {2, 1, {compare_floats<kNotEqual>, integers<kNotEqual>}},
    {2, 1, {compare_floats<kLess>, integers<kLess>}},
    {2, 1, {compare_floats<kLessEqual>, integers<kLessEqual>}},
    {2, 1, {compare_floats<kGreater>, integers<kGreater>}},
    {2, 1, {compare_floats<kGreaterEqual>, integers<kGreaterEqual>}},
    {2, 1, {nullptr, integers<kLogicalAnd>}},
    {2, 1, {nullptr, integers<kLogicalOr>}},
    {1, 1, {nullptr, integers<kLogicalNot>}},
    {1, 0, {floats<kCastF32>, integers_to_floats<kCastF32>}},
    {1, 0, {floats<kCastBf16>, integers_to_floats<kCastBf16>}},
    {1, 1, {truncate_floats<kCastI32>, integers<kCastI32>}},
    {1, 1, {truncate_floats<kCastU8>, integers<kCastU8>}},
    {1, 1, {compare_floats<kCastBool>, integers<kCastBool>}},
    {1, -1, {floats<kGeluDerivative>, nullptr}},
    {1, -1, {floats<kGeluTanhDerivative>, nullptr}},
    {1, -1, {floats<kSign>, integers<kSign>}},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
