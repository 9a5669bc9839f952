// Layer norm, with the residual sum before it if asked, forward and backward. f32 or bf16 activations, f32 weights and statistics.
// Source: Ba, Kiros, Hinton, "Layer Normalization" (2016).
#pragma once
#include "core/threads.h"
#include "cpu/affine.h"
#include "cpu/isa/math.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

struct Moments {
  float mean, deviation;  // deviation: 1 / sqrt(variance + epsilon)
};

// Rows that are reduced side by side, so that one's additions hide the latency of another's.
constexpr int kRowsAtOnce = 4;

// The variance is of distances from the mean, in a second reading of the row: no cancellation.
template <int R, class T>
static void row_moments(const T* const (&x)[R], int64_t width, float epsilon, Moments (&moments)[R]) {
  Vector sum[R], squares[R], mean[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; r++) sum[r] = squares[r] = broadcast(0.0f);
  for_vectors(width, [&](int64_t j, int count) {
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) sum[r] = sum[r] + load_lanes(x[r] + j, count);
  });
  const float share = 1.0f / static_cast<float>(width);
#pragma GCC unroll 4
  for (int r = 0; r < R; r++) {
    moments[r].mean = reduce_add(sum[r]) * share;
    mean[r] = broadcast(moments[r].mean);
  }
  for_vectors(width, [&](int64_t j, int count) {
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      const Vector d = keep_first(load_lanes(x[r] + j, count) - mean[r], count, broadcast(0.0f));
      squares[r] = multiply_add(d, d, squares[r]);
    }
  });
#pragma GCC unroll 4
  for (int r = 0; r < R; r++) moments[r].deviation = 1.0f / __builtin_sqrtf(reduce_add(squares[r]) * share + epsilon);
}

template <class T>
static void normalize_row(const T* x, T* y, int64_t width, Moments moments, Affine affine) {
  const Vector mean = broadcast(moments.mean), deviation = broadcast(moments.deviation);
  for_vectors(width, [&](int64_t j, int count) {
    const Vector normal = (load_lanes(x + j, count) - mean) * deviation;
    store_lanes(y + j, multiply_add(normal, affine.scale_at(j, count), affine.shift_at(j, count)), count);
  });
}

// What a forward pass reads and writes, by rows.
template <class T>
struct LayerNorm {
  const Operand &x, *residual;  // residual: or null
  T *sums, *y;                  // sums: with a residual
  float *mean, *deviation;
  Affine affine;
  float epsilon;
};

template <class T>
static void add_rows(const T* a, const T* b, T* to, int64_t width) {
  for_vectors(width, [&](int64_t j, int count) { store_lanes(to + j, load_lanes(a + j, count) + load_lanes(b + j, count), count); });
}

// Rows [row, row + R).
template <int R, class T>
static void normalize_rows(const LayerNorm<T>& norm, const RowStarts& x_rows, const RowStarts& residual_rows, int64_t row, int64_t width) {
  const T* from[R];
  Moments moments[R];
  for (int r = 0; r < R; r++) {
    from[r] = data_of<T>(norm.x) + x_rows[row + r];
    if (!norm.residual) continue;
    T* sum = norm.sums + (row + r) * width;
    add_rows(from[r], data_of<T>(*norm.residual) + residual_rows[row + r], sum, width);
    from[r] = sum;
  }
  row_moments<R>(from, width, norm.epsilon, moments);
  for (int r = 0; r < R; r++) {
    norm.mean[row + r] = moments[r].mean;
    norm.deviation[row + r] = moments[r].deviation;
    normalize_row(from[r], norm.y + (row + r) * width, width, moments[r], norm.affine);
  }
}

// Integers: has a residual, a weight, a bias. Numbers: epsilon. Inputs: x (..., C) [, residual like x] [, weight (C)] [, bias (C)].
// Outputs: [x + residual,] y like x, mean (...) and 1 / standard deviation (...) in f32.
template <class T>
static void run_layer_norm_as(const Args& args) {
  const Operand& x = args.inputs[0];
  const Operand *next = args.inputs + 1, *out = args.outputs;
  const Operand* residual = next_if(args.integers[0], next);
  const Affine affine = {floats_of(next_if(args.integers[1], next)), floats_of(next_if(args.integers[2], next))};
  const Operand* sum = next_if(args.integers[0], out);
  const LayerNorm<T> norm = {x,
                             residual,
                             sum ? data_of<T>(*sum) : nullptr,
                             data_of<T>(out[0]),
                             data_of<float>(out[1]),
                             data_of<float>(out[2]),
                             affine,
                             static_cast<float>(args.numbers[0])};
  const int64_t width = width_of(x);
  const RowStarts x_rows(x), residual_rows(residual ? *residual : x);
  parallel_rows(args, rows_of(x), rows_a_task(width), [&](int64_t first, int64_t end) {
    int64_t row = first;
    for (; row + kRowsAtOnce <= end; row += kRowsAtOnce) normalize_rows<kRowsAtOnce>(norm, x_rows, residual_rows, row, width);
    for (; row < end; row++) normalize_rows<1>(norm, x_rows, residual_rows, row, width);
  });
}

