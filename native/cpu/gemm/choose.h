// Which tile is fastest here: machines with the same instructions differ in how many multiply-adds and loads they do in a cycle, so the
// candidates run once in a process, for less than a millisecond. Results do not depend on the choice (micro.h).
#pragma once
#include <ctime>

#include "cpu/gemm/micro.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int64_t kTrialSteps = 128, kTrialRounds = 32, kTrials = 6;
constexpr double kClearlyFaster = 1.03;  // the first candidate packs faster, so another must win by more than noise

static inline double seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Multiply-adds a second of whole tiles over panels in the first-level cache.
static inline double measure_tile(const Tile& tile) {
  alignas(64) float a[14 * kTrialSteps] = {}, b[48 * kTrialSteps] = {}, c[14 * 48];
  const Extent size = {tile.rows, tile.columns, kTrialSteps};
  double best = 0;
  for (int trial = 0; trial < kTrials; trial++) {
    const double start = seconds();
    for (int round = 0; round < kTrialRounds; round++) multiply_panels(tile, size, a, b, {c, tile.columns, 0, false});
    const double rate = static_cast<double>(tile.rows * tile.columns) / (seconds() - start);
    best = rate > best ? rate : best;
  }
  return best;
}

static int measured_tile = -1;  // index of the candidate; threads that measure at once may disagree, which harms nothing

static inline const Tile& fastest_tile() {
  const TileList list = candidate_tiles<Vector::lanes>();
  int at = __atomic_load_n(&measured_tile, __ATOMIC_RELAXED);
  if (list.count == 1 || at >= 0) return list.tiles[list.count == 1 ? 0 : at];
  double best = kClearlyFaster * measure_tile(list.tiles[0]);
  at = 0;
  for (int i = 1; i < list.count; i++) {
    const double rate = measure_tile(list.tiles[i]);
    if (rate > best) at = i;
    best = rate > best ? rate : best;
  }
  __atomic_store_n(&measured_tile, at, __ATOMIC_RELAXED);
  return list.tiles[at];
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
