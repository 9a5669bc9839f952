// Scaled dot-product attention without a (T, T) matrix in memory: a task is one head of one sample; a block of queries against all keys
// lives in cache. The backward pass computes the probabilities again from the saved log-sum-exp.
// Sources: Vaswani et al. 2017; Dao et al., "FlashAttention" (2022), whose recomputation this is; softmax over whole rows needs no
// running rescale, since a block's rows fit the second-level cache.
#pragma once
#include "core/threads.h"
#include "cpu/gemm/pack.h"
#include "cpu/isa/math.h"
#include "cpu/isa/philox.h"
#include "cpu/isa/tile.h"
#include "cpu/rows.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// Integers of both kernels.
enum AttentionInteger : int { kPacked, kCausal, kHasBias, kHasMask, kHasLengths, kHasDropout, kStream, kHasLogSumGradient };
constexpr int kForwardIntegers = 7, kBackwardIntegers = 8;

// Rows of one head: (B, T, H, D) or (B, H, T, D), last axis dense.
struct Heads {
  void* data;
  DType dtype;
  int64_t batch, head, token;  // strides

  TENSORWOOD_INLINE int64_t start(int64_t b, int64_t h, int64_t t) const { return b * batch + h * head + t * token; }
};

// Which axis is which differs: inputs q, k, v are (B, H, T, D); outputs and their gradients are (B, T, H, D), as the next layer reads them.
static Heads heads_first(const Operand& x) { return {x.data, x.dtype, x.stride[0], x.stride[1], x.stride[2]}; }
static Heads tokens_first(const Operand& x) { return {x.data, x.dtype, x.stride[0], x.stride[2], x.stride[1]}; }
// Part 0, 1 or 2 of (B, T, 3, H, D).
static Heads packed_part(const Operand& x, int part) {
  const int64_t bytes = x.dtype == DType::f32 ? 4 : 2;
  return {static_cast<char*>(x.data) + part * x.stride[2] * bytes, x.dtype, x.stride[0], x.stride[3], x.stride[1]};
}

struct AttentionSize {
  int64_t batch, heads, queries, keys, width;

  TENSORWOOD_INLINE int64_t padded() const { return to_multiple(width, Vector::lanes); }
  // Rows of the block of scores; 16 floats more keep rows of 4 KiB from falling into one set of the cache.
  TENSORWOOD_INLINE int64_t score_row() const { return to_multiple(keys, kPanel) + 16; }
  TENSORWOOD_INLINE int64_t panels() const { return divide_up(keys, kPanel) * kPanel * width; }
};

// Which weights stay: element ((b H + h) Tq + i) Tk + j of the operation's stream, as the operation `dropout` would have it.
struct Dropout {
  PhiloxStream stream;
  uint32_t last;  // the largest word that keeps
  float factor;
};

static Dropout dropout_of(const Operand& state, int64_t stream, double rate) {
  const double limit = (1 - rate) * 4294967296.0;
  const bool keeps = limit >= 1;
  return {philox_stream(static_cast<const int32_t*>(state.data), stream),
          keeps ? static_cast<uint32_t>(static_cast<uint64_t>(limit) - 1) : 0, keeps ? static_cast<float>(1 / (1 - rate)) : 0.0f};
}

struct AttentionArgs {
  AttentionSize size;
  Heads q, k, v;
  const Operand *bias, *mask, *lengths;  // or null
  bool causal, drops;
  float scale;
  Dropout dropout;
};