static void run_layer_norm(const Args& args) {
  if (args.inputs[0].dtype == DType::f32) return run_layer_norm_as<float>(args);
  run_layer_norm_as<uint16_t>(args);
}

static bool is_row_statistic(const Operand& a, const Operand& x) {
  return a.dtype == DType::f32 && has_shape(a, x.rank - 1, x.shape) && is_dense(a);
}

static const char* check_layer_norm(const Args& args) {
  if (const char* wrong = check_flags(args, 3)) return wrong;
  const int64_t* flags = args.integers;
  if (args.number_count != 1) return "expected 1 number";
  if (args.input_count != 1 + flags[0] + flags[1] + flags[2] || args.output_count != 3 + flags[0]) return "expected other operands";
  const Operand& x = args.inputs[0];
  if (!is_floating(x) || x.rank < 1 || width_of(x) < 1) return "expected floating x (..., C)";
  for (int64_t i = 0; i < 1 + flags[0]; i++) {
    if (!is_like(args.inputs[i], x) || !has_dense_rows(args.inputs[i])) return "expected inputs like x with dense rows";
    if (!is_like(args.outputs[i], x) || !is_dense(args.outputs[i])) return "expected dense outputs like x";
  }
  for (int64_t i = 1 + flags[0]; i < args.input_count; i++) {
    if (!is_float_vector(args.inputs[i], width_of(x))) return "expected dense f32 weight and bias (C)";
  }
  for (int64_t i = 1 + flags[0]; i < args.output_count; i++) {
    if (!is_row_statistic(args.outputs[i], x)) return "expected dense f32 statistics (...)";
  }
  return nullptr;
}

// Sums over rows are made of at most this many parts, each of whole rows, added in order.
constexpr int64_t kParts = 64;
TENSORWOOD_INLINE int64_t rows_a_part(int64_t rows) { return larger(8, divide_up(rows, kParts)); }

struct PartialSums {
  float *weight, *bias;  // (C) each, or null
};

template <class T>
struct RowGradient {
  const T *g, *x, *residual;  // residual: or null
  T* dx;
  Moments moments;
};
// Rows of the way back that are taken side by side: they share a reading and writing of the partial sums.
constexpr int kGradientRows = Vector::lanes == 16 ? 4 : 2;

// With x^ the normalised row and u = g w:
//   dx = (u - mean(u) - x^ mean(u x^)) / deviation,   dw += g x^,   db += g
template <int R, class T>
static void layer_norm_gradient_rows(const RowGradient<T> (&row)[R], int64_t width, Affine affine, PartialSums partial) {
  const T *g[R], *x[R];  // copies, which stores through other pointers cannot change
  Vector mean[R], deviation[R], sum[R], product[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; r++) {
    g[r] = row[r].g;
    x[r] = row[r].x;
    mean[r] = broadcast(row[r].moments.mean);
    deviation[r] = broadcast(row[r].moments.deviation);
    sum[r] = product[r] = broadcast(0.0f);
  }
  for_vectors(width, [&](int64_t j, int count) {
    const Vector scale = affine.scale_at(j, count);
    Vector of_weight = partial.weight ? load_lanes(partial.weight + j, count) : broadcast(0.0f);
    Vector of_bias = partial.bias ? load_lanes(partial.bias + j, count) : broadcast(0.0f);
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      const Vector slope = load_lanes(g[r] + j, count);  // 0 past the row
      const Vector normal = (load_lanes(x[r] + j, count) - mean[r]) * deviation[r], u = slope * scale;
      sum[r] = sum[r] + u;
      product[r] = multiply_add(u, normal, product[r]);
      of_weight = multiply_add(slope, normal, of_weight);
      of_bias = of_bias + slope;
    }
    if (partial.weight) store_lanes(partial.weight + j, of_weight, count);
    if (partial.bias) store_lanes(partial.bias + j, of_bias, count);
  });
  const float share = 1.0f / static_cast<float>(width);
  for (int r = 0; r < R; r++) {
    const Vector shift = broadcast(reduce_add(sum[r]) * share), lean = broadcast(reduce_add(product[r]) * share);
    const Vector middle = broadcast(row[r].moments.mean), factor = broadcast(row[r].moments.deviation);
    const RowGradient<T> at = row[r];
    for_vectors(width, [&](int64_t j, int count) {
      const Vector normal = (load_lanes(at.x + j, count) - middle) * factor;
      const Vector u = load_lanes(at.g + j, count) * affine.scale_at(j, count);
      Vector value = (u - shift - normal * lean) * factor;
      if (at.residual) value = value + load_lanes(at.residual + j, count);
      store_lanes(at.dx + j, value, count);
    });
  }
}

// to = the sum of `parts` vectors of `width` floats, `stride` apart, in order.
static void add_parts(const Args& args, const float* parts, int64_t count, int64_t stride, float* to, int64_t width) {
  constexpr int64_t columns = 64;
  parallel_rows(args, width, columns, [&](int64_t first, int64_t end) {
    for_vectors(end - first, [&](int64_t j, int lanes) {
      Vector sum = broadcast(0.0f);
      for (int64_t part = 0; part < count; part++) sum = sum + load_lanes(parts + part * stride + first + j, lanes);
      store_lanes(to + first + j, sum, lanes);
    });
  });
}

