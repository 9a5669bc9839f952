// The growth loop: take the best candidates, expand them, commit them in order. Expanding ahead of the commit lets several small nodes
// run at once, one to a thread, without changing which nodes are split.
#include "trees/grow.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "trees/random.h"

namespace tensorwood {
namespace {

constexpr int64_t kSmallNode = 24576;  // rows; larger nodes are worked on by all threads together
constexpr double kWorthWaking = 5e4;   // nanoseconds of work; less is done before other threads wake
constexpr int kAheadNodes = 32;        // small nodes expanded together
constexpr int64_t kLeafChunk = 16384;
// Of a row's second derivative on average, and of the first ones by the root of the rows, as what rounding adds to their sum grows: it then
// changes no leaf by more than 3 %.
constexpr double kFineUnits = 16;
constexpr int64_t kRoomStep = 64 << 20;  // bytes between two questions for memory, which read files

// What a model file can hold.
float to_finite(double value) {
  const double most = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -most, most));
}

}  // namespace

Grower::Grower(const Bins& bins, Threads& threads, const GrowOptions& options)
    : bins_(bins), threads_(threads), options_(options), queue_(Order{options.policy, options.max_leaves > 0}) {
  const Device& d = *bins.device;
  kernels_ = {&require_kernel(d, "histogram", DType::i64),    &require_kernel(d, "add_histogram", DType::i64),
              &require_kernel(d, "count_rows", DType::u32),   &require_kernel(d, "split", DType::i64),
              &require_kernel(d, "split_counted", DType::u8), &require_kernel(d, "split_categories", DType::u8),
              &require_kernel(d, "partition", DType::u32),    &require_kernel(d, "sum_gradients", DType::f64),
              &require_kernel(d, "add_leaf", DType::f32)};
  rows_ = Array<uint32_t>(d, bins.rows);
  lefts_ = Array<uint32_t>(d, bins.rows);
  rights_ = Array<uint32_t>(d, bins.rows);
  int32_t widest = 0, most_bins = 0;
  for (const Feature& f : bins.features) {
    most_bins = std::max(most_bins, f.bins + 1);
    widest = std::max(widest, f.categorical ? f.bins + 1 : 0);
  }
  workers_.resize(static_cast<size_t>(threads.count()));
  for (Worker& w : workers_) {
    w.splits.resize(2 * bins.features.size());
    w.counts.resize(static_cast<size_t>(most_bins));
    w.sort.resize(static_cast<size_t>(widest) * 32);
  }
  const Device* other = options.accelerator;
  if (other != nullptr && other->find("histogram", DType::i64) != nullptr) mirror_ = std::make_unique<Mirror>(bins, *other);
  for (int i = 1; i < threads.count(); i++) partials_.emplace_back(d, bins.slots);
}

void Grower::choose_columns(uint64_t seed) {
  const int32_t total = static_cast<int32_t>(bins_.features.size());
  columns_.resize(static_cast<size_t>(total));
  std::iota(columns_.begin(), columns_.end(), 0);
  const int32_t wanted = std::max(1, static_cast<int32_t>(std::lround(options_.columns_per_tree * total)));
  choose_some(columns_, wanted, seed);
  all_columns_ = wanted == total;
  slots_.clear();
  narrow_slots_.assign(bins_.narrow_slots.size(), -1);
  wide_slots_.assign(bins_.wide_slots.size(), -1);
  for (const int32_t c : columns_) {
    const Feature& f = bins_.features[static_cast<size_t>(c)];
    slots_.push_back({f.slot, f.bins, f.categorical, 1});
    (f.wide ? wide_slots_ : narrow_slots_)[static_cast<size_t>(f.column)] = f.slot;
  }
}

bool Grower::splittable(const OpenLeaf& leaf) const {
  if (options_.max_depth > 0 && leaf.depth >= options_.max_depth) return false;
  if (leaf.rows() < 2 || static_cast<double>(leaf.rows()) < 2 * options_.min_rows) return false;
  return second_sum(leaf.total) * gradients_.second_unit >= 2 * options_.min_child_weight;
}

