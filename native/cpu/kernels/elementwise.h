// The elementwise machine: one kernel that computes any chain of point-wise operations. A program of instructions runs over
// blocks of the output that stay in the L1 cache, one vectorised loop an instruction; values live in block-sized registers in memory.
// Instructions and their codes are those of lib/ops/elementwise.ts; lib/compile/fuse.ts writes the programs.
#pragma once
#include "core/threads.h"
#include "cpu/machine.h"
#include "cpu/strided.h"
#include "cpu/transpose.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// --- checks ---------------------------------------------------------------------------------------------------------------------------
static const char* check_operands(const Args& args) {
  if (args.input_count > kMaxInputs) return "expected at most 16 inputs";
  if (args.output_count < 1 || args.output_count > kMaxOutputs) return "expected 1 to 8 outputs";
  for (int k = 0; k < args.output_count; k++) {
    if (!known(args.outputs[k].dtype) || !is_dense(args.outputs[k])) return "expected dense outputs of f32, bf16, i32, u8 or bool";
    if (!same_shape(args.outputs[k], args.outputs[0])) return "expected outputs of one shape";
  }
  for (int k = 0; k < args.input_count; k++) {
    if (!known(args.inputs[k].dtype)) return "expected inputs of f32, bf16, i32, u8 or bool";
    if (!same_shape(args.inputs[k], args.outputs[0])) return "expected inputs of the output's shape";
  }
  return nullptr;
}

static const char* check_elementwise(const Args& args) {
  if (const char* wrong = check_operands(args)) return wrong;
  if (args.integer_count < 1 || args.integers[0] < 0 || args.integers[0] > kMaxInstructions) return "expected 0 to 64 instructions";
  const Reader program{args};
  if (args.integer_count != 1 + 5 * program.count() + args.output_count) return "expected 5 integers an instruction and one an output";
  int lanes[kMaxValues];
  for (int k = 0; k < args.input_count; k++) lanes[k] = lanes_of(args.inputs[k].dtype);
  int values = args.input_count;
  for (int i = 0; i < program.count(); i++, values++) {
    lanes[values] = lanes_of_instruction(program.instruction(i), lanes, values, args.number_count);
    if (lanes[values] < 0) return "expected instructions over earlier values of their type";
  }
  for (int k = 0; k < args.output_count; k++) {
    const int64_t value = args.integers[1 + 5 * program.count() + k];
    if (value < 0 || value >= values) return "expected outputs that store a value";
    if (lanes[value] != lanes_of(args.outputs[k].dtype)) return "expected outputs of their value's lane type";
  }
  return nullptr;
}

// --- running a block --------------------------------------------------------------------------------------------------------------------
// convert_run(from, n, to) for neighbours in memory, convert(x) for others.
template <class From, class To, class Run, class One>
TENSORWOOD_INLINE void load_elements(const Plan& plan, int input, const From* from, int64_t start, int64_t n, To* to,
                                     const Run& convert_run, const One& convert) {
  const int64_t* stride = plan.layout.stride[input];
  const int64_t step = stride[plan.layout.rank - 1];
  for_runs(plan.layout, stride, start, n, [&](int64_t offset, int64_t done, int64_t count) {
    if (step == 1) {
      convert_run(from + offset, count, to + done);
    } else {
      for (int64_t i = 0; i < count; i++) to[done + i] = convert(from[offset + i * step]);
    }
  });
}

static void widen_floats(const uint16_t* from, int64_t n, float* to) {
  int64_t i = 0;
  for (; i + Vector::lanes <= n; i += Vector::lanes) store(to + i, load(from + i));
  for (; i < n; i++) to[i] = bf16_to_float(from[i]);
}
static void widen_bytes(const uint8_t* from, int64_t n, int32_t* to) {
  for (int64_t i = 0; i < n; i++) to[i] = from[i];
}

// n elements of an input, as lanes.
static void load_input(const Args& args, const Plan& plan, int input, int64_t start, int64_t n, void* to) {
  const Operand& operand = args.inputs[input];
  if (four_bytes(operand.dtype)) {
    copy_elements(plan.layout, plan.layout.stride[input], static_cast<const uint32_t*>(operand.data), start, n, static_cast<uint32_t*>(to));
  } else if (operand.dtype == DType::bf16) {
    load_elements(plan, input, static_cast<const uint16_t*>(operand.data), start, n, static_cast<float*>(to), widen_floats,
                  [](uint16_t x) { return bf16_to_float(x); });
  } else {
    load_elements(plan, input, static_cast<const uint8_t*>(operand.data), start, n, static_cast<int32_t*>(to), widen_bytes,
                  [](uint8_t x) { return static_cast<int32_t>(x); });
  }
}

