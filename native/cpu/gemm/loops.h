// A whole matrix product: loops over chunks of columns, blocks of k and blocks of rows around the micro-kernels, and what is done to each
// finished strip of C while it is in cache (bias, activation, residual, conversion). B is packed once for all threads, A once for each
// task. Source of the scheme: Van Zee, van de Geijn, "BLIS: A Framework for Rapidly Instantiating BLAS Functionality".
#pragma once
#include "core/threads.h"
#include "cpu/gemm/choose.h"
#include "cpu/gemm/finish.h"
#include "cpu/gemm/micro.h"
#include "cpu/gemm/pack.h"
#include "cpu/shapes.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// A block of A of this many rows and steps, and the stream of B's panels beside it, stay in a 1 MiB second-level cache.
constexpr int64_t kBlockRows = 192, kBlockSteps = 384;
constexpr int64_t kChunkElements = int64_t{4} << 20;  // of packed B at a time: half of a 32 MiB third-level cache
constexpr int64_t kNarrowColumns = 512;               // of a task whose sums do not fit its output's type and wait in scratch
constexpr int64_t kMargin = 64;                       // floats between regions of scratch, which also start at multiples of it

struct Product {
  Extent size;
  Lines a, b;  // m lines of A, n lines of B, each of k steps
  Beside out;
  Finish finish;
  float* line_sums;  // null, or (m): receives the sum of each line of A
};

TENSORWOOD_INLINE bool is_plain(const Product& p) {
  return p.out.dtype == DType::f32 && !p.finish.bias.data && !p.finish.before.data && !p.finish.slope.data && !p.finish.residual.data &&
         p.finish.activation == Activation::none;
}

// How C is divided into tasks. Bits do not depend on it: each element is summed in the order of k whatever the division.
struct Division {
  int64_t rows, columns;  // of a task, multiples of the tile's
  int64_t row_tasks, column_tasks;
};

static inline Division divide(const Tile& tile, const Extent& size, bool narrow, int threads) {
  const int64_t row_panels = divide_up(size.m, tile.rows), column_panels = divide_up(size.n, tile.columns);
  int64_t row_tasks = divide_up(row_panels * tile.rows, kBlockRows);
  if (row_tasks > 1) row_tasks = smaller(row_panels, round_up(row_tasks, threads));
  const int64_t rows = divide_up(row_panels, row_tasks) * tile.rows;
  row_tasks = divide_up(size.m, rows);
  int64_t column_tasks = row_tasks >= threads ? 1 : divide_up(2 * threads, row_tasks);
  if (narrow) column_tasks = larger(column_tasks, divide_up(size.n, kNarrowColumns));
  column_tasks = larger(1, smaller(column_panels, column_tasks));
  const int64_t columns = divide_up(column_panels, column_tasks) * tile.columns;
  return {rows, columns, row_tasks, divide_up(size.n, columns)};
}

template <class F>
TENSORWOOD_INLINE void for_tasks(Threads* threads, int64_t tasks, const F& f) {
  if (threads) return threads->parallel(tasks, f);
  for (int64_t task = 0; task < tasks; task++) f(task, 0);
}

// Widest chunk of columns whose packed panels hold kChunkElements, a multiple of every tile's columns.
constexpr int64_t kColumnStep = 6 * 16;
TENSORWOOD_INLINE int64_t chunk_columns(const Extent& size) {
  const int64_t fit = kChunkElements / larger(size.k, 1) / kColumnStep * kColumnStep;
  return smaller(round_up(size.n, kColumnStep), larger(fit, kColumnStep));
}

TENSORWOOD_INLINE int64_t region(int64_t floats) { return round_up(floats, kMargin) + kMargin; }
TENSORWOOD_INLINE int64_t chunk_floats(const Extent& size) { return region(chunk_columns(size) * size.k); }
TENSORWOOD_INLINE int64_t block_floats(const Extent& size) { return region((kBlockRows + 16) * smaller(size.k, kBlockSteps)); }
TENSORWOOD_INLINE int64_t worker_floats(const Extent& size, bool narrow) {
  const int64_t waiting = (kBlockRows + 16) * smaller(round_up(size.n, kColumnStep), kNarrowColumns + kColumnStep);
  return block_floats(size) + (narrow ? region(waiting) : 0);
}

// Floats of scratch that multiply() takes with this many threads; narrow = the output is not f32.
static inline int64_t product_floats(const Extent& size, bool narrow, int threads) {
  const Extent pairs = {size.m, size.n, (size.k + 1) / 2};
  return larger(chunk_floats(size), chunk_floats(pairs)) + threads * worker_floats(size, narrow);
}

// Packs columns [first, first + columns) of B: blocks of k one after the other, each as panels of all the columns.
static inline void pack_chunk(const Tile& tile, const Product& p, int64_t first, int64_t columns, float* packed, Threads* threads) {
  const int64_t panels = divide_up(columns, tile.columns);
  for_tasks(threads, panels, [&](int64_t panel, int) {
    const int64_t column = panel * tile.columns;
    for (int64_t k = 0; k < p.size.k; k += kBlockSteps) {
      const int64_t steps = smaller(kBlockSteps, p.size.k - k);
      pack_panel(advance(p.b, first + column, k), static_cast<int>(smaller(tile.columns, columns - column)), steps,
                 {packed + k * panels * tile.columns + column * steps, tile.columns});
    }
  });
}

// Everything that one task reads: the chunk of columns that is packed, and where.
struct Chunk {
  int64_t first, columns, padded;  // padded: columns rounded up to whole panels
  const float* packed;
};

// C's rows [row, row + rows), columns [column, column + columns) of the chunk.
struct Part {
  int64_t row, rows, column, columns;
};

