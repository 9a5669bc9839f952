// What trees count and sum, against slow definitions, on one device: splits by counted rows, sums of gradients, the bound of rounded ones.
#pragma once
#include "tree_kernels.h"
#include "trees/scale.h"

// With rows counted, the best of all cuts, or of all single categories, whose sides have enough of them: one by one. Sides are chosen by
// rows alone, however little second derivative those have.
static void counted_splits(const Machine& m) {
  for (int round = 0; round < 200; round++) {
    const int bins = 2 + below(60), least_rows = 1 + below(150);
    const bool categorical = round % 2 == 1;
    const double unit = 1.0 / 512;
    std::vector<int64_t> own(kNarrowSlots, 0);
    std::vector<uint32_t> counts(static_cast<size_t>(bins) + 1, 0);
    int64_t total = 0, rows = 0;
    for (size_t b = 0; b < counts.size(); b++) {
      if (below(4) == 0) continue;
      counts[b] = static_cast<uint32_t>(1 + below(40));
      own[b] = static_cast<int64_t>(below(20000) - 10000) * 4294967296 + 1 + below(round % 3 == 0 ? 4000 : 30);
      total += own[b];
      rows += counts[b];
    }
    const auto score = [&](int64_t s) { return leaf_score(first_sum(s) * unit, second_sum(s) * unit, {0, 1, 0}); };
    double expected = 0;
    const auto consider = [&](int64_t left, int64_t count) {
      if (count < least_rows || rows - count < least_rows || second_sum(left) < 1 || second_sum(total - left) < 1) return;
      expected = std::max(expected, score(left) + score(total - left) - score(total));
    };
    for (const int missing : {0, 1}) {
      int64_t left = missing ? own[counts.size() - 1] : 0, count = missing ? counts.back() : 0;
      for (size_t b = 0; b < counts.size() - 1; b++) {
        left += own[b];
        count += counts[b];
        if (!categorical) consider(left, count);
      }
    }
    for (size_t b = 0; b < counts.size() && categorical; b++) consider(own[b], counts[b]);
    const FeatureSlot slot = {0, bins, categorical, 1};
    Split split = {}, bound = {};
    std::vector<char> scratch(8192);
    const std::initializer_list<int64_t> integers = {total, 32, 100, std::max<int64_t>(rows, 1)};
    const double asked = least_rows;
    const std::initializer_list<double> numbers = {unit, unit, 0, 1, 0, 1, 0, 0, 4000, asked, 1, 1};
    const Operand histogram = dense(own.data(), DType::i64, kNarrowSlots), feature = dense(&slot, DType::u8, 1);
    call(m.kernel("split", DType::i64), {histogram, feature}, {histogram, dense(&bound, DType::u8, 1)}, integers, numbers, scratch.data());
    call(m.kernel("split_counted", DType::u8), {histogram, feature, dense(counts.data(), DType::u32, bins + 1)},
         {dense(&split, DType::u8, 1)}, integers, numbers, scratch.data());
    EXPECT(std::fabs(split.gain - expected) <= 1e-9 * (1 + expected));
    EXPECT(split.certain == 1 && bound.gain >= split.gain - 1e-9 * (1 + expected));
    if (bound.certain && bound.gain > 0) EXPECT(std::fabs(bound.gain - expected) <= 1e-9 * (1 + expected));
  }
}

// Sets of categories by counted rows: the table of bins that go left has the sum that the split promises, enough rows on both sides and in
// every category of it.
static void counted_sets(const Machine& m) {
  int found = 0;
  for (int round = 0; round < 200; round++) {
    const int bins = 5 + below(60), in_category = 1 + below(20), in_side = in_category + below(60);
    std::vector<int64_t> own(kNarrowSlots, 0);
    std::vector<uint32_t> counts(static_cast<size_t>(bins) + 1, 0);
    int64_t total = 0, rows = 0;
    for (size_t b = 0; b < counts.size(); b++) {
      counts[b] = static_cast<uint32_t>(below(40));
      if (counts[b] > 0) own[b] = static_cast<int64_t>(below(20000) - 10000) * 4294967296 + 1 + below(4000);
      total += own[b];
      rows += counts[b];
    }
    const FeatureSlot slot = {0, bins, 1, 1};
    Split split = {};
    std::vector<char> scratch(8192);
    std::vector<uint8_t> left_bins(counts.size());
    const std::initializer_list<int64_t> integers = {total, 32, 1, std::max<int64_t>(rows, 1)};
    const double category = in_category, side = in_side;
    const std::initializer_list<double> numbers = {1, 1, 0, 1, 0, 1, 1, 1, 4000, side, category, side};
    const Operand histogram = dense(own.data(), DType::i64, kNarrowSlots), feature = dense(&slot, DType::u8, 1),
                  some = dense(counts.data(), DType::u32, bins + 1), best = dense(&split, DType::u8, 1);
    call(m.kernel("split_counted", DType::u8), {histogram, feature, some}, {best}, integers, numbers, scratch.data());
    if (!(split.gain > 0)) continue;
    found++;
    call(m.kernel("split_categories", DType::u8), {histogram, feature, some}, {best, dense(left_bins.data(), DType::u8, bins + 1)},
         integers, numbers, scratch.data());
    int64_t left = 0, count = 0;
    for (size_t b = 0; b < counts.size(); b++) {
      if (!left_bins[b]) continue;
      left += own[b];
      count += counts[b];
      EXPECT(counts[b] >= static_cast<uint32_t>(in_category));
    }
    EXPECT(left == split.left && count >= in_side && rows - count >= in_side);
  }
  EXPECT(found > 50);
}

