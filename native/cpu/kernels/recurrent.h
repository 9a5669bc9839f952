// Gated recurrent unit over a whole sequence, forward and backward through time. The products with the inputs are one large product made
// before; here a task carries a few samples through all steps, with the recurrent weights packed once. f32. Source: Cho et al. 2014, in the
// form of cuDNN and PyTorch: gates r, z, n in this order, reset after the recurrent product.
#pragma once
#include "core/threads.h"
#include "cpu/gemm/pack.h"
#include "cpu/isa/math.h"
#include "cpu/isa/tile.h"
#include "cpu/rows.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

enum RecurrentInteger : int { kReverse, kHasStepCounts, kRecurrentIntegers };
constexpr int64_t kSamples = 6;  // of one task at most: the rows of a tile

struct RecurrentSize {
  int64_t batch, steps, width;  // B, T, H

  TENSORWOOD_INLINE int64_t padded() const { return round_up(width, Vector::lanes); }
  TENSORWOOD_INLINE int64_t gate_panels() const { return round_up(3 * width, kPanel); }
};

TENSORWOOD_INLINE const float* floats(const Operand& x) { return static_cast<const float*>(x.data); }
TENSORWOOD_INLINE float* writable(const Operand& x) { return static_cast<float*>(x.data); }

// Samples whose sequence is shorter keep their state on the steps from their length on.
struct Lengths {
  const Operand* x;  // or null

  TENSORWOOD_INLINE bool covers(int64_t sample, int64_t step) const {
    return !x || step < static_cast<const int32_t*>(x->data)[sample * x->stride[0]];
  }
};

// W (3H, H) as the right side of h W': element (k, j) = W[j][k], in panels.
static void pack_weight(const Operand& w, const RecurrentSize& s, float* to, Threads& threads) {
  const Lines lines = {w.data, DType::f32, s.width, 1};
  threads.parallel(s.gate_panels() / kPanel, [&](int64_t panel, int) {
    const int64_t first = panel * kPanel, count = smaller(kPanel, 3 * s.width - first);
    pack_panel(advance(lines, first, 0), static_cast<int>(count), s.width, {to + first * s.width, static_cast<int>(kPanel)});
  });
}

// f(first, count, worker): samples in tasks of at most kSamples, about as many for each thread. Bits do not depend on the division.
template <class F>
TENSORWOOD_INLINE void parallel_samples(const Args& args, int64_t batch, const F& f) {
  const int64_t tasks = round_up(larger(1, divide_up(batch, kSamples)), args.threads->count()), each = larger(1, divide_up(batch, tasks));
  args.threads->parallel(divide_up(batch, each),
                         [&](int64_t task, int worker) { f(task * each, smaller(each, batch - task * each), worker); });
}

struct Gates {
  const float *x, *hidden;  // (3H) from the input; (3H) from the state
  float* saved;             // (4H): r, z, n, and what r multiplies
};

// h' = (1 - z) n + z h with r, z = sigmoid(x + hidden), n = tanh(x + r hidden)
static void gru_cell(const Gates& gates, const float* h, float* to, int64_t width) {
  for_vectors(width, [&](int64_t j, int count) {
    const Vector r = sigmoid(load_lanes(gates.x + j, count) + load_lanes(gates.hidden + j, count));
    const Vector z = sigmoid(load_lanes(gates.x + width + j, count) + load_lanes(gates.hidden + width + j, count));
    const Vector inner = load_lanes(gates.hidden + 2 * width + j, count);
    const Vector n = tanh(multiply_add(r, inner, load_lanes(gates.x + 2 * width + j, count)));
    store_lanes(gates.saved + j, r, count);
    store_lanes(gates.saved + width + j, z, count);
    store_lanes(gates.saved + 2 * width + j, n, count);
    store_lanes(gates.saved + 3 * width + j, inner, count);
    store_lanes(to + j, multiply_add(z, load_lanes(h + j, count) - n, n), count);
  });
}

