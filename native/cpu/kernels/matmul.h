// Matrix products (native/cpu/gemm): matmul over batches of any strides, linear with its epilogue, and linear's weight gradient.
#pragma once
#include "core/kernel.h"
#include "core/threads.h"
#include "cpu/gemm/loops.h"
#include "cpu/strided.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// Sizes multiplied; INT64_MAX where they overflow, which only an operand without elements can do.
TENSORWOOD_INLINE int64_t leading_size(const Operand& o, int dims) {
  int64_t size = 1;
  for (int d = 0; d < dims; d++) {
    if (__builtin_mul_overflow(size, o.shape[d], &size)) return INT64_MAX;
  }
  return size;
}

TENSORWOOD_INLINE int64_t last_size(const Operand& o) { return o.shape[o.rank - 1]; }

constexpr int64_t kInnerLimit = int64_t{1} << 31;  // keeps the size of scratch within int64

static inline bool all_float(const Args& args) {
  for (int i = 0; i < args.input_count; i++) {
    if (!is_floating(args.inputs[i])) return false;
  }
  for (int i = 0; i < args.output_count; i++) {
    if (!is_floating(args.outputs[i])) return false;
  }
  return true;
}

// --- matmul: a (batch..., m, k), b (batch..., k, n), both of any strides -> (batch..., m, n) dense. No integers, no numbers. -------------

struct Batches {
  Extent size;
  int64_t count;
  bool folded;  // b is the same in every batch and a's batches continue its rows: one product of count * m rows
};

static inline bool continues(const Operand& a, int d) { return a.shape[d] == 1 || a.stride[d] == a.stride[d + 1] * a.shape[d + 1]; }

static inline Batches batches_of(const Args& args) {
  const Operand &a = args.inputs[0], &b = args.inputs[1];
  const int rank = a.rank;
  Batches all = {{a.shape[rank - 2], b.shape[rank - 1], a.shape[rank - 1]}, leading_size(a, rank - 2), true};
  for (int d = 0; d < rank - 2; d++) all.folded = all.folded && continues(a, d) && (b.shape[d] == 1 || b.stride[d] == 0);
  if (all.folded) {
    all.size.m *= all.count;
    all.count = 1;
  }
  return all;
}

// Elements from the start of an operand to its batch.
static inline int64_t batch_offset(const Operand& o, int64_t batch) {
  int64_t offset = 0;
  for (int d = o.rank - 3; d >= 0; d--) {
    offset += batch % o.shape[d] * o.stride[d];
    batch /= o.shape[d];
  }
  return offset;
}

static inline Product matmul_product(const Args& args, const Batches& all, int64_t batch) {
  const Operand &a = args.inputs[0], &b = args.inputs[1], &out = args.outputs[0];
  const int rank = a.rank;
  const Lines rows = {a.data, a.dtype, a.stride[rank - 2], a.stride[rank - 1]},
              columns = {b.data, b.dtype, b.stride[rank - 1], b.stride[rank - 2]};
  const int64_t to = batch * all.size.m * all.size.n * (out.dtype == DType::f32 ? 4 : 2);
  Product p = {};
  p.size = all.size;
  p.a = {advance({rows.data, rows.dtype, 1, 0}, batch_offset(a, batch), 0).data, rows.dtype, rows.line_stride, rows.step_stride};
  p.b = {advance({columns.data, columns.dtype, 1, 0}, batch_offset(b, batch), 0).data, columns.dtype, columns.line_stride,
         columns.step_stride};
  p.out = {static_cast<std::byte*>(out.data) + to, out.dtype, all.size.n};
  return p;
}

// Many or small products run one on each thread, else the threads share each product.
TENSORWOOD_INLINE bool one_each(const Batches& all, int threads) {
  return all.count > 1 && (all.count >= 4 * threads || all.size.m * all.size.n * all.size.k < (int64_t{1} << 18));
}

static inline void matmul(const Args& args) {
  if (is_empty(args.outputs[0])) return;
  const Batches all = batches_of(args);
  const int threads = args.threads->count();
  const bool narrow = args.outputs[0].dtype != DType::f32;
  float* scratch = reinterpret_cast<float*>(args.scratch);
  if (one_each(all, threads)) {
    const int64_t own = product_floats(all.size, narrow, 1);
    args.threads->parallel(all.count,
                           [&](int64_t batch, int worker) { multiply(matmul_product(args, all, batch), scratch + worker * own, nullptr); });
    return;
  }
  for (int64_t batch = 0; batch < all.count; batch++) multiply(matmul_product(args, all, batch), scratch, args.threads);
}

static inline int64_t matmul_scratch(const Args& args, int threads) {
  if (is_empty(args.outputs[0])) return 0;
  const Batches all = batches_of(args);
  const bool narrow = args.outputs[0].dtype != DType::f32;
  return 4 * (one_each(all, threads) ? threads * product_floats(all.size, narrow, 1) : product_floats(all.size, narrow, threads));
}

