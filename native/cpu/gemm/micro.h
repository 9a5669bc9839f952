// The micro-kernels: C (rows x columns) (+)= A B over packed panels (pack.h), with every accumulator in a register. A tile of R rows and V
// vectors exists for each R up to the tile's height and each V up to its width, so tails do no wasted work; the last vector's store is
// masked. Each element of C is one chain of multiply-adds in the order of k, so its bits depend neither on the tile nor on how C is
// divided.
#pragma once
#include <utility>

#include "core/inline.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

struct TileTarget {
  float* data;
  int64_t stride;  // elements between rows
  int last;        // columns in the last vector, 1..lanes; multiply_panels sets it
  bool accumulate;
};

using Micro = void (*)(int64_t k, const float* a, const float* b, const TileTarget& c);

template <int R, int V, bool Whole>
TENSORWOOD_INLINE void store_tile(Vector (&sum)[R][V], const TileTarget& c) {
  constexpr int L = Vector::lanes;
#pragma GCC unroll 32
  for (int i = 0; i < R; i++) {
    float* row = c.data + i * c.stride;
#pragma GCC unroll 8
    for (int j = 0; j < V; j++) {
      const int count = Whole || j < V - 1 ? L : c.last;
      if (c.accumulate) sum[i][j] = sum[i][j] + (Whole ? load(row + j * L) : load_partial(row + j * L, count));
      if (Whole) {
        store(row + j * L, sum[i][j]);
      } else {
        store_partial(row + j * L, sum[i][j], count);
      }
    }
  }
}

// What a step multiplies: one f32 of each line, or a pair of bf16.
struct FloatStep {
  static TENSORWOOD_INLINE Vector add(Vector a, Vector b, Vector sum) { return multiply_add(a, b, sum); }
};
template <class V>
struct PairStep {
  static TENSORWOOD_INLINE V add(V a, V b, V sum) { return dot_pairs(a, b, sum); }
};

template <class Step, int R, int V, int Height, int Width>
static inline void micro(int64_t k, const float* a, const float* b, const TileTarget& c) {
  constexpr int L = Vector::lanes;
  Vector sum[R][V];
#pragma GCC unroll 32
  for (int i = 0; i < R; i++) {
#pragma GCC unroll 8
    for (int j = 0; j < V; j++) {
      __builtin_prefetch(c.data + i * c.stride + j * L, 1);
      sum[i][j] = broadcast(0.0f);
    }
  }
  for (int64_t step = 0; step < k; step++) {
    Vector line[V];
#pragma GCC unroll 8
    for (int j = 0; j < V; j++) line[j] = load(b + j * L);
#pragma GCC unroll 32
    for (int i = 0; i < R; i++) {
      const Vector value = broadcast(a[i]);
#pragma GCC unroll 8
      for (int j = 0; j < V; j++) sum[i][j] = Step::add(value, line[j], sum[i][j]);
    }
    a += Height;
    b += Width * L;
  }
  if (c.last == L) return store_tile<R, V, true>(sum, c);
  store_tile<R, V, false>(sum, c);
}

// The micro-kernels of one tile: one for each number of rows and of vectors up to the whole tile.
struct Tile {
  int rows, columns;
  const Micro* micro;  // [(rows - 1) * vectors + vectors - 1]
};

template <int Height, int Width>
struct MicroTable {
  Micro micro[Height * Width];
};

template <class Step, int Height, int Width, int... At>
constexpr MicroTable<Height, Width> tabulate(std::integer_sequence<int, At...>) {
  return {{micro<Step, At / Width + 1, At % Width + 1, Height, Width>...}};
}

template <class Step, int Height, int Width>
constexpr MicroTable<Height, Width> micro_table = tabulate<Step, Height, Width>(std::make_integer_sequence<int, Height * Width>{});

template <int Height, int Width, class Step = FloatStep>
constexpr Tile tile_of = {Height, Width* Vector::lanes, micro_table<Step, Height, Width>.micro};

struct TileList {
  const Tile* tiles;
  int count;
};

// The candidates: as many accumulators as registers allow beside one step of B's panel and a broadcast.
template <int Lanes>
static inline TileList candidate_tiles() {
  if constexpr (Lanes == 16) {
    static constexpr Tile list[] = {tile_of<14, 2>, tile_of<8, 3>};
    return {list, 2};
  } else if constexpr (Lanes == 8) {
    static constexpr Tile list[] = {tile_of<6, 2>};
    return {list, 1};
  } else {
    static constexpr Tile list[] = {tile_of<4, 4>};
    return {list, 1};
  }
}

// Tiles for pairs of bf16, in the same order, where the instruction set multiplies them.
template <class V>
static inline TileList pair_tiles() {
  if constexpr (V::lanes == 16) {
    static constexpr Tile list[] = {tile_of<14, 2, PairStep<V>>, tile_of<8, 3, PairStep<V>>};
    return {list, 2};
  } else {
    return {nullptr, 0};
  }
}

// The tile for products that a kernel packs itself. Whole products take the fastest (choose.h).
static inline const Tile& default_tile() { return candidate_tiles<Vector::lanes>().tiles[0]; }

struct Extent {
  int64_t m, n, k;
};

// C (m, n) (+)= A B for one packed block of each; panel p of A starts at a + p * tile.rows * k, of B at b + p * tile.columns * k.
static inline void multiply_panels(const Tile& tile, const Extent& size, const float* a, const float* b, const TileTarget& c) {
  constexpr int L = Vector::lanes;
  const int vectors = tile.columns / L;
  for (int64_t j = 0; j < size.n; j += tile.columns, b += tile.columns * size.k) {
    const int columns = static_cast<int>(size.n - j < tile.columns ? size.n - j : tile.columns);
    const int used = (columns + L - 1) / L;
    const float* panel = a;
    for (int64_t i = 0; i < size.m; i += tile.rows, panel += tile.rows * size.k) {
      const int rows = static_cast<int>(size.m - i < tile.rows ? size.m - i : tile.rows);
      tile.micro[(rows - 1) * vectors + used - 1](size.k, panel, b,
                                                  {c.data + i * c.stride + j, c.stride, columns - (used - 1) * L, c.accumulate});
    }
  }
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
