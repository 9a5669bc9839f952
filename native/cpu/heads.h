// What attention and its gradient share: their operands, blocks of queries, scores, dropout and checks.
#pragma once
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

  TENSORWOOD_INLINE int64_t padded() const { return round_up(width, Vector::lanes); }
  // Rows of the block of scores; 16 floats more keep rows of 4 KiB from falling into one set of the cache.
  TENSORWOOD_INLINE int64_t score_row() const { return round_up(keys, kPanel) + 16; }
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
  const int64_t padded = round_up(width, Vector::lanes);
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
  const int64_t padded = round_up(width, Vector::lanes);
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

// The random words of a row of weights.
static const uint32_t* draw_row(const AttentionArgs& a, const QueryBlock& block, int64_t row, int64_t keys, uint32_t* words) {
  // Unsigned, because strides of 0 make sizes that no memory bounds: a count past the end wraps.
  const uint64_t head = static_cast<uint64_t>(block.b) * static_cast<uint64_t>(a.size.heads) + static_cast<uint64_t>(block.h),
                 query = head * static_cast<uint64_t>(a.size.queries) + static_cast<uint64_t>(block.first + row),
                 element = query * static_cast<uint64_t>(a.size.keys);
  const int64_t offset = static_cast<int64_t>(element % 4);
  draw_words(a.dropout.stream, element / 4, offset + keys, words);
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
    next += round_up(floats, 16);
    return part;
  }
};

TENSORWOOD_INLINE int64_t word_count(const AttentionSize& s) { return round_up(s.keys + 3, kDrawLanes); }

// Queries of a block: at most kBlockRows, fewer where `buffers` rows of scores would crowd the second-level cache, and about the same in
// every block. A multiple of a tile's rows.
constexpr int64_t kBlockRows = 72, kBlockFloats = 48 * 1024;
static int64_t block_rows(const AttentionSize& s, int buffers) {
  const int64_t fit = smaller(kBlockRows, larger(24, kBlockFloats / (buffers * s.score_row())));
  const int64_t blocks = larger(1, divide_up(s.queries, fit));
  return round_up(larger(1, divide_up(s.queries, blocks)), 6);
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

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