// Whether the process may take so much more. No bound beforehand is near what a tree really needs.
bool Grower::take_room(int64_t bytes) {
  if (room_ < bytes) {
    const int64_t available = bins_.device->available();
    if (available < bytes) return false;
    room_ = std::min(available, std::max(bytes, kRoomStep));
  }
  room_ -= bytes;
  return true;
}

void Grower::refuse_histogram() const {
  throw Failure{{"ERR_TENSORWOOD_MEMORY", "trainTrees: expected at most " + std::to_string(bins_.device->available()) +
                                              " bytes of memory (what this process may take now), got " +
                                              std::to_string(bins_.slots * static_cast<int64_t>(sizeof(int64_t))) +
                                              " for one histogram more beside " + std::to_string(histograms_.size()) +
                                              "; use fewer columns or bins"}};
}

// A histogram of any content, or null when there is no room for one more.
int64_t* Grower::acquire() {
  if (free_.empty()) {
    const int64_t bytes = bins_.slots * static_cast<int64_t>(sizeof(int64_t));
    if (!take_room(bytes)) return nullptr;
    histograms_.emplace_back(*bins_.device, bins_.slots);
    std::memset(histograms_.back().data(), 0, static_cast<size_t>(bytes));  // taken now, so that the next question sees it
    free_.push_back(histograms_.back().data());
  }
  int64_t* histogram = free_.back();
  free_.pop_back();
  return histogram;
}

void Grower::release(int64_t*& histogram) {
  if (histogram != nullptr) free_.push_back(histogram);
  histogram = nullptr;
}

// About the nanoseconds of one thread.
double Grower::work_of(const OpenLeaf& leaf) const {
  return static_cast<double>(leaf.rows()) * static_cast<double>(columns_.size()) / 2 + bins_.slots;
}

Team Grower::team_for(const OpenLeaf& leaf) const {
  const bool together = leaf.rows() > kSmallNode || work_of(leaf) > 20 * kWorthWaking;
  return {together ? &threads_ : nullptr, 0};
}

void Grower::start(OpenLeaf& root, int64_t count) {
  root.end = count;
  const Team all = team_for(root);
  root.histogram = acquire();
  if (root.histogram == nullptr) refuse_histogram();
  build_histogram(root, all);
  const FeatureSlot& first = slots_.front();
  for (int32_t b = 0; b <= first.bins; b++) root.total += root.histogram[first.slot + b];
  if (splittable(root)) find_splits(&root, nullptr, nullptr, all);
}

void Grower::open(Tree& tree, OpenLeaf&& leaf, int32_t node) {
  leaf.node = node;
  TreeNode& t = tree.nodes[static_cast<size_t>(node)];
  t.weight = as_kept(second_sum(leaf.total) * gradients_.second_unit);
  t.rows = static_cast<double>(leaf.rows());
  const int32_t index = static_cast<int32_t>(open_.size());
  if (leaf.best.feature >= 0) {
    queue_.insert({index, leaf.depth, leaf.best.gain});
  } else {
    release(leaf.histogram);
  }
  open_.push_back(std::move(leaf));
}

// From the candidate that is to be expanded last, which sums its own again should its turn come; null = only `wanting` holds any.
int64_t* Grower::take_back(const OpenLeaf& wanting) {
  for (auto c = queue_.rbegin(); c != queue_.rend(); ++c) {
    OpenLeaf& leaf = open_[static_cast<size_t>(c->leaf)];
    if (&leaf == &wanting) continue;
    if (leaf.histogram != nullptr) return std::exchange(leaf.histogram, nullptr);
    if (leaf.spare != nullptr) return std::exchange(leaf.spare, nullptr);
    for (OpenLeaf& child : leaf.children) {
      if (child.histogram != nullptr) return std::exchange(child.histogram, nullptr);
    }
  }
  return nullptr;
}

