// The kernels of the tree engine against slow definitions, on one device: the first part of trees.cpp.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "expect.h"
#include "tree_sample.h"

static std::vector<uint32_t> some_rows(int n, double share) {
  std::vector<uint32_t> rows;
  for (int i = 0; i < n; i++) {
    if (below(1000) < share * 1000) rows.push_back(static_cast<uint32_t>(i));
  }
  return rows;
}

struct Machine {
  const Device& device;
  const Kernel& kernel(const char* name, DType dtype) const { return *device.find(name, dtype); }
};

static void histograms(const Machine& m) {
  for (const int features : {1, 3, 4, 7, 28}) {
    const int n = 1000, stride = features + below(5);
    std::vector<uint8_t> bins(static_cast<size_t>(n * stride));
    std::vector<int64_t> pairs(static_cast<size_t>(n));
    std::vector<uint32_t> short_pairs(pairs.size());
    std::vector<int32_t> slots;
    for (uint8_t& b : bins) b = static_cast<uint8_t>(below(256));
    for (int64_t& p : pairs) p = pair_of(below(2000000) - 1000000, below(2000000));
    for (uint32_t& p : short_pairs) p = short_pair_of(below(65535) - 32767, below(32768));
    for (int f = 0; f < features; f++) slots.push_back(f * kNarrowSlots);
    for (const double share : {0.0, 0.01, 0.3, 1.0}) {
      const std::vector<uint32_t> rows = some_rows(n, share);
      std::vector<int64_t> expected(static_cast<size_t>(features * kNarrowSlots), 0), short_expected(expected);
      for (const uint32_t row : rows) {
        for (int f = 0; f < features; f++) {
          const size_t slot = static_cast<size_t>(slots[static_cast<size_t>(f)] + bins[row * stride + f]);
          expected[slot] += pairs[row];
          short_expected[slot] += widen_pair(short_pairs[row]);
        }
      }
      const auto sum = [&](const Operand& own, int64_t dense_slots) {
        std::vector<int64_t> got(expected.size(), 0);
        call(m.kernel("histogram", DType::i64),
             {dense(bins.data(), DType::u8, n, stride), own, dense(rows.data(), DType::u32, static_cast<int64_t>(rows.size())),
              dense(slots.data(), DType::i32, features)},
             {dense(got.data(), DType::i64, static_cast<int64_t>(got.size()))}, {dense_slots});
        return got;
      };
      for (const int64_t dense_slots : {1, 0}) {
        EXPECT(sum(dense(pairs.data(), DType::i64, n), dense_slots) == expected);
        EXPECT(sum(dense(short_pairs.data(), DType::u32, n), dense_slots) == short_expected);
      }
    }
  }
}

// Narrow and wide codes of one row at once, as one after the other; and rows of each bin.
static void histograms_of_both(const Machine& m) {
  const int n = 900, narrow = 3, wide = 2, slots = narrow * kNarrowSlots + wide * padded_slots(700);
  std::vector<uint8_t> bytes(static_cast<size_t>(n * narrow));
  std::vector<uint16_t> words(static_cast<size_t>(n * wide));
  std::vector<int64_t> pairs(static_cast<size_t>(n));
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(below(256));
  for (uint16_t& b : words) b = static_cast<uint16_t>(below(700));
  for (int64_t& p : pairs) p = pair_of(below(2000) - 1000, below(2000));
  const std::vector<int32_t> first = {0, kNarrowSlots, 2 * kNarrowSlots},
                             second = {narrow * kNarrowSlots, narrow * kNarrowSlots + padded_slots(700)};
  for (const double share : {0.3, 1.0}) {
    const std::vector<uint32_t> rows = some_rows(n, share);
    const Operand own = dense(pairs.data(), DType::i64, n), some = dense(rows.data(), DType::u32, static_cast<int64_t>(rows.size()));
    const Operand codes = dense(bytes.data(), DType::u8, n, narrow), at = dense(first.data(), DType::i32, narrow),
                  wide_codes = dense(words.data(), DType::u16, n, wide), wide_at = dense(second.data(), DType::i32, wide);
    for (const int64_t all : {1, 0}) {
      std::vector<int64_t> got(static_cast<size_t>(slots), 0), expected(got);
      const Kernel& kernel = m.kernel("histogram", DType::i64);
      call(kernel, {codes, own, some, at}, {dense(expected.data(), DType::i64, slots)}, {1});
      call(kernel, {wide_codes, own, some, wide_at}, {dense(expected.data(), DType::i64, slots)}, {0});
      call(kernel, {codes, own, some, at, wide_codes, wide_at}, {dense(got.data(), DType::i64, slots)}, {all});
      EXPECT(got == expected);
    }
    std::vector<uint32_t> counts(256, 0), counted(256, 0);
    for (const uint32_t row : rows) counted[bytes[row]]++;
    call(m.kernel("count_rows", DType::u32), {dense(bytes.data(), DType::u8, n), some}, {dense(counts.data(), DType::u32, 256)});
    EXPECT(counts == counted);
  }
}

