// Cases of the elementwise machine: every instruction in both lane types, every element type, broadcasts and strides, a chain, and empty
// outputs.
#include "cases.h"
#include "core/codes.h"

#include <cmath>
#include <cstring>

namespace tensorwood::test {
namespace {

bool gives_integers(int code, bool floats) {
  if (code == kCastF32 || code == kCastBf16) return false;
  return (code >= kEqual && code <= kLogicalNot) || (code >= kCastI32 && code <= kCastBool) || !floats;
}

bool defined_for_integers(int code) {
  static const char* const yes = "01110011000010001000000111111111111111111001";  // by code: add sub mul neg abs square relu maximum ...
  return code < kCodes && yes[code] == '1';
}

bool defined_for_floats(int code) { return code != kConstant && (code < kLogicalAnd || code > kLogicalNot); }

Array inputs_of(int code, bool floats, uint64_t seed) {
  Array array = random_array(floats ? DType::f32 : DType::i32, {7, 33}, seed, 9);
  // The square root, the logarithm and the base of a power are taken of positive numbers.
  if (floats && (code == kLog || code == kSqrt || code == kRsqrt || code == kPow)) {
    for (size_t i = 3; i < array.bytes.size(); i += 4) array.bytes[i] &= std::byte{0x7f};
  }
  return array;
}

Case instruction_case(int code, bool floats) {
  Case c = {};
  c.name = "elementwise code " + std::to_string(code) + (floats ? " f32" : " i32");
  c.kernel = "elementwise";
  for (uint64_t k = 0; k < 3; k++) c.inputs.push_back(inputs_of(code, floats, 10 * static_cast<uint64_t>(code) + k));
  if (code == kWhere) c.inputs[0] = random_array(DType::boolean, {7, 33}, 5);
  c.outputs.push_back(empty_array(gives_integers(code, floats) ? DType::i32 : DType::f32, {7, 33}));
  c.integers = {1, code, floats ? 0 : 1, 0, 1, 2, 3};
  c.tolerance = gives_integers(code, floats) ? 0 : 2e-6;
  return c;
}

// A derivative at numbers whose square or cube is past the largest float.
Case large_case(int code) {
  Case c = {};
  c.name = "elementwise code " + std::to_string(code) + " of large numbers";
  c.kernel = "elementwise";
  const float values[] = {1e10f, -1e10f, 1e20f, -1e20f, 3e38f, -3e38f, INFINITY, -INFINITY, NAN};
  c.inputs = {empty_array(DType::f32, {9})};
  std::memcpy(c.inputs[0].bytes.data(), values, sizeof values);
  c.outputs = {empty_array(DType::f32, {9})};
  c.integers = {1, code, 0, 0, 0, 0, 1};
  c.tolerance = 2e-6;
  return c;
}

// y = cast(gelu(a + b) * 2), a broadcast over rows, b over columns and transposed in memory.
Case chain_case(DType in, DType out, std::vector<int64_t> shape) {
  Case c = {};
  c.name = "elementwise chain dtype " + std::to_string(static_cast<int>(in)) + " to " + std::to_string(static_cast<int>(out));
  c.kernel = "elementwise";
  c.inputs = {random_array(in, {shape[1]}, 1), random_array(in, {shape[1], shape[0]}, 2)};
  c.outputs = {empty_array(out, shape)};
  for (Array& a : c.inputs) {
    a.view.rank = 2;
    a.view.shape[0] = shape[0];
    a.view.shape[1] = shape[1];
  }
  c.inputs[0].view.stride[0] = 0;
  c.inputs[0].view.stride[1] = 1;
  c.inputs[1].view.stride[0] = 1;
  c.inputs[1].view.stride[1] = shape[0];
  c.integers = {4, kAdd, 0, 0, 1, 0, kGelu, 0, 2, 0, 0, kConstant, 0, 0, 0, 0, kMul, 0, 3, 4, 0, 5};
  c.numbers = {2.0};
  c.tolerance = out == DType::bf16 ? 1e-2 : 2e-6;
  return c;
}

}  // namespace

void add_elementwise_cases(std::vector<Case>& cases) {
  for (int code = 1; code < kCodes; code++) {
    if (defined_for_floats(code)) cases.push_back(instruction_case(code, true));
    if (defined_for_integers(code)) cases.push_back(instruction_case(code, false));
  }
  for (DType in : {DType::f32, DType::bf16}) {
    for (DType out : {DType::f32, DType::bf16}) cases.push_back(chain_case(in, out, {37, 129}));
  }
  for (int code : {kGeluDerivative, kGeluTanhDerivative}) cases.push_back(large_case(code));
  cases.push_back(chain_case(DType::f32, DType::f32, {1, 1}));
  cases.push_back(chain_case(DType::f32, DType::f32, {0, 5}));
}

}  // namespace tensorwood::test