// Four chains, so that additions overlap.
TENSORWOOD_INLINE Vector sum_steps(const float* panel, int64_t steps, int width, int lines) {
  Vector sum[4] = {broadcast(0.0f), broadcast(0.0f), broadcast(0.0f), broadcast(0.0f)};
  int64_t k = 0;
  for (; k + 4 <= steps; k += 4) {
    for (int i = 0; i < 4; i++) sum[i] = sum[i] + load_partial(panel + (k + i) * width, lines);
  }
  for (; k < steps; k++) sum[0] = sum[0] + load_partial(panel + k * width, lines);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

TENSORWOOD_INLINE Vector sum_pairs(const float* panel, int64_t steps, int width, int lines) {
  Vector first = broadcast(0.0f), second = broadcast(0.0f);
  for (int64_t k = 0; k < steps; k++) {
    const Vector pair = load_partial(panel + k * width, lines);
    first = first + first_of_pair(pair);
    second = second + second_of_pair(pair);
  }
  return first + second;
}

// One block of A: sums of its lines are added to p.line_sums.
static inline void add_line_sums(const Tile& tile, const Product& p, const Part& part, int64_t steps, const float* block, bool accumulate) {
  for (int64_t i = 0; i < part.rows; i += tile.rows, block += tile.rows * steps) {
    const int count = static_cast<int>(smaller(tile.rows, part.rows - i));
    for (int first = 0; first < count; first += Vector::lanes) {
      const int lines = static_cast<int>(smaller(Vector::lanes, count - first));
      const Vector sum = p.a.paired ? sum_pairs(block + first, steps, tile.rows, lines) : sum_steps(block + first, steps, tile.rows, lines);
      float* to = p.line_sums + part.row + i + first;
      store_partial(to, accumulate ? sum + load_partial(to, lines) : sum, lines);
    }
  }
}

struct Panels {
  const float *a, *b;
  bool accumulate;
};

// One panel of B, tile by tile.
static inline void multiply_and_finish(const Tile& tile, const Product& p, const Strip& strip, int64_t steps, Panels panels) {
  for (int64_t i = 0; i < strip.rows; i += tile.rows, panels.a += tile.rows * steps) {
    float* sums = const_cast<float*>(strip.sums) + i * strip.stride;
    const Strip part = {strip.row + i, smaller(tile.rows, strip.rows - i), strip.column, strip.columns, sums, strip.stride};
    prefetch_strip(p.finish, part);
    multiply_panels(tile, {part.rows, part.columns, steps}, panels.a, panels.b, {sums, strip.stride, 0, panels.accumulate});
    finish_strip(p.finish, p.out, part);
  }
}

static inline void multiply_part(const Tile& tile, const Product& p, const Chunk& chunk, const Part& part, float* scratch) {
  const bool narrow = p.out.dtype != DType::f32, plain = is_plain(p);
  float* block = scratch;
  float* sums = scratch + block_floats(p.size);
  int64_t stride = round_up(part.columns, tile.columns);
  if (!narrow) {
    sums = static_cast<float*>(p.out.data) + part.row * p.out.stride + chunk.first + part.column;
    stride = p.out.stride;
  }
  for (int64_t k = 0; k < larger(p.size.k, 1); k += kBlockSteps) {
    const int64_t steps = smaller(kBlockSteps, p.size.k - k);
    const bool last = k + kBlockSteps >= p.size.k;
    pack_panels(advance(p.a, part.row, k), part.rows, steps, {block, tile.rows});
    if (p.line_sums && chunk.first + part.column == 0) add_line_sums(tile, p, part, steps, block, k > 0);
    const float* panels = chunk.packed + k * chunk.padded + part.column * steps;
    for (int64_t j = 0; j < part.columns; j += tile.columns) {
      const Strip strip = {part.row, part.rows, chunk.first + part.column + j, smaller(tile.columns, part.columns - j), sums + j, stride};
      if (last && !plain) {
        multiply_and_finish(tile, p, strip, steps, {block, panels + j * steps, k > 0});
      } else {
        multiply_panels(tile, {part.rows, strip.columns, steps}, block, panels + j * steps, {sums + j, stride, 0, k > 0});
      }
    }
  }
}

// The product. Null threads = on the caller's thread alone. `scratch` holds product_floats() floats.
static inline void multiply(const Product& given, float* scratch, Threads* threads) {
  if (given.size.m == 0) return;
  Product p = given;
  const Tile* pairs = p.a.dtype == DType::bf16 && p.b.dtype == DType::bf16 ? fastest_pairs() : nullptr;
  if (pairs) {
    p.a.paired = p.b.paired = p.size.k;
    p.size.k = (p.size.k + 1) / 2;
  }
  const Tile& tile = pairs ? *pairs : fastest_tile();
  const bool narrow = p.out.dtype != DType::f32;
  const int workers = threads ? threads->count() : 1;
  const int64_t step = chunk_columns(p.size), per_worker = worker_floats(p.size, narrow);
  float* own = scratch + chunk_floats(p.size);
  for (int64_t first = 0; first < p.size.n; first += step) {
    const int64_t columns = smaller(step, p.size.n - first);
    pack_chunk(tile, p, first, columns, scratch, threads);
    const Chunk chunk = {first, columns, round_up(columns, tile.columns), scratch};
    const Division d = divide(tile, {p.size.m, columns, p.size.k}, narrow, workers);
    for_tasks(threads, d.row_tasks * d.column_tasks, [&](int64_t task, int worker) {
      const int64_t row = task / d.column_tasks * d.rows, column = task % d.column_tasks * d.columns;
      const Part part = {row, smaller(d.rows, p.size.m - row), column, smaller(d.columns, columns - column)};
      multiply_part(tile, p, chunk, part, own + worker * per_worker);
    });
  }
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
