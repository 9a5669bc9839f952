// Which numbers a random operation draws. Philox 4x32-10 (cpu/isa/philox.h), the counter-based generator of Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011: four random words are a pure function of a counter and a key, so any element can be drawn at any
// time, in any order, by any thread. Counter of element e: (e / 4 low, e / 4 high, step, stream), word e % 4; key: the seed.
#pragma once
#include <cstdint>

#include "inline.h"

namespace tensorwood {

// Where the numbers of one random operation come from.
struct PhiloxStream {
  uint32_t seed_low, seed_high, step, stream;
};

// state: i32 (4), seed low, seed high, step, 0.
TENSORWOOD_INLINE PhiloxStream philox_stream(const int32_t* state, int64_t stream) {
  return {static_cast<uint32_t>(state[0]), static_cast<uint32_t>(state[1]), static_cast<uint32_t>(state[2]), static_cast<uint32_t>(stream)};
}

}  // namespace tensorwood
