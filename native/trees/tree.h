// A grown tree: nodes in pairs, children after their parent. What growth writes, prediction and the model file read.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

namespace tensorwood {

struct TreeNode {
  float value = 0;       // of a leaf (learning rate applied), or the threshold of a numeric split: x <= value goes left
  int32_t feature = -1;  // -1 = leaf
  int32_t left = -1;     // right is left + 1
  int32_t set = -1;      // categorical: position in Tree::sets; a category of the set goes left
  bool missing_left = false;
  double gain = 0;    // of the split
  double weight = 0;  // sum of second derivatives
  double rows = 0;
};

struct Tree {
  std::vector<TreeNode> nodes;
  std::vector<uint32_t> sets;  // each: number of words, then a bit per category
  int32_t group = 0;           // the class it votes for
};

// A fact about a node as the model file holds it: in the precision of a float, or past its range as it is.
inline double as_kept(double value) {
  const float single = static_cast<float>(value);
  return std::isfinite(single) ? single : value;
}

}  // namespace tensorwood