template <class Bin>
static void partitions(const Machine& m, DType dtype, int bin_count) {
  const int n = 777;
  std::vector<Bin> bins(static_cast<size_t>(n) + 64);
  for (Bin& b : bins) b = static_cast<Bin>(below(bin_count));
  for (const double share : {0.0, 0.02, 0.5, 1.0}) {
    const std::vector<uint32_t> rows = some_rows(n, share);
    const int last = below(bin_count), missing = bin_count - 1, missing_left = below(2), table = below(2);
    std::vector<uint8_t> chosen(static_cast<size_t>(bin_count) + 3);
    for (uint8_t& c : chosen) c = static_cast<uint8_t>(below(2));
    std::vector<uint32_t> left, right, in_place = rows, moved(rows.size());
    for (const uint32_t row : rows) {
      const int bin = bins[row];
      const bool goes = table ? chosen[static_cast<size_t>(bin)] : bin == missing ? missing_left : bin <= last;
      (goes ? left : right).push_back(row);
    }
    int64_t count = -1;
    const int64_t size = static_cast<int64_t>(rows.size());
    const Operand column = dense(bins.data(), dtype, n), out_left = dense(in_place.data(), DType::u32, size),
                  out_right = dense(moved.data(), DType::u32, size);
    const Operand out_count = dense(&count, DType::i64, 1);
    if (table) {
      call(m.kernel("partition", DType::u32), {column, out_left, dense(chosen.data(), DType::u8, bin_count)},
           {out_left, out_right, out_count});
    } else {
      call(m.kernel("partition", DType::u32), {column, out_left}, {out_left, out_right, out_count}, {last, missing, missing_left});
    }
    in_place.resize(left.size());
    moved.resize(right.size());
    EXPECT(count == static_cast<int64_t>(left.size()) && in_place == left && moved == right);
  }
}

// The best gain over all cuts and both sides for missing values, one by one.
static double best_gain(const std::vector<int64_t>& h, int bins, int64_t total, double unit, const Penalty& p, double least) {
  const auto score = [&](int64_t s) { return leaf_score(first_sum(s) * unit, second_sum(s) * unit, p); };
  double best = 0;
  for (int cut = 0; cut < bins; cut++) {
    for (const int side : {0, 1}) {
      int64_t left = side ? h[static_cast<size_t>(bins)] : 0;
      for (int b = 0; b <= cut; b++) left += h[static_cast<size_t>(b)];
      if (second_sum(left) < least || second_sum(total - left) < least) continue;
      best = std::max(best, score(left) + score(total - left) - score(total));
    }
  }
  return best;
}

