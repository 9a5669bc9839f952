// Functions of one variable over the Vector type, for every kernel family. Include after the header of the instruction set.
// The polynomials are weighted minimax fits of this project, rounded to f32 one coefficient at a time. Bounds in ulp of the result, over
// all floats, are those that test/native/math.cpp holds (with fused multiply-add; the scalar set may lose half an ulp more).
#pragma once
#include "core/inline.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// c[0] + x (c[1] + x (c[2] + ...)), Horner.
template <int N>
TENSORWOOD_INLINE Vector polynomial(Vector x, const float (&c)[N]) {
  Vector sum = broadcast(c[N - 1]);
#pragma GCC unroll 16
  for (int i = N - 2; i >= 0; i--) sum = multiply_add(sum, x, broadcast(c[i]));
  return sum;
}

TENSORWOOD_INLINE Vector negate(Vector a) { return from_bits(bits(a) ^ broadcast_integers(INT32_MIN)); }
TENSORWOOD_INLINE Vector absolute(Vector a) { return from_bits(bits(a) & broadcast_integers(INT32_MAX)); }
TENSORWOOD_INLINE Vector copy_sign(Vector size, Vector sign) {
  return from_bits((bits(size) & broadcast_integers(INT32_MAX)) | (bits(sign) & broadcast_integers(INT32_MIN)));
}
// The upper 12 bits of the significand: the square of the result is exact.
TENSORWOOD_INLINE Vector upper_half(Vector a) { return from_bits(bits(a) & broadcast_integers(static_cast<int32_t>(0xfffff000u))); }

// e^(x + low) for |low| << 1: Cody and Waite's reduction by ln 2 in two parts, then a polynomial on |r| <= ln 2 / 2.
TENSORWOOD_INLINE Vector exp_of_sum(Vector x, Vector low) {
  x = minimum(broadcast(89.0f), maximum(broadcast(-104.0f), x));  // both keep a NaN: they return their second operand
  const Vector n = round_nearest(x * broadcast(1.44269504f));
  Vector r = multiply_add(n, broadcast(-0.693359375f), x);  // 355 / 512: n times it is exact
  r = multiply_add(n, broadcast(2.12194440e-4f), r) + low;
  const float c[] = {0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558bcp-5f, 0x1.1239c6p-7f, 0x1.6a4154p-10f};
  const Vector p = multiply_add(r * r, polynomial(r, c), r);
  return scale(p + broadcast(1.0f), n);
}

// Within 1.02 ulp.
TENSORWOOD_INLINE Vector exp(Vector x) { return exp_of_sum(x, broadcast(0.0f)); }

// 2^x, within 1.1 ulp: e^x without the reduction by ln 2, for who can scale x beforehand.
TENSORWOOD_INLINE Vector exp2(Vector x) {
  x = minimum(broadcast(129.0f), maximum(broadcast(-151.0f), x));
  const Vector n = round_nearest(x);
  const Vector r = x - n;
  const float c[] = {0x1.62e430p-1f, 0x1.ebfbdcp-3f, 0x1.c6af7cp-5f, 0x1.3b2de0p-7f, 0x1.5f082ep-10f, 0x1.416b52p-13f};
  return scale(multiply_add(polynomial(r, c), r, broadcast(1.0f)), n);
}

// Within 1 ulp; -infinity at 0, NaN below.
TENSORWOOD_INLINE Vector log(Vector x) {
  const Mask small = x < broadcast(0x1p-126f);
  const Vector a = select(small, x * broadcast(0x1p23f), x);
  // m in [sqrt(1/2), sqrt(2)): subtract the bits of sqrt(1/2), so that the exponent rounds to the nearer power of two.
  const Integers offset = bits(a) - broadcast_integers(0x3f3504f3);
  const Vector m = from_bits((offset & broadcast_integers(0x007fffff)) + broadcast_integers(0x3f3504f3));
  const Integers shifted = shift_right(offset + broadcast_integers(0x40000000), 23);  // logical shift: kept non-negative by 128
  const Vector k = to_floats(shifted) - select(small, broadcast(128.0f + 23.0f), broadcast(128.0f));
  const Vector f = m - broadcast(1.0f);
  const float c[] = {0x1.555548p-2f,  -0x1.000006p-2f, 0x1.99a476p-3f,  -0x1.555c44p-3f, 0x1.233ba4p-3f,
                     -0x1.fc28dep-4f, 0x1.e6bff2p-4f,  -0x1.de00e4p-4f, 0x1.147204p-4f};
  const Vector half_square = f * f * broadcast(0.5f);
  const Vector tail = multiply_add(k, broadcast(-2.12194440e-4f), f * f * f * polynomial(f, c)) - half_square;
  const Vector finite = multiply_add(k, broadcast(0.693359375f), f + tail);
  const Vector infinity = broadcast(__builtin_inff());
  const Vector at_ends = select(x == broadcast(0.0f), negate(infinity), select(x == infinity, x, broadcast(__builtin_nanf(""))));
  return select((broadcast(0.0f) < x) & (x < infinity), finite, at_ends);
}

TENSORWOOD_INLINE float logarithm(float x) {
  float lanes[Vector::lanes];
  store(lanes, log(broadcast(x)));
  return lanes[0];
}

