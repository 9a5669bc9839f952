// Cross-entropy of logits with class labels, without storing probabilities: loss forward, logit gradients backward.
#pragma once
#include "core/threads.h"
#include "cpu/isa/math.h"
#include "cpu/rows.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// The row's logarithm of the sum of exponentials, and what smoothing needs: the sum of w (weights null: of 1) times x.
struct RowSums {
  float log_sum, weighted;
};

TENSORWOOD_INLINE Vector class_weight(const float* weights, int64_t j, int count) {
  return weights ? load_lanes(weights + j, count) : broadcast(1.0f);
}

template <class T>
static RowSums sum_row(const T* x, const float* weights, int64_t width) {
  const Vector lowest = broadcast(-__builtin_inff());
  Vector most = lowest;
  for_vectors(width, [&](int64_t j, int count) { most = maximum(keep_first(load_lanes(x + j, count), count, lowest), most); });
  const float highest = reduce_max(most);
  Vector sum = broadcast(0.0f), weighted = broadcast(0.0f);
  for_vectors(width, [&](int64_t j, int count) {
    const Vector v = load_lanes(x + j, count);
    sum = sum + keep_first(exp(v - broadcast(highest)), count, broadcast(0.0f));
    weighted = multiply_add(v, class_weight(weights, j, count), weighted);  // v is 0 past the row
  });
  return {logarithm(reduce_add(sum)) + highest, reduce_add(weighted)};
}

struct Labels {
  const int32_t* data;
  int64_t stride, classes, ignored;

  // One read of memory that the caller may change during the run: what was checked is what is used.
  TENSORWOOD_INLINE int64_t operator[](int64_t row) const { return __atomic_load_n(data + row * stride, __ATOMIC_RELAXED); }
  TENSORWOOD_INLINE bool is_class(int64_t label) const { return label >= 0 && label < classes; }
};

TENSORWOOD_INLINE Labels labels_of(const Args& args, const Operand& x, const Operand& labels) {
  return {static_cast<const int32_t*>(labels.data), labels.stride[0], x.shape[1], args.integers[0]};
}

static float total_weight(const float* weights, int64_t classes) {
  if (!weights) return static_cast<float>(classes);
  double total = 0;
  for (int64_t j = 0; j < classes; j++) total += weights[j];
  return static_cast<float>(total);
}

// Inputs: logits (N, C) f32 or bf16, labels (N) i32 [, weights (C) f32]. Integers: the label to ignore, whether there are weights.
// Numbers: smoothing s. Outputs f32 (N): the loss of each row, its log-sum-exp, its weight (0 where ignored). A label that is
// no class gives NaN:
//   loss = (1 - s) w[label] (lse - x[label]) + s / C sum_c w[c] (lse - x[c])
template <class T>
static void run_cross_entropy_as(const Args& args) {
  const Operand& x = args.inputs[0];
  const RowStarts starts(x);
  const Labels labels = labels_of(args, x, args.inputs[1]);
  const float* weights = args.integers[1] ? static_cast<const float*>(args.inputs[2].data) : nullptr;
  const float smoothing = static_cast<float>(args.numbers[0]), share = smoothing / static_cast<float>(labels.classes);
  const float total = smoothing == 0 ? 0 : total_weight(weights, labels.classes);
  float* loss = static_cast<float*>(args.outputs[0].data);
  float* log_sum = static_cast<float*>(args.outputs[1].data);
  float* row_weight = static_cast<float*>(args.outputs[2].data);
  parallel_rows(args, x.shape[0], rows_a_task(labels.classes), [&](int64_t first, int64_t end) {
    for (int64_t row = first; row < end; row++) {
      const T* in = static_cast<const T*>(x.data) + starts[row];
      const int64_t label = labels[row];
      const RowSums sums = sum_row(in, weights, labels.classes);
      log_sum[row] = sums.log_sum;
      row_weight[row] = label == labels.ignored ? 0.0f : !labels.is_class(label) ? __builtin_nanf("") : weights ? weights[label] : 1.0f;
      loss[row] = row_weight[row];  // 0 where ignored, NaN where the label is no class
      if (label == labels.ignored || !labels.is_class(label)) continue;
      float lanes[Vector::lanes];
      store(lanes, load_partial(in + label, 1));
      loss[row] = (1 - smoothing) * row_weight[row] * (sums.log_sum - lanes[0]);
      if (smoothing != 0) loss[row] += share * (total * sums.log_sum - sums.weighted);
    }
  });
}

static void run_cross_entropy(const Args& args) {
  if (args.inputs[0].dtype == DType::f32) return run_cross_entropy_as<float>(args);
  run_cross_entropy_as<uint16_t>(args);
}

