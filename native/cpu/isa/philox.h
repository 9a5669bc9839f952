// Philox 4x32-10 over the lanes of a vector; the words are those of native/core/philox.h, which says what a counter is.
#pragma once
#include "core/philox.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int kDrawLanes = 4 * Vector::lanes;  // words that one step gives

struct PhiloxVectors {
  Integers words[4];
};

TENSORWOOD_INLINE void philox_rounds(PhiloxVectors& x, uint32_t key0, uint32_t key1) {
#pragma GCC unroll 10
  for (int round = 0; round < 10; round++) {
    const WideProduct a = multiply_wide(x.words[0], 0xD2511F53), b = multiply_wide(x.words[2], 0xCD9E8D57);
    x.words[0] = b.high ^ x.words[1] ^ broadcast_integers(static_cast<int32_t>(key0));
    x.words[2] = a.high ^ x.words[3] ^ broadcast_integers(static_cast<int32_t>(key1));
    x.words[1] = b.low;
    x.words[3] = a.low;
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
}

// Words of elements [4 first, 4 first + count), rounded up to whole kDrawLanes, which `out` has room for.
static void draw_words(const PhiloxStream& stream, uint64_t first, int64_t count, uint32_t* out) {
  for (int64_t at = 0; at < count; at += kDrawLanes) {
    int32_t low[Vector::lanes], high[Vector::lanes];
    for (int l = 0; l < Vector::lanes; l++) {
      const uint64_t counter = first + static_cast<uint64_t>(at / 4 + quad_lanes[l]);
      low[l] = static_cast<int32_t>(static_cast<uint32_t>(counter));
      high[l] = static_cast<int32_t>(static_cast<uint32_t>(counter >> 32));
    }
    PhiloxVectors x = {{load_integers(low), load_integers(high), broadcast_integers(static_cast<int32_t>(stream.step)),
                        broadcast_integers(static_cast<int32_t>(stream.stream))}};
    philox_rounds(x, stream.seed_low, stream.seed_high);
    store_quads(reinterpret_cast<int32_t*>(out + at), x.words);
  }
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
