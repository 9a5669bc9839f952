// The best split of every feature of one node: the third step of growing a tree. A numeric feature is a prefix sum and one pass of gains
// for each side that missing values can go to; a categorical one sorts its categories by gradient over hessian (Fisher 1958, as LightGBM
// does).
//   split: inputs histogram i64 (slots), features FeatureSlot (F), [sibling i64 (slots)]; outputs histogram (the sibling taken off, when
//   there is one), Split (F). integers [sum of the node, most categories on one side, most bins for one against the rest]; numbers as
//   `Limits` below, in its order. scratch: two SortedCategory a bin of the widest categorical feature. split_categories: the same inputs
//   without a sibling, features (1) and the winning Split in outputs[0]; outputs[1] u8 (bins + 1): 1 goes left.
#pragma once
#include "trees/gain.h"
#include "trees/layout.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

struct Limits {
  double first_unit, second_unit;  // loss derivatives per unit of the histogram's integers
  Penalty penalty;
  double least;           // smallest hessian sum of a side, in units, at least 1
  double smooth;          // added to a category's hessian when sorting
  double category_l2;     // added to l2 for sorted categories
  double least_category;  // smallest hessian sum of a category that is sorted, in units
  double least_group;     // smallest hessian sum added between two candidates, in units
};
static_assert(sizeof(Limits) == 10 * sizeof(double), "read from Args::numbers");

struct Node {
  Limits limits;
  int64_t total;
  double first, second;  // of total, in units
  double score;          // of the node unsplit
  int64_t most_categories, one_hot_bins;
};

struct SortedCategory {
  double key;
  int64_t bin;
};

TENSORWOOD_INLINE Node read_node(const Args& a) {
  Node n;
  std::memcpy(&n.limits, a.numbers, sizeof n.limits);
  n.total = a.integers[0];
  n.first = first_sum(n.total);
  n.second = second_sum(n.total);
  n.score = leaf_score(n.first * n.limits.first_unit, n.second * n.limits.second_unit, n.limits.penalty);
  n.most_categories = a.integers[1];
  n.one_hot_bins = a.integers[2];
  return n;
}

// Score of both sides for every cut, or -1 where a side is too small. Without l1 and step limit: one division, in the histogram's units.
static void score_plain(const int64_t* TENSORWOOD_RESTRICT left, int n, int64_t missing, const Node& node,
                        double* TENSORWOOD_RESTRICT scores) {
  const double l2 = node.limits.penalty.l2 / node.limits.second_unit, least = node.limits.least, first = node.first, second = node.second;
  const double unit = node.limits.first_unit * node.limits.first_unit / node.limits.second_unit;
  for (int b = 0; b < n; b++) {
    const int64_t sum = left[b] + missing;
    const double g = first_sum(sum), h = second_sum(sum), g_right = first - g, h_right = second - h;
    const double d = h + l2, d_right = h_right + l2;
    const double score = unit * ((g * g * d_right + g_right * g_right * d) / (d * d_right));
    scores[b] = (h >= least) & (h_right >= least) ? score : -1.0;
  }
}

static void score_any(const int64_t* left, int n, int64_t missing, const Node& node, double* scores) {
  const Limits& l = node.limits;
  for (int b = 0; b < n; b++) {
    const double g = first_sum(left[b] + missing), h = second_sum(left[b] + missing), h_right = node.second - h;
    const bool fits = h >= l.least && h_right >= l.least;
    scores[b] = !fits ? -1.0
                      : leaf_score(g * l.first_unit, h * l.second_unit, l.penalty) +
                            leaf_score((node.first - g) * l.first_unit, h_right * l.second_unit, l.penalty);
  }
}

