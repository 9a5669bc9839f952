// Convolution of images as matrix products (native/cpu/gemm): the matrix of patches exists only as packed panels. Chellapilla, Puri,
// Simard, "High Performance Convolutional Neural Networks for Document Processing", 2006. One task sums each output element, in a fixed
// order.
//
// Integers of every kernel here: [stride y, stride x, pad y, pad x, dilation y, dilation x, groups]. No numbers. Operands are dense.
#pragma once
#include "core/kernel.h"
#include "core/threads.h"
#include "cpu/gemm/loops.h"
#include "cpu/strided.h"
#include "cpu/window.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// One group of one image is a product of (outputs, taps) weights and a (taps, pixels) matrix of patches.
struct Geometry {
  int64_t images, groups;
  int64_t channels, outputs;  // of a group
  Axis y, x;
  int64_t taps, pixels, area;  // channels * kernel, output pixels, input pixels
};

static inline Geometry geometry_of(const Args& args, const Operand& x, const Operand& weight, const Operand& y) {
  const int64_t* v = args.integers;
  Geometry g;
  g.images = x.shape[0];
  g.groups = v[6];
  g.channels = weight.shape[1];
  g.outputs = weight.shape[0] / v[6];
  g.y = {x.shape[2], y.shape[2], weight.shape[2], v[0], v[2], v[4]};
  g.x = {x.shape[3], y.shape[3], weight.shape[3], v[1], v[3], v[5]};
  g.taps = g.channels * g.y.kernel * g.x.kernel;
  g.pixels = g.y.output * g.x.output;
  g.area = g.y.input * g.x.input;
  return g;
}

static inline const char* check_geometry(const Args& args, const Operand& x, const Operand& weight, const Operand& y) {
  if (args.integer_count != 7 || args.number_count != 0) return "expected 7 integers and no numbers, got another count";
  if (x.rank != 4 || weight.rank != 4 || y.rank != 4) return "expected operands of rank 4, got another";
  const int64_t groups = args.integers[6];
  if (groups < 1 || groups > kWindowLimit || weight.shape[0] % groups != 0)
    return "expected groups that divide the outputs, got another count";
  if (weight.shape[0] > kWindowLimit || weight.shape[1] > kWindowLimit || x.shape[1] != weight.shape[1] * groups)
    return "expected the weight's channels times groups, got others";
  if (y.shape[0] != x.shape[0] || y.shape[1] != weight.shape[0]) return "expected y (images, outputs, ...), got another shape";
  for (int i = 0; i < args.input_count + args.output_count; i++) {
    const Operand& o = i < args.input_count ? args.inputs[i] : args.outputs[i - args.input_count];
    if (!is_floating(o)) return "expected f32 or bf16 operands, got another type";
    if (!is_dense(o)) return "expected dense operands, got strides";
  }
  const int64_t* v = args.integers;
  const Axis vertical = {x.shape[2], y.shape[2], weight.shape[2], v[0], v[2], v[4]};
  const Axis horizontal = {x.shape[3], y.shape[3], weight.shape[3], v[1], v[3], v[5]};
  if (!fits(vertical) || !fits(horizontal)) return "expected sizes of y that the window gives, got others";
  return weight.shape[2] * weight.shape[3] <= kWindowLimit ? nullptr : "expected a smaller window, got more";
}

TENSORWOOD_INLINE const std::byte* element(const Operand& o, int64_t at) {
  return static_cast<const std::byte*>(o.data) + at * (o.dtype == DType::f32 ? 4 : 2);
}

// --- rows of the matrix of patches --------------------------------------------------------------------------------------------------

template <class T>
static inline void copy_run(const T* from, int64_t step, int64_t count, float* to) {
  int64_t i = 0;
  if (step == 1) {
    for (; i + Vector::lanes <= count; i += Vector::lanes) store(to + i, load(from + i));
  }
  for (; i < count; i++) to[i] = widen(from[i * step]);
}

