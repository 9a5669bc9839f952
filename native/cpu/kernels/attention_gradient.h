// The gradient of attention: the probabilities are computed again, block by block, from the saved log-sum-exp.
// Source: Dao et al., "FlashAttention" (2022), whose recomputation this is.
#pragma once
#include "core/threads.h"
#include "cpu/heads.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

TENSORWOOD_INLINE int64_t backward_floats(const AttentionSize& s) {
  return 2 * round_up(s.panels(), 16) + 3 * round_up(s.keys * s.padded(), 16) + block_rows(s, 2) * (3 * s.padded() + 2 * s.score_row()) +
         word_count(s) + 128;
}

struct AttentionGradients {
  Heads g, out, dq, dk, dv;
  const float* log_sums;            // (B, H, Tq)
  const Operand* log_sum_gradient;  // (B, H, Tq), or null

  TENSORWOOD_INLINE float gradient_at(int64_t b, int64_t h, int64_t t) const {
    const int64_t* stride = log_sum_gradient->stride;
    return static_cast<const float*>(log_sum_gradient->data)[b * stride[0] + h * stride[1] + t * stride[2]];
  }
};

// scores becomes the probabilities P, slopes (which holds dP) becomes dS = P (dP - sum(g out)), both zero from `keys` to `end`.
static void differentiate_row(float* scores, float* slopes, int64_t keys, int64_t end, float log_sum, float product) {
  constexpr int64_t L = Vector::lanes;
  if (log_sum == -__builtin_inff()) keys = 0;
  const Vector shift = broadcast(log_sum * -kLog2E), mean = broadcast(product), zero = broadcast(0.0f);
  int64_t j = 0;
  for (; j + L <= keys; j += L) {
    const Vector p = exp2(load(scores + j) + shift);
    store(scores + j, p);
    store(slopes + j, p * (load(slopes + j) - mean));
  }
  if (j < keys) {
    const int count = static_cast<int>(keys - j);
    const Vector p = keep_first(exp2(load(scores + j) + shift), count, zero);
    store(scores + j, p);
    store(slopes + j, keep_first(p * (load(slopes + j) - mean), count, zero));
    j += L;
  }
  for (; j < end; j += L) {
    store(scores + j, zero);
    store(slopes + j, zero);
  }
}

TENSORWOOD_INLINE float dot_rows(const float* a, const float* b, int64_t width) {
  Vector sum = broadcast(0.0f);
  for (int64_t j = 0; j < width; j += Vector::lanes) sum = multiply_add(load(a + j), load(b + j), sum);
  return reduce_add(sum);
}

// With P the probabilities, S the scaled scores: dV = P' g, dP = g V', dS = P (dP - sum(g out)), dQ = scale dS K, dK = scale dS' Q.
static void differentiate_head(const AttentionArgs& a, int64_t b, int64_t h, const AttentionGradients& d, float* scratch) {
  const AttentionSize& s = a.size;
  const int64_t keys = seen_keys(a, b), padded = s.padded(), row = s.score_row(), all = s.keys * padded;
  const int64_t rows = block_rows(s, 2);
  Cut cut = {scratch};
  float *k_panels = cut(s.panels()), *v_panels = cut(s.panels()), *k = cut(all), *dk = cut(all), *dv = cut(all);
  float *q = cut(rows * padded), *g = cut(rows * padded), *dq = cut(rows * padded);
  float *scores = cut(rows * row), *slopes = cut(rows * row);
  uint32_t* words = reinterpret_cast<uint32_t*>(cut(word_count(s)));
  transpose_rows(a.v, a.v.start(b, h, 0), keys, s.width, v_panels);
  transpose_rows(a.k, a.k.start(b, h, 0), keys, s.width, k_panels);
  copy_rows(a.k, a.k.start(b, h, 0), keys, s.width, 1.0f, k);
  __builtin_memset(dk, 0, static_cast<size_t>(all) * sizeof(float));
  __builtin_memset(dv, 0, static_cast<size_t>(all) * sizeof(float));
  for (int64_t first = 0; first < s.queries; first += rows) {
    const QueryBlock block = query_block(a, b, h, first, rows, keys);
    float products[kBlockRows];
    copy_rows(d.out, d.out.start(b, h, first), block.count, s.width, 1.0f, q);
    copy_rows(d.g, d.g.start(b, h, first), block.count, s.width, 1.0f, g);
    for (int64_t i = 0; i < block.count; i++) products[i] = dot_rows(q + i * padded, g + i * padded, padded);
    copy_rows(a.q, a.q.start(b, h, first), block.count, s.width, a.scale * kLog2E, q);
    multiply_panels({block.count, block.keys, s.width}, {q, padded, 1}, {k_panels, kPanel, kPanel * s.width}, {scores, row}, false);
    multiply_panels({block.count, block.keys, s.width}, {g, padded, 1}, {v_panels, kPanel, kPanel * s.width}, {slopes, row}, false);
    for (int64_t i = 0; i < block.count; i++) {
      const int64_t seen = block.row_keys(a, i);
      adjust_scores(a, block, i, seen, scores + i * row);
      const int64_t at = (b * s.heads + h) * s.queries + first + i;
      if (d.log_sum_gradient) products[i] -= d.gradient_at(b, h, first + i);
      const uint32_t* drawn = a.drops ? draw_row(a, block, i, seen, words) : nullptr;
      if (drawn) drop(a.dropout, drawn, seen, slopes + i * row);
      differentiate_row(scores + i * row, slopes + i * row, seen, block.keys, d.log_sums[at], products[i]);
      if (drawn) drop(a.dropout, drawn, seen, scores + i * row);
    }
    multiply_panels({block.keys, padded, block.count}, {scores, 1, row}, {g, padded, kPanel}, {dv, padded}, true);
    multiply_panels({block.keys, padded, block.count}, {slopes, 1, row}, {q, padded, kPanel}, {dk, padded}, true);
    multiply_panels({block.count, padded, block.keys}, {slopes, row, 1}, {k, padded, kPanel}, {dq, padded}, false);
    write_rows(dq, d.dq, d.dq.start(b, h, first), block.count, s.width, a.scale);
  }
  write_rows(dk, d.dk, d.dk.start(b, h, 0), s.keys, s.width, kLn2);  // q was times scale and log2(e)
  write_rows(dv, d.dv, d.dv.start(b, h, 0), s.keys, s.width, 1.0f);
}

