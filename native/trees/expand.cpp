// The work of one node of a growing tree: partition its rows, sum the smaller child, get the larger child by subtraction while its
// splits are searched. A team is the whole pool for a large node and one thread for a small one.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "trees/grow.h"
#include "trees/random.h"

namespace tensorwood {
namespace {

constexpr int64_t kRowChunk = 8192;
constexpr int64_t kFeatureChunk = 4;
constexpr int64_t kSlotChunk = 4096;

// Every index in turn on this thread, or shared out over the pool. f(index, worker)
template <class F>
void for_each(const Team& team, int64_t n, const F& f) {
  if (team.threads != nullptr) return team.threads->parallel(n, f);
  for (int64_t i = 0; i < n; i++) f(i, team.first_worker);
}

}  // namespace

// (first unit, second unit, l1, l2, max delta step, least, smooth, category l2, heaviest, rows, category rows, group rows).
void Grower::set_limits() {
  const CategoryOptions& c = options_.category;
  const Gradients& g = gradients_;
  const Penalty& p = options_.penalty;
  const double least = std::max(1.0, options_.min_child_weight / g.second_unit);
  limits_ = {g.first_unit, g.second_unit,   p.l1, p.l2, p.max_delta_step, least, c.smooth, c.l2, g.heaviest, options_.min_rows,
             c.min_rows,   c.min_group_rows};
}

Operand Grower::codes_of(const Feature& f) const {
  return f.wide ? dense(bins_.wide_columns.data() + f.column * bins_.column_stride, DType::u16, bins_.rows)
                : dense(bins_.narrow_columns.data() + f.column * bins_.column_stride, DType::u8, bins_.rows);
}

// -> rows that went left
int64_t Grower::divide_rows(OpenLeaf& leaf, const Team& team) {
  const Feature& f = bins_.features[static_cast<size_t>(leaf.best.feature)];
  const Operand bins = codes_of(f);
  const auto divide = [&](int64_t begin, int64_t count, uint32_t* left, uint32_t* right) {
    int64_t gone = 0;
    const Operand rows = dense(rows_.data() + begin, DType::u32, count);
    const Operand out[3] = {dense(left, DType::u32, count), dense(right, DType::u32, count), dense(&gone, DType::i64, 1)};
    if (f.categorical) {
      call(*kernels_.partition, {bins, rows, dense(leaf.left_bins.data(), DType::u8, f.bins + 1)}, {out[0], out[1], out[2]});
    } else {
      call(*kernels_.partition, {bins, rows}, {out[0], out[1], out[2]}, {leaf.best.bin, f.bins, leaf.best.missing_left});
    }
    return gone;
  };
  if (leaf.rows() <= kRowChunk || team.threads == nullptr) {
    const int64_t gone = divide(leaf.begin, leaf.rows(), rows_.data() + leaf.begin, rights_.data() + leaf.begin);
    std::memcpy(rows_.data() + leaf.begin + gone, rights_.data() + leaf.begin, static_cast<size_t>(leaf.rows() - gone) * sizeof(uint32_t));
    return gone;
  }
  const int64_t chunks = (leaf.rows() + kRowChunk - 1) / kRowChunk;
  std::vector<int64_t> gone(static_cast<size_t>(chunks) + 1, 0);
  for_each(team, chunks, [&](int64_t c, int) {
    const int64_t at = leaf.begin + c * kRowChunk;
    gone[static_cast<size_t>(c) + 1] = divide(at, std::min(kRowChunk, leaf.end - at), lefts_.data() + at, rights_.data() + at);
  });
  for (size_t c = 1; c < gone.size(); c++) gone[c] += gone[c - 1];
  for_each(team, chunks, [&](int64_t c, int) {
    const int64_t at = leaf.begin + c * kRowChunk, count = std::min(kRowChunk, leaf.end - at);
    const int64_t before = gone[static_cast<size_t>(c)], left = gone[static_cast<size_t>(c) + 1] - before;
    std::memcpy(rows_.data() + leaf.begin + before, lefts_.data() + at, static_cast<size_t>(left) * sizeof(uint32_t));
    std::memcpy(rows_.data() + leaf.begin + gone.back() + (c * kRowChunk - before), rights_.data() + at,
                static_cast<size_t>(count - left) * sizeof(uint32_t));
  });
  return gone.back();
}

void Grower::add_chunk(const OpenLeaf& leaf, int64_t first, int64_t count, int64_t* histogram) {
  const Operand pairs = gradients_.pairs, rows = dense(rows_.data() + leaf.begin + first, DType::u32, count);
  const Operand out = dense(histogram, DType::i64, bins_.slots);
  const Operand narrow = dense(bins_.narrow_rows.data(), DType::u8, bins_.rows, bins_.narrow_stride),
                narrow_slots = dense(narrow_slots_.data(), DType::i32, bins_.narrow),
                wide = dense(bins_.wide_rows.data(), DType::u16, bins_.rows, bins_.wide_stride),
                wide_slots = dense(wide_slots_.data(), DType::i32, bins_.wide);
  if (bins_.wide == 0) return call(*kernels_.histogram, {narrow, pairs, rows, narrow_slots}, {out}, {all_columns_});
  if (bins_.narrow == 0) return call(*kernels_.histogram, {wide, pairs, rows, wide_slots}, {out}, {0});
  call(*kernels_.histogram, {narrow, pairs, rows, narrow_slots, wide, wide_slots}, {out}, {all_columns_});
}

// Each worker sums into a histogram of its own; integers add up to the same whatever the order. What an accelerator cannot sum is summed
// here, so that growth only ever sees sums that are right.
void Grower::build_histogram(OpenLeaf& leaf, const Team& team) {
  if (mirror_ != nullptr && mirror_->sum(rows_.data() + leaf.begin, leaf.rows(), leaf.histogram)) return;
  const size_t bytes = static_cast<size_t>(bins_.slots) * sizeof(int64_t);
  std::memset(leaf.histogram, 0, bytes);
  if (team.threads == nullptr || leaf.rows() <= kRowChunk || partials_.empty()) return add_chunk(leaf, 0, leaf.rows(), leaf.histogram);
  for (const Array<int64_t>& partial : partials_) std::memset(partial.data(), 0, bytes);
  for_chunks(*team.threads, leaf.rows(), kRowChunk, [&](int64_t first, int64_t count, int worker) {
    add_chunk(leaf, first, count, worker == 0 ? leaf.histogram : partials_[static_cast<size_t>(worker) - 1].data());
  });
  for_chunks(*team.threads, bins_.slots, kSlotChunk, [&](int64_t first, int64_t count, int) {
    for (const Array<int64_t>& partial : partials_)
      call(*kernels_.add_histogram, {dense(partial.data() + first, DType::i64, count)}, {dense(leaf.histogram + first, DType::i64, count)});
  });
}

const FeatureSlot* Grower::sample_for_node(const OpenLeaf& leaf, std::vector<FeatureSlot>& sampled) const {
  if (options_.columns_per_node >= 1) return slots_.data();
  std::vector<int32_t> chosen(slots_.size());
  for (size_t i = 0; i < chosen.size(); i++) chosen[i] = static_cast<int32_t>(i);
  choose_some(chosen, std::max(1, static_cast<int32_t>(std::lround(options_.columns_per_node * static_cast<double>(slots_.size())))),
              hash_pair(hash_pair(seed_, static_cast<uint64_t>(leaf.begin)), static_cast<uint64_t>(leaf.depth)));
  sampled = slots_;
  for (FeatureSlot& s : sampled) s.scan = 0;
  for (const int32_t i : chosen) sampled[static_cast<size_t>(i)].scan = 1;
  return sampled.data();
}

// One of the three kernels that read the limits of a split.
void Grower::call_split(const Kernel& kernel, const OpenLeaf& leaf, std::initializer_list<Operand> inputs,
                        std::initializer_list<Operand> outputs, int worker) {
  const int64_t integers[4] = {leaf.total, options_.category.most, options_.category.one_hot_bins, leaf.rows()};
  const Args args = {inputs.begin(),
                     outputs.begin(),
                     integers,
                     limits_.data(),
                     static_cast<int32_t>(inputs.size()),
                     static_cast<int32_t>(outputs.size()),
                     4,
                     static_cast<int32_t>(limits_.size()),
                     workers_[static_cast<size_t>(worker)].sort.data(),
                     &serial_threads(),
                     nullptr};
  kernel.run(args);
}

void Grower::scan(OpenLeaf& leaf, const int64_t* sibling, const FeatureSlot* slots, int64_t first, int64_t count, Split* splits,
                  int worker) {
  const Operand histogram = dense(leaf.histogram, DType::i64, bins_.slots), features = dense(slots + first, DType::u8, count),
                found = dense(splits + first, DType::u8, count);
  if (sibling == nullptr) return call_split(*kernels_.split, leaf, {histogram, features}, {histogram, found}, worker);
  call_split(*kernels_.split, leaf, {histogram, features, dense(sibling, DType::i64, bins_.slots)}, {histogram, found}, worker);
}

// Rows of each bin of a feature, in the counts of the team's first worker.
void Grower::count_rows(const OpenLeaf& leaf, const Feature& feature, const Team& team) {
  const Operand codes = codes_of(feature);
  const size_t bins = static_cast<size_t>(feature.bins) + 1;
  const auto add = [&](int64_t first, int64_t count, int worker) {
    call(*kernels_.count_rows, {codes, dense(rows_.data() + leaf.begin + first, DType::u32, count)},
         {dense(workers_[static_cast<size_t>(worker)].counts.data(), DType::u32, static_cast<int64_t>(bins))});
  };
  std::vector<uint32_t>& own = workers_[static_cast<size_t>(team.first_worker)].counts;
  std::fill_n(own.begin(), bins, 0u);
  if (team.threads == nullptr || leaf.rows() <= kRowChunk) return add(0, leaf.rows(), team.first_worker);
  for (Worker& worker : workers_) std::fill_n(worker.counts.begin(), bins, 0u);
  for_chunks(*team.threads, leaf.rows(), kRowChunk, add);
  for (size_t w = 1; w < workers_.size(); w++) {
    for (size_t b = 0; b < bins; b++) own[b] += workers_[w].counts[b];
  }
}

// The best split of one of the columns again, by the rows that it really has.
void Grower::split_counted(const OpenLeaf& leaf, size_t column, Split& split, const Team& team) {
  const Feature& feature = bins_.features[static_cast<size_t>(columns_[column])];
  count_rows(leaf, feature, team);
  const std::vector<uint32_t>& counts = workers_[static_cast<size_t>(team.first_worker)].counts;
  call_split(*kernels_.split_counted, leaf,
             {dense(leaf.histogram, DType::i64, bins_.slots), dense(&slots_[column], DType::u8, 1),
              dense(counts.data(), DType::u32, feature.bins + 1)},
             {dense(&split, DType::u8, 1)}, team.first_worker);
}

// The best feature, the first of equals; none when the gain is less than asked for or could come from rounding alone. Counting rows only
// takes splits away, so the first of the winners whose rows are certain is the best.
void Grower::choose(OpenLeaf& leaf, Split* splits, const Team& team) {
  const double unit = gradients_.first_unit, weight = second_sum(leaf.total) * gradients_.second_unit;
  const double rounding = 4 * unit * unit * static_cast<double>(leaf.rows()) / weight;
  std::vector<uint8_t> counted;
  size_t last = columns_.size();  // whose rows were counted last
  for (;;) {
    double best = std::max(options_.gamma, rounding);
    size_t at = columns_.size();
    for (size_t i = 0; i < columns_.size(); i++) {
      if (!(splits[i].gain > best)) continue;
      best = splits[i].gain;
      at = i;
    }
    leaf.best.feature = -1;
    if (at == columns_.size()) return;
    if (!splits[at].certain) {
      counted.resize(columns_.size(), 0);
      counted[at] = 1;
      last = at;
      split_counted(leaf, at, splits[at], team);
      continue;
    }
    leaf.best = splits[at];
    leaf.best.feature = columns_[at];
    leaf.counted = !counted.empty() && counted[at];
    if (leaf.counted && bins_.features[static_cast<size_t>(columns_[at])].categorical) {
      if (at != last) count_rows(leaf, bins_.features[static_cast<size_t>(columns_[at])], team);
      place_categories(leaf, team);  // while the counts are at hand
    }
    return;
  }
}

// Either leaf may be null; the subtracted one holds its parent's histogram, from which the sibling is taken off on the way.
void Grower::find_splits(OpenLeaf* plain, OpenLeaf* subtracted, const int64_t* sibling, const Team& team) {
  Worker& own = workers_[static_cast<size_t>(team.first_worker)];
  const int64_t features = static_cast<int64_t>(slots_.size());
  Split* splits[2] = {own.splits.data(), own.splits.data() + bins_.features.size()};
  std::vector<FeatureSlot> sampled[2];
  const FeatureSlot* slots[2] = {plain ? sample_for_node(*plain, sampled[0]) : nullptr,
                                 subtracted ? sample_for_node(*subtracted, sampled[1]) : nullptr};
  const int64_t chunk = team.threads == nullptr ? features : kFeatureChunk;
  for_each(team, (features + chunk - 1) / chunk, [&](int64_t c, int worker) {
    const int64_t first = c * chunk, count = std::min(chunk, features - first);
    if (plain != nullptr) scan(*plain, nullptr, slots[0], first, count, splits[0], worker);
    if (subtracted != nullptr) scan(*subtracted, sibling, slots[1], first, count, splits[1], worker);
  });
  if (plain != nullptr) choose(*plain, splits[0], team);
  if (subtracted != nullptr) choose(*subtracted, splits[1], team);
}

// Which categories of a leaf's best split go left; by the rows that the team's first worker has counted if the split is by them.
void Grower::place_categories(OpenLeaf& leaf, const Team& team) {
  const Feature& f = bins_.features[static_cast<size_t>(leaf.best.feature)];
  leaf.left_bins.resize(static_cast<size_t>(f.bins) + 4);  // partition reads three bytes past the last bin
  const FeatureSlot slot = {f.slot, f.bins, 1, 1};
  const Operand histogram = dense(leaf.histogram, DType::i64, bins_.slots), feature = dense(&slot, DType::u8, 1);
  const Operand best = dense(&leaf.best, DType::u8, 1), left = dense(leaf.left_bins.data(), DType::u8, f.bins + 1);
  if (!leaf.counted) return call_split(*kernels_.split_categories, leaf, {histogram, feature}, {best, left}, team.first_worker);
  const std::vector<uint32_t>& counts = workers_[static_cast<size_t>(team.first_worker)].counts;
  call_split(*kernels_.split_categories, leaf, {histogram, feature, dense(counts.data(), DType::u32, f.bins + 1)}, {best, left},
             team.first_worker);
}

void Grower::expand(OpenLeaf& leaf, const Team& team) {
  if (!leaf.summed) build_histogram(leaf, team);
  if (bins_.features[static_cast<size_t>(leaf.best.feature)].categorical && !leaf.counted) place_categories(leaf, team);
  const int64_t gone = divide_rows(leaf, team);
  leaf.children.resize(2);
  OpenLeaf &left = leaf.children[0], &right = leaf.children[1];
  left.depth = right.depth = leaf.depth + 1;
  left.begin = leaf.begin;
  left.end = right.begin = leaf.begin + gone;
  right.end = leaf.end;
  left.total = leaf.best.left;
  right.total = leaf.total - leaf.best.left;
  leaf.expanded = true;
  OpenLeaf& smaller = left.rows() <= right.rows() ? left : right;
  OpenLeaf& larger = left.rows() <= right.rows() ? right : left;
  const bool scan_smaller = splittable(smaller), scan_larger = splittable(larger);
  if (!scan_smaller && !scan_larger) return;
  std::swap(smaller.histogram, leaf.spare);
  build_histogram(smaller, team);
  std::swap(larger.histogram, leaf.histogram);
  find_splits(scan_smaller ? &smaller : nullptr, scan_larger ? &larger : nullptr, smaller.histogram, team);
}

}  // namespace tensorwood