// to[i] = what tap (channel, kernel y, kernel x) of output pixel first + i reads, 0 outside the image.
template <class T>
static inline void gather_taps(const Geometry& g, const T* image, int64_t tap, int64_t first, int64_t count, float* to) {
  const int64_t kernel_x = tap % g.x.kernel, kernel_y = tap / g.x.kernel % g.y.kernel, channel = tap / (g.x.kernel * g.y.kernel);
  const Span rows = inside(g.y, kernel_y), columns = inside(g.x, kernel_x);
  const T* plane = image + channel * g.area;
  int64_t column = first % g.x.output;
  for (int64_t row = first / g.x.output, done = 0; done < count; row++, column = 0) {
    const int64_t end = smaller(g.x.output, column + count - done);
    const int64_t from = smaller(end, larger(column, columns.first)), until = larger(from, smaller(end, columns.last));
    const bool skip = row < rows.first || row >= rows.last || from == until;
    float* line = to + done - column;
    for (int64_t i = column; i < (skip ? end : from); i++) line[i] = 0.0f;
    if (!skip) {
      const T* source = plane + input_start(g.y, row, kernel_y) * g.x.input + input_start(g.x, from, kernel_x);
      copy_run(source, g.x.stride, until - from, line + from);
      for (int64_t i = until; i < end; i++) line[i] = 0.0f;
    }
    done += end - column;
  }
}

static inline void gather_taps(const Geometry& g, const Operand& x, int64_t image, int64_t tap, int64_t first, int64_t count, float* to) {
  const std::byte* data = element(x, image * g.channels * g.area);
  if (x.dtype == DType::f32) return gather_taps(g, reinterpret_cast<const float*>(data), tap, first, count, to);
  gather_taps(g, reinterpret_cast<const uint16_t*>(data), tap, first, count, to);
}

constexpr int64_t kPixels = 288;  // of a task: whole panels of every tile, a packed block of at most 288 * 384 floats

// (outputs, taps) weights of every group, packed: blocks of taps one after the other. Lines are outputs, or with `transposed` taps.
struct PackedWeight {
  int64_t lines, steps, padded;
  float* data;
};

static inline PackedWeight packed_weight(const Geometry& g, bool transposed, float* data) {
  const int64_t lines = transposed ? g.taps : g.outputs, steps = transposed ? g.outputs : g.taps;
  return {lines, steps, round_up(lines, default_tile().rows), data};
}

TENSORWOOD_INLINE const float* block_at(const PackedWeight& w, int64_t group, int64_t line, int64_t step, int64_t steps) {
  return w.data + group * w.padded * w.steps + step * w.padded + line * steps;
}

static inline void pack_weight(const Geometry& g, const Operand& weight, const PackedWeight& to, bool transposed, Threads& threads) {
  const int rows = default_tile().rows;
  const int64_t panels = to.padded / rows;
  threads.parallel(g.groups * panels, [&](int64_t task, int) {
    const int64_t group = task / panels, line = task % panels * rows;
    const Lines lines = {element(weight, group * g.outputs * g.taps), weight.dtype, transposed ? 1 : g.taps, transposed ? g.taps : 1};
    for (int64_t k = 0; k < to.steps; k += kBlockSteps) {
      const int64_t steps = smaller(kBlockSteps, to.steps - k);
      float* panel = const_cast<float*>(block_at(to, group, line, k, steps));
      pack_panel(advance(lines, line, k), static_cast<int>(smaller(rows, to.lines - line)), steps, {panel, rows});
    }
  });
}

// --- conv2d: x (images, channels, h, w), weight (outputs, channels / groups, kernel y, kernel x), bias (outputs) if there is a third input
//     -> y (images, outputs, h', w') --------------------------------------------------------------------------------------------------

// The patches of `count` pixels and `steps` taps, as panels of pixels.
static inline void pack_patches(const Geometry& g, const Operand& x, int64_t image, const Part& part, float* row, float* panels) {
  const int width = default_tile().columns;  // part: row, rows = taps; column, columns = pixels
  for (int64_t k = 0; k < part.rows; k++) {
    gather_taps(g, x, image, part.row + k, part.column, part.columns, row);
    for (int64_t i = part.columns; i < round_up(part.columns, width); i++) row[i] = 0.0f;
    for (int64_t j = 0; j < part.columns; j += width) {
      for (int i = 0; i < width; i += Vector::lanes) store(panels + j * part.rows + k * width + i, load(row + j + i));
    }
  }
}

// Stores sums (outputs, count) with the bias of each row into image planes.
static inline void finish_planes(const Geometry& g, const Args& args, int64_t plane, int64_t first, int64_t count, const float* sums,
                                 int64_t stride) {
  const Operand& out = args.outputs[0];
  const bool biased = args.input_count == 3;
  if (!biased && out.dtype == DType::f32) return;
  const int64_t group = plane % (g.groups * g.outputs);
  const Beside to = {out.data, out.dtype, g.pixels};
  for (int64_t o = 0; o < g.outputs; o++) {
    float shift = 0.0f;
    if (biased) shift = reduce_add(load_beside({args.inputs[2].data, args.inputs[2].dtype, 0}, 0, group + o, 1));
    for (int64_t i = 0; i < count; i += Vector::lanes) {
      const int valid = static_cast<int>(smaller(Vector::lanes, count - i));
      store_beside(to, plane + o, first + i, load_partial(sums + o * stride + i, valid) + broadcast(shift), valid);
    }
  }
}