// The first of the largest.
TENSORWOOD_INLINE int find_largest(const double* scores, int n) {
  double lane[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
  int b = 0;
  for (; b + 8 <= n; b += 8)
    for (int j = 0; j < 8; j++) lane[j] = scores[b + j] > lane[j] ? scores[b + j] : lane[j];
  double best = lane[0];
  for (int j = 1; j < 8; j++) best = lane[j] > best ? lane[j] : best;
  for (; b < n; b++) best = scores[b] > best ? scores[b] : best;
  int at = 0;
  while (at < n - 1 && scores[at] != best) at++;
  return at;
}

TENSORWOOD_INLINE void consider_cuts(const int64_t* left, int n, int64_t missing, int missing_left, const Node& node, Split& best) {
  if (n <= 0) return;
  double scores[kNarrowSlots];
  const bool plain = node.limits.penalty.l1 == 0 && node.limits.penalty.max_delta_step <= 0;
  (plain ? score_plain : score_any)(left, n, missing_left ? missing : 0, node, scores);
  const int at = find_largest(scores, n);
  if (scores[at] < 0 || !(scores[at] - node.score > best.gain)) return;
  best.gain = scores[at] - node.score;
  best.bin = at;
  best.left = left[at] + (missing_left ? missing : 0);
  best.missing_left = missing_left;
}

static void split_numeric(const int64_t* histogram, int bins, const Node& node, Split& best) {
  int64_t left[kNarrowSlots];
  int64_t sum = 0;
  for (int b = 0; b < bins; b++) left[b] = sum += histogram[b];
  const int64_t missing = histogram[bins];
  if (missing == 0) {
    consider_cuts(left, bins - 1, 0, 0, node, best);
    best.missing_left = 2 * second_sum(best.left) >= second_sum(node.total);  // never seen here: with the larger side
    return;
  }
  consider_cuts(left, bins, missing, 0, node, best);
  consider_cuts(left, bins - 1, missing, 1, node, best);
}

TENSORWOOD_INLINE double score_side(double g, double h, const Node& node, const Penalty& p) {
  const Limits& l = node.limits;
  return leaf_score(g * l.first_unit, h * l.second_unit, p) +
         leaf_score((node.first - g) * l.first_unit, (node.second - h) * l.second_unit, p);
}

static void split_one_hot(const int64_t* histogram, int bins, const Node& node, Split& best) {
  for (int b = 0; b <= bins; b++) {
    const double g = first_sum(histogram[b]), h = second_sum(histogram[b]);
    if (h < node.limits.least || node.second - h < node.limits.least) continue;
    const double gain = score_side(g, h, node, node.limits.penalty) - node.score;
    if (!(gain > best.gain)) continue;
    best = {gain, histogram[b], best.feature, b, b == bins, 0};
  }
}

TENSORWOOD_INLINE bool precedes(const SortedCategory& a, const SortedCategory& b) {
  return a.key < b.key || (a.key == b.key && a.bin < b.bin);
}

// Merge sort, bottom up, from runs of eight; the result is in `a`.
static void sort_categories(SortedCategory* a, SortedCategory* spare, int64_t n) {
  for (int64_t begin = 0; begin < n; begin += 8) {
    const int64_t end = begin + 8 < n ? begin + 8 : n;
    for (int64_t i = begin + 1; i < end; i++) {
      const SortedCategory x = a[i];
      int64_t j = i;
      for (; j > begin && precedes(x, a[j - 1]); j--) a[j] = a[j - 1];
      a[j] = x;
    }
  }
  SortedCategory *from = a, *to = spare;
  for (int64_t width = 8; width < n; width *= 2) {
    for (int64_t begin = 0; begin < n; begin += 2 * width) {
      const int64_t middle = begin + width < n ? begin + width : n, end = middle + width < n ? middle + width : n;
      int64_t i = begin, j = middle;
      for (int64_t k = begin; k < end; k++) to[k] = i < middle && (j >= end || !precedes(from[j], from[i])) ? from[i++] : from[j++];
    }
    SortedCategory* swap = from;
    from = to;
    to = swap;
  }
  if (from != a) std::memcpy(a, from, static_cast<size_t>(n) * sizeof *a);
}

// Categories with enough rows, the missing ones as one more, by gradient over hessian.
static int64_t collect_categories(const int64_t* histogram, int bins, const Node& node, SortedCategory* sorted) {
  const Limits& l = node.limits;
  int64_t n = 0;
  for (int b = 0; b <= bins; b++) {
    const double h = second_sum(histogram[b]);
    if (histogram[b] == 0 || h < l.least_category) continue;
    sorted[n++] = {first_sum(histogram[b]) * l.first_unit / (h * l.second_unit + l.smooth), b};
  }
  sort_categories(sorted, sorted + bins + 1, n);
  return n;
}

static void split_sorted(const int64_t* histogram, int bins, const Node& node, SortedCategory* sorted, Split& best) {
  const int64_t n = collect_categories(histogram, bins, node, sorted);
  const int64_t most = node.most_categories < (n + 1) / 2 ? node.most_categories : (n + 1) / 2;
  Penalty penalty = node.limits.penalty;
  penalty.l2 += node.limits.category_l2;
  for (int direction = 1; direction >= -1; direction -= 2) {
    int64_t sum = 0;
    double group = 0;
    int missing_left = 0;
    for (int64_t i = 0; i < most; i++) {
      const int64_t bin = sorted[direction > 0 ? i : n - 1 - i].bin;
      sum += histogram[bin];
      group += second_sum(histogram[bin]);
      missing_left |= bin == bins;
      const double h = second_sum(sum), h_right = node.second - h;
      if (h < node.limits.least) continue;
      if (h_right < node.limits.least || h_right < node.limits.least_group) break;
      if (group < node.limits.least_group) continue;
      group = 0;
      const double gain = score_side(first_sum(sum), h, node, penalty) - node.score;
      if (!(gain > best.gain)) continue;
      best = {gain, sum, best.feature, static_cast<int32_t>(i + 1), missing_left, direction};
    }
  }
}

TENSORWOOD_INLINE void subtract(int64_t* TENSORWOOD_RESTRICT histogram, const int64_t* TENSORWOOD_RESTRICT sibling, int n) {
  for (int b = 0; b < n; b++) histogram[b] -= sibling[b];
}

static void run_split(const Args& a) {
  const Node node = read_node(a);
  int64_t* histogram = static_cast<int64_t*>(a.inputs[0].data);
  const FeatureSlot* features = static_cast<const FeatureSlot*>(a.inputs[1].data);
  const int64_t* sibling = a.input_count > 2 ? static_cast<const int64_t*>(a.inputs[2].data) : nullptr;
  Split* splits = static_cast<Split*>(a.outputs[1].data);
  for (int64_t f = 0; f < a.inputs[1].shape[0]; f++) {
    const FeatureSlot& feature = features[f];
    int64_t* own = histogram + feature.slot;
    if (sibling != nullptr) subtract(own, sibling + feature.slot, feature.bins + 1);
    splits[f] = {0, 0, -1, -1, 0, 0};
    if (!feature.scan) continue;
    if (!feature.categorical) {
      split_numeric(own, feature.bins, node, splits[f]);
    } else if (feature.bins <= node.one_hot_bins) {
      split_one_hot(own, feature.bins, node, splits[f]);
    } else {
      split_sorted(own, feature.bins, node, reinterpret_cast<SortedCategory*>(a.scratch), splits[f]);
    }
  }
}

static void run_split_categories(const Args& a) {
  const FeatureSlot& feature = *static_cast<const FeatureSlot*>(a.inputs[1].data);
  const int64_t* own = static_cast<const int64_t*>(a.inputs[0].data) + feature.slot;
  const Split& split = *static_cast<const Split*>(a.outputs[0].data);
  uint8_t* left = static_cast<uint8_t*>(a.outputs[1].data);
  std::memset(left, 0, static_cast<size_t>(feature.bins) + 1);
  if (split.direction == 0) {
    left[split.bin] = 1;
    return;
  }
  SortedCategory* sorted = reinterpret_cast<SortedCategory*>(a.scratch);
  const int64_t n = collect_categories(own, feature.bins, read_node(a), sorted);
  for (int64_t i = 0; i < split.bin; i++) left[sorted[split.direction > 0 ? i : n - 1 - i].bin] = 1;
}

static const char* refuse_in_program(const Args&) { return "expected a call by the tree engine, got one from a program"; }

constexpr Kernel rows[] = {{"split", DType::i64, run_split, refuse_in_program, nullptr},
                           {"split_categories", DType::any, run_split_categories, refuse_in_program, nullptr}};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