static void store_output(const Operand& output, const void* from, int64_t start, int64_t n) {
  const int32_t* x = static_cast<const int32_t*>(from);
  if (four_bytes(output.dtype)) {
    std::memcpy(static_cast<int32_t*>(output.data) + start, from, static_cast<size_t>(n) * 4);
  } else if (output.dtype == DType::bf16) {
    uint16_t* to = static_cast<uint16_t*>(output.data) + start;
    const int64_t whole = n - n % Vector::lanes;
    for (int64_t i = 0; i < whole; i += Vector::lanes) store(to + i, load(static_cast<const float*>(from) + i));
    if (whole < n)
      store_partial(to + whole, load_partial(static_cast<const float*>(from) + whole, static_cast<int>(n - whole)),
                    static_cast<int>(n - whole));
  } else {
    uint8_t* to = static_cast<uint8_t*>(output.data) + start;
    const bool boolean = output.dtype == DType::boolean;
    for (int64_t i = 0; i < n; i++) to[i] = boolean ? x[i] != 0 : static_cast<uint8_t>(x[i]);
  }
}

// Registers: where each value of the block is. Tails of a block, shorter than a vector, have registers of their own.
struct Block {
  const Args& args;
  const Plan& plan;
  std::byte* memory;  // registers of this worker
  int64_t stride;     // bytes of one
  bool tail;
  void* at[kMaxValues];

  void* slot(int value) const { return memory + (tail ? value : plan.slot[value]) * stride; }

  void fill(int64_t n) {
    for (int v = 0; v < plan.values; v++) {
      if (!plan.filled[v]) continue;
      at[v] = slot(v);
      if (v < plan.inputs)
        load_input(args, plan, v, 0, 1, at[v]);
      else
        constant(v);
      int32_t* x = static_cast<int32_t*>(at[v]);
      for (int64_t i = 1; i < n; i++) x[i] = x[0];
    }
  }

  void constant(int value) const {
    const int64_t* instruction = Reader{args}.instruction(value - plan.inputs);
    const double number = args.numbers[instruction[2]];
    const float real = static_cast<float>(number);
    const int32_t whole = number >= -2147483648.0 && number <= 2147483647.0 ? static_cast<int32_t>(number) : 0;
    if (instruction[1] == kIntegers)
      std::memcpy(at[value], &whole, 4);
    else
      std::memcpy(at[value], &real, 4);
  }

  void load(int64_t start, int64_t n) {
    const int inner = plan.layout.rank - 1;
    for (int k = 0; k < plan.inputs; k++) {
      if (plan.filled[k]) continue;
      const int64_t* stride_of = plan.layout.stride[k];
      const bool one_row = start % plan.layout.shape[inner] + n <= plan.layout.shape[inner];
      if (!tail && plan.slot[k] < 0) {
        at[k] = static_cast<int32_t*>(args.inputs[k].data) + start;
      } else if (!tail && one_row && stride_of[inner] == 1 && four_bytes(args.inputs[k].dtype) && !shared(k)) {
        at[k] = static_cast<int32_t*>(args.inputs[k].data) + offset_of(plan.layout, stride_of, start);
      } else {
        at[k] = slot(k);
        load_input(args, plan, k, start, n, at[k]);
      }
    }
  }

  // Whether an output lies over this input.
  bool shared(int input) const {
    for (int k = 0; k < plan.outputs; k++) {
      if (args.outputs[k].data == args.inputs[input].data) return true;
    }
    return false;
  }

  void compute(int64_t start, int64_t n) {
    const Reader program{args};
    const int64_t rounded = (n + Vector::lanes - 1) / Vector::lanes * Vector::lanes;
    for (int i = 0; i < plan.count; i++) {
      const int value = plan.inputs + i;
      if (plan.filled[value]) continue;
      const int64_t* instruction = program.instruction(i);
      const Instruction& row = instructions[instruction[0]];
      const int output = plan.stored[value];
      at[value] = !tail && output >= 0 ? static_cast<int32_t*>(args.outputs[output].data) + start : slot(value);
      const void* a = at[instruction[2]];
      const void* b = row.arguments > 1 ? at[instruction[3]] : a;
      row.run[instruction[1]](a, b, row.arguments > 2 ? at[instruction[4]] : a, at[value], rounded);
    }
  }