TENSORWOOD_INLINE int64_t patch_floats(const Geometry& g) { return region(kPixels * smaller(g.taps, kBlockSteps)) + region(kPixels); }

static inline void conv2d(const Args& args) {
  const Operand &x = args.inputs[0], &weight = args.inputs[1], &out = args.outputs[0];
  if (size_of(out) == 0) return;
  const Geometry g = geometry_of(args, x, weight, out);
  const Tile& tile = default_tile();
  const PackedWeight packed = packed_weight(g, false, reinterpret_cast<float*>(args.scratch));
  pack_weight(g, weight, packed, false, *args.threads);
  const bool narrow = out.dtype != DType::f32;
  float* own = packed.data + region(g.groups * packed.padded * packed.steps);
  const int64_t per_worker = patch_floats(g) + (narrow ? region(g.outputs * kPixels) : 0), chunks = divide_up(g.pixels, kPixels);
  args.threads->parallel(g.images * g.groups * chunks, [&](int64_t task, int worker) {
    float* row = own + worker * per_worker;
    float* panels = row + region(kPixels);
    const int64_t first = task % chunks * kPixels, count = smaller(kPixels, g.pixels - first), source = task / chunks;
    const int64_t plane = source * g.outputs, group = source % g.groups;
    float* sums = narrow ? row + patch_floats(g) : static_cast<float*>(out.data) + plane * g.pixels + first;
    const int64_t stride = narrow ? kPixels : g.pixels;
    for (int64_t k = 0; k < larger(g.taps, 1); k += kBlockSteps) {
      const int64_t steps = smaller(kBlockSteps, g.taps - k);
      pack_patches(g, x, source, {k, steps, first, count}, row, panels);
      multiply_panels(tile, {g.outputs, count, steps}, block_at(packed, group, 0, k, steps), panels, {sums, stride, 0, k > 0});
    }
    finish_planes(g, args, plane, first, count, sums, stride);
  });
}

static inline int64_t conv2d_scratch(const Args& args, int threads) {
  const Geometry g = geometry_of(args, args.inputs[0], args.inputs[1], args.outputs[0]);
  const int64_t narrow = args.outputs[0].dtype != DType::f32 ? region(g.outputs * kPixels) : 0;
  return 4 * (region(g.groups * packed_weight(g, false, nullptr).padded * g.taps) + threads * (patch_floats(g) + narrow));
}

static inline const char* conv2d_check(const Args& args) {
  if (args.input_count < 2 || args.input_count > 3 || args.output_count != 1)
    return "expected 2 or 3 inputs and 1 output, got another count";
  if (const char* wrong = check_geometry(args, args.inputs[0], args.inputs[1], args.outputs[0])) return wrong;
  const bool biased = args.input_count == 3;
  const Operand& bias = args.inputs[biased ? 2 : 0];
  return !biased || (bias.rank == 1 && bias.shape[0] == args.outputs[0].shape[1]) ? nullptr : "expected bias (outputs), got another shape";
}

// --- conv2d_input_gradient: dy (images, outputs, h', w'), weight -> dx (images, channels, h, w): the product of the transposed weights and
//     dy gives what each tap adds to the image -----------------------------------------------------------------------------------------

// image plane += what each of `count` output pixels adds through one tap; the reverse of gather_taps.
static inline void scatter_taps(const Geometry& g, const float* from, int64_t tap, int64_t first, int64_t count, float* plane) {
  const int64_t kernel_x = tap % g.x.kernel, kernel_y = tap / g.x.kernel % g.y.kernel;
  const Span rows = inside(g.y, kernel_y), columns = inside(g.x, kernel_x);
  int64_t column = first % g.x.output;
  for (int64_t row = first / g.x.output, done = 0; done < count; row++, column = 0) {
    const int64_t end = smaller(g.x.output, column + count - done), start = larger(column, columns.first),
                  until = smaller(end, columns.last);
    if (row >= rows.first && row < rows.last && start < until) {
      const float* line = from + done - column;
      float* to = plane + input_start(g.y, row, kernel_y) * g.x.input + input_start(g.x, 0, kernel_x);
      if (g.x.stride == 1) {
        for (int64_t i = start; i < until; i++) to[i] += line[i];
      } else {
        for (int64_t i = start; i < until; i++) to[i * g.x.stride] += line[i];
      }
    }
    done += end - column;
  }
}