static inline const char* matmul_check(const Args& args) {
  if (args.input_count != 2 || args.output_count != 1) return "expected 2 inputs and 1 output, got another count";
  if (args.integer_count != 0 || args.number_count != 0) return "expected no integers and no numbers, got some";
  if (!all_float(args)) return "expected f32 or bf16 operands, got another type";
  const Operand &a = args.inputs[0], &b = args.inputs[1], &out = args.outputs[0];
  const int rank = a.rank;
  if (rank < 2 || b.rank != rank || out.rank != rank) return "expected operands of one rank of at least 2, got others";
  if (b.shape[rank - 2] != a.shape[rank - 1]) return "expected the same inner size on both sides, got two";
  if (out.shape[rank - 2] != a.shape[rank - 2] || out.shape[rank - 1] != b.shape[rank - 1])
    return "expected an output of shape (m, n), got another";
  for (int d = 0; d < rank - 2; d++) {
    if (a.shape[d] != out.shape[d] || b.shape[d] != out.shape[d]) return "expected equal batch sizes, got others";
  }
  if (a.shape[rank - 1] > kInnerLimit) return "expected an inner size of at most 2^31, got more";
  return is_dense(out) ? nullptr : "expected a dense output, got strides";
}

// --- linear: y = activation(x weight^T + bias) * slope_of'(slope) + residual
// -------------------------------------------------------------- inputs: x (..., k) dense, weight (n, k) of any strides, then those present
// of bias (n), slope (..., n), residual (..., n), all dense. outputs: y (..., n) dense, then if present before (..., n) dense: what the
// activation was applied to. integers: [bias present, slope present, residual present, before present, activation, slope's activation]. No
// numbers.

struct LinearParts {
  bool bias, slope, residual, before;
  Activation activation, slope_of;
};

TENSORWOOD_INLINE LinearParts linear_of(const Args& args) {
  const int64_t* v = args.integers;
  return {v[0] != 0, v[1] != 0, v[2] != 0, v[3] != 0, static_cast<Activation>(v[4]), static_cast<Activation>(v[5])};
}

TENSORWOOD_INLINE Extent linear_extent(const Args& args) {
  const Operand &x = args.inputs[0], &weight = args.inputs[1];
  return {leading_size(x, x.rank - 1), weight.shape[0], weight.shape[1]};
}

TENSORWOOD_INLINE Beside beside(const Operand* o, int64_t stride) { return {o->data, o->dtype, stride}; }

static inline Product linear_product(const Args& args) {
  const Operand &x = args.inputs[0], &weight = args.inputs[1];
  const LinearParts parts = linear_of(args);
  const Operand* next = args.inputs + 2;
  Product p = {};
  p.size = linear_extent(args);
  p.a = {x.data, x.dtype, p.size.k, 1};
  p.b = {weight.data, weight.dtype, weight.stride[0], weight.stride[1]};
  p.out = beside(args.outputs, p.size.n);
  p.finish.activation = parts.activation;
  p.finish.slope_of = parts.slope_of;
  if (parts.bias) p.finish.bias = beside(next++, 0);
  if (parts.slope) p.finish.slope = beside(next++, p.size.n);
  if (parts.residual) p.finish.residual = beside(next++, p.size.n);
  if (parts.before) p.finish.before = beside(args.outputs + 1, p.size.n);
  return p;
}

static inline void linear(const Args& args) { multiply(linear_product(args), reinterpret_cast<float*>(args.scratch), args.threads); }

static inline int64_t linear_scratch(const Args& args, int threads) {
  return 4 * product_floats(linear_extent(args), args.outputs[0].dtype != DType::f32, threads);
}

TENSORWOOD_INLINE bool same_shape_but_last(const Operand& a, const Operand& b, int64_t last) {
  if (a.rank != b.rank || last_size(a) != last) return false;
  for (int d = 0; d < a.rank - 1; d++) {
    if (a.shape[d] != b.shape[d]) return false;
  }
  return true;
}

static inline const char* linear_counts(const Args& args) {
  if (args.integer_count != 6 || args.number_count != 0) return "expected 6 integers and no numbers, got another count";
  for (int i = 0; i < 4; i++) {
    if (args.integers[i] != 0 && args.integers[i] != 1) return "expected presence as 0 or 1, got another value";
  }
  for (int i = 4; i < 6; i++) {
    if (args.integers[i] < 0 || args.integers[i] >= kActivations) return "expected a known activation, got another value";
  }
  const int64_t* v = args.integers;
  if (v[1] && v[4] != 0) return "expected an activation or a slope, got both";
  if (args.input_count != 2 + v[0] + v[1] + v[2] || args.output_count != 1 + v[3])
    return "expected the operands that are present, got another count";
  return nullptr;
}