  void store(int64_t start, int64_t n) const {
    for (int k = 0; k < plan.outputs; k++) {
      const int value = Reader{args}.output(k);
      if (tail || plan.stored[value] != k) store_output(args.outputs[k], at[value], start, n);
    }
  }

  void run(int64_t start, int64_t n) {
    load(start, n);
    compute(start, n);
    store(start, n);
  }
};

constexpr int64_t kTailBytes = Vector::lanes * 4;

constexpr int64_t kMaxBlock = 1024, kTaskElements = 16384;

// Operands that share memory are known only when the program runs, and each may take a register more.
static int64_t registers_bytes(const Args& args, const Plan& plan) { return (plan.registers + args.input_count) * kMaxBlock * 4; }

// A large input whose innermost axis is another's would be read one element a cache line: it is transposed first.
static bool needs_copy(const Operand& input) {
  Transposition found;
  return size_of(input) >= 4096 && find_transposition(merge_axes(&input, 1), found);
}
static int64_t copy_bytes(const Operand& input) { return (size_of(input) * size_of(input.dtype) + 63) / 64 * 64; }

// Scratch: dense copies of such inputs, then the registers of each worker.
static int64_t scratch_elementwise(const Args& args, int threads) {
  int64_t bytes = threads * (registers_bytes(args, make_plan(args)) + kMaxValues * kTailBytes);
  for (int k = 0; k < args.input_count; k++) bytes += needs_copy(args.inputs[k]) ? copy_bytes(args.inputs[k]) : 0;
  return bytes;
}

static Operand dense_copy(const Operand& input, std::byte* to, Threads& threads) {
  Operand copy = input;
  copy.data = to;
  int64_t step = 1;
  for (int d = input.rank - 1; d >= 0; d--) {
    copy.stride[d] = step;
    step *= input.shape[d];
  }
  copy_transposed(input, copy, threads);
  return copy;
}

static void run_blocks(const Args& args, const Plan& plan, std::byte* memory) {
  const int64_t blocks = plan.rows * plan.chunks;
  const int64_t grouped = kTaskElements / (plan.inner < plan.block ? plan.inner : plan.block);
  const int64_t worker_bytes = registers_bytes(args, plan) + kMaxValues * kTailBytes;
  args.threads->parallel((blocks + grouped - 1) / grouped, [&](int64_t task, int worker) {
    std::byte* own = memory + worker * worker_bytes;
    Block whole{args, plan, own, plan.block * 4, false, {}};
    Block tail{args, plan, own + registers_bytes(args, plan), kTailBytes, true, {}};
    whole.fill(plan.block);
    tail.fill(Vector::lanes);
    const int64_t end = (task + 1) * grouped < blocks ? (task + 1) * grouped : blocks;
    for (int64_t b = task * grouped; b < end; b++) {
      const int64_t first = b % plan.chunks * plan.block, left = plan.inner - first;
      const int64_t start = b / plan.chunks * plan.inner + first, n = left < plan.block ? left : plan.block;
      const int64_t vectors = n - n % Vector::lanes;
      if (vectors > 0) whole.run(start, vectors);
      if (vectors < n) tail.run(start + vectors, n - vectors);
    }
  });
}

static bool is_copy(const Args& args) {
  return args.integers[0] == 0 && args.output_count == 1 && args.inputs[args.integers[1]].dtype == args.outputs[0].dtype;
}

static void run_elementwise(const Args& args) {
  if (size_of(args.outputs[0]) == 0) return;
  if (is_copy(args) && copy_transposed(args.inputs[args.integers[1]], args.outputs[0], *args.threads)) return;
  Operand inputs[kMaxInputs];
  Args arranged = args;
  arranged.inputs = inputs;
  for (int k = 0; k < args.input_count; k++) {
    inputs[k] = args.inputs[k];
    if (!needs_copy(inputs[k])) continue;
    inputs[k] = dense_copy(args.inputs[k], arranged.scratch, *args.threads);
    arranged.scratch += copy_bytes(inputs[k]);
  }
  Plan plan = make_plan(arranged);
  split_rows(arranged, plan);
  run_blocks(arranged, plan, arranged.scratch);
}

constexpr Kernel rows[] = {{"elementwise", DType::any, run_elementwise, check_elementwise, scratch_elementwise}};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