// Inputs: logits, labels, log-sum-exp (N), gradient of the losses (N) [, weights]. Integers and numbers as above. Outputs: gradient of
// the logits, of their dtype:
//   dx[c] = g (softmax[c] ((1 - s) w[label] + s / C sum w) - (1 - s) w[label] (c == label) - s / C w[c])
template <class T>
static void run_cross_entropy_gradient_as(const Args& args) {
  const Operand &x = args.inputs[0], &dx = args.outputs[0];
  const RowStarts from(x), to(dx);
  const Labels labels = labels_of(args, x, args.inputs[1]);
  const Operand &sums = args.inputs[2], &g = args.inputs[3];
  const float* weights = args.integers[1] ? static_cast<const float*>(args.inputs[4].data) : nullptr;
  const float smoothing = static_cast<float>(args.numbers[0]), share = smoothing / static_cast<float>(labels.classes);
  const float total = smoothing == 0 ? 0 : total_weight(weights, labels.classes);
  parallel_rows(args, x.shape[0], rows_a_task(labels.classes), [&](int64_t first, int64_t end) {
    for (int64_t row = first; row < end; row++) {
      const T* in = static_cast<const T*>(x.data) + from[row];
      T* out = static_cast<T*>(dx.data) + to[row];
      const int64_t label = labels[row];
      const bool ignored = label == labels.ignored, known = labels.is_class(label);
      const float slope = ignored ? 0.0f : known ? static_cast<const float*>(g.data)[row * g.stride[0]] : __builtin_nanf("");
      const float target = (1 - smoothing) * (known && weights ? weights[label] : 1.0f);
      const Vector factor = broadcast(slope * (target + share * total)), even = broadcast(slope * share);
      const Vector log_sum = broadcast(static_cast<const float*>(sums.data)[row * sums.stride[0]]);
      const Vector at = broadcast(slope * target);
      for_vectors(labels.classes, [&](int64_t j, int count) {
        Vector value = exp(load_lanes(in + j, count) - log_sum) * factor - even * class_weight(weights, j, count);
        if (label >= j && label < j + count) {  // one vector of the row
          float lanes[Vector::lanes] = {};
          lanes[label - j] = 1.0f;
          value = value - load(lanes) * at;
        }
        if (ignored) value = broadcast(0.0f);
        store_lanes(out + j, value, count);
      });
    }
  });
}

static void run_cross_entropy_gradient(const Args& args) {
  if (args.inputs[0].dtype == DType::f32) return run_cross_entropy_gradient_as<float>(args);
  run_cross_entropy_gradient_as<uint16_t>(args);
}

static const char* check_rows(const Args& args, int fixed_inputs) {
  if (args.integer_count != 2 || args.number_count != 1) return "expected 2 integers and 1 number";
  if (args.integers[1] != 0 && args.integers[1] != 1) return "expected a flag of 0 or 1";
  if (args.input_count != fixed_inputs + static_cast<int>(args.integers[1])) return "expected other operands";
  const Operand &x = args.inputs[0], &labels = args.inputs[1];
  if (!is_floating(x) || x.rank != 2 || !has_dense_rows(x) || x.shape[1] < 1) return "expected floating logits (N, C) with dense rows";
  if (labels.dtype != DType::i32 || !is_vector(labels, x.shape[0])) return "expected i32 labels (N)";
  if (args.integers[1] == 0) return nullptr;
  const Operand& weights = args.inputs[fixed_inputs];
  return weights.dtype == DType::f32 && is_vector(weights, x.shape[1]) && is_dense(weights) ? nullptr : "expected dense f32 weights (C)";
}

static const char* check_cross_entropy(const Args& args) {
  if (const char* wrong = check_rows(args, 2)) return wrong;
  if (args.output_count != 3) return "expected 3 outputs";
  for (int i = 0; i < 3; i++) {
    const Operand& out = args.outputs[i];
    if (out.dtype != DType::f32 || !is_vector(out, args.inputs[0].shape[0]) || !is_dense(out)) return "expected dense f32 outputs (N)";
  }
  return nullptr;
}

static const char* check_cross_entropy_gradient(const Args& args) {
  if (const char* wrong = check_rows(args, 4)) return wrong;
  const Operand& x = args.inputs[0];
  for (int i = 2; i < 4; i++) {
    if (args.inputs[i].dtype != DType::f32 || !is_vector(args.inputs[i], x.shape[0])) return "expected f32 sums and gradients (N)";
  }
  if (args.output_count != 1) return "expected 1 output";
  const Operand& dx = args.outputs[0];
  return dx.dtype == x.dtype && same_shape(dx, x) && has_dense_rows(dx) ? nullptr : "expected a gradient of the logits' shape and dtype";
}

constexpr Kernel rows[] = {
    {"cross_entropy", DType::any, run_cross_entropy, check_cross_entropy, nullptr},
    {"cross_entropy_gradient", DType::any, run_cross_entropy_gradient, check_cross_entropy_gradient, nullptr},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