// What it takes to expand a leaf: its histogram, and one for a child. False when there is no room; the first of a batch gets room.
bool Grower::supply(OpenLeaf& leaf, bool is_first) {
  const auto fill = [&](int64_t*& histogram) {
    if (histogram == nullptr) histogram = acquire();
    if (histogram == nullptr && is_first) histogram = take_back(leaf);
    if (histogram == nullptr && is_first) refuse_histogram();
    return histogram != nullptr;
  };
  leaf.summed = leaf.histogram != nullptr;
  const bool children_need_one = options_.max_depth == 0 || leaf.depth + 1 < options_.max_depth;
  if (fill(leaf.histogram) && (!children_need_one || fill(leaf.spare))) return true;
  if (!leaf.summed) release(leaf.histogram);
  return false;
}

// Expands the first candidate, and with it the next small ones as far as there is room for their histograms.
void Grower::prepare() {
  std::vector<OpenLeaf*> batch;
  const int64_t room = options_.max_leaves > 0 ? options_.max_leaves - leaves_ : kAheadNodes;
  for (const Candidate& c : queue_) {
    OpenLeaf& leaf = open_[static_cast<size_t>(c.leaf)];
    if (leaf.expanded) continue;
    const bool small = leaf.rows() <= kSmallNode;
    if (!small && !batch.empty()) break;
    if (!supply(leaf, batch.empty())) break;
    batch.push_back(&leaf);
    if (!small || static_cast<int64_t>(batch.size()) >= std::min<int64_t>(kAheadNodes, room)) break;
  }
  if (batch.size() == 1) return expand(*batch.front(), team_for(*batch.front()));
  double work = 0;
  for (const OpenLeaf* leaf : batch) work += work_of(*leaf);
  if (work < kWorthWaking) {
    for (OpenLeaf* leaf : batch) expand(*leaf, {nullptr, 0});
    return;
  }
  threads_.parallel(static_cast<int64_t>(batch.size()), [&](int64_t i, int worker) {
    expand(*batch[static_cast<size_t>(i)], {nullptr, worker});
  });
}

void Grower::commit(Tree& tree, int32_t index) {
  OpenLeaf leaf = std::move(open_[static_cast<size_t>(index)]);
  open_[static_cast<size_t>(index)] = {};  // no longer a leaf
  const int32_t left = static_cast<int32_t>(tree.nodes.size());
  tree.nodes.resize(tree.nodes.size() + 2);
  TreeNode& node = tree.nodes[static_cast<size_t>(leaf.node)];
  const Feature& feature = bins_.features[static_cast<size_t>(leaf.best.feature)];
  node.feature = leaf.best.feature;
  node.left = left;
  node.missing_left = leaf.best.missing_left != 0;
  node.gain = as_kept(leaf.best.gain);
  if (feature.categorical) {
    node.set = static_cast<int32_t>(tree.sets.size());
    int32_t last = feature.bins - 1;
    while (last > 0 && !leaf.left_bins[static_cast<size_t>(last)]) last--;
    const int32_t words = last / 32 + 1;
    tree.sets.push_back(static_cast<uint32_t>(words));
    tree.sets.resize(tree.sets.size() + static_cast<size_t>(words), 0);
    for (int32_t c = 0; c <= last; c++) {
      if (leaf.left_bins[static_cast<size_t>(c)]) tree.sets[static_cast<size_t>(node.set + 1 + c / 32)] |= 1u << (c % 32);
    }
  } else {
    node.threshold = feature.threshold(leaf.best.bin);
  }
  release(leaf.spare);
  release(leaf.histogram);
  open(tree, std::move(leaf.children[0]), left);
  open(tree, std::move(leaf.children[1]), left + 1);
  leaves_++;
}

// The rows of all leaves for which holds(leaf), in pieces that many threads can share.
template <class F>
std::vector<Stretch> Grower::stretches(const F& holds) const {
  std::vector<Stretch> pieces;
  for (size_t i = 0; i < open_.size(); i++) {
    const OpenLeaf& leaf = open_[i];
    if (leaf.node < 0 || !holds(leaf)) continue;
    for (int64_t at = leaf.begin; at < leaf.end; at += kLeafChunk)
      pieces.push_back({static_cast<int32_t>(i), at, std::min(kLeafChunk, leaf.end - at)});
  }
  return pieces;
}