static inline const char* linear_check(const Args& args) {
  if (const char* wrong = linear_counts(args)) return wrong;
  if (!all_float(args)) return "expected f32 or bf16 operands, got another type";
  const Operand &x = args.inputs[0], &weight = args.inputs[1];
  if (x.rank < 1 || weight.rank != 2 || last_size(x) != weight.shape[1]) return "expected x (..., k) and weight (n, k), got others";
  if (weight.shape[1] > kInnerLimit) return "expected an inner size of at most 2^31, got more";
  const bool bias = args.integers[0] != 0;
  const Operand& b = args.inputs[2];
  if (bias && (b.rank != 1 || b.shape[0] != weight.shape[0])) return "expected bias (n), got another shape";
  for (int i = bias ? 3 : 2; i < args.input_count; i++) {
    if (!same_shape_but_last(args.inputs[i], x, weight.shape[0])) return "expected inputs beside the output of its shape, got another";
  }
  for (int i = 0; i < args.output_count; i++) {
    if (!same_shape_but_last(args.outputs[i], x, weight.shape[0]) || !is_dense(args.outputs[i]))
      return "expected dense outputs (..., n), got others";
  }
  for (int i = 0; i < args.input_count; i++) {
    if (i != 1 && !is_dense(args.inputs[i])) return "expected dense inputs beside the weight, got strides";
  }
  return nullptr;
}

// --- linear_weight_gradient: dy (..., n), x (..., k), both dense -> dweight (n, k) = dy^T x, and if present dbias (n) = column sums of dy
// --- The number of outputs says whether dbias is present. No integers, no numbers.

TENSORWOOD_INLINE Extent weight_gradient_extent(const Args& args) {
  const Operand &dy = args.inputs[0], &x = args.inputs[1];
  return {last_size(dy), last_size(x), leading_size(x, x.rank - 1)};
}

static inline void store_sums(const float* sums, int64_t count, const Beside& to) {
  for (int64_t i = 0; i < count; i += Vector::lanes) {
    const int valid = static_cast<int>(smaller(Vector::lanes, count - i));
    store_beside(to, 0, i, load_partial(sums + i, valid), valid);
  }
}

// Where x has no columns, so that no product passes over dy.
static inline void sum_columns(const Beside& from, int64_t rows, int64_t columns, const Beside& to) {
  for (int64_t i = 0; i < columns; i += Vector::lanes) {
    const int valid = static_cast<int>(smaller(Vector::lanes, columns - i));
    Vector sum = broadcast(0.0f);
    for (int64_t row = 0; row < rows; row++) sum = sum + load_beside(from, row, i, valid);
    store_beside(to, 0, i, sum, valid);
  }
}

static inline void linear_weight_gradient(const Args& args) {
  const Operand &dy = args.inputs[0], &x = args.inputs[1];
  float* scratch = reinterpret_cast<float*>(args.scratch);
  Product p = {};
  p.size = weight_gradient_extent(args);
  p.a = {dy.data, dy.dtype, 1, p.size.m};
  p.b = {x.data, x.dtype, 1, p.size.n};
  p.out = beside(args.outputs, p.size.n);
  if (args.output_count == 2 && p.size.n == 0) return sum_columns(beside(&dy, p.size.m), p.size.k, p.size.m, beside(args.outputs + 1, 0));
  if (args.output_count == 2) p.line_sums = scratch;
  multiply(p, scratch + region(p.size.m), args.threads);
  if (args.output_count == 2) store_sums(scratch, p.size.m, beside(args.outputs + 1, 0));
}

static inline int64_t weight_gradient_scratch(const Args& args, int threads) {
  const Extent size = weight_gradient_extent(args);
  return 4 * (region(size.m) + product_floats(size, args.outputs[0].dtype != DType::f32, threads));
}

static inline const char* weight_gradient_check(const Args& args) {
  if (args.input_count != 2 || args.output_count < 1 || args.output_count > 2)
    return "expected 2 inputs and 1 or 2 outputs, got another count";
  if (args.integer_count != 0 || args.number_count != 0) return "expected no integers and no numbers, got some";
  if (!all_float(args)) return "expected f32 or bf16 operands, got another type";
  const Operand &dy = args.inputs[0], &x = args.inputs[1], &dweight = args.outputs[0], &dbias = args.outputs[1];
  if (dy.rank < 1 || x.rank < 1 || !same_shape_but_last(dy, x, last_size(dy))) return "expected dy (..., n) and x (..., k), got others";
  if (dweight.rank != 2 || dweight.shape[0] != last_size(dy) || dweight.shape[1] != last_size(x))
    return "expected dweight (n, k), got another shape";
  if (args.output_count == 2 && (dbias.rank != 1 || dbias.shape[0] != last_size(dy) || !is_dense(dbias)))
    return "expected dbias (n), got another shape";
  if (leading_size(x, x.rank - 1) > kInnerLimit) return "expected at most 2^31 rows, got more";
  return is_dense(dy) && is_dense(x) && is_dense(dweight) ? nullptr : "expected dense operands, got strides";
}

constexpr Kernel rows[] = {
    {"matmul", DType::f32, matmul, matmul_check, matmul_scratch},
    {"matmul", DType::bf16, matmul, matmul_check, matmul_scratch},
    {"linear", DType::f32, linear, linear_check, linear_scratch},
    {"linear", DType::bf16, linear, linear_check, linear_scratch},
    {"linear_weight_gradient", DType::f32, linear_weight_gradient, weight_gradient_check, weight_gradient_scratch},
    {"linear_weight_gradient", DType::bf16, linear_weight_gradient, weight_gradient_check, weight_gradient_scratch},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
