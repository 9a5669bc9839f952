// Counter-based choices: which rows and columns a tree sees depends on seeds and indices alone.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace tensorwood {

// SplitMix64's finaliser over a mixed pair.
inline uint64_t hash_pair(uint64_t a, uint64_t b) {
  uint64_t x = a * 0x9e3779b97f4a7c15ull + b + 0x632be59bd9b4e019ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// Uniform in [0, 1).
inline double uniform(uint64_t seed, uint64_t index) { return static_cast<double>(hash_pair(seed, index) >> 11) * 0x1p-53; }

// Keeps `wanted` of the items, ascending.
inline void choose_some(std::vector<int32_t>& items, int32_t wanted, uint64_t seed) {
  if (wanted >= static_cast<int32_t>(items.size())) return;
  std::sort(items.begin(), items.end(),
            [seed](int32_t a, int32_t b) { return hash_pair(seed, static_cast<uint64_t>(a)) < hash_pair(seed, static_cast<uint64_t>(b)); });
  items.resize(static_cast<size_t>(wanted));
  std::sort(items.begin(), items.end());
}

}  // namespace tensorwood