template <class F>
void Grower::for_stretches(const std::vector<Stretch>& stretches, const F& f) {
  threads_.parallel(static_cast<int64_t>(stretches.size()), [&](int64_t i, int) { f(static_cast<size_t>(i)); });
}

// Leaf values: from the sums of growth, or where rounding would show in them, as beside rows of a much larger weight or gradient, from the
// gradients as they are.
void Grower::fit_leaves(Tree& tree) {
  const auto is_coarse = [this](const OpenLeaf& leaf) {
    const double rows = static_cast<double>(leaf.rows());
    return gradients_.uneven || second_sum(leaf.total) < kFineUnits * rows ||
           std::fabs(first_sum(leaf.total)) < kFineUnits * std::sqrt(rows);
  };
  const std::vector<Stretch> pieces = stretches(is_coarse);
  std::vector<std::array<double, 2>> parts(pieces.size()), sums(open_.size(), {0, 0});
  const Operand first = dense(gradients_.first, DType::f32, bins_.rows), second = dense(gradients_.second, DType::f32, bins_.rows);
  for_stretches(pieces, [&](size_t i) {
    const Operand rows = dense(rows_.data() + pieces[i].begin, DType::u32, pieces[i].count);
    call(*kernels_.sum_gradients, {first, second, rows}, {dense(parts[i].data(), DType::f64, 2)});
  });
  for (size_t i = 0; i < pieces.size(); i++) {
    for (size_t k = 0; k < 2; k++) sums[static_cast<size_t>(pieces[i].leaf)][k] += parts[i][k] * gradients_.unit;
  }
  for (size_t i = 0; i < open_.size(); i++) {
    const OpenLeaf& leaf = open_[i];
    if (leaf.node < 0) continue;
    if (!is_coarse(leaf)) sums[i] = {first_sum(leaf.total) * gradients_.first_unit, second_sum(leaf.total) * gradients_.second_unit};
    const double value = leaf_value(sums[i][0], sums[i][1], options_.penalty);
    tree.nodes[static_cast<size_t>(leaf.node)].value = to_finite(options_.learning_rate * value);
  }
}

void Grower::finish(Tree& tree) {
  for (OpenLeaf& leaf : open_) {
    release(leaf.histogram);
    release(leaf.spare);
    for (OpenLeaf& child : leaf.children) release(child.histogram);
  }
  fit_leaves(tree);
}

bool Grower::grow(const Gradients& gradients, int64_t count, uint64_t seed, const std::atomic<bool>& cancelled, Tree& tree) {
  gradients_ = gradients;
  seed_ = seed;
  open_.clear();
  open_.reserve(1024);
  queue_.clear();
  leaves_ = 1;
  choose_columns(seed);
  set_limits();
  if (mirror_ != nullptr) mirror_->start(static_cast<const int64_t*>(gradients.pairs.data), narrow_slots_, wide_slots_, all_columns_);
  tree.nodes.assign(1, {});
  OpenLeaf root;
  start(root, count);
  open(tree, std::move(root), 0);
  while (!queue_.empty() && (options_.max_leaves == 0 || leaves_ < options_.max_leaves)) {
    if (cancelled.load(std::memory_order_relaxed)) break;
    const int32_t index = queue_.begin()->leaf;
    if (!open_[static_cast<size_t>(index)].expanded) prepare();
    queue_.erase(queue_.begin());
    commit(tree, index);
  }
  finish(tree);
  return !cancelled && status().ok();
}

void Grower::add_to(const Tree& tree, float* margin) {
  const std::vector<Stretch> pieces = stretches([](const OpenLeaf&) { return true; });
  for_stretches(pieces, [&](size_t i) {
    const int32_t node = open_[static_cast<size_t>(pieces[i].leaf)].node;
    const Operand rows = dense(rows_.data() + pieces[i].begin, DType::u32, pieces[i].count);
    call(*kernels_.add_leaf, {rows}, {dense(margin, DType::f32, bins_.rows)}, {}, {tree.nodes[static_cast<size_t>(node)].value});
  });
}

}  // namespace tensorwood