// Inputs from `first` on: q, k, v (B, H, T, D) or one packed (B, T, 3, H, D) [, bias f32 (B, H, Tq, Tk)] [, mask bool (B, H, Tq, Tk), false
// = not seen] [, lengths i32 (B): keys from there on are not seen] [, random state i32 (4)]. Numbers: scale, rate of dropout.
static AttentionArgs attention_args(const Args& args, int first) {
  AttentionArgs a = {};
  const Operand* next = args.inputs + first;
  const int64_t* flags = args.integers;
  if (flags[kPacked]) {
    const Operand& x = *next++;
    a.size = {x.shape[0], x.shape[3], x.shape[1], x.shape[1], x.shape[4]};
    a.q = packed_part(x, 0), a.k = packed_part(x, 1), a.v = packed_part(x, 2);
  } else {
    a.size = {next[0].shape[0], next[0].shape[1], next[0].shape[2], next[1].shape[2], next[0].shape[3]};
    a.q = heads_first(next[0]), a.k = heads_first(next[1]), a.v = heads_first(next[2]);
    next += 3;
  }
  a.bias = flags[kHasBias] ? next++ : nullptr;
  a.mask = flags[kHasMask] ? next++ : nullptr;
  a.lengths = flags[kHasLengths] ? next++ : nullptr;
  a.causal = flags[kCausal] != 0;
  a.drops = flags[kHasDropout] != 0;
  if (a.drops && next->data) a.dropout = dropout_of(*next, flags[kStream], args.numbers[1]);  // no data yet when a program is checked
  a.scale = static_cast<float>(args.numbers[0]);
  return a;
}

static int64_t seen_keys(const AttentionArgs& a, int64_t b) {
  if (!a.lengths) return a.size.keys;
  const int64_t length = static_cast<const int32_t*>(a.lengths->data)[b * a.lengths->stride[0]];
  return smaller(a.size.keys, larger(0, length));
}

// Rows [first, first + count) of a head as f32 times factor, padded with zeros to whole vectors.
template <class T>
static void copy_rows_as(const T* from, int64_t stride, int64_t count, int64_t width, float factor, float* to) {
  const int64_t padded = to_multiple(width, Vector::lanes);
  for (int64_t t = 0; t < count; t++) {
    for_vectors(width,
                [&](int64_t j, int lanes) { store(to + t * padded + j, load_lanes(from + t * stride + j, lanes) * broadcast(factor)); });
  }
}
static void copy_rows(const Heads& x, int64_t start, int64_t count, int64_t width, float factor, float* to) {
  if (x.dtype == DType::f32) return copy_rows_as(static_cast<const float*>(x.data) + start, x.token, count, width, factor, to);
  copy_rows_as(static_cast<const uint16_t*>(x.data) + start, x.token, count, width, factor, to);
}

// Rows of f32, padded as above, into a head, times factor.
template <class T>
static void write_rows_as(const float* from, T* to, int64_t stride, int64_t count, int64_t width, float factor) {
  const int64_t padded = to_multiple(width, Vector::lanes);
  for (int64_t t = 0; t < count; t++) {
    for_vectors(width,
                [&](int64_t j, int lanes) { store_lanes(to + t * stride + j, load(from + t * padded + j) * broadcast(factor), lanes); });
  }
}
static void write_rows(const float* from, const Heads& x, int64_t start, int64_t count, int64_t width, float factor) {
  if (x.dtype == DType::f32) return write_rows_as(from, static_cast<float*>(x.data) + start, x.token, count, width, factor);
  write_rows_as(from, static_cast<uint16_t*>(x.data) + start, x.token, count, width, factor);
}

// The transpose of the first `count` rows of a head in panels: element (d, t) at to[t / kPanel * kPanel * width + d * kPanel + t % kPanel].
// Columns past count are zero up to the end of the panel.
static void transpose_rows(const Heads& x, int64_t start, int64_t count, int64_t width, float* to) {
  pack_panels(advance({x.data, x.dtype, x.token, 1}, 0, start), count, width, {to, static_cast<int>(kPanel)});
}

// Where a block of queries stands: its rows [first, first + count) of head h of sample b, and the keys that any of them sees.
struct QueryBlock {
  int64_t b, h, first, count, keys;

  TENSORWOOD_INLINE int64_t row_keys(const AttentionArgs& a, int64_t row) const { return a.causal ? smaller(keys, first + row + 1) : keys; }
};

