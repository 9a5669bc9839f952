// Philox 4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011: four random words
// are a pure function of a counter and a key, so any element can be drawn at any time, in any order, by any thread. Counter of element e:
// (e / 4 low, e / 4 high, step, stream), word e % 4; key: the seed.
#pragma once
#include <cstdint>

#include "inline.h"

namespace tensorwood {

constexpr int kPhiloxLanes = 16;

// Four words of kPhiloxLanes counters; word w of lane l is words[w][l].
struct PhiloxBlock {
  uint32_t words[4][kPhiloxLanes];
};

TENSORWOOD_INLINE void philox_rounds(PhiloxBlock& block, uint32_t key0, uint32_t key1) {
  uint32_t(&c)[4][kPhiloxLanes] = block.words;
  for (int round = 0; round < 10; round++) {
    for (int l = 0; l < kPhiloxLanes; l++) {
      const uint64_t a = uint64_t{0xD2511F53} * c[0][l], b = uint64_t{0xCD9E8D57} * c[2][l];
      const uint32_t next0 = static_cast<uint32_t>(b >> 32) ^ c[1][l] ^ key0, next2 = static_cast<uint32_t>(a >> 32) ^ c[3][l] ^ key1;
      c[1][l] = static_cast<uint32_t>(b);
      c[3][l] = static_cast<uint32_t>(a);
      c[0][l] = next0;
      c[2][l] = next2;
    }
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
}

// Where the numbers of one random operation come from.
struct PhiloxStream {
  uint32_t seed_low, seed_high, step, stream;
};

// state: i32 (4), seed low, seed high, step, 0.
TENSORWOOD_INLINE PhiloxStream philox_stream(const int32_t* state, int64_t stream) {
  return {static_cast<uint32_t>(state[0]), static_cast<uint32_t>(state[1]), static_cast<uint32_t>(state[2]), static_cast<uint32_t>(stream)};
}

// Words of elements [4 first, 4 first + 4 kPhiloxLanes), in order.
TENSORWOOD_INLINE void philox_elements(const PhiloxStream& stream, uint64_t first, uint32_t* out) {
  PhiloxBlock block;
  for (int l = 0; l < kPhiloxLanes; l++) {
    block.words[0][l] = static_cast<uint32_t>(first + l);
    block.words[1][l] = static_cast<uint32_t>((first + l) >> 32);
    block.words[2][l] = stream.step;
    block.words[3][l] = stream.stream;
  }
  philox_rounds(block, stream.seed_low, stream.seed_high);
  for (int l = 0; l < kPhiloxLanes; l++) {
    for (int w = 0; w < 4; w++) out[4 * l + w] = block.words[w][l];
  }
}

}  // namespace tensorwood
