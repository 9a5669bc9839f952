// Scaled dot-product attention without a (T, T) matrix in memory: a task is one head of one sample; a block of queries against all keys
// lives in cache. Sources: Vaswani et al. 2017; softmax over whole rows needs no running rescale, since a block's rows fit the
// second-level cache.
#pragma once
#include "core/threads.h"
#include "cpu/heads.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// A row of scores to 2^(score - highest), zero from `keys` to `end`. A row that sees nothing is all zero, its sum 0.
struct RowSoftmax {
  float highest, sum;
};
static RowSoftmax exponentiate_row(float* scores, int64_t keys, int64_t end) {
  constexpr int64_t L = Vector::lanes;
  const int64_t whole = keys / L * L;
  const int rest = static_cast<int>(keys - whole);
  const Vector lowest = broadcast(-__builtin_inff());
  const Vector tail = rest > 0 ? keep_first(load(scores + whole), rest, lowest) : lowest;
  Vector most = tail, sum = broadcast(0.0f);
  for (int64_t j = 0; j < whole; j += L) most = maximum(load(scores + j), most);
  float highest = reduce_max(most);
  if (highest == -__builtin_inff()) highest = 0;  // 2^-infinity = 0 for all keys instead of NaN
  const Vector shift = broadcast(highest);
  for (int64_t j = 0; j < whole; j += L) {
    const Vector term = exp2(load(scores + j) - shift);
    sum = sum + term;
    store(scores + j, term);
  }
  int64_t j = whole;
  if (rest > 0) {
    const Vector term = exp2(tail - shift);
    sum = sum + term;
    store(scores + j, term);
    j += L;
  }
  for (; j < end; j += L) store(scores + j, broadcast(0.0f));
  return {highest, reduce_add(sum)};
}

TENSORWOOD_INLINE int64_t forward_floats(const AttentionSize& s) {
  return round_up(s.panels(), 16) + round_up(s.keys * s.padded(), 16) + block_rows(s, 1) * (2 * s.padded() + s.score_row()) +
         word_count(s) + 64;
}

// Outputs: (B, Tq, H, D) of q's dtype, and the log-sum-exp of each row of scores, f32 (B, H, Tq), -infinity where no key is seen.
static void attend_head(const AttentionArgs& a, int64_t b, int64_t h, const Heads& out, float* log_sums, float* scratch) {
  const AttentionSize& s = a.size;
  const int64_t keys = seen_keys(a, b), padded = s.padded(), row = s.score_row(), rows = block_rows(s, 1);
  Cut cut = {scratch};
  float *k_panels = cut(s.panels()), *v = cut(s.keys * padded), *q = cut(rows * padded), *sums = cut(rows * padded);
  float* scores = cut(rows * row);
  uint32_t* words = reinterpret_cast<uint32_t*>(cut(word_count(s)));
  transpose_rows(a.k, a.k.start(b, h, 0), keys, s.width, k_panels);
  copy_rows(a.v, a.v.start(b, h, 0), keys, s.width, 1.0f, v);
  for (int64_t first = 0; first < s.queries; first += rows) {
    const QueryBlock block = query_block(a, b, h, first, rows, keys);
    copy_rows(a.q, a.q.start(b, h, first), block.count, s.width, a.scale * kLog2E, q);
    multiply_panels({block.count, block.keys, s.width}, {q, padded, 1}, {k_panels, kPanel, kPanel * s.width}, {scores, row}, false);
    float factors[kBlockRows];
    for (int64_t i = 0; i < block.count; i++) {
      const int64_t seen = block.row_keys(a, i);
      adjust_scores(a, block, i, seen, scores + i * row);
      const RowSoftmax softmax = exponentiate_row(scores + i * row, seen, block.keys);
      factors[i] = softmax.sum > 0 ? 1.0f / softmax.sum : softmax.sum;  // keeps a NaN
      log_sums[first + i] = softmax.highest * kLn2 + logarithm(softmax.sum);
      if (a.drops) drop(a.dropout, draw_row(a, block, i, seen, words), seen, scores + i * row);
    }
    multiply_panels({block.count, padded, block.keys}, {scores, row, 1}, {v, padded, kPanel}, {sums, padded}, false);
    for (int64_t i = 0; i < block.count; i++) write_rows(sums + i * padded, out, out.start(b, h, first + i), 1, s.width, factors[i]);
  }
}

static void run_attention(const Args& args) {
  const AttentionArgs a = attention_args(args, 0);
  const Heads out = tokens_first(args.outputs[0]);
  float* log_sums = static_cast<float*>(args.outputs[1].data);
  float* scratch = reinterpret_cast<float*>(args.scratch);
  const int64_t floats = forward_floats(a.size);
  args.threads->parallel(a.size.batch * a.size.heads, [&](int64_t task, int worker) {
    attend_head(a, task / a.size.heads, task % a.size.heads, out, log_sums + task * a.size.queries, scratch + worker * floats);
  });
}

static int64_t scratch_attention(const Args& args, int threads) {
  return forward_floats(attention_args(args, 0).size) * threads * static_cast<int64_t>(sizeof(float));
}

static const char* check_attention(const Args& args) {
  if (const char* wrong = check_attention_inputs(args, 0)) return wrong;
  const AttentionSize s = attention_args(args, 0).size;
  if (args.output_count != 2) return "expected 2 outputs";
  if (!is_floating(args.outputs[0]) || !has_axes(args.outputs[0], s.batch, s.queries, s.heads, s.width)) return "expected out (B, T, H, D)";
  return are_row_floats(args.outputs[1], s) && is_dense(args.outputs[1]) ? nullptr : "expected log-sums (B, H, T)";
}

constexpr Kernel rows[] = {{"attention", DType::any, run_attention, check_attention, scratch_attention}};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
