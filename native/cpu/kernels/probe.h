// Measures the machine: the rate of independent multiply-adds, and of reading memory in order. Reports divide by these.
//   probe_flops  integers [rounds]  outputs: i64 (1) operations done, f32 (tasks) results      each task = one thread's work
//   probe_read   inputs: f32 (n)    outputs: f32 (chunks) sums of equal chunks
#pragma once
#include "core/threads.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int kChains = 12;  // hides a latency of 4 cycles at 2 a cycle, and fits 16 registers

TENSORWOOD_INLINE float multiply_add_rounds(int64_t rounds) {
  Vector sums[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; i++) sums[i] = broadcast(static_cast<float>(i));
  const Vector factor = broadcast(0.999f), term = broadcast(0.001f);
  for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; i++) sums[i] = multiply_add(sums[i], factor, term);
  }
  float total = 0;
#pragma GCC unroll 12
  for (int i = 0; i < kChains; i++) total += reduce_add(sums[i]);
  return total;
}

static void run_probe_flops(const Args& args) {
  const int64_t rounds = args.integers[0], tasks = args.outputs[1].shape[0];
  auto* results = static_cast<float*>(args.outputs[1].data);
  args.threads->parallel(tasks, [=](int64_t task, int) { results[task] = multiply_add_rounds(rounds); });
  *static_cast<int64_t*>(args.outputs[0].data) = tasks * rounds * kChains * Vector::lanes * 2;
}

static bool is_line(const Operand& operand, DType dtype) {
  return operand.dtype == dtype && operand.rank == 1 && operand.stride[0] == 1 && operand.shape[0] > 0;
}

static const char* check_probe_flops(const Args& args) {
  if (args.input_count != 0 || args.output_count != 2 || args.integer_count != 1) return "expected 2 outputs and 1 integer";
  if (!is_line(args.outputs[0], DType::i64) || args.outputs[0].shape[0] != 1) return "expected output 0 of i64 (1)";
  if (!is_line(args.outputs[1], DType::f32) || args.outputs[1].shape[0] > 4096) return "expected output 1 of f32 (1 to 4096)";
  return args.integers[0] < 0 || args.integers[0] > 10'000'000 ? "expected rounds in [0, 10^7]" : nullptr;
}

TENSORWOOD_INLINE float sum_line(const float* from, int64_t count) {
  Vector sums[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; i++) sums[i] = broadcast(0.0f);
  int64_t at = 0;
  for (; at + kChains * Vector::lanes <= count; at += kChains * Vector::lanes) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; i++) sums[i] = sums[i] + load(from + at + i * Vector::lanes);
  }
  float total = 0;
#pragma GCC unroll 12
  for (int i = 0; i < kChains; i++) total += reduce_add(sums[i]);
  for (; at < count; at++) total += from[at];
  return total;
}

static void run_probe_read(const Args& args) {
  const auto* from = static_cast<const float*>(args.inputs[0].data);
  auto* sums = static_cast<float*>(args.outputs[0].data);
  const int64_t chunks = args.outputs[0].shape[0], chunk = args.inputs[0].shape[0] / chunks;
  args.threads->parallel(chunks, [=](int64_t task, int) { sums[task] = sum_line(from + task * chunk, chunk); });
}

static const char* check_probe_read(const Args& args) {
  if (args.input_count != 1 || args.output_count != 1) return "expected 1 input and 1 output";
  return is_line(args.inputs[0], DType::f32) && is_line(args.outputs[0], DType::f32) ? nullptr : "expected two lines of f32";
}

constexpr Kernel rows[] = {
    {"probe_flops", DType::i64, run_probe_flops, check_probe_flops, nullptr},
    {"probe_read", DType::f32, run_probe_read, check_probe_read, nullptr},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
