// The best split of every feature of one node: the third step of growing a tree. A numeric feature is a prefix sum and one pass of gains
// for each side that missing values can go to; a categorical one sorts its categories by gradient over hessian (Fisher 1958, as LightGBM
// does).
// Rows are not in the histogram. A side has enough of them for certain when its second derivatives are those of so many of the heaviest
// rows of all. Splits are searched as if every side had: where the best is not certain it is told as such, and that feature is searched
// again with its rows counted, so that every side of enough rows is found and no other.
//   split: inputs histogram i64 (slots), features FeatureSlot (F), [sibling i64 (slots)]; outputs histogram (the sibling taken off, when
//   there is one), Split (F). integers [sum of the node, most categories on one side, most bins for one against the rest, rows of the
//   node]; numbers as `Limits` below, in its order. scratch: two SortedCategory a bin of the widest categorical feature. split_counted:
//   inputs histogram, features (1), counts u32 (bins + 1): rows of each bin; output Split. split_categories: inputs histogram, features
//   (1), [counts, when the winner was found with them]; outputs the winning Split, u8 (bins + 1): 1 goes left.
#pragma once
#include "trees/gain.h"
#include "trees/layout.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int64_t kManyRows = 4096;

struct Limits {
  double first_unit, second_unit;  // loss derivatives per unit of the histogram's integers
  Penalty penalty;
  double least;          // smallest second sum of a side, in units, at least 1
  double smooth;         // added to a category's second sum when sorting
  double category_l2;    // added to l2 for sorted categories
  double heaviest;       // second derivative of a row, in units
  double rows;           // least number of a side
  double category_rows;  // least number of a category that is chosen
  double group_rows;     // least number of a set of categories, and between two candidates whose rows are counted
};
static_assert(sizeof(Limits) == 12 * sizeof(double), "read from Args::numbers");

struct Node {
  Limits limits;
  int64_t total;
  double first, second;  // of total, in units
  double score;          // of the node unsplit
  bool is_large;         // so that only categories certain of their rows are worth a look: to count is dearer than what others could gain
  int64_t most_categories, one_hot_bins;
  // Whether so much of second derivatives comes from so many rows for certain.
  TENSORWOOD_INLINE bool is_certain(double second_sum, double rows) const { return rows <= 1 || second_sum > (rows - 1) * limits.heaviest; }
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
  const double mean = n.second / static_cast<double>(a.integers[3]);
  n.is_large = a.integers[3] > kManyRows && n.limits.heaviest <= 4 * mean;
  return n;
}

// The bins of one feature; the missing one follows the others.
template <bool kCounted>
struct FeatureBins {
  const int64_t* sums;
  const uint32_t* counts;  // rows, if they are counted
  int count;

  TENSORWOOD_INLINE double rows(int64_t b) const { return kCounted ? counts[b] : 0; }
  TENSORWOOD_INLINE double all_rows() const {
    double total = 0;
    for (int b = 0; kCounted && b <= count; b++) total += rows(b);
    return total;
  }
  TENSORWOOD_INLINE bool is_empty(int64_t b) const { return kCounted ? counts[b] == 0 : sums[b] == 0; }
  // Whether so many rows, if they are counted, are enough.
  TENSORWOOD_INLINE bool holds(double of_rows, double asked) const { return !kCounted || of_rows >= asked; }
};

// Score of both sides for every cut, or -1 where a side is too small. Without l1 and step limit: one division, in the histogram's units.
static void score_plain(const int64_t* TENSORWOOD_RESTRICT left, int n, int64_t missing, const Node& node, double least,
                        double* TENSORWOOD_RESTRICT scores) {
  const double l2 = node.limits.penalty.l2 / node.limits.second_unit, first = node.first, second = node.second;
  const double unit = node.limits.first_unit * node.limits.first_unit / node.limits.second_unit;
  for (int b = 0; b < n; b++) {
    const int64_t sum = left[b] + missing;
    const double g = first_sum(sum), h = second_sum(sum), g_right = first - g, h_right = second - h;
    const double d = h + l2, d_right = h_right + l2;
    const double score = unit * ((g * g * d_right + g_right * g_right * d) / (d * d_right));
    scores[b] = (h >= least) & (h_right >= least) ? score : -1.0;
  }
}

