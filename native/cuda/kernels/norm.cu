// Layer norm on the device, forward and backward: a block takes rows one by one, then a pass over columns for the gradients of weight and
// bias, summed in a fixed order. Rows, integers and operands as in native/cpu/kernels/norm.h. Source: Ba, Kiros, Hinton, "Layer
// Normalization" (2016).
#include "cuda/launch.h"
#include "cuda/reduce.cuh"
#include "cuda/vec.cuh"

namespace tensorwood::cuda {
namespace {

constexpr int kThreads = 128, kWarps = kThreads / kWarp;
constexpr int kColumns = 32, kStrips = 8;  // of the pass over columns: 32 columns a block, rows dealt to 8 strips

// Rows of the last axis, dense each, the axes before it of any strides.
struct Rows {
  void* data;  // null = absent
  DType dtype;
  int32_t rank;
  int64_t shape[kMaxRank], stride[kMaxRank];
};

__device__ int64_t row_start(const Rows& rows, int64_t row) {
  int64_t at = 0;
  for (int d = rows.rank - 2; d >= 0; d--) {
    at += row % rows.shape[d] * rows.stride[d];
    row /= rows.shape[d];
  }
  return at;
}

struct Norm {
  int64_t rows, width;
  Rows x, residual, sum, y;
  const float *weight, *bias;
  float *mean, *deviation;
  float epsilon;
};

__device__ float at_row(const Rows& rows, int64_t start, int64_t j) { return load_float(rows.data, rows.dtype, start + j); }

// What is normalised: x, or the stored sum of x and the residual, rounded as it is stored.
__device__ void add_residual(const Norm& n, int64_t row) {
  const int64_t x = row_start(n.x, row), residual = row_start(n.residual, row), sum = row_start(n.sum, row);
  for (int64_t j = threadIdx.x; j < n.width; j += kThreads) {
    store_float(n.sum.data, n.sum.dtype, sum + j, at_row(n.x, x, j) + at_row(n.residual, residual, j));
  }
}

__device__ void normalize_row(const Norm& n, int64_t row, float* scratch) {
  if (n.residual.data != nullptr) add_residual(n, row);  // each thread reads back only what it wrote itself
  const Rows& from = n.residual.data != nullptr ? n.sum : n.x;
  const int64_t start = row_start(from, row), to = row_start(n.y, row);
  const float width = static_cast<float>(n.width);
  float sum = 0.0f, squares = 0.0f;
  for (int64_t j = threadIdx.x; j < n.width; j += kThreads) sum += at_row(from, start, j);
  const float mean = sum_block(sum, scratch) / width;
  for (int64_t j = threadIdx.x; j < n.width; j += kThreads) {
    const float distance = at_row(from, start, j) - mean;
    squares += distance * distance;
  }
  const float deviation = 1.0f / sqrtf(sum_block(squares, scratch) / width + n.epsilon);
  if (threadIdx.x == 0) {
    n.mean[row] = mean;
    n.deviation[row] = deviation;
  }
  for (int64_t j = threadIdx.x; j < n.width; j += kThreads) {
    const float scale = n.weight != nullptr ? n.weight[j] : 1.0f, shift = n.bias != nullptr ? n.bias[j] : 0.0f;
    store_float(n.y.data, n.y.dtype, to + j, (at_row(from, start, j) - mean) * deviation * scale + shift);
  }
}

__global__ void normalize(Norm n) {
  SharedMemory shared;
#ifdef PLANT_OUT_OF_BOUNDS
  float* scratch = shared.take<float>(kWarps - 1);
#else
  float* scratch = shared.take<float>(kWarps);
#endif
#ifdef PLANT_EARLY_RETURN
  if (threadIdx.x >= n.width) return;
#endif
  for (int64_t row = blockIdx.x; row < n.rows; row += gridDim.x) normalize_row(n, row, scratch);
}

struct Gradient {
  int64_t rows, width;
  Rows g, x, residual, dx;
  const float *mean, *deviation, *weight;
  float *dweight, *dbias;
};

__device__ void differentiate_row(const Gradient& n, int64_t row, float* scratch) {
  const int64_t g = row_start(n.g, row), x = row_start(n.x, row), dx = row_start(n.dx, row);
  const float mean = n.mean[row], deviation = n.deviation[row], share = 1.0f / static_cast<float>(n.width);
  float sum = 0.0f, product = 0.0f;
  for (int64_t j = threadIdx.x; j < n.width; j += kThreads) {
    const float u = at_row(n.g, g, j) * (n.weight != nullptr ? n.weight[j] : 1.0f);
    sum += u;
    product += u * (at_row(n.x, x, j) - mean) * deviation;
  }
  const float shift = sum_block(sum, scratch) * share, lean = sum_block(product, scratch) * share;
  const int64_t residual = n.residual.data != nullptr ? row_start(n.residual, row) : 0;
  for (int64_t j = threadIdx.x; j < n.width; j += kThreads) {
    const float u = at_row(n.g, g, j) * (n.weight != nullptr ? n.weight[j] : 1.0f), normal = (at_row(n.x, x, j) - mean) * deviation;
    const float own = (u - shift - normal * lean) * deviation;
    store_float(n.dx.data, n.dx.dtype, dx + j, n.residual.data != nullptr ? own + at_row(n.residual, residual, j) : own);
  }
}

__global__ void differentiate(Gradient n) {
  SharedMemory shared;
  float* scratch = shared.take<float>(kWarps);
  for (int64_t row = blockIdx.x; row < n.rows; row += gridDim.x) differentiate_row(n, row, scratch);
}

// Columns [first, first + kColumns) of the gradients of weight and bias.
__device__ void sum_strips(const Gradient& n, int64_t first, float* weights, float* biases) {
  const int column = static_cast<int>(threadIdx.x), strip = static_cast<int>(threadIdx.y);
  const int64_t j = first + column;
  float weight = 0.0f, bias = 0.0f;
  for (int64_t row = strip; row < n.rows && j < n.width; row += kStrips) {
    const float g = at_row(n.g, row_start(n.g, row), j);
    weight += g * (at_row(n.x, row_start(n.x, row), j) - n.mean[row]) * n.deviation[row];
    bias += g;
  }
  weights[strip * kColumns + column] = weight;
  biases[strip * kColumns + column] = bias;
  __syncthreads();
  for (int other = 1; other < kStrips && strip == 0; other++) {
    weight += weights[other * kColumns + column];
    bias += biases[other * kColumns + column];
  }
  if (strip != 0 || j >= n.width) return;
  if (n.dweight != nullptr) n.dweight[j] = weight;
  if (n.dbias != nullptr) n.dbias[j] = bias;
}

__global__ void sum_columns(Gradient n) {
  SharedMemory shared;
  float* weights = shared.take<float>(kColumns * kStrips);
  float* biases = shared.take<float>(kColumns * kStrips);
  const int64_t step = static_cast<int64_t>(gridDim.x) * kColumns;
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * kColumns; first < n.width; first += step) {
    sum_strips(n, first, weights, biases);
    __syncthreads();
  }
}

Rows rows_of(const Operand* o) {
  Rows rows = {};
  if (o == nullptr) return rows;
  rows.data = o->data;
  rows.dtype = o->dtype;
  rows.rank = o->rank;
  for (int d = 0; d < o->rank; d++) {
    rows.shape[d] = o->shape[d];
    rows.stride[d] = o->stride[d];
  }
  return rows;
}

float* floats(const Operand* o) { return o != nullptr ? static_cast<float*>(o->data) : nullptr; }
const Operand* next_if(int64_t flag, const Operand*& next) { return flag != 0 ? next++ : nullptr; }

int64_t count_rows(const Operand& x) {
  int64_t count = 1;
  for (int d = 0; d < x.rank - 1; d++) count *= x.shape[d];
  return count;
}

void run_layer_norm(const Args& args) {
  const Operand *next = args.inputs + 1, *out = args.outputs;
  Norm n = {};
  n.rows = count_rows(args.inputs[0]);
  n.width = args.inputs[0].shape[args.inputs[0].rank - 1];
  n.x = rows_of(args.inputs);
  n.residual = rows_of(next_if(args.integers[0], next));
  n.weight = floats(next_if(args.integers[1], next));
  n.bias = floats(next_if(args.integers[2], next));
  n.sum = rows_of(next_if(args.integers[0], out));
  n.y = rows_of(out);
  n.mean = floats(out + 1);
  n.deviation = floats(out + 2);
  n.epsilon = static_cast<float>(args.numbers[0]);
  if (n.rows > 0) launch(normalize, dim3(grid_for(n.rows, 1)), dim3(kThreads), kWarps * 4, args.stream, n);
}

void run_layer_norm_gradient(const Args& args) {
  const Operand *next = args.inputs + 4, *out = args.outputs + 1;
  Gradient n = {};
  n.rows = count_rows(args.inputs[0]);
  n.width = args.inputs[0].shape[args.inputs[0].rank - 1];
  n.g = rows_of(args.inputs);
  n.x = rows_of(args.inputs + 1);
  n.mean = floats(args.inputs + 2);
  n.deviation = floats(args.inputs + 3);
  n.weight = floats(next_if(args.integers[0], next));
  n.residual = rows_of(next_if(args.integers[2], next));
  n.dx = rows_of(args.outputs);
  n.dweight = floats(next_if(args.integers[0], out));
  n.dbias = floats(next_if(args.integers[1], out));
  if (n.rows > 0) launch(differentiate, dim3(grid_for(n.rows, 1)), dim3(kThreads), kWarps * 4, args.stream, n);
  if (n.dweight == nullptr && n.dbias == nullptr) return;
  launch(sum_columns, dim3(grid_for(n.width, kColumns)), dim3(kColumns, kStrips), 2 * kColumns * kStrips * 4, args.stream, n);
}

constexpr Kernel rows[] = {{"layer_norm", DType::any, run_layer_norm, nullptr, nullptr},
                           {"layer_norm_gradient", DType::any, run_layer_norm_gradient, nullptr, nullptr}};

}  // namespace

extern const Table table_norm;
const Table table_norm = {rows, sizeof rows / sizeof rows[0]};

}  // namespace tensorwood::cuda
