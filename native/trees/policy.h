// In which order nodes are split: a comparator, so that depth-wise and leaf-wise growth are one loop.
#pragma once
#include <cstdint>

namespace tensorwood {

enum class Policy : int32_t { depth_wise = 0, leaf_wise = 1 };

struct Candidate {
  int32_t leaf;  // index among the open leaves
  int32_t depth;
  double gain;
};

// Whether a is split before b. Depth-wise order matters only when the number of leaves is limited; without a limit the deepest goes first,
// which gives the same tree with the fewest histograms alive.
struct Order {
  Policy policy;
  bool limited;
  bool operator()(const Candidate& a, const Candidate& b) const {
    if (policy == Policy::leaf_wise && a.gain != b.gain) return a.gain > b.gain;
    if (policy == Policy::depth_wise && a.depth != b.depth) return limited ? a.depth < b.depth : a.depth > b.depth;
    return a.leaf < b.leaf;
  }
};

}  // namespace tensorwood
