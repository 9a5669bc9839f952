// Which tile is fastest here: machines with the same instructions differ in how many multiply-adds and loads they do in a cycle, so the
// candidates run once in a process, for less than a millisecond. Bits do not depend on the tile (micro.h), but products of bf16 as pairs
// round otherwise than those widened to f32: TENSORWOOD_PAIRS=0 or 1 decides where bits must be the same on every machine.
#pragma once
#include <cstdlib>
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

// Indices of the chosen candidates, -1 before.
static int chosen_tile = -1;
static int chosen_pairs = -1;  // one more than the index, 0 = pairs are slower than f32

// Threads that measure at once may disagree: the first decision holds for all.
static inline int decide(int& choice, int mine) {
  int decided = -1;
  return __atomic_compare_exchange_n(&choice, &decided, mine, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) ? mine : decided;
}

static inline int choose(const TileList& list, double& best) {
  int at = 0;
  best = measure_tile(list.tiles[0]);
  for (int i = 1; i < list.count; i++) {
    const double rate = measure_tile(list.tiles[i]);
    if (rate <= best * kClearlyFaster) continue;
    best = rate;
    at = i;
  }
  return at;
}

static inline const Tile& fastest_tile() {
  const TileList list = candidate_tiles<Vector::lanes>();
  if (list.count == 1) return list.tiles[0];
  int at = __atomic_load_n(&chosen_tile, __ATOMIC_RELAXED);
  double rate;
  if (at < 0) at = decide(chosen_tile, choose(list, rate));
  return list.tiles[at];
}

// One more than the index of the fastest tile for pairs, or 0.
static inline int choose_pairs(const TileList& list) {
  const char* forced = std::getenv("TENSORWOOD_PAIRS");
  if (forced && std::strcmp(forced, "0") == 0) return 0;
  double rate;
  const int at = choose(list, rate) + 1;
  if (forced && std::strcmp(forced, "1") == 0) return at;
  return 2 * rate < kClearlyFaster * measure_tile(fastest_tile()) ? 0 : at;
}

// Null where widening bf16 to f32 is faster: the same instruction has twice the rate of f32 on some machines and half of it on others.
static inline const Tile* fastest_pairs() {
  const TileList list = pair_tiles<Vector>();
  if (list.count == 0) return nullptr;
  int at = __atomic_load_n(&chosen_pairs, __ATOMIC_RELAXED);
  if (at < 0) at = decide(chosen_pairs, choose_pairs(list));
  return at == 0 ? nullptr : &list.tiles[at - 1];
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