static int64_t padded_width(int64_t width) { return round_up(width, 16); }

// Integers: has a weight (and its gradient), a gradient of the bias, a gradient of the residual sum. Inputs: g (..., C), x (what was
// normalised), mean, 1 / deviation [, weight] [, gradient of the sum]. Outputs: dx [, dweight] [, dbias].
template <class T>
static void run_layer_norm_gradient_as(const Args& args) {
  const Operand &g = args.inputs[0], &x = args.inputs[1];
  const Operand *next = args.inputs + 4, *out = args.outputs + 1;
  const Affine affine = {floats_of(next_if(args.integers[0], next)), nullptr};
  const Operand* residual = next_if(args.integers[2], next);
  float *dweight = floats_of(next_if(args.integers[0], out)), *dbias = floats_of(next_if(args.integers[1], out));
  const float *mean = data_of<float>(args.inputs[2]), *deviation = data_of<float>(args.inputs[3]);
  const int64_t width = width_of(x), padded = padded_width(width), rows = rows_of(x), each = rows_a_part(rows);
  const RowStarts g_rows(g), x_rows(x), residual_rows(residual ? *residual : x);
  float* parts = reinterpret_cast<float*>(args.scratch);
  parallel_rows(args, rows, each, [&](int64_t first, int64_t end) {
    float* part = parts + first / each * 2 * padded;
    const PartialSums partial = {dweight ? part : nullptr, dbias ? part + padded : nullptr};
    if (dweight || dbias) __builtin_memset(part, 0, static_cast<size_t>(2 * padded) * sizeof(float));
    const auto describe = [&](int64_t row) -> RowGradient<T> {
      return {data_of<T>(g) + g_rows[row],
              data_of<T>(x) + x_rows[row],
              residual ? data_of<T>(*residual) + residual_rows[row] : nullptr,
              data_of<T>(args.outputs[0]) + row * width,
              {mean[row], deviation[row]}};
    };
    int64_t row = first;
    for (; row + kGradientRows <= end; row += kGradientRows) {
      RowGradient<T> group[kGradientRows];
      for (int r = 0; r < kGradientRows; r++) group[r] = describe(row + r);
      layer_norm_gradient_rows(group, width, affine, partial);
    }
    for (; row < end; row++) {
      const RowGradient<T> alone[1] = {describe(row)};
      layer_norm_gradient_rows(alone, width, affine, partial);
    }
  });
  if (dweight) add_parts(args, parts, divide_up(rows, each), 2 * padded, dweight, width);
  if (dbias) add_parts(args, parts + padded, divide_up(rows, each), 2 * padded, dbias, width);
}

static void run_layer_norm_gradient(const Args& args) {
  if (args.inputs[0].dtype == DType::f32) return run_layer_norm_gradient_as<float>(args);
  run_layer_norm_gradient_as<uint16_t>(args);
}

static int64_t scratch_layer_norm_gradient(const Args& args, int) {
  return smaller(kParts, larger(1, rows_of(args.inputs[0]))) * 2 * padded_width(width_of(args.inputs[0])) *
         static_cast<int64_t>(sizeof(float));
}

static const char* check_layer_norm_gradient(const Args& args) {
  if (const char* wrong = check_flags(args, 3)) return wrong;
  const int64_t* flags = args.integers;
  if (args.input_count != 4 + flags[0] + flags[2] || args.output_count != 1 + flags[0] + flags[1]) return "expected other operands";
  const Operand& x = args.inputs[1];
  if (!is_floating(x) || x.rank < 1 || width_of(x) < 1 || !has_dense_rows(x)) return "expected floating x (..., C) with dense rows";
  if (!is_like(args.inputs[0], x) || !has_dense_rows(args.inputs[0])) return "expected a gradient like x with dense rows";
  if (!is_row_statistic(args.inputs[2], x) || !is_row_statistic(args.inputs[3], x)) return "expected dense f32 statistics (...)";
  if (flags[0] && !is_float_vector(args.inputs[4], width_of(x))) return "expected a dense f32 weight (C)";
  if (flags[2]) {
    const Operand& residual = args.inputs[args.input_count - 1];
    if (!is_like(residual, x) || !has_dense_rows(residual)) return "expected a gradient of the sum like x with dense rows";
  }
  if (!is_like(args.outputs[0], x) || !is_dense(args.outputs[0])) return "expected a dense output like x";
  for (int i = 1; i < args.output_count; i++) {
    if (!is_float_vector(args.outputs[i], width_of(x))) return "expected dense f32 gradients of weight and bias (C)";
  }
  return nullptr;
}

constexpr Kernel rows[] = {
    {"layer_norm", DType::any, run_layer_norm, check_layer_norm, nullptr},
    {"layer_norm_gradient", DType::any, run_layer_norm_gradient, check_layer_norm_gradient, scratch_layer_norm_gradient},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