// Integers: from the last step to the first, has lengths. Inputs f32: the input's part of the gates (B, T, 3H), the first state (B, H), W
// (3H, H), its bias (3H) [, lengths i32 (B)]. Outputs f32: states (B, T, H), what the way back needs (B, T, 4H).
static void run_gru(const Args& args) {
  const Operand& x = args.inputs[0];
  const RecurrentSize s = {x.shape[0], x.shape[1], args.inputs[1].shape[1]};
  const Lengths lengths = {args.integers[kHasStepCounts] ? &args.inputs[4] : nullptr};
  const float *initial = floats(args.inputs[1]), *bias = floats(args.inputs[3]);
  float *states = writable(args.outputs[0]), *saved = writable(args.outputs[1]);
  float* w = reinterpret_cast<float*>(args.scratch);
  float* shares = w + s.gate_panels() * s.width;
  const int64_t gate_row = s.gate_panels();
  pack_weight(args.inputs[2], s, w, *args.threads);
  parallel_samples(args, s.batch, [&](int64_t first, int64_t count, int worker) {
    float* hidden = shares + worker * kSamples * gate_row;
    Left h = {initial + first * s.width, s.width, 1};
    for (int64_t done = 0; done < s.steps; done++) {
      const int64_t t = args.integers[kReverse] ? s.steps - 1 - done : done;
      for (int64_t i = 0; i < count; i++) __builtin_memcpy(hidden + i * gate_row, bias, static_cast<size_t>(3 * s.width) * sizeof(float));
      multiply_panels({count, 3 * s.width, s.width}, h, {w, kPanel, kPanel * s.width}, {hidden, gate_row}, true);
      for (int64_t i = 0; i < count; i++) {
        const int64_t at = (first + i) * s.steps + t;
        const Gates gates = {floats(x) + (first + i) * x.stride[0] + t * x.stride[1], hidden + i * gate_row, saved + at * 4 * s.width};
        gru_cell(gates, h.data + i * h.row, states + at * s.width, s.width);
        if (lengths.covers(first + i, t)) continue;
        __builtin_memcpy(states + at * s.width, h.data + i * h.row, static_cast<size_t>(s.width) * sizeof(float));
      }
      h = {states + (first * s.steps + t) * s.width, s.steps * s.width, 1};
    }
  });
}

static int64_t scratch_gru(const Args& args, int threads) {
  const RecurrentSize s = {args.inputs[0].shape[0], args.inputs[0].shape[1], args.inputs[1].shape[1]};
  return (s.gate_panels() * s.width + threads * kSamples * s.gate_panels()) * static_cast<int64_t>(sizeof(float));
}

struct CellGradients {
  const float *saved, *h;  // (4H), the state before (H)
  float *dx, *dhidden;     // (3H) each
  float* carry;            // (H): in the gradient of the state after, out its part that flows past the gates
};

static void gru_cell_gradient(const CellGradients& d, int64_t width) {
  const Vector one = broadcast(1.0f);
  for_vectors(width, [&](int64_t j, int count) {
    const Vector r = load_lanes(d.saved + j, count), z = load_lanes(d.saved + width + j, count);
    const Vector n = load_lanes(d.saved + 2 * width + j, count), inner = load_lanes(d.saved + 3 * width + j, count);
    const Vector g = load_lanes(d.carry + j, count);
    const Vector dn = g * (one - z) * (one - n * n);
    const Vector dr = dn * inner * r * (one - r);
    const Vector dz = g * (load_lanes(d.h + j, count) - n) * z * (one - z);
    store_lanes(d.dx + j, dr, count);
    store_lanes(d.dx + width + j, dz, count);
    store_lanes(d.dx + 2 * width + j, dn, count);
    store_lanes(d.dhidden + j, dr, count);
    store_lanes(d.dhidden + width + j, dz, count);
    store_lanes(d.dhidden + 2 * width + j, dn * r, count);
    store_lanes(d.carry + j, g * z, count);
  });
}

// Integers as above. Inputs f32: gradient of the states (B, T, H), states, saved, the first state, W [, lengths]. Outputs f32: gradients of
// the input's part (B, T, 3H), of the state's part (B, T, 3H), of the first state (B, H). W's gradient is a product of the second.
static void run_gru_gradient(const Args& args) {
  const Operand& g = args.inputs[0];
  const RecurrentSize s = {g.shape[0], g.shape[1], g.shape[2]};
  const Lengths lengths = {args.integers[kHasStepCounts] ? &args.inputs[5] : nullptr};
  const float *states = floats(args.inputs[1]), *saved = floats(args.inputs[2]), *initial = floats(args.inputs[3]);
  float *dx = writable(args.outputs[0]), *dhidden = writable(args.outputs[1]), *first_gradient = writable(args.outputs[2]);
  const int64_t padded = s.padded(), step = args.integers[kReverse] ? 1 : -1, last = args.integers[kReverse] ? 0 : s.steps - 1;
  float* w = reinterpret_cast<float*>(args.scratch);  // (3H, H) with padded rows
  float* shares = w + 3 * s.width * padded;
  for (int64_t k = 0; k < 3 * s.width; k++) {
    for_vectors(s.width,
                [&](int64_t j, int count) { store(w + k * padded + j, load_lanes(floats(args.inputs[4]) + k * s.width + j, count)); });
  }
  parallel_samples(args, s.batch, [&](int64_t first, int64_t count, int worker) {
    const int64_t row = s.steps * 3 * s.width;
    float* carry = shares + worker * kSamples * padded;
    __builtin_memset(carry, 0, static_cast<size_t>(kSamples * padded) * sizeof(float));
    for (int64_t done = 0; done < s.steps; done++) {
      const int64_t t = last + done * step, before = t + step;
      for (int64_t i = 0; i < count; i++) {
        const int64_t sample = first + i, at = sample * s.steps + t;
        const float* slope = floats(g) + sample * g.stride[0] + t * g.stride[1];
        float* c = carry + i * padded;
        for_vectors(s.width,
                    [&](int64_t j, int lanes) { store_lanes(c + j, load_lanes(c + j, lanes) + load_lanes(slope + j, lanes), lanes); });
        if (!lengths.covers(sample, t)) {
          __builtin_memset(dx + at * 3 * s.width, 0, static_cast<size_t>(3 * s.width) * sizeof(float));
          __builtin_memset(dhidden + at * 3 * s.width, 0, static_cast<size_t>(3 * s.width) * sizeof(float));
          continue;
        }
        const float* h = before < 0 || before >= s.steps ? initial + sample * s.width : states + (at + step) * s.width;
        gru_cell_gradient({saved + at * 4 * s.width, h, dx + at * 3 * s.width, dhidden + at * 3 * s.width, c}, s.width);
      }
      multiply_panels({count, s.width, 3 * s.width}, {dhidden + first * row + t * 3 * s.width, row, 1}, {w, padded, kPanel},
                      {carry, padded}, true);
    }
    for (int64_t i = 0; i < count; i++)
      __builtin_memcpy(first_gradient + (first + i) * s.width, carry + i * padded, static_cast<size_t>(s.width) * sizeof(float));
  });
}

