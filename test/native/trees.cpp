// The tree engine and its kernels against slow definitions, for every instruction set of this machine; then forests from 1 and 3 threads,
// read back from their text, and damaged texts. Usage: test_trees [damaged texts] [seed]
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>

#include "cpu/device.h"
#include "expect.h"
#include "tree_sample.h"
#include "trees/model_io.h"

using namespace tensorwood;

static std::vector<uint32_t> some_rows(int n, double share) {
  std::vector<uint32_t> rows;
  for (int i = 0; i < n; i++) {
    if (below(1000) < share * 1000) rows.push_back(static_cast<uint32_t>(i));
  }
  return rows;
}

struct Machine {
  const Device& device;
  Threads* threads;
  Caller call() const { return {threads}; }
  const Kernel& kernel(const char* name, DType dtype) const { return *device.find(name, dtype); }
};

static void histograms(const Machine& m) {
  for (const int features : {1, 3, 4, 7, 28}) {
    const int n = 1000, stride = features + below(5);
    std::vector<uint8_t> bins(static_cast<size_t>(n * stride));
    std::vector<uint32_t> pairs(static_cast<size_t>(n));
    std::vector<int32_t> slots;
    for (uint8_t& b : bins) b = static_cast<uint8_t>(below(256));
    for (uint32_t& p : pairs) p = generator() & 0xffff7fffu;
    for (int f = 0; f < features; f++) slots.push_back(f * kNarrowSlots);
    for (const double share : {0.0, 0.01, 0.3, 1.0}) {
      const std::vector<uint32_t> rows = some_rows(n, share);
      std::vector<int64_t> expected(static_cast<size_t>(features * kNarrowSlots), 0);
      for (const uint32_t row : rows) {
        const int64_t pair = static_cast<int64_t>(static_cast<int16_t>(pairs[row] >> 16)) * 4294967296 + (pairs[row] & 0xffff);
        for (int f = 0; f < features; f++) expected[static_cast<size_t>(slots[static_cast<size_t>(f)] + bins[row * stride + f])] += pair;
      }
      for (const int64_t dense_slots : {1, 0}) {
        std::vector<int64_t> got(expected.size(), 0);
        m.call()(m.kernel("histogram", DType::i64),
                 {dense(bins.data(), DType::u8, n, stride), dense(pairs.data(), DType::u32, n),
                  dense(rows.data(), DType::u32, static_cast<int64_t>(rows.size())), dense(slots.data(), DType::i32, features)},
                 {dense(got.data(), DType::i64, static_cast<int64_t>(got.size()))}, {dense_slots});
        EXPECT(got == expected);
      }
    }
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
      m.call()(m.kernel("partition", DType::u32), {column, out_left, dense(chosen.data(), DType::u8, bin_count)},
               {out_left, out_right, out_count});
    } else {
      m.call()(m.kernel("partition", DType::u32), {column, out_left}, {out_left, out_right, out_count}, {last, missing, missing_left});
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
    m.call()(m.kernel("split", DType::i64),
             {dense(parent.data(), DType::i64, kNarrowSlots), dense(&slot, DType::u8, 1), dense(sibling.data(), DType::i64, kNarrowSlots)},
             {dense(parent.data(), DType::i64, kNarrowSlots), dense(&split, DType::u8, 1)}, {total, 32, 4},
             {unit, unit, penalty.l1, penalty.l2, penalty.max_delta_step, least, 10, 10, 1, 1});
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
    const std::initializer_list<int64_t> integers = {total, 32, one_hot ? 100 : 1};
    const std::initializer_list<double> numbers = {unit, unit, 0, 0, 0, 1, 0, 0, 1, 1};
    const Operand histogram = dense(own.data(), DType::i64, kNarrowSlots), feature = dense(&slot, DType::u8, 1),
                  best = dense(&split, DType::u8, 1);
    m.call()(m.kernel("split", DType::i64), {histogram, feature}, {histogram, best}, integers, numbers, scratch.data());
    EXPECT(std::fabs(split.gain - expected) <= 1e-9 * (1 + expected));
    m.call()(m.kernel("split_categories", DType::u8), {histogram, feature}, {best, dense(left_bins.data(), DType::u8, bins + 1)}, integers,
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
    m.call()(m.kernel("bin_values", DType::u8),
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
  m.call()(m.kernel("gradient_logistic", DType::f32), {dense(margin.data(), DType::f32, 500), dense(label.data(), DType::f32, 500)},
           {dense(first.data(), DType::f32, 500), dense(second.data(), DType::f32, 500)});
  std::vector<double> sums(2, 0.0);
  for (size_t i = 0; i < 500; i++) {
    const double p = 1 / (1 + std::exp(-static_cast<double>(margin[i])));
    EXPECT(std::fabs(first[i] - (p - label[i])) < 1e-6 && std::fabs(second[i] - p * (1 - p)) < 1e-6);
    sums[0] += std::fabs(first[i]);
    sums[1] += second[i];
  }
  double extent[4];
  m.call()(m.kernel("measure_gradients", DType::f64), {dense(first.data(), DType::f32, 500), dense(second.data(), DType::f32, 500)},
           {dense(extent, DType::f64, 4)});
  EXPECT(std::fabs(extent[1] - sums[0]) < 1e-6 && std::fabs(extent[3] - sums[1]) < 1e-6);
  std::vector<uint32_t> pairs(500);
  m.call()(m.kernel("quantize", DType::u32), {dense(first.data(), DType::f32, 500), dense(second.data(), DType::f32, 500)},
           {dense(pairs.data(), DType::u32, 500)}, {7, 0}, {1000, 2000});
  for (size_t i = 0; i < 500; i++) {
    const int64_t slot = widen_gradient(pairs[i]);
    EXPECT(std::fabs(first_sum(slot) - first[i] * 1000) <= 1.01 && std::fabs(second_sum(slot) - second[i] * 2000) <= 1.01);
  }
}

// --- the engine ---------------------------------------------------------------------------------------------------------------------

static Forest train(const Sample& s, const Device& device, int thread_count, Policy policy) {
  const std::unique_ptr<Threads> threads(make_threads(thread_count));
  const std::atomic<bool> cancelled{false};
  Bins bins;
  EXPECT(make_bins(s.columns, s.options, device, *threads, cancelled, bins).ok());
  const BoostOptions o = options_of(policy);
  const Labels labels = {s.y.data(), nullptr, s.columns.rows};
  Forest forest;
  std::vector<double> last;
  EXPECT(boost(
             bins, labels, {{s.columns, labels}}, o, *threads, cancelled, [&](int32_t, const std::vector<double>& v) { last = v; }, forest)
             .ok());
  EXPECT(last.size() == 2 && last[0] > 0.75);
  return forest;
}

static std::string forests(const Sample& s, const Device& device) {
  std::string text;
  for (const Policy policy : {Policy::leaf_wise, Policy::depth_wise}) {
    text = write_forest(train(s, device, 1, policy));
    EXPECT(write_forest(train(s, device, 3, policy)) == text);
    Forest back;
    EXPECT(read_forest(text, "test", back).ok() && write_forest(back) == text);
  }
  return text;
}

static void damaged(const std::string& text, int runs, const Device& device) {
  const float row[6] = {1, 2, std::nanf(""), 1, 39, 77};
  int accepted = 0;
  for (int k = 0; k < runs; k++) {
    std::string wrong = text;
    for (int change = below(3); change >= 0; change--) {
      const size_t at = generator() % wrong.size();
      if (below(4) == 0)
        wrong.erase(at, static_cast<size_t>(below(20)));
      else
        wrong[at] = static_cast<char>(below(3) ? "0123456789-,[]{}.e\""[below(19)] : below(256));
      if (wrong.empty()) wrong = " ";
    }
    Forest forest;
    if (!read_forest(wrong, "test", forest).ok() || forest.features() != 6) continue;
    accepted++;
    std::vector<float> margin = forest.base;
    add_margins(forest, row, 1, 0, static_cast<int64_t>(forest.trees.size()), device, margin.data());
  }
  EXPECT(runs < 100 || (accepted > 0 && accepted < runs));
}

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 500;
  if (argc > 2) generator.seed(static_cast<unsigned>(std::atoi(argv[2])));
  const Sample sample = make_sample(30000);
  const std::unique_ptr<Threads> threads(make_threads(2));
  std::string first;
  for (const char* isa : {"scalar", "avx2", "avx512"}) {
    std::string reason;
    const Device* device = find_cpu_device(isa, reason);
    if (device == nullptr) continue;
    const Machine machine = {*device, threads.get()};
    histograms(machine);
    partitions<uint8_t>(machine, DType::u8, 256);
    partitions<uint16_t>(machine, DType::u16, 3000);
    splits(machine);
    category_splits(machine);
    bins(machine);
    gradients(machine);
    const std::string text = forests(sample, *device);
    EXPECT(first.empty() || text == first);
    first = text;
  }
  damaged(first, runs, cpu_device());
  return finish();
}