static QueryBlock query_block(const AttentionArgs& a, int64_t b, int64_t h, int64_t first, int64_t rows, int64_t keys) {
  const int64_t count = smaller(rows, a.size.queries - first);
  return {b, h, first, count, a.causal ? smaller(keys, first + count) : keys};
}

// Scores are kept times log2(e), which scaling the queries gives for nothing, so that the exponential is 2^x.
constexpr float kLog2E = 1.44269504f, kLn2 = 0.693147181f;

// Adds the bias to a row of scores and gives keys behind the mask -infinity.
static void adjust_scores(const AttentionArgs& a, const QueryBlock& block, int64_t row, int64_t keys, float* scores) {
  if (a.bias) {
    const int64_t* stride = a.bias->stride;
    const float* bias =
        static_cast<const float*>(a.bias->data) + block.b * stride[0] + block.h * stride[1] + (block.first + row) * stride[2];
    for_vectors(keys, [&](int64_t j, int count) {
      store_lanes(scores + j, multiply_add(load_lanes(bias + j, count), broadcast(kLog2E), load_lanes(scores + j, count)), count);
    });
  }
  if (a.mask) {
    const int64_t* stride = a.mask->stride;
    const uint8_t* mask =
        static_cast<const uint8_t*>(a.mask->data) + block.b * stride[0] + block.h * stride[1] + (block.first + row) * stride[2];
    for (int64_t j = 0; j < keys; j++) scores[j] = mask[j] ? scores[j] : -__builtin_inff();
  }
}

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

TENSORWOOD_INLINE float logarithm_of(float x) {
  float lanes[Vector::lanes];
  store(lanes, log(broadcast(x)));
  return lanes[0];
}

// The random words of a row of weights.
static const uint32_t* draw_row(const AttentionArgs& a, const QueryBlock& block, int64_t row, int64_t keys, uint32_t* words) {
  const int64_t element = ((block.b * a.size.heads + block.h) * a.size.queries + block.first + row) * a.size.keys;
  const int64_t quad = element / 4, offset = element % 4;
  draw_words(a.dropout.stream, static_cast<uint64_t>(quad), offset + keys, words);
  return words + offset;
}
static void drop(const Dropout& dropout, const uint32_t* words, int64_t count, float* x) {
  for (int64_t j = 0; j < count; j++) x[j] = words[j] <= dropout.last ? x[j] * dropout.factor : 0.0f;
}

// Memory of one task, cut from a worker's share of scratch.
struct Cut {
  float* next;

  TENSORWOOD_INLINE float* operator()(int64_t floats) {
    float* part = next;
    next += to_multiple(floats, 16);
    return part;
  }
};

TENSORWOOD_INLINE int64_t word_count(const AttentionSize& s) { return to_multiple(s.keys + 3, kDrawLanes); }

// Queries of a block: at most kBlockRows, fewer where `buffers` rows of scores would crowd the second-level cache, and about the same in
// every block. A multiple of a tile's rows.
constexpr int64_t kBlockRows = 72, kBlockFloats = 48 * 1024;
static int64_t block_rows(const AttentionSize& s, int buffers) {
  const int64_t fit = smaller(kBlockRows, larger(24, kBlockFloats / (buffers * s.score_row())));
  const int64_t blocks = larger(1, divide_up(s.queries, fit));
  return to_multiple(larger(1, divide_up(s.queries, blocks)), 6);
}

