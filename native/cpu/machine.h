// Programs of the elementwise machine (kernels/elementwise.h): how they are read, and where each of their values is placed.
#pragma once
#include "cpu/instructions.h"
#include "cpu/strided.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int kMaxInputs = 16, kMaxInstructions = 64, kMaxOutputs = 8, kMaxValues = kMaxInputs + kMaxInstructions;
static_assert(kMaxInputs <= kMaxStrided, "a layout holds every input");

// --- the program ------------------------------------------------------------------------------------------------------------------------
TENSORWOOD_INLINE int lanes_of(DType dtype) { return is_floating(dtype) ? kFloats : kIntegers; }
TENSORWOOD_INLINE bool four_bytes(DType dtype) { return dtype == DType::f32 || dtype == DType::i32; }
TENSORWOOD_INLINE bool known(DType dtype) { return dtype <= DType::boolean; }

// Integers: instruction count, then code, type, a, b, c of each; then the value that each output stores.
struct Reader {
  const Args& args;
  int count() const { return static_cast<int>(args.integers[0]); }
  const int64_t* instruction(int i) const { return args.integers + 1 + 5 * i; }
  int output(int k) const { return static_cast<int>(args.integers[1 + 5 * count() + k]); }
};

// The lane type of an instruction's value, or -1 when it is malformed. lanes: those of the values before it.
static int lanes_of_instruction(const int64_t* instruction, const int* lanes, int values, int numbers) {
  const int64_t code = instruction[0], type = instruction[1];
  if (code < 0 || code >= kCodes || type < 0 || type > 1) return -1;
  if (code == kConstant) return instruction[2] >= 0 && instruction[2] < numbers ? static_cast<int>(type) : -1;
  const Instruction& row = instructions[code];
  if (row.run[type] == nullptr) return -1;
  for (int k = 0; k < row.arguments; k++) {
    const int64_t operand = instruction[2 + k];
    if (operand < 0 || operand >= values) return -1;
    if (lanes[operand] != (code == kWhere && k == 0 ? int64_t{kIntegers} : type)) return -1;
  }
  return row.result < 0 ? static_cast<int>(type) : row.result;
}

// --- placement of values ----------------------------------------------------------------------------------------------------------------
// A dense four-byte input is read where it lies and a four-byte output is written where it goes; every other value has a register.
// Registers of constants and of inputs that are one number are filled once a task.
struct Plan {
  Layout layout;
  int inputs, count, values, outputs, registers;
  int64_t block;          // elements
  int64_t inner, chunks;  // elements and blocks of a row: blocks never straddle rows
  int64_t rows;
  bool dense[kMaxInputs];
  bool filled[kMaxValues];  // one number for all elements
  int slot[kMaxValues];     // register, or -1
  int stored[kMaxValues];   // output written in place of a register, or -1
};

struct Slots {
  bool used[kMaxValues + 1];
  int high;
  int take() {
    int s = 0;
    while (used[s]) s++;
    used[s] = true;
    if (s >= high) high = s + 1;
    return s;
  }
};

static void find_last_uses(const Args& args, int* last) {
  const Reader program{args};
  for (int v = 0; v < args.input_count + program.count(); v++) last[v] = -1;
  for (int i = 0; i < program.count(); i++) {
    const int64_t* instruction = program.instruction(i);
    for (int k = 0; k < instructions[instruction[0]].arguments; k++) last[instruction[2 + k]] = i;
  }
  for (int k = 0; k < args.output_count; k++) {
    last[program.output(k)] = program.count();
  }
}

// An output that lies over this input and is written before the input's last use.
static bool overwritten(const Args& args, int input, int last) {
  const Reader program{args};
  for (int k = 0; k < args.output_count; k++) {
    if (args.outputs[k].data == args.inputs[input].data && program.output(k) - args.input_count < last) return true;
  }
  return false;
}

static bool all_zero(const int64_t* stride, int rank) {
  for (int d = 0; d < rank; d++) {
    if (stride[d] != 0) return false;
  }
  return true;
}

static void place_inputs(const Args& args, const int* last, Plan& plan, Slots& slots) {
  for (int k = 0; k < plan.inputs; k++) {
    plan.filled[k] = all_zero(plan.layout.stride[k], plan.layout.rank) && size_of(args.outputs[0]) > 1;
    plan.dense[k] = is_dense(args.inputs[k]) && four_bytes(args.inputs[k].dtype) && !overwritten(args, k, last[k]);
    plan.slot[k] = plan.dense[k] && !plan.filled[k] ? -1 : slots.take();
  }
}

static void place_instructions(const Args& args, const int* last, Plan& plan, Slots& slots) {
  const Reader program{args};
  for (int i = 0; i < plan.count; i++) {
    const int value = plan.inputs + i;
    plan.filled[value] = program.instruction(i)[0] == kConstant;
    if (plan.filled[value]) plan.slot[value] = slots.take();
  }
  for (int i = 0; i < plan.count; i++) {
    const int value = plan.inputs + i;
    if (plan.filled[value]) continue;
    for (int v = 0; v < value; v++) {
      if (last[v] == i && plan.slot[v] >= 0 && !plan.filled[v]) slots.used[plan.slot[v]] = false;
    }
    plan.slot[value] = plan.stored[value] >= 0 ? -1 : slots.take();
  }
}

static Plan make_plan(const Args& args) {
  Plan plan{};
  const Reader program{args};
  plan.inputs = args.input_count;
  plan.count = program.count();
  plan.values = plan.inputs + plan.count;
  plan.outputs = args.output_count;
  Operand shape = args.outputs[0];
  plan.layout = merge_axes(plan.inputs > 0 ? args.inputs : &shape, plan.inputs > 0 ? plan.inputs : 1);
  int last[kMaxValues];
  find_last_uses(args, last);
  for (int v = 0; v < plan.values; v++) plan.stored[v] = -1;
  for (int k = 0; k < plan.outputs; k++) {
    const int value = program.output(k);
    const bool computed = value >= plan.inputs && program.instruction(value - plan.inputs)[0] != kConstant;
    if (computed && four_bytes(args.outputs[k].dtype)) plan.stored[value] = k;
  }
  Slots slots{};
  place_inputs(args, last, plan, slots);
  place_instructions(args, last, plan, slots);
  plan.registers = slots.high;
  plan.block = plan.registers <= 6 ? 1024 : 512;
  return plan;
}

// Long rows become the unit of blocks, so that a row operand is read in place too; short rows are copied into registers.
static void split_rows(const Args& args, Plan& plan) {
  const int64_t total = size_of(args.outputs[0]), inner = plan.layout.shape[plan.layout.rank - 1];
  plan.inner = plan.layout.rank > 1 && inner >= 256 ? inner : total;
  plan.rows = total / plan.inner;
  plan.chunks = (plan.inner + plan.block - 1) / plan.block;
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