static void score_any(const int64_t* left, int n, int64_t missing, const Node& node, double least, double* scores) {
  const Limits& l = node.limits;
  for (int b = 0; b < n; b++) {
    const double g = first_sum(left[b] + missing), h = second_sum(left[b] + missing), h_right = node.second - h;
    const bool fits = h >= least && h_right >= least;
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

// Cuts after bins [begin, end) leave enough rows on both sides; all of [0, n) where rows are not counted.
struct Cuts {
  int begin, end;
};
template <bool kCounted>
static Cuts find_cuts(const FeatureBins<kCounted>& bins, int n, bool missing_left, const Node& node) {
  if (!kCounted) return {0, n};
  const double rows = bins.all_rows(), least = node.limits.rows;
  double left = missing_left ? bins.rows(bins.count) : 0;
  Cuts cuts = {n, 0};
  for (int b = 0; b < n; b++) {
    left += bins.rows(b);
    if (left >= least && b < cuts.begin) cuts.begin = b;
    if (rows - left >= least) cuts.end = b + 1;
  }
  return cuts;
}

TENSORWOOD_INLINE void consider_cuts(const int64_t* left, const Cuts& cuts, int64_t missing, int missing_left, double least,
                                     const Node& node, Split& best) {
  const int n = cuts.end - cuts.begin;
  if (n <= 0) return;
  double scores[kNarrowSlots];
  const bool plain = node.limits.penalty.l1 == 0 && node.limits.penalty.max_delta_step <= 0;
  (plain ? score_plain : score_any)(left + cuts.begin, n, missing_left ? missing : 0, node, least, scores);
  const int at = find_largest(scores, n);
  if (scores[at] < 0 || !(scores[at] - node.score > best.gain)) return;
  best.gain = scores[at] - node.score;
  best.bin = cuts.begin + at;
  best.left = left[best.bin] + (missing_left ? missing : 0);
  best.missing_left = missing_left;
}

template <bool kCounted>
static void split_numeric(const FeatureBins<kCounted>& bins, const Node& node, Split& best) {
  int64_t left[kNarrowSlots];
  int64_t sum = 0;
  for (int b = 0; b < bins.count; b++) left[b] = sum += bins.sums[b];
  const int64_t missing = bins.sums[bins.count];
  const double rows = node.limits.rows, least = node.limits.least;
  if (missing == 0 && bins.is_empty(bins.count)) {
    consider_cuts(left, find_cuts(bins, bins.count - 1, false, node), 0, 0, least, node, best);
    best.missing_left = 2 * second_sum(best.left) >= second_sum(node.total);  // never seen here: with the larger side
  } else {
    consider_cuts(left, find_cuts(bins, bins.count, false, node), missing, 0, least, node, best);
    consider_cuts(left, find_cuts(bins, bins.count - 1, true, node), missing, 1, least, node, best);
  }
  const double h = second_sum(best.left);
  best.certain = node.is_certain(h, rows) && node.is_certain(node.second - h, rows);
}

TENSORWOOD_INLINE double score_side(double g, double h, const Node& node, const Penalty& p) {
  const Limits& l = node.limits;
  return leaf_score(g * l.first_unit, h * l.second_unit, p) +
         leaf_score((node.first - g) * l.first_unit, (node.second - h) * l.second_unit, p);
}

template <bool kCounted>
static void split_one_hot(const FeatureBins<kCounted>& bins, const Node& node, Split& best) {
  const double least = node.limits.least, rows = node.limits.rows, total = bins.all_rows();
  for (int b = 0; b <= bins.count; b++) {
    const double g = first_sum(bins.sums[b]), h = second_sum(bins.sums[b]), h_right = node.second - h;
    if (h < least || h_right < least) continue;
    if (!bins.holds(bins.rows(b), rows) || !bins.holds(total - bins.rows(b), rows)) continue;
    const double gain = score_side(g, h, node, node.limits.penalty) - node.score;
    if (!(gain > best.gain)) continue;
    const int32_t certain = node.is_certain(h, rows) && node.is_certain(h_right, rows);
    best = {gain, bins.sums[b], best.feature, b, b == bins.count, 0, certain};
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
template <bool kCounted>
static int64_t collect_categories(const FeatureBins<kCounted>& bins, const Node& node, SortedCategory* sorted) {
  const Limits& l = node.limits;
  int64_t n = 0;
  for (int b = 0; b <= bins.count; b++) {
    const double h = second_sum(bins.sums[b]);
    if (bins.is_empty(b) || !bins.holds(bins.rows(b), l.category_rows)) continue;
    if (!kCounted && node.is_large && !node.is_certain(h, l.category_rows)) continue;
    sorted[n++] = {first_sum(bins.sums[b]) * l.first_unit / (h * l.second_unit + l.smooth), b};
  }
  sort_categories(sorted, sorted + bins.count + 1, n);
  return n;
}

template <bool kCounted>
static void split_sorted(const FeatureBins<kCounted>& bins, const Node& node, SortedCategory* sorted, Split& best) {
  const Limits& l = node.limits;
  const int64_t n = collect_categories(bins, node, sorted);
  const int64_t most = node.most_categories < (n + 1) / 2 ? node.most_categories : (n + 1) / 2;
  const double total = bins.all_rows(), side = l.rows > l.group_rows ? l.rows : l.group_rows;
  Penalty penalty = l.penalty;
  penalty.l2 += l.category_l2;
  for (int direction = 1; direction >= -1; direction -= 2) {
    int64_t sum = 0;
    double rows = 0, group_rows = 0;
    int missing_left = 0;
    bool certain = true;
    for (int64_t i = 0; i < most; i++) {
      const int64_t bin = sorted[direction > 0 ? i : n - 1 - i].bin;
      sum += bins.sums[bin];
      rows += bins.rows(bin);
      group_rows += bins.rows(bin);
      missing_left |= bin == bins.count;
      certain = certain && node.is_certain(second_sum(bins.sums[bin]), l.category_rows);
      const double h = second_sum(sum), h_right = node.second - h;
      if (h < l.least || !bins.holds(rows, l.rows)) continue;
      if (h_right < l.least || !bins.holds(total - rows, side)) break;
      if (!bins.holds(group_rows, l.group_rows)) continue;
      group_rows = 0;
      const double gain = score_side(first_sum(sum), h, node, penalty) - node.score;
      if (!(gain > best.gain)) continue;
      const bool both = certain && node.is_certain(h, side) && node.is_certain(h_right, side);
      best = {gain, sum, best.feature, static_cast<int32_t>(i + 1), missing_left, direction, both};
    }
  }
}

template <bool kCounted>
static void split_feature(const FeatureBins<kCounted>& bins, bool categorical, const Node& node, std::byte* scratch, Split& best) {
  best = {0, 0, -1, -1, 0, 0, 1};
  if (!categorical) {
    split_numeric(bins, node, best);
  } else if (bins.count <= node.one_hot_bins) {
    split_one_hot(bins, node, best);
  } else {
    split_sorted(bins, node, reinterpret_cast<SortedCategory*>(scratch), best);
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
    if (feature.scan) {
      split_feature(FeatureBins<false>{own, nullptr, feature.bins}, feature.categorical != 0, node, a.scratch, splits[f]);
    } else {
      splits[f] = {0, 0, -1, -1, 0, 0, 1};
    }
  }
}

// The only feature of inputs[1], with its rows when they are counted.
template <bool kCounted>
TENSORWOOD_INLINE FeatureBins<kCounted> read_bins(const Args& a) {
  const FeatureSlot& feature = *static_cast<const FeatureSlot*>(a.inputs[1].data);
  const uint32_t* counts = kCounted ? static_cast<const uint32_t*>(a.inputs[2].data) : nullptr;
  return {static_cast<const int64_t*>(a.inputs[0].data) + feature.slot, counts, feature.bins};
}

static void run_split_counted(const Args& a) {
  const bool categorical = static_cast<const FeatureSlot*>(a.inputs[1].data)->categorical != 0;
  Split& best = *static_cast<Split*>(a.outputs[0].data);
  split_feature(read_bins<true>(a), categorical, read_node(a), a.scratch, best);
  best.certain = 1;
}

template <bool kCounted>
static void place_categories(const Args& a) {
  const FeatureBins<kCounted> bins = read_bins<kCounted>(a);
  const Split& split = *static_cast<const Split*>(a.outputs[0].data);
  uint8_t* left = static_cast<uint8_t*>(a.outputs[1].data);
  std::memset(left, 0, static_cast<size_t>(bins.count) + 1);
  if (split.direction == 0) {
    left[split.bin] = 1;
    return;
  }
  SortedCategory* sorted = reinterpret_cast<SortedCategory*>(a.scratch);
  const int64_t n = collect_categories(bins, read_node(a), sorted);
  for (int64_t i = 0; i < split.bin; i++) left[sorted[split.direction > 0 ? i : n - 1 - i].bin] = 1;
}
static void run_split_categories(const Args& a) { a.input_count > 2 ? place_categories<true>(a) : place_categories<false>(a); }

static const char* refuse_in_program(const Args&) { return "expected a call by the tree engine, got one from a program"; }

constexpr Kernel rows[] = {{"split", DType::i64, run_split, refuse_in_program, nullptr},
                           {"split_counted", DType::any, run_split_counted, refuse_in_program, nullptr},
                           {"split_categories", DType::any, run_split_categories, refuse_in_program, nullptr}};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