// Channels of a task: their taps fill about one block of rows.
TENSORWOOD_INLINE int64_t task_channels(const Geometry& g) {
  return smaller(g.channels, larger(1, kBlockRows / (g.y.kernel * g.x.kernel)));
}

TENSORWOOD_INLINE int64_t input_gradient_floats(const Geometry& g, bool narrow) {
  const int64_t channels = task_channels(g), taps = channels * g.y.kernel * g.x.kernel, padded = round_up(taps, default_tile().rows);
  const int64_t packed = region(padded * smaller(g.outputs, kBlockSteps)) + region(kPixels * smaller(g.outputs, kBlockSteps));
  return packed + region(taps * kPixels) + (narrow ? region(channels * g.area) : 0);
}

// What `count` pixels of dy, through the taps [tap, tap + taps), add to the channels of a task: sums (taps, kPixels).
static inline void tap_gradients(const Geometry& g, const Args& args, int64_t source, const Part& part, float* scratch, float* sums) {
  const Operand &dy = args.inputs[0], &weight = args.inputs[1];
  const Tile& tile = default_tile();
  float* pixels = scratch + region(round_up(part.rows, tile.rows) * smaller(g.outputs, kBlockSteps));
  const Lines lines = {element(weight, source % g.groups * g.outputs * g.taps + part.row), weight.dtype, 1, g.taps};
  const Lines columns = {element(dy, source * g.outputs * g.pixels + part.column), dy.dtype, 1, g.pixels};
  for (int64_t k = 0; k < larger(g.outputs, 1); k += kBlockSteps) {
    const int64_t steps = smaller(kBlockSteps, g.outputs - k);
    pack_panels(advance(lines, 0, k), part.rows, steps, {scratch, tile.rows});
    pack_panels(advance(columns, 0, k), part.columns, steps, {pixels, tile.columns});
    multiply_panels(tile, {part.rows, part.columns, steps}, scratch, pixels, {sums, kPixels, 0, k > 0});
  }
}

static inline void conv2d_input_gradient(const Args& args) {
  const Operand &weight = args.inputs[1], &dx = args.outputs[0];
  if (size_of(dx) == 0) return;
  const Geometry g = geometry_of(args, dx, weight, args.inputs[0]);
  const int64_t window = g.y.kernel * g.x.kernel, channels = task_channels(g), blocks = channels ? divide_up(g.channels, channels) : 0;
  const bool narrow = dx.dtype != DType::f32;
  const int64_t per_worker = input_gradient_floats(g, narrow),
                packed = region(round_up(channels * window, default_tile().rows) * smaller(g.outputs, kBlockSteps)) +
                         region(kPixels * smaller(g.outputs, kBlockSteps));
  args.threads->parallel(g.images * g.groups * blocks, [&](int64_t task, int worker) {
    float* scratch = reinterpret_cast<float*>(args.scratch) + worker * per_worker;
    float* sums = scratch + packed;
    const int64_t source = task / blocks, channel = task % blocks * channels, count = smaller(channels, g.channels - channel);
    const int64_t plane = (source * g.channels + channel) * g.area;
    float* planes = narrow ? sums + region(channels * window * kPixels) : static_cast<float*>(dx.data) + plane;
    for (int64_t i = 0; i < count * g.area; i++) planes[i] = 0.0f;
    for (int64_t first = 0; first < g.pixels; first += kPixels) {
      const int64_t pixels = smaller(kPixels, g.pixels - first);
      tap_gradients(g, args, source, {channel * window, count * window, first, pixels}, scratch, sums);
      for (int64_t tap = 0; tap < count * window; tap++) {
        scatter_taps(g, sums + tap * kPixels, tap, first, pixels, planes + tap / window * g.area);
      }
    }
    for (int64_t i = 0; narrow && i < count * g.area; i++) static_cast<uint16_t*>(dx.data)[plane + i] = float_to_bf16(planes[i]);
  });
}

static inline int64_t input_gradient_scratch(const Args& args, int threads) {
  const Geometry g = geometry_of(args, args.outputs[0], args.inputs[1], args.inputs[0]);
  return 4 * threads * input_gradient_floats(g, args.outputs[0].dtype != DType::f32);
}

