// Measures the functions of native/cpu/isa/math.h against double precision over strided floats of all 2^32, and holds their bounds.
// Compiled once per instruction set. Usage: math [stride] [function]; stride 1 is exhaustive (minutes a function), the default keeps it to
// seconds.
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define TENSORWOOD_NAMESPACE kernels_math_test
#include TENSORWOOD_ISA_HEADER
#include "cpu/isa/math.h"

namespace vector = tensorwood::kernels_math_test;

namespace {

double phi(double x) { return std::exp(-0.5 * x * x) * 0.3989422804014326779; }
double normal(double x) { return 0.5 * std::erfc(-x * 0.70710678118654752440); }
double tanh_form_slope(double x) { return 2 * 0.79788456080286535588 * (1 + 3 * 0.044715 * x * x); }
double tanh_form(double x) { return 1 / (1 + std::exp(-2 * 0.79788456080286535588 * (x + 0.044715 * x * x * x))); }

struct Function {
  const char* name;
  vector::Vector (*approximate)(vector::Vector);
  double (*exact)(double);
  double ulp;       // bound where the result is at least `from` in size ...
  double absolute;  // ... and bound of the absolute error elsewhere
  double from;
  double low, high;  // arguments tried; NaN and infinities are tried always
};

// Names inside the lambdas are those of the vector functions.
const Function functions[] = {
    {"exp", [](vector::Vector x) { return vector::exp(x); }, [](double x) { return std::exp(x); }, 1.02, 0, 0, -INFINITY, INFINITY},
    {"exp2", [](vector::Vector x) { return vector::exp2(x); }, [](double x) { return std::exp2(x); }, 1.1, 0, 0, -INFINITY, INFINITY},
    {"log", [](vector::Vector x) { return vector::log(x); }, [](double x) { return std::log(x); }, 1.0, 0, 0, -INFINITY, INFINITY},
    {"tanh", [](vector::Vector x) { return vector::tanh(x); }, [](double x) { return std::tanh(x); }, 2.0, 0, 0, -INFINITY, INFINITY},
    {"sigmoid", [](vector::Vector x) { return vector::sigmoid(x); }, [](double x) { return 1 / (1 + std::exp(-x)); }, 2.5, 0, 0, -INFINITY,
     INFINITY},
    {"erf", [](vector::Vector x) { return vector::erf(x); }, [](double x) { return std::erf(x); }, 2.0, 0, 0, -INFINITY, INFINITY},
    {"gelu", [](vector::Vector x) { return vector::gelu(x); }, [](double x) { return x * normal(x); }, 7, 4e-44, 1e-37, -1e30, 3e38},
    {"gelu_derivative", [](vector::Vector x) { return vector::gelu_derivative(x); },
     [](double x) { return normal(x) + (std::fabs(x) > 60 ? 0 : x * phi(x)); }, 6.5, 2.5e-7, 0.25, -INFINITY, INFINITY},
    {"gelu_tanh", [](vector::Vector x) { return vector::gelu_tanh(x); }, [](double x) { return x * tanh_form(x); }, 4, 2.5e-7, 0.25, -1e4,
     1e4},
    {"gelu_tanh_derivative", [](vector::Vector x) { return vector::gelu_tanh_derivative(x); },
     [](double x) {
       const double s = tanh_form(x);
       return s + (std::fabs(x) > 60 ? 0 : x * s * (1 - s) * tanh_form_slope(x));
     },
     4, 2.5e-7, 0.25, -INFINITY, INFINITY},
};

double ulp_of(double exact) {
  int exponent;
  std::frexp(exact, &exponent);
  return std::ldexp(1.0, exponent < -125 ? -149 : exponent - 24);
}

struct Worst {
  double ulp = 0, absolute = 0;
  float at_ulp = 0, at_absolute = 0;
  bool kinds = true;  // NaN for NaN, infinity for infinity
  float at_kind = 0;
};

void judge(const Function& f, float x, float got, Worst& worst) {
  const double exact = f.exact(x);
  const float rounded = static_cast<float>(exact);
  if (std::isnan(rounded) || std::isinf(rounded) || std::isnan(got) || std::isinf(got)) {
    // One ulp past the largest float is infinity.
    const bool edge = std::fabs(exact) > 0x1.fffffcp127 && std::fabs(exact) < 0x1.000002p128;
    const bool same = std::isnan(exact) ? std::isnan(got) : got == rounded || edge;
    if (!same) worst.kinds = false, worst.at_kind = x;
    return;
  }
  const double error = std::fabs(got - exact);
  if (std::fabs(exact) >= f.from && error > worst.ulp * ulp_of(exact)) worst.ulp = error / ulp_of(exact), worst.at_ulp = x;
  if (std::fabs(exact) < f.from && error > worst.absolute) worst.absolute = error, worst.at_absolute = x;
}

Worst sweep(const Function& f, uint64_t stride) {
  constexpr int lanes = vector::Vector::lanes;
  Worst worst;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += stride * lanes) {
    float x[lanes], y[lanes];
    for (int i = 0; i < lanes; i++) {
      const uint32_t u = static_cast<uint32_t>(bits + stride * static_cast<uint64_t>(i));
      std::memcpy(&x[i], &u, 4);
      if (x[i] < f.low || x[i] > f.high) x[i] = 1.0f;
    }
    vector::store(y, f.approximate(vector::load(x)));
    for (int i = 0; i < lanes; i++) judge(f, x[i], y[i], worst);
  }
  return worst;
}

bool report(const Function& f, const Worst& worst) {
  const bool holds = worst.ulp <= f.ulp && worst.absolute <= f.absolute && worst.kinds;
  std::printf("%-22s %6.3f ulp at %-14.8g (bound %.2f)", f.name, worst.ulp, worst.at_ulp, f.ulp);
  if (f.from > 0) std::printf("   absolute %.2e at %-14.8g (bound %.1e)", worst.absolute, worst.at_absolute, f.absolute);
  if (!worst.kinds) std::printf("   wrong NaN or infinity at %.8g", worst.at_kind);
  std::printf("%s\n", holds ? "" : "   FAILED");
  return holds;
}

}  // namespace

int main(int count, char** arguments) {
  const uint64_t stride = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1009;
  if (stride == 0) return std::fprintf(stderr, "math: expected a stride >= 1\n"), 2;
  bool holds = true;
  for (const Function& f : functions) {
    if (count < 3 || std::strcmp(arguments[2], f.name) == 0) holds &= report(f, sweep(f, stride));
  }
  return holds ? 0 : 1;
}
