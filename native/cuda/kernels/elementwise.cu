// The elementwise machine on the device: every thread interprets the program for its elements; values live in shared memory, one column a
// thread, so that indexing them needs no local memory. Instructions and integers as in native/cpu/kernels/elementwise.h.
#include "core/codes.h"
#include "cuda/launch.h"
#include "cuda/vec.cuh"

namespace tensorwood::cuda {
namespace {

constexpr int kInputs = 16, kOutputs = 8, kInstructions = 64;  // the limits that the check of the CPU's row enforces
constexpr int kThreads = 128;

union Value {
  float f;
  int32_t i;
};

struct Instruction {
  uint8_t code, type, a, b, c;
  Value constant;
};

struct Input {
  const void* data;
  int64_t stride[kMaxRank];
  DType dtype;
};

struct Output {
  void* data;
  uint8_t value;
  DType dtype;
};

// Passed by value in the launch; its size stays under the 4 KiB of kernel parameters.
struct Machine {
  int64_t count;
  int64_t shape[kMaxRank];
  int32_t rank, inputs, instructions, outputs;
  Input input[kInputs];
  Output output[kOutputs];
  Instruction code[kInstructions];
};
static_assert(sizeof(Machine) <= 4096, "kernel parameters are limited to 4 KiB");

__device__ Value load_value(const Input& input, int64_t at) {
  Value v;
  switch (input.dtype) {
    case DType::f32:
      v.f = static_cast<const float*>(input.data)[at];
      break;
    case DType::bf16:
      v.f = bf16_to_float(static_cast<const uint16_t*>(input.data)[at]);
      break;
    case DType::i32:
      v.i = static_cast<const int32_t*>(input.data)[at];
      break;
    default:
      v.i = static_cast<const uint8_t*>(input.data)[at];
      break;
  }
  return v;
}

__device__ void store_value(const Output& output, int64_t at, Value v) {
  switch (output.dtype) {
    case DType::f32:
      static_cast<float*>(output.data)[at] = v.f;
      break;
    case DType::bf16:
      static_cast<uint16_t*>(output.data)[at] = float_to_bf16(v.f);
      break;
    case DType::i32:
      static_cast<int32_t*>(output.data)[at] = v.i;
      break;
    case DType::boolean:
      static_cast<uint8_t*>(output.data)[at] = v.i != 0;
      break;
    default:
      static_cast<uint8_t*>(output.data)[at] = static_cast<uint8_t>(v.i);
      break;
  }
}

__device__ int32_t truncate(float x) {
  if (!(x < 2147483648.0f)) return x == x ? 2147483647 : 0;
  return x < -2147483648.0f ? -2147483647 - 1 : static_cast<int32_t>(x);
}

__device__ float keep_nan(float a, float chosen) { return a == a ? chosen : a; }

__device__ Value float_value(float f) {
  Value v;
  v.f = f;
  return v;
}
__device__ Value integer_value(int32_t i) {
  Value v;
  v.i = i;
  return v;
}

__device__ Value float_result(uint8_t code, float a, float b, float c) {
  switch (code) {
    case kAdd:
      return float_value(a + b);
    case kSub:
      return float_value(a - b);
    case kMul:
      return float_value(a * b);
    case kDiv:
      return float_value(a / b);
    case kPow:
      return float_value(powf(a, b));
    case kNeg:
      return float_value(-a);
    case kAbs:
      return float_value(fabsf(a));
    case kExp:
      return float_value(expf(a));
    case kLog:
      return float_value(logf(a));
    case kSqrt:
      return float_value(sqrtf(a));
    case kRsqrt:
      return float_value(1.0f / sqrtf(a));
    case kSquare:
      return float_value(a * a);
    case kReciprocal:
      return float_value(1.0f / a);
    case kTanh:
      return float_value(tanhf(a));
    case kSigmoid:
      return float_value(sigmoid(a));
    case kRelu:
      return float_value(a < 0.0f ? 0.0f : a);
    case kGelu:
      return float_value(gelu(a));
    case kGeluTanh:
      return float_value(gelu_tanh(a));
    case kSilu:
      return float_value(a * sigmoid(a));
    case kErf:
      return float_value(erff(a));
    case kSin:
      return float_value(sinf(a));
    case kCos:
      return float_value(cosf(a));
    case kMaximum:
      return float_value(keep_nan(a, a > b ? a : b));
    case kMinimum:
      return float_value(keep_nan(a, a < b ? a : b));
    case kClamp:
      a = b > a ? b : a;
      return float_value(c < a ? c : a);
    case kEqual:
      return integer_value(a == b);
    case kNotEqual:
      return integer_value(!(a == b));
    case kLess:
      return integer_value(a < b);
    case kLessEqual:
      return integer_value(a <= b);
    case kGreater:
      return integer_value(a > b);
    case kGreaterEqual:
      return integer_value(a >= b);
    case kCastF32:
      return float_value(a);
    case kCastBf16:
      return float_value(bf16_to_float(float_to_bf16(a)));
    case kCastI32:
      return integer_value(truncate(a));
    case kCastU8:
      return integer_value(truncate(a) & 255);
    case kCastBool:
      return integer_value(!(a == 0.0f));
    case kGeluDerivative:
      return float_value(gelu_derivative(a));
    case kGeluTanhDerivative:
      return float_value(gelu_tanh_derivative(a));
    default:
      return float_value(a > 0.0f ? 1.0f : a < 0.0f ? -1.0f : a);  // sign
  }
}

// Arithmetic wraps: it is done on unsigned numbers.
__device__ Value integer_result(uint8_t code, int32_t a, int32_t b, int32_t c) {
  const uint32_t x = static_cast<uint32_t>(a), y = static_cast<uint32_t>(b);
  switch (code) {
    case kAdd:
      return integer_value(static_cast<int32_t>(x + y));
    case kSub:
      return integer_value(static_cast<int32_t>(x - y));
    case kMul:
      return integer_value(static_cast<int32_t>(x * y));
    case kNeg:
      return integer_value(static_cast<int32_t>(0u - x));
    case kAbs:
      return integer_value(static_cast<int32_t>(a < 0 ? 0u - x : x));
    case kSquare:
      return integer_value(static_cast<int32_t>(x * x));
    case kRelu:
      return integer_value(a > 0 ? a : 0);
    case kMaximum:
      return integer_value(a > b ? a : b);
    case kMinimum:
      return integer_value(a < b ? a : b);
    case kClamp:
      a = a > b ? a : b;
      return integer_value(a < c ? a : c);
    case kEqual:
      return integer_value(a == b);
    case kNotEqual:
      return integer_value(a != b);
    case kLess:
      return integer_value(a < b);
    case kLessEqual:
      return integer_value(a <= b);
    case kGreater:
      return integer_value(a > b);
    case kGreaterEqual:
      return integer_value(a >= b);
    case kLogicalAnd:
      return integer_value(a != 0 && b != 0);
    case kLogicalOr:
      return integer_value(a != 0 || b != 0);
    case kLogicalNot:
      return integer_value(a == 0);
    case kCastF32:
      return float_value(static_cast<float>(a));
    case kCastBf16:
      return float_value(bf16_to_float(float_to_bf16(static_cast<float>(a))));
    case kCastU8:
      return integer_value(a & 255);
    case kCastBool:
      return integer_value(a != 0);
    case kSign:
      return integer_value((a > 0) - (a < 0));
    default:
      return integer_value(a);  // cast to i32
  }
}

__global__ void interpret(Machine machine) {
  SharedMemory shared;
  const int threads = static_cast<int>(blockDim.x), lane = static_cast<int>(threadIdx.x);
  Value* values =
      shared.take<Value>((machine.inputs + machine.instructions) * threads) + lane;  // value v of this thread at values[v * threads]
  const int64_t step = static_cast<int64_t>(gridDim.x) * threads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * threads + lane; i < machine.count; i += step) {
    for (int k = 0; k < machine.inputs; k++) {
      int64_t rest = i, at = 0;
      for (int d = machine.rank - 1; d >= 0; d--) {
        at += rest % machine.shape[d] * machine.input[k].stride[d];
        rest /= machine.shape[d];
      }
      values[k * threads] = load_value(machine.input[k], at);
    }
    for (int n = 0; n < machine.instructions; n++) {
      const Instruction& x = machine.code[n];
      const Value a = values[x.a * threads], b = values[x.b * threads], c = values[x.c * threads];
      Value result = x.constant;
      if (x.code == kWhere) {
        result = a.i != 0 ? b : c;
      } else if (x.code != kConstant) {
        result = x.type == 0 ? float_result(x.code, a.f, b.f, c.f) : integer_result(x.code, a.i, b.i, c.i);
      }
      values[(machine.inputs + n) * threads] = result;
    }
    for (int k = 0; k < machine.outputs; k++) store_value(machine.output[k], i, values[machine.output[k].value * threads]);
  }
}

Instruction decode(const Args& args, const int64_t* integers) {
  Instruction x = {};
  x.code = static_cast<uint8_t>(integers[0]);
  x.type = static_cast<uint8_t>(integers[1]);
  if (x.code == kConstant) {
    const double number = args.numbers[integers[2]];
    if (x.type == 0) {
      x.constant.f = static_cast<float>(number);
    } else {
      x.constant.i = number >= -2147483648.0 && number <= 2147483647.0 ? static_cast<int32_t>(number) : 0;
    }
    return x;
  }
  // Unused operands may hold anything: they read value 0.
  const int values = args.input_count + static_cast<int>(args.integers[0]);
  uint8_t* operand[3] = {&x.a, &x.b, &x.c};
  for (int k = 0; k < 3; k++) *operand[k] = integers[2 + k] >= 0 && integers[2 + k] < values ? static_cast<uint8_t>(integers[2 + k]) : 0;
  return x;
}

void run_elementwise(const Args& args) {
  Machine machine = {};
  const Operand& shape = args.outputs[0];
  machine.rank = shape.rank;
  machine.count = 1;
  for (int d = 0; d < shape.rank; d++) machine.count *= machine.shape[d] = shape.shape[d];
  if (machine.count == 0) return;
  machine.inputs = args.input_count;
  for (int k = 0; k < args.input_count; k++) {
    machine.input[k].data = args.inputs[k].data;
    machine.input[k].dtype = args.inputs[k].dtype;
    for (int d = 0; d < shape.rank; d++) machine.input[k].stride[d] = args.inputs[k].stride[d];
  }
  machine.instructions = static_cast<int32_t>(args.integers[0]);
  for (int n = 0; n < machine.instructions; n++) machine.code[n] = decode(args, args.integers + 1 + 5 * n);
  machine.outputs = args.output_count;
  for (int k = 0; k < args.output_count; k++) {
    machine.output[k] = {args.outputs[k].data, static_cast<uint8_t>(args.integers[1 + 5 * machine.instructions + k]),
                         args.outputs[k].dtype};
  }
  const int bytes = (machine.inputs + machine.instructions) * kThreads * static_cast<int>(sizeof(Value));
  launch(interpret, dim3(grid_for(machine.count, kThreads)), dim3(kThreads), bytes, args.stream, machine);
}

constexpr Kernel rows[] = {{"elementwise", DType::any, run_elementwise, nullptr, nullptr}};

}  // namespace

extern const Table table_elementwise;
const Table table_elementwise = {rows, sizeof rows / sizeof rows[0]};

}  // namespace tensorwood::cuda