static void splits(const Machine& m) {
  for (int round = 0; round < 200; round++) {
    const int bins = 1 + below(255);
    const double unit = 1.0 / 512, least = 1 + below(2000);
    const Penalty penalty = {round % 3 == 0 ? 0.7 : 0, round % 4 * 0.5, round % 5 == 0 ? 0.8 : 0};
    std::vector<int64_t> parent(kNarrowSlots, 0), sibling(kNarrowSlots, 0), own(kNarrowSlots, 0);
    int64_t total = 0;
    for (int b = 0; b <= bins; b++) {
      if (below(4) == 0 || (b == bins && round % 2)) continue;
      own[static_cast<size_t>(b)] = static_cast<int64_t>(below(20000) - 10000) * 4294967296 + below(4000);
      sibling[static_cast<size_t>(b)] = static_cast<int64_t>(below(20000) - 10000) * 4294967296 + below(4000);
      parent[static_cast<size_t>(b)] = own[static_cast<size_t>(b)] + sibling[static_cast<size_t>(b)];
      total += own[static_cast<size_t>(b)];
    }
    const FeatureSlot slot = {0, bins, 0, 1};
    Split split = {};
    call(m.kernel("split", DType::i64),
         {dense(parent.data(), DType::i64, kNarrowSlots), dense(&slot, DType::u8, 1), dense(sibling.data(), DType::i64, kNarrowSlots)},
         {dense(parent.data(), DType::i64, kNarrowSlots), dense(&split, DType::u8, 1)}, {total, 32, 4, 1000},
         {unit, unit, penalty.l1, penalty.l2, penalty.max_delta_step, least, 10, 10, 4000, 1, 1, 1});
    EXPECT(parent == own);
    const double expected = best_gain(own, bins, total, unit, penalty, least);
    EXPECT(std::fabs(split.gain - expected) <= 1e-9 * (1 + expected));
  }
}

// Sorting by gradient over hessian finds the best of all subsets (Fisher 1958); one against the rest, the best of the single ones. The
// table of bins that go left agrees with the sum that the split promises.
static void category_splits(const Machine& m) {
  for (int round = 0; round < 100; round++) {
    const int bins = 3 + below(7);  // and the missing one
    const bool one_hot = round % 3 == 0;
    const double unit = 1.0 / 512;
    std::vector<int64_t> own(kNarrowSlots, 0);
    int64_t total = 0;
    for (int b = 0; b <= bins; b++) {
      if (b == bins && round % 2) continue;
      own[static_cast<size_t>(b)] = static_cast<int64_t>(below(20000) - 10000) * 4294967296 + 1 + below(4000);
      total += own[static_cast<size_t>(b)];
    }
    const auto score = [&](int64_t s) { return leaf_score(first_sum(s) * unit, second_sum(s) * unit, {0, 0, 0}); };
    double expected = 0;
    for (int subset = 1; subset < (1 << (bins + 1)); subset++) {
      if (one_hot && (subset & (subset - 1))) continue;
      int64_t left = 0;
      for (int b = 0; b <= bins; b++) left += (subset >> b) & 1 ? own[static_cast<size_t>(b)] : 0;
      if (second_sum(left) < 1 || second_sum(total - left) < 1) continue;
      expected = std::max(expected, score(left) + score(total - left) - score(total));
    }
    const FeatureSlot slot = {0, bins, 1, 1};
    Split split = {};
    std::vector<char> scratch(4096);
    std::vector<uint8_t> left_bins(static_cast<size_t>(bins) + 1);
    const std::initializer_list<int64_t> integers = {total, 32, one_hot ? 100 : 1, 1000};
    const std::initializer_list<double> numbers = {unit, unit, 0, 0, 0, 1, 0, 0, 4000, 1, 1, 1};
    const Operand histogram = dense(own.data(), DType::i64, kNarrowSlots), feature = dense(&slot, DType::u8, 1),
                  best = dense(&split, DType::u8, 1);
    call(m.kernel("split", DType::i64), {histogram, feature}, {histogram, best}, integers, numbers, scratch.data());
    EXPECT(std::fabs(split.gain - expected) <= 1e-9 * (1 + expected));
    call(m.kernel("split_categories", DType::u8), {histogram, feature}, {best, dense(left_bins.data(), DType::u8, bins + 1)}, integers,
         numbers, scratch.data());
    int64_t left = 0;
    for (int b = 0; b <= bins; b++) left += left_bins[static_cast<size_t>(b)] ? own[static_cast<size_t>(b)] : 0;
    EXPECT(left == split.left && left_bins[static_cast<size_t>(bins)] == split.missing_left);
  }
}

