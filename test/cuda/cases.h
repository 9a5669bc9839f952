// A case runs one kernel row with the same operands on the CPU and on the CUDA device and compares what they wrote.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/threads.h"

namespace tensorwood::test {

// Host memory and a dense view of it; strides may be overwritten by the case.
struct Array {
  Operand view;
  std::vector<std::byte> bytes;
};

struct Case {
  std::string name;  // "matmul 65x33x17 bf16"
  std::string kernel;
  std::vector<Array> inputs, outputs;
  std::vector<int64_t> integers;
  std::vector<double> numbers;
  double tolerance;     // of the largest magnitude in the CPU's output; 0 = equal bits
  bool engine = false;  // a kernel that programs cannot call: the tree engine's
};

// Uniform in [-1, 1], reproducible; integer types get whole numbers in [0, limit).
Array random_array(DType dtype, std::vector<int64_t> shape, uint64_t seed, int64_t limit = 2);
Array empty_array(DType dtype, std::vector<int64_t> shape);

void add_elementwise_cases(std::vector<Case>& cases);
void add_matmul_cases(std::vector<Case>& cases);
void add_norm_cases(std::vector<Case>& cases);
void add_histogram_cases(std::vector<Case>& cases);

}  // namespace tensorwood::test