// Within 2 ulp.
TENSORWOOD_INLINE Vector tanh(Vector x) {
  const Vector a = absolute(x);
  const Vector s = x * x;
  const float c[] = {-0x1.555554p-2f, 0x1.11107ap-3f, -0x1.b9f188p-5f, 0x1.63a550p-6f, -0x1.0c5ed0p-7f, 0x1.1a2818p-9f};
  const Vector near = multiply_add(x * s, polynomial(s, c), x);
  const Vector far = broadcast(1.0f) - broadcast(2.0f) / (exp(a + a) + broadcast(1.0f));
  return select(a < broadcast(0.625f), near, copy_sign(far, x));
}

// 1 / (1 + e^-x), within 2.5 ulp down to the denormals.
TENSORWOOD_INLINE Vector sigmoid(Vector x) {
  const Vector e = exp(negate(absolute(x)));
  return select(x < broadcast(0.0f), e, broadcast(1.0f)) / (e + broadcast(1.0f));
}

// e^(t t) erfc(t) for t >= 0, a polynomial in (t - 3) / (t + 3); constant past the t where e^(-t t) is 0 in f32.
TENSORWOOD_INLINE Vector scaled_erfc(Vector t) {
  t = minimum(broadcast(10.5f), t);
  const Vector u = (t - broadcast(3.0f)) / (t + broadcast(3.0f));
  const float c[] = {0x1.6e9828p-3f,  -0x1.4e1030p-2f, 0x1.f6ff2cp-3f,  -0x1.336ec2p-3f,  0x1.258898p-4f,
                     -0x1.900126p-6f, 0x1.186762p-8f,  0x1.9d9efcp-11f, -0x1.33982ep-11f, -0x1.1885c6p-14f};
  return polynomial(u, c);
}

// e^(-a a factor) for a >= 0, factor a power of two. The square is split so that its rounding does not grow with a.
TENSORWOOD_INLINE Vector gaussian(Vector a, float factor) {
  a = minimum(broadcast(16.0f), a);
  const Vector upper = upper_half(a);
  return exp_of_sum(upper * upper * broadcast(-factor), (a - upper) * (a + upper) * broadcast(-factor));
}

// Within 2 ulp.
TENSORWOOD_INLINE Vector erf(Vector x) {
  const Vector a = absolute(x);
  const Vector s = x * x;
  const float c[] = {0x1.06eba8p-3f, -0x1.81273ep-2f, 0x1.ce2ce6p-4f, -0x1.b7f71ap-6f, 0x1.53f224p-8f, -0x1.a3515ep-11f, 0x1.4771fcp-14f};
  const Vector near = multiply_add(x, polynomial(s, c), x);
  const Vector far = broadcast(1.0f) - gaussian(a, 1.0f) * scaled_erfc(a);
  return select(a < broadcast(1.0f), near, copy_sign(far, x));
}

// erfc(|x| / sqrt(2)) / 2, the probability beyond |x| of a standard normal variable, given e^(-x x / 2). Relative accuracy holds in the
// tail.
TENSORWOOD_INLINE Vector normal_tail(Vector a, Vector density) {
  return broadcast(0.5f) * density * scaled_erfc(a * broadcast(0.707106781f));
}

// x Phi(x) with the normal distribution function: GELU in its exact (erf) form. Within 7 ulp, in the tail too.
TENSORWOOD_INLINE Vector gelu(Vector x) {
  const Vector a = absolute(x);
  const Vector tail = normal_tail(a, gaussian(a, 0.5f));
  return x * select(x < broadcast(0.0f), tail, broadcast(1.0f) - tail);
}

// Phi(x) + x phi(x).
TENSORWOOD_INLINE Vector gelu_derivative(Vector x) {
  const Vector a = absolute(x);
  const Vector density = gaussian(a, 0.5f);
  const Vector tail = normal_tail(a, density);
  const Vector below = select(x < broadcast(0.0f), tail, broadcast(1.0f) - tail);
  return multiply_add(minimum(broadcast(16.0f), maximum(broadcast(-16.0f), x)) * broadcast(0.398942280f), density, below);
}

// x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)): the tanh form of GELU, as 1 + tanh(y) = 2 sigmoid(2 y).
TENSORWOOD_INLINE Vector gelu_tanh(Vector x) {
  const Vector slope = multiply_add(x * x, broadcast(1.59576912f * 0.044715f), broadcast(1.59576912f));
  return x * sigmoid(x * slope);
}

TENSORWOOD_INLINE Vector gelu_tanh_derivative(Vector x) {
  const Vector y = minimum(broadcast(1e4f), maximum(broadcast(-1e4f), x));  // y y stays finite: 0 times infinity would be NaN
  const Vector z = y * multiply_add(y * y, broadcast(1.59576912f * 0.044715f), broadcast(1.59576912f));
  const Vector e = exp(negate(absolute(z)));
  const Vector q = broadcast(1.0f) / (e + broadcast(1.0f));
  const Vector inner = multiply_add(y * y, broadcast(3 * 1.59576912f * 0.044715f), broadcast(1.59576912f));
  return multiply_add(y * inner, e * q * q, select(z < broadcast(0.0f), e * q, q));  // s (1 - s) = e q q without cancellation
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