static void gradient_sums(const Machine& m) {
  std::vector<float> first(3000), second(first.size());
  for (size_t i = 0; i < first.size(); i++) {
    first[i] = std::ldexp(static_cast<float>(below(2001) - 1000), below(40) - 20);
    second[i] = std::ldexp(static_cast<float>(below(1000)), below(40) - 20);
  }
  for (const double share : {0.0, 0.001, 0.3, 1.0}) {
    const std::vector<uint32_t> rows = some_rows(3000, share);
    double expected[2] = {0, 0}, size = 0, got[2] = {-1, -1};
    for (const uint32_t row : rows) {
      expected[0] += first[row];
      expected[1] += second[row];
      size += std::fabs(first[row]);
    }
    call(m.kernel("sum_gradients", DType::f64),
         {dense(first.data(), DType::f32, 3000), dense(second.data(), DType::f32, 3000),
          dense(rows.data(), DType::u32, static_cast<int64_t>(rows.size()))},
         {dense(got, DType::f64, 2)});
    EXPECT(std::fabs(got[0] - expected[0]) <= 1e-12 * size && std::fabs(got[1] - expected[1]) <= 1e-12 * expected[1]);
  }
}

// Whatever the gradients, the sums of what they are rounded to fit 31 bits: of all alike, of weights far from one, of a softmax.
static void bounds(const Machine& m) {
  for (int round = 0; round < 300; round++) {
    const int n = 1 + below(5000), kind = round % 4, power = below(201) - 100;
    std::vector<float> first(static_cast<size_t>(n)), second(first.size());
    for (size_t i = 0; i < first.size(); i++) {
      const double p = kind == 0 ? 0.3 : below(1000) / 1000.0;
      const double weight = std::ldexp(1.0, kind == 2 ? below(201) - 100 : kind == 3 && below(100) == 0 ? 60 : power);
      first[i] = static_cast<float>((kind < 2 && below(2) ? p - 1 : p) * (kind == 0 ? std::ldexp(1.0, power) : weight));
      second[i] = static_cast<float>(std::max(1e-16, 2 * p * (1 - p)) * (kind == 0 ? std::ldexp(1.0, power) : weight));
    }
    double extent[4];
    call(m.kernel("measure_gradients", DType::f64), {dense(first.data(), DType::f32, n), dense(second.data(), DType::f32, n)},
         {dense(extent, DType::f64, 4)});
    std::vector<int64_t> pairs(first.size());
    call(m.kernel("quantize", DType::i64), {dense(first.data(), DType::f32, n), dense(second.data(), DType::f32, n)},
         {dense(pairs.data(), DType::i64, n)}, {round, 0}, {choose_scale(extent[1], n), choose_scale(extent[3], n)});
    int64_t sums[2] = {0, 0};
    for (const int64_t pair : pairs) {
      sums[0] += std::abs(int64_t{first_sum(pair)});
      sums[1] += second_sum(pair);
    }
    EXPECT(sums[0] <= INT32_MAX && sums[1] <= INT32_MAX && (kind == 2 || sums[0] > INT32_MAX / 4 || extent[1] == 0));
  }
  for (int64_t n = 1; n < 2147483000; n *= 2) {
    for (const double each : {1e-45, 1e-20, 1.0, 3.4e38}) {
      const double sum = each * static_cast<double>(n);
      EXPECT(sum * choose_scale(sum, n) + static_cast<double>(n) <= INT32_MAX);
    }
  }
}