static inline const char* input_gradient_check(const Args& args) {
  if (args.input_count != 2 || args.output_count != 1) return "expected 2 inputs and 1 output, got another count";
  return check_geometry(args, args.outputs[0], args.inputs[1], args.inputs[0]);
}

// --- conv2d_weight_gradient: dy (images, outputs, h', w'), x (images, channels, h, w) -> dweight (outputs, channels / groups, ...)
// ---------

constexpr int64_t kTaskTaps = 96, kTaskOutputs = 168;  // of a task; whole panels of every tile

TENSORWOOD_INLINE int64_t weight_gradient_floats() {
  return region((kTaskOutputs + 16) * kBlockSteps) + 2 * region(kTaskTaps * kBlockSteps) + region(kTaskOutputs * kTaskTaps);
}

// sums (outputs, taps) += dy (outputs, pixels) patches (taps, pixels)^T over one run of pixels of an image.
static inline void add_run(const Geometry& g, const Args& args, int64_t source, const Part& part, const Part& run, float* scratch) {
  const Operand &dy = args.inputs[0], &x = args.inputs[1];
  const Tile& tile = default_tile();
  float* gradients = scratch + region(kTaskOutputs * kTaskTaps);
  float* patches = gradients + region((kTaskOutputs + 16) * kBlockSteps);
  float* panels = patches + region(kTaskTaps * kBlockSteps);
  const int64_t count = run.columns;
  pack_panels({element(dy, (source * g.outputs + part.row) * g.pixels + run.column), dy.dtype, g.pixels, 1}, part.rows, count,
              {gradients, tile.rows});
  for (int64_t t = 0; t < part.columns; t++) gather_taps(g, x, source, part.column + t, run.column, count, patches + t * count);
  pack_panels({patches, DType::f32, count, 1}, part.columns, count, {panels, tile.columns});
  multiply_panels(tile, {part.rows, part.columns, count}, gradients, panels, {scratch, kTaskTaps, 0, true});
}

static inline void conv2d_weight_gradient(const Args& args) {
  const Operand& out = args.outputs[0];
  if (size_of(out) == 0) return;
  const Geometry g = geometry_of(args, args.inputs[1], out, args.inputs[0]);
  const int64_t rows = divide_up(g.outputs, kTaskOutputs), columns = divide_up(g.taps, kTaskTaps);
  args.threads->parallel(g.groups * rows * columns, [&](int64_t task, int worker) {
    float* scratch = reinterpret_cast<float*>(args.scratch) + worker * weight_gradient_floats();
    const int64_t group = task / (rows * columns), row = task / columns % rows * kTaskOutputs, column = task % columns * kTaskTaps;
    const Part part = {row, smaller(kTaskOutputs, g.outputs - row), column, smaller(kTaskTaps, g.taps - column)};
    for (int64_t i = 0; i < kTaskOutputs * kTaskTaps; i++) scratch[i] = 0.0f;
    for (int64_t image = 0; image < g.images; image++) {
      for (int64_t first = 0; first < g.pixels; first += kBlockSteps) {
        add_run(g, args, image * g.groups + group, part, {0, 0, first, smaller(kBlockSteps, g.pixels - first)}, scratch);
      }
    }
    const Beside to = {out.data, out.dtype, g.taps};
    finish_strip({}, to, {group * g.outputs + part.row, part.rows, part.column, part.columns, scratch, kTaskTaps});
  });
}

static inline int64_t conv2d_weight_gradient_scratch(const Args&, int threads) { return 4 * threads * weight_gradient_floats(); }

static inline const char* conv2d_weight_gradient_check(const Args& args) {
  if (args.input_count != 2 || args.output_count != 1) return "expected 2 inputs and 1 output, got another count";
  return check_geometry(args, args.inputs[1], args.outputs[0], args.inputs[0]);
}

constexpr Kernel rows[] = {
    {"conv2d", DType::f32, conv2d, conv2d_check, conv2d_scratch},
    {"conv2d", DType::bf16, conv2d, conv2d_check, conv2d_scratch},
    {"conv2d_input_gradient", DType::f32, conv2d_input_gradient, input_gradient_check, input_gradient_scratch},
    {"conv2d_input_gradient", DType::bf16, conv2d_input_gradient, input_gradient_check, input_gradient_scratch},
    {"conv2d_weight_gradient", DType::f32, conv2d_weight_gradient, conv2d_weight_gradient_check, conv2d_weight_gradient_scratch},
    {"conv2d_weight_gradient", DType::bf16, conv2d_weight_gradient, conv2d_weight_gradient_check, conv2d_weight_gradient_scratch},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