TENSORWOOD_INLINE int64_t forward_floats(const AttentionSize& s) {
  return to_multiple(s.panels(), 16) + to_multiple(s.keys * s.padded(), 16) + block_rows(s, 1) * (2 * s.padded() + s.score_row()) +
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
      log_sums[first + i] = softmax.highest * kLn2 + logarithm_of(softmax.sum);
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

TENSORWOOD_INLINE int64_t backward_floats(const AttentionSize& s) {
  return 2 * to_multiple(s.panels(), 16) + 3 * to_multiple(s.keys * s.padded(), 16) +
         block_rows(s, 2) * (3 * s.padded() + 2 * s.score_row()) + word_count(s) + 128;
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

static bool has_axes(const Operand& x, int64_t a, int64_t b, int64_t c, int64_t d) {
  const int64_t shape[4] = {a, b, c, d};
  return has_shape(x, 4, shape) && has_dense_rows(x);
}

// The operands that both kernels share; the gradient has 3 before them.
static const char* check_attention_inputs(const Args& args, int first) {
  const bool backward = first > 0;
  if (args.integer_count != (backward ? kBackwardIntegers : kForwardIntegers) || args.number_count != 2) return "expected other attributes";
  for (int i = 0; i < args.integer_count; i++) {
    if (i != kStream && args.integers[i] != 0 && args.integers[i] != 1) return "expected flags of 0 or 1";
  }
  const int64_t* flags = args.integers;
  const int tensors = flags[kPacked] ? 1 : 3;
  const int64_t beside = flags[kHasBias] + flags[kHasMask] + flags[kHasLengths] + flags[kHasDropout];
  if (args.input_count != first + tensors + beside + (backward ? flags[kHasLogSumGradient] : 0)) return "expected other operands";
  const Operand* x = args.inputs + first;
  for (int i = 0; i < tensors; i++) {
    if (!is_floating(x[i]) || x[i].rank != (flags[kPacked] ? 5 : 4) || !has_dense_rows(x[i]))
      return "expected floating heads with dense rows";
  }
  if (flags[kPacked] && x[0].shape[2] != 3) return "expected packed (B, T, 3, H, D)";
  const AttentionSize s = attention_args(args, first).size;
  if (!flags[kPacked]) {
    for (int i = 1; i < 3; i++) {
      if (!has_axes(x[i], s.batch, s.heads, s.keys, s.width)) return "expected k and v (B, H, T, D)";
    }
  }
  if (flags[kCausal] && s.queries != s.keys) return "expected as many queries as keys";
  const Operand* next = x + tensors;
  if (flags[kHasBias] && (next->dtype != DType::f32 || !has_axes(*next, s.batch, s.heads, s.queries, s.keys))) return "expected a bias";
  next += flags[kHasBias];
  if (flags[kHasMask] && (next->dtype != DType::boolean || !has_axes(*next, s.batch, s.heads, s.queries, s.keys))) return "expected a mask";
  next += flags[kHasMask];
  if (flags[kHasLengths] && (next->dtype != DType::i32 || !is_vector(*next, s.batch))) return "expected i32 lengths (B)";
  next += flags[kHasLengths];
  if (flags[kHasDropout] && (next->dtype != DType::i32 || !is_vector(*next, 4) || !is_dense(*next)))
    return "expected a random state, i32 (4)";
  if (flags[kHasDropout] && !(args.numbers[1] >= 0 && args.numbers[1] <= 1)) return "expected a rate in [0, 1]";
  return nullptr;
}

static bool are_row_floats(const Operand& x, const AttentionSize& s) {
  const int64_t shape[3] = {s.batch, s.heads, s.queries};
  return x.dtype == DType::f32 && has_shape(x, 3, shape);
}

static const char* check_attention(const Args& args) {
  if (const char* wrong = check_attention_inputs(args, 0)) return wrong;
  const AttentionSize s = attention_args(args, 0).size;
  if (args.output_count != 2) return "expected 2 outputs";
  if (!is_floating(args.outputs[0]) || !has_axes(args.outputs[0], s.batch, s.queries, s.heads, s.width)) return "expected out (B, T, H, D)";
  return are_row_floats(args.outputs[1], s) && is_dense(args.outputs[1]) ? nullptr : "expected log-sums (B, H, T)";
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
    {"attention", DType::any, run_attention, check_attention, scratch_attention},
    {"attention_gradient", DType::any, run_attention_gradient, check_attention_gradient, scratch_attention_gradient},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
