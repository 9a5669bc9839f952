// Cases of the matrix products: odd sizes, strides, batches, every part of linear's epilogue, both element types.
#include <string>

#include "cases.h"

namespace tensorwood::test {
namespace {

std::string sizes(int64_t m, int64_t n, int64_t k) { return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k); }
double tolerance_of(DType dtype) { return dtype == DType::bf16 ? 1e-2 : 1e-5; }

Case matmul_case(DType dtype, int64_t m, int64_t n, int64_t k, bool transposed) {
  Case c = {};
  c.name = "matmul " + sizes(m, n, k) + (transposed ? " transposed" : "") + (dtype == DType::bf16 ? " bf16" : " f32");
  c.kernel = "matmul";
  c.inputs = {random_array(dtype, {2, 3, m, k}, 1), random_array(dtype, {2, 3, k, n}, 2)};
  if (transposed) {
    Operand& b = c.inputs[1].view;
    b.stride[2] = 1;
    b.stride[3] = k;
    c.inputs[0].view.stride[1] = 0;  // one a for three batches
  }
  c.outputs = {empty_array(dtype, {2, 3, m, n})};
  c.tolerance = tolerance_of(dtype);
  return c;
}

Case linear_case(DType dtype, int64_t m, int64_t n, int64_t k, std::vector<int64_t> integers) {
  Case c = {};
  c.name = "linear " + sizes(m, n, k) + (dtype == DType::bf16 ? " bf16" : " f32");
  for (int64_t i : integers) c.name += " " + std::to_string(i);
  c.kernel = "linear";
  c.inputs = {random_array(dtype, {m, k}, 1), random_array(dtype, {n, k}, 2)};
  if (integers[0] != 0) c.inputs.push_back(random_array(dtype, {n}, 3));
  if (integers[1] != 0) c.inputs.push_back(random_array(dtype, {m, n}, 4));
  if (integers[2] != 0) c.inputs.push_back(random_array(dtype, {m, n}, 5));
  c.outputs = {empty_array(dtype, {m, n})};
  if (integers[3] != 0) c.outputs.push_back(empty_array(dtype, {m, n}));
  c.integers = std::move(integers);
  c.tolerance = tolerance_of(dtype);
  return c;
}

Case weight_gradient_case(DType dtype, int64_t rows, int64_t n, int64_t k, bool bias) {
  Case c = {};
  c.name = "linear_weight_gradient " + sizes(rows, n, k) + (bias ? " bias" : "") + (dtype == DType::bf16 ? " bf16" : " f32");
  c.kernel = "linear_weight_gradient";
  c.inputs = {random_array(dtype, {rows, n}, 1), random_array(dtype, {rows, k}, 2)};
  c.outputs = {empty_array(dtype, {n, k})};
  if (bias) c.outputs.push_back(empty_array(dtype, {n}));
  c.tolerance = tolerance_of(dtype);
  return c;
}

}  // namespace

void add_matmul_cases(std::vector<Case>& cases) {
  for (DType dtype : {DType::f32, DType::bf16}) {
    cases.push_back(matmul_case(dtype, 17, 9, 33, false));
    cases.push_back(matmul_case(dtype, 66, 65, 18, true));
    cases.push_back(matmul_case(dtype, 1, 1, 1, false));
    cases.push_back(matmul_case(dtype, 3, 4, 0, false));
    for (int64_t activation = 0; activation < 4; activation++) cases.push_back(linear_case(dtype, 70, 37, 41, {1, 0, 1, 1, activation, 0}));
    for (int64_t slope = 0; slope < 4; slope++) cases.push_back(linear_case(dtype, 13, 70, 5, {0, 1, 0, 0, 0, slope}));
    cases.push_back(weight_gradient_case(dtype, 67, 30, 66, true));
    cases.push_back(weight_gradient_case(dtype, 5, 3, 2, false));
  }
  cases.push_back(linear_case(DType::f32, 2, 16400, 3, {1, 0, 0, 0, 0, 0}));  // more tiles than blocks, in columns and in rows
  cases.push_back(linear_case(DType::f32, 16400, 2, 3, {1, 0, 0, 0, 0, 0}));
}

}  // namespace tensorwood::test
