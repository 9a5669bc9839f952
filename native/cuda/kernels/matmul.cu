// Matrix products on the device: one tiled kernel, c = a b^T over lines of any strides, with linear's epilogue; 64 x 64 results a block, 4
// x 4 a thread, both panels staged through shared memory, f32 sums. Rows and integers as in native/cpu/kernels/matmul.h.
#include "core/codes.h"
#include "cuda/launch.h"
#include "cuda/vec.cuh"

namespace tensorwood::cuda {
namespace {

constexpr int kTile = 64, kDepth = 16, kThreads = 256, kOwn = 4;
constexpr int kLine = kTile + 4;  // floats from one step of a staged panel to the next: keeps float4 reads aligned and spreads the banks

// Element (line, step) of a panel at line * line_stride + step * step_stride.
struct Lines {
  const void* data;
  int64_t line_stride, step_stride;
  int64_t batch_stride[kMaxRank - 2];
  DType dtype;
};

struct Beside {
  void* data;
  DType dtype;
};

struct Product {
  int64_t m, n, k, batches;
  int32_t batch_rank;
  int64_t batch_shape[kMaxRank - 2];
  Lines a, b;
  Beside out, bias, slope, residual, before;  // absent = null
  Activation activation, slope_of;
};

__device__ float activate(Activation kind, float x) {
  switch (kind) {
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_tanh:
      return gelu_tanh(x);
    case Activation::relu:
      return x < 0.0f ? 0.0f : x;
    default:
      return x;
  }
}

__device__ float slope(Activation kind, float x) {
  switch (kind) {
    case Activation::gelu:
      return gelu_derivative(x);
    case Activation::gelu_tanh:
      return gelu_tanh_derivative(x);
    case Activation::relu:
      return x > 0.0f ? 1.0f : 0.0f;
    default:
      return 1.0f;
  }
}

__device__ int64_t batch_start(const Product& p, const Lines& lines, int64_t batch) {
  int64_t at = 0;
  for (int d = p.batch_rank - 1; d >= 0; d--) {
    at += batch % p.batch_shape[d] * lines.batch_stride[d];
    batch /= p.batch_shape[d];
  }
  return at;
}

// panel[step * kLine + line] = the tile's element, 0 outside. Neighbouring threads walk the axis that is dense in memory.
__device__ void stage(const Lines& lines, int64_t start, int64_t first, int64_t count, int64_t depth, int64_t steps, float* panel) {
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kDepth; i += kThreads) {
    const bool along_steps = lines.step_stride == 1;
    const int line = along_steps ? i / kDepth : i % kTile, step = along_steps ? i % kDepth : i / kTile;
    const bool inside = first + line < count && depth + step < steps;
    panel[step * kLine + line] =
        inside ? load_float(lines.data, lines.dtype, start + (first + line) * lines.line_stride + (depth + step) * lines.step_stride)
               : 0.0f;
  }
}

__device__ void finish(const Product& p, int64_t column, int64_t at, float sum) {
  if (p.bias.data != nullptr) sum += load_float(p.bias.data, p.bias.dtype, column);
  if (p.before.data != nullptr) store_float(p.before.data, p.before.dtype, at, sum);
  sum = activate(p.activation, sum);
  if (p.slope.data != nullptr) sum *= slope(p.slope_of, load_float(p.slope.data, p.slope.dtype, at));
  if (p.residual.data != nullptr) sum += load_float(p.residual.data, p.residual.dtype, at);
  store_float(p.out.data, p.out.dtype, at, sum);
}

__device__ void multiply_tile(const Product& p, int64_t batch, int64_t row0, int64_t column0, float* left, float* right) {
  const int64_t a_start = batch_start(p, p.a, batch), b_start = batch_start(p, p.b, batch);
  const int mine = static_cast<int>(threadIdx.x) / (kTile / kOwn) * kOwn, column = static_cast<int>(threadIdx.x) % (kTile / kOwn) * kOwn;
  float sums[kOwn][kOwn] = {};
  for (int64_t depth = 0; depth < p.k; depth += kDepth) {
    stage(p.a, a_start, row0, p.m, depth, p.k, left);
    stage(p.b, b_start, column0, p.n, depth, p.k, right);
    __syncthreads();
    for (int step = 0; step < kDepth; step++) {
      const float4 x = *reinterpret_cast<const float4*>(left + step * kLine + mine);
      const float4 y = *reinterpret_cast<const float4*>(right + step * kLine + column);
      const float xs[kOwn] = {x.x, x.y, x.z, x.w}, ys[kOwn] = {y.x, y.y, y.z, y.w};
      for (int i = 0; i < kOwn; i++) {
        for (int j = 0; j < kOwn; j++) sums[i][j] += xs[i] * ys[j];
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < kOwn; i++) {
    for (int j = 0; j < kOwn; j++) {
      const int64_t r = row0 + mine + i, c = column0 + column + j;
      if (r < p.m && c < p.n) finish(p, c, (batch * p.m + r) * p.n + c, sums[i][j]);
    }
  }
}

__global__ void multiply(Product p) {
  SharedMemory shared;
  float* left = shared.take<float>(kDepth * kLine);
  float* right = shared.take<float>(kDepth * kLine);
  const int64_t row_step = static_cast<int64_t>(gridDim.x) * kTile, column_step = static_cast<int64_t>(gridDim.y) * kTile;
  for (int64_t batch = blockIdx.z; batch < p.batches; batch += gridDim.z) {
    for (int64_t row = static_cast<int64_t>(blockIdx.x) * kTile; row < p.m; row += row_step) {
      for (int64_t column = static_cast<int64_t>(blockIdx.y) * kTile; column < p.n; column += column_step) {
        multiply_tile(p, batch, row, column, left, right);
      }
    }
  }
}

// sums[column] over all rows of dense (rows, columns): a thread a column, so the order is fixed.
__global__ void sum_columns(Lines from, int64_t rows, int64_t columns, Beside to) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t column = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; column < columns; column += step) {
    float sum = 0.0f;
    for (int64_t row = 0; row < rows; row++) sum += load_float(from.data, from.dtype, row * columns + column);
    store_float(to.data, to.dtype, column, sum);
  }
}

void run_product(const Product& p, void* stream) {
  if (p.m == 0 || p.n == 0 || p.batches == 0) return;
  const dim3 grid(grid_for(p.m, kTile, kMostAcross), grid_for(p.n, kTile, kMostAcross), grid_for(p.batches, 1, kMostAcross));
  launch(multiply, grid, dim3(kThreads), 2 * kDepth * kLine * static_cast<int>(sizeof(float)), stream, p);
}

Beside beside(const Operand& o) { return {o.data, o.dtype}; }

int64_t rows_of(const Operand& o) {
  int64_t rows = 1;
  for (int d = 0; d < o.rank - 1; d++) rows *= o.shape[d];
  return rows;
}

void run_matmul(const Args& args) {
  const Operand &a = args.inputs[0], &b = args.inputs[1];
  const int rank = a.rank;
  Product p = {};
  p.m = a.shape[rank - 2];
  p.n = b.shape[rank - 1];
  p.k = a.shape[rank - 1];
  p.batch_rank = rank - 2;
  p.a = {a.data, a.stride[rank - 2], a.stride[rank - 1], {}, a.dtype};
  p.b = {b.data, b.stride[rank - 1], b.stride[rank - 2], {}, b.dtype};
  p.batches = 1;
  for (int d = 0; d < rank - 2; d++) {
    p.batches *= p.batch_shape[d] = a.shape[d];
    p.a.batch_stride[d] = a.stride[d];
    p.b.batch_stride[d] = b.stride[d];
  }
  p.out = beside(args.outputs[0]);
  run_product(p, args.stream);
}

void run_linear(const Args& args) {
  const Operand &x = args.inputs[0], &weight = args.inputs[1];
  const int64_t* present = args.integers;
  const Operand* next = args.inputs + 2;
  Product p = {};
  p.batches = 1;
  p.m = rows_of(x);
  p.n = weight.shape[0];
  p.k = weight.shape[1];
  p.a = {x.data, p.k, 1, {}, x.dtype};
  p.b = {weight.data, weight.stride[0], weight.stride[1], {}, weight.dtype};
  p.out = beside(args.outputs[0]);
  if (present[0] != 0) p.bias = beside(*next++);
  if (present[1] != 0) p.slope = beside(*next++);
  if (present[2] != 0) p.residual = beside(*next++);
  if (present[3] != 0) p.before = beside(args.outputs[1]);
  p.activation = static_cast<Activation>(present[4]);
  p.slope_of = static_cast<Activation>(present[5]);
  run_product(p, args.stream);
}

void run_linear_weight_gradient(const Args& args) {
  const Operand &dy = args.inputs[0], &x = args.inputs[1];
  Product p = {};
  p.batches = 1;
  p.m = dy.shape[dy.rank - 1];
  p.n = x.shape[x.rank - 1];
  p.k = rows_of(x);
  p.a = {dy.data, 1, p.m, {}, dy.dtype};
  p.b = {x.data, 1, p.n, {}, x.dtype};
  p.out = beside(args.outputs[0]);
  run_product(p, args.stream);
  if (args.output_count == 2 && p.m > 0) {
    launch(sum_columns, dim3(grid_for(p.m, 128)), dim3(128), 0, args.stream, p.a, p.k, p.m, beside(args.outputs[1]));
  }
}

constexpr Kernel rows[] = {
    {"matmul", DType::f32, run_matmul, nullptr, nullptr},
    {"matmul", DType::bf16, run_matmul, nullptr, nullptr},
    {"linear", DType::f32, run_linear, nullptr, nullptr},
    {"linear", DType::bf16, run_linear, nullptr, nullptr},
    {"linear_weight_gradient", DType::f32, run_linear_weight_gradient, nullptr, nullptr},
    {"linear_weight_gradient", DType::bf16, run_linear_weight_gradient, nullptr, nullptr},
};

}  // namespace

extern const Table table_matmul;
const Table table_matmul = {rows, sizeof rows / sizeof rows[0]};

}  // namespace tensorwood::cuda
