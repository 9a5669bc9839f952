// Cases of layer norm: with and without the residual, weight and bias; one column, odd widths, permuted rows; both element types.
#include "cases.h"

namespace tensorwood::test {
namespace {

double tolerance_of(DType dtype) { return dtype == DType::bf16 ? 1e-2 : 1e-5; }
std::string label(const char* kernel, DType dtype, const std::vector<int64_t>& flags, int64_t width, int64_t samples) {
  std::string name = kernel + std::string(dtype == DType::bf16 ? " bf16 " : " f32 ") + std::to_string(width);
  for (int64_t flag : flags) name += flag ? " yes" : " no";
  return name + ", " + std::to_string(samples) + " samples";
}

// (6, samples, width) seen as (samples, 6, width): rows in another order than memory's.
Array permuted_rows(DType dtype, int64_t samples, int64_t width, uint64_t seed) {
  Array array = random_array(dtype, {6, samples, width}, seed);
  array.view.shape[0] = samples;
  array.view.shape[1] = 6;
  array.view.stride[0] = width;
  array.view.stride[1] = samples * width;
  return array;
}

Case forward_case(DType dtype, int64_t width, std::vector<int64_t> flags, int64_t samples = 11) {
  Case c = {};
  c.name = label("layer_norm", dtype, flags, width, samples);
  c.kernel = "layer_norm";
  c.inputs = {permuted_rows(dtype, samples, width, 1)};
  if (flags[0]) c.inputs.push_back(random_array(dtype, {samples, 6, width}, 2));
  for (int k = 1; k < 3; k++) {
    if (flags[static_cast<size_t>(k)]) c.inputs.push_back(random_array(DType::f32, {width}, 3));
  }
  for (int64_t k = 0; k < 1 + flags[0]; k++) c.outputs.push_back(empty_array(dtype, {samples, 6, width}));
  for (int k = 0; k < 2; k++) c.outputs.push_back(empty_array(DType::f32, {samples, 6}));
  c.integers = std::move(flags);
  c.numbers = {1e-5};
  c.tolerance = tolerance_of(dtype);
  return c;
}

Case backward_case(DType dtype, int64_t width, std::vector<int64_t> flags, int64_t samples = 11) {
  Case c = {};
  c.name = label("layer_norm_gradient", dtype, flags, width, samples);
  c.kernel = "layer_norm_gradient";
  c.inputs = {random_array(dtype, {samples, 6, width}, 1), permuted_rows(dtype, samples, width, 2),
              random_array(DType::f32, {samples, 6}, 3), random_array(DType::f32, {samples, 6}, 4)};
  if (flags[0]) c.inputs.push_back(random_array(DType::f32, {width}, 5));
  if (flags[2]) c.inputs.push_back(random_array(dtype, {samples, 6, width}, 6));
  c.outputs = {empty_array(dtype, {samples, 6, width})};
  for (int64_t k = 0; k < flags[0] + flags[1]; k++) c.outputs.push_back(empty_array(DType::f32, {width}));
  c.integers = std::move(flags);
  c.tolerance = tolerance_of(dtype);
  return c;
}

}  // namespace

void add_norm_cases(std::vector<Case>& cases) {
  for (DType dtype : {DType::f32, DType::bf16}) {
    for (int64_t width : {37, 200}) {
      cases.push_back(forward_case(dtype, width, {0, 1, 1}));
      cases.push_back(forward_case(dtype, width, {1, 1, 0}));
      cases.push_back(forward_case(dtype, width, {0, 0, 0}));
      cases.push_back(backward_case(dtype, width, {1, 1, 1}));
      cases.push_back(backward_case(dtype, width, {1, 0, 0}));
      cases.push_back(backward_case(dtype, width, {0, 1, 0}));
    }
    cases.push_back(forward_case(dtype, 1, {0, 1, 1}));
  }
  cases.push_back(forward_case(DType::f32, 2, {0, 1, 1}, 700));  // more rows than blocks
  cases.push_back(backward_case(DType::f32, 2, {1, 1, 0}, 700));
}

}  // namespace tensorwood::test