// Numbers by their cuts, missing values last.
static void bins(const Machine& m) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const int count : {0, 1, 5, 254}) {
    std::vector<float> cuts, values;
    for (int i = 0; i < count; i++) cuts.push_back(static_cast<float>(i) * 0.5f - 10);
    for (int i = 0; i < 333; i++) values.push_back(below(9) == 0 ? std::nanf("") : static_cast<float>(below(4000)) * 0.05f - 20);
    std::vector<uint8_t> got(values.size()), expected;
    for (const float v : values) {
      int bin = 0;
      while (bin < count && cuts[static_cast<size_t>(bin)] < v) bin++;
      expected.push_back(static_cast<uint8_t>(std::isnan(v) ? count + 1 : bin));
    }
    cuts.resize(256, inf);
    call(m.kernel("bin_values", DType::u8),
         {dense(values.data(), DType::f32, static_cast<int64_t>(values.size())), dense(cuts.data(), DType::f32, 256)},
         {dense(got.data(), DType::u8, static_cast<int64_t>(got.size()))}, {count + 1});
    EXPECT(got == expected);
  }
}

static void gradients(const Machine& m) {
  std::vector<float> margin, label, first(500), second(500);
  for (int i = 0; i < 500; i++) {
    margin.push_back(static_cast<float>(below(4000) - 2000) / 20);
    label.push_back(static_cast<float>(below(2)));
  }
  call(m.kernel("gradient_logistic", DType::f32), {dense(margin.data(), DType::f32, 500), dense(label.data(), DType::f32, 500)},
       {dense(first.data(), DType::f32, 500), dense(second.data(), DType::f32, 500)});
  std::vector<double> sums(2, 0.0);
  for (size_t i = 0; i < 500; i++) {
    const double p = 1 / (1 + std::exp(-static_cast<double>(margin[i])));
    EXPECT(std::fabs(first[i] - (p - label[i])) < 1e-6 && std::fabs(second[i] - p * (1 - p)) < 1e-6);
    sums[0] += std::fabs(first[i]);
    sums[1] += second[i];
  }
  double extent[4];
  call(m.kernel("measure_gradients", DType::f64), {dense(first.data(), DType::f32, 500), dense(second.data(), DType::f32, 500)},
       {dense(extent, DType::f64, 4)});
  EXPECT(std::fabs(extent[1] - sums[0]) < 1e-6 && std::fabs(extent[3] - sums[1]) < 1e-6);
  std::vector<int64_t> pairs(500);
  call(m.kernel("quantize", DType::i64), {dense(first.data(), DType::f32, 500), dense(second.data(), DType::f32, 500)},
       {dense(pairs.data(), DType::i64, 500)}, {7, 0}, {1000, 2000});
  for (size_t i = 0; i < 500; i++) {
    EXPECT(std::fabs(first_sum(pairs[i]) - first[i] * 1000) <= 1.01 && std::fabs(second_sum(pairs[i]) - second[i] * 2000) <= 1.01);
  }
}

// Whole numbers stay as they are; between them the mean is the number, of either sign and however small.
static void rounding(const Machine& m) {
  constexpr int n = 1 << 17;
  for (const float value : {1.0f, -1.0f, 3.0f, 0.0f, 0.3f, -0.3f, 0.001f, -0.001f, 20000.7f, -20000.7f}) {
    const std::vector<float> first(n, value), second(n, std::fabs(value));
    std::vector<int64_t> pairs(n);
    call(m.kernel("quantize", DType::i64), {dense(first.data(), DType::f32, n), dense(second.data(), DType::f32, n)},
         {dense(pairs.data(), DType::i64, n)}, {11, 0}, {1, 1});
    std::vector<uint32_t> short_pairs(n);
    call(m.kernel("quantize", DType::u32), {dense(first.data(), DType::f32, n), dense(second.data(), DType::f32, n)},
         {dense(short_pairs.data(), DType::u32, n)}, {11, 0}, {1, 1});
    EXPECT(std::equal(pairs.begin(), pairs.end(), short_pairs.begin(), [](int64_t a, uint32_t b) { return a == widen_pair(b); }));
    double sums[2] = {0, 0};
    for (const int64_t pair : pairs) {
      sums[0] += first_sum(pair);
      sums[1] += second_sum(pair);
    }
    const double part = std::fabs(value) - std::floor(std::fabs(value)), error = 5 * std::sqrt(part * (1 - part) / n);
    EXPECT(std::fabs(sums[0] / n - value) <= error && std::fabs(sums[1] / n - std::fabs(value)) <= error);
  }
}