static int64_t scratch_gru_gradient(const Args& args, int threads) {
  const RecurrentSize s = {args.inputs[0].shape[0], args.inputs[0].shape[1], args.inputs[0].shape[2]};
  return (3 * s.width + threads * kSamples) * s.padded() * static_cast<int64_t>(sizeof(float));
}

static bool is_floats(const Operand& x, int rank, int64_t a, int64_t b, int64_t c) {
  const int64_t shape[3] = {a, b, c};
  return x.dtype == DType::f32 && has_shape(x, rank, shape);
}
static bool is_dense_floats(const Operand& x, int rank, int64_t a, int64_t b, int64_t c) {
  return is_floats(x, rank, a, b, c) && is_dense(x);
}

static const char* check_recurrent(const Args& args, int inputs, int outputs) {
  if (args.integer_count != kRecurrentIntegers) return "expected 2 integers";
  for (int i = 0; i < kRecurrentIntegers; i++) {
    if (args.integers[i] != 0 && args.integers[i] != 1) return "expected flags of 0 or 1";
  }
  if (args.input_count != inputs + args.integers[kHasStepCounts] || args.output_count != outputs) return "expected other operands";
  if (args.inputs[0].rank != 3 || !has_dense_rows(args.inputs[0])) return "expected (B, T, .) with dense rows";
  const Operand& last = args.inputs[args.input_count - 1];
  if (args.integers[kHasStepCounts] && (last.dtype != DType::i32 || !is_vector(last, args.inputs[0].shape[0])))
    return "expected i32 lengths (B)";
  return nullptr;
}

static const char* check_gru(const Args& args) {
  if (const char* wrong = check_recurrent(args, 4, 2)) return wrong;
  if (args.inputs[1].rank != 2) return "expected a first state (B, H)";
  const int64_t b = args.inputs[0].shape[0], t = args.inputs[0].shape[1], h = args.inputs[1].shape[1];
  const bool fits = is_floats(args.inputs[0], 3, b, t, 3 * h) && is_dense_floats(args.inputs[1], 2, b, h, 0) &&
                    is_dense_floats(args.inputs[2], 2, 3 * h, h, 0) && is_dense_floats(args.inputs[3], 1, 3 * h, 0, 0) &&
                    is_dense_floats(args.outputs[0], 3, b, t, h) && is_dense_floats(args.outputs[1], 3, b, t, 4 * h);
  return fits ? nullptr : "expected f32 operands of B, T, H";
}

static const char* check_gru_gradient(const Args& args) {
  if (const char* wrong = check_recurrent(args, 5, 3)) return wrong;
  const int64_t b = args.inputs[0].shape[0], t = args.inputs[0].shape[1], h = args.inputs[0].shape[2];
  const bool fits = is_floats(args.inputs[0], 3, b, t, h) && is_dense_floats(args.inputs[1], 3, b, t, h) &&
                    is_dense_floats(args.inputs[2], 3, b, t, 4 * h) && is_dense_floats(args.inputs[3], 2, b, h, 0) &&
                    is_dense_floats(args.inputs[4], 2, 3 * h, h, 0) && is_dense_floats(args.outputs[0], 3, b, t, 3 * h) &&
                    is_dense_floats(args.outputs[1], 3, b, t, 3 * h) && is_dense_floats(args.outputs[2], 2, b, h, 0);
  return fits ? nullptr : "expected f32 operands of B, T, H";
}

constexpr Kernel rows[] = {
    {"gru", DType::any, run_gru, check_gru, scratch_gru},
    {"gru_gradient", DType::any, run_gru_gradient, check_gru_gradient, scratch_gru_gradient},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