// Inputs: g and out (B, Tq, H, D), log-sum-exp (B, H, Tq), those of attention [, gradient of the
// log-sum-exp]. Outputs: dq (B, Tq, H, D), dk, dv (B, Tk, H, D), or one
// packed (B, T, 3, H, D).
static void run_attention_gradient(const Args& args) {
  const AttentionArgs a = attention_args(args, 3);
  const bool packed = args.integers[kPacked] != 0;
  const Operand* out = args.outputs;
  const AttentionGradients d = {tokens_first(args.inputs[0]),
                                tokens_first(args.inputs[1]),
                                packed ? packed_part(out[0], 0) : tokens_first(out[0]),
                                packed ? packed_part(out[0], 1) : tokens_first(out[1]),
                                packed ? packed_part(out[0], 2) : tokens_first(out[2]),
                                static_cast<const float*>(args.inputs[2].data),
                                args.integers[kHasLogSumGradient] ? &args.inputs[args.input_count - 1] : nullptr};
  float* scratch = reinterpret_cast<float*>(args.scratch);
  const int64_t floats = backward_floats(a.size);
  args.threads->parallel(a.size.batch * a.size.heads, [&](int64_t task, int worker) {
    differentiate_head(a, task / a.size.heads, task % a.size.heads, d, scratch + worker * floats);
  });
}

static int64_t scratch_attention_gradient(const Args& args, int threads) {
  return backward_floats(attention_args(args, 3).size) * threads * static_cast<int64_t>(sizeof(float));
}

static const char* check_attention_gradient(const Args& args) {
  if (args.input_count < 3) return "expected other operands";
  if (const char* wrong = check_attention_inputs(args, 3)) return wrong;
  const AttentionSize s = attention_args(args, 3).size;
  for (int i = 0; i < 2; i++) {
    if (!is_floating(args.inputs[i]) || !has_axes(args.inputs[i], s.batch, s.queries, s.heads, s.width))
      return "expected g, out (B, T, H, D)";
  }
  const Operand& last = args.inputs[args.input_count - 1];
  if (!are_row_floats(args.inputs[2], s) || !is_dense(args.inputs[2])) return "expected log-sums (B, H, T)";
  if (args.integers[kHasLogSumGradient] && !are_row_floats(last, s)) return "expected a gradient of the log-sums (B, H, T)";
  if (args.integers[kPacked]) {
    const Operand& dx = args.outputs[0];
    if (args.output_count != 1 || !is_floating(dx) || !same_shape(dx, args.inputs[3]) || !is_dense(dx)) return "expected a packed gradient";
    return nullptr;
  }
  if (args.output_count != 3) return "expected 3 outputs";
  for (int i = 0; i < 3; i++) {
    const Operand& dx = args.outputs[i];
    if (!is_floating(dx) || !has_axes(dx, s.batch, i == 0 ? s.queries : s.keys, s.heads, s.width)) return "expected gradients (B, T, H, D)";
  }
  return nullptr;
}

constexpr Kernel rows[] = {
    {"attention_gradient", DType::any, run_attention_gradient, check_attention_gradient, scratch_attention_gradient},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
