// The tree engine and its kernels against slow definitions, for every instruction set of this machine; then forests from 1 and 3 threads,
// read back from their text, and damaged texts. Usage: test_trees [damaged texts] [seed]
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <random>

#include "cpu/device.h"
#include "expect.h"
#include "impossible_trees.h"
#include "tree_counts.h"
#include "trees/json.h"
#include "trees/model_io.h"

using namespace tensorwood;

// Ties, both zeros, infinities and weights, to the last bit.
static void areas() {
  const float inf = std::numeric_limits<float>::infinity();
  for (const int n : {1, 2, 50, 3000}) {
    std::vector<float> margin, label, weight;
    for (int i = 0; i < n; i++) {
      const float some[] = {0.0f, -0.0f, inf, -inf, static_cast<float>(below(20) - 10), static_cast<float>(below(1 << 20)) * -1e-30f};
      margin.push_back(some[below(6)]);
      label.push_back(static_cast<float>(below(2)));
      weight.push_back(static_cast<float>(below(100)) * 0.37f);
    }
    std::vector<size_t> order(static_cast<size_t>(n));
    for (size_t i = 0; i < order.size(); i++) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return margin[a] < margin[b]; });
    double below_sum = 0, area = 0, positive = 0;
    for (size_t i = 0; i < order.size();) {
      double tied[2] = {0, 0};
      const float score = margin[order[i]];
      for (; i < order.size() && margin[order[i]] == score; i++) tied[label[order[i]] > 0.5f] += weight[order[i]];
      area += tied[1] * (below_sum + tied[0] / 2);
      below_sum += tied[0];
      positive += tied[1];
    }
    const double got = evaluate(Metric::auc, Forest(), margin.data(), {label.data(), weight.data(), n}, serial_threads());
    EXPECT(below_sum > 0 && positive > 0 ? got == area / (below_sum * positive) : std::isnan(got));
  }
}

// --- the engine ---------------------------------------------------------------------------------------------------------------------

static Forest train(const Sample& s, const Device& device, int thread_count, Policy policy) {
  const std::shared_ptr<Threads> threads = shared_threads(thread_count);
  const std::atomic<bool> cancelled{false};
  Bins bins;
  EXPECT(make_bins(s.columns, s.options, device, *threads, cancelled, bins).ok());
  EXPECT(bins.bytes() - count_code_bytes(s.columns.rows, s.options.categories) == 64 * (1 + 1 + 2 + 2));  // what vectors read past the end
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
    EXPECT(back.ranked == std::vector<uint8_t>({0, 0, 1, 0, 0, 0}) && !back.cuts[2].empty());
  }
  return text;
}

// Where the numbers of a text begin and end.
static std::vector<std::pair<size_t, size_t>> find_numbers(const std::string& text) {
  std::vector<std::pair<size_t, size_t>> fields;
  for (size_t at = 0; (at = text.find_first_of("-0123456789", at)) != std::string::npos;) {
    const size_t end = std::min(text.find_first_not_of("-+.e0123456789", at), text.size());
    fields.push_back({at, end});
    at = end;
  }
  return fields;
}

static void damage_field(std::string& text) {
  static const char* values[] = {"-2", "-1",    "0",     "1",        "2",          "5",          "6",
                                 "31", "65535", "65536", "16777215", "2000000000", "2147483645", "4294967295"};
  const std::vector<std::pair<size_t, size_t>> fields = find_numbers(text);
  if (fields.empty()) return;
  const auto [at, end] = fields[generator() % fields.size()];
  const auto [other, other_end] = fields[generator() % fields.size()];
  text.replace(at, end - at, below(2) ? values[below(static_cast<int>(std::size(values)))] : text.substr(other, other_end - other));
}

static void damage_bytes(std::string& text) {
  const size_t at = generator() % text.size();
  if (below(4) == 0)
    text.erase(at, static_cast<size_t>(below(20)));
  else
    text[at] = static_cast<char>(below(3) ? "0123456789-,[]{}.e\""[below(19)] : below(256));
  if (text.empty()) text = " ";
}

// Eight rows walk together, the rest alone, and so does a single row: all three ways are taken.
static void predict_some(const Forest& forest, const PredictKernels& kernels) {
  std::vector<float> x;
  const float nan = std::nanf("");
  for (const float first : {1.0f, 2.0f, -3.0f, nan, 39.0f, 77.0f, 1e9f, -1e9f, 500.0f, kUnknownCategory, 0.0f})
    x.insert(x.end(), {first, 500, nan, first, first, first});
  for (const int64_t rows : {11, 1}) {
    std::vector<float> margin(static_cast<size_t>(rows * forest.groups));
    add_margins(forest, kernels, x.data(), rows, 0, static_cast<int64_t>(forest.trees.size()), margin.data());
  }
}

static void damaged(const std::string& text, int runs, const PredictKernels& kernels) {
  int accepted = 0;
  for (int k = 0; k < runs; k++) {
    std::string wrong = text;
    for (int change = below(3); change >= 0; change--) (below(2) ? damage_field : damage_bytes)(wrong);
    Forest forest;
    if (!read_forest(wrong, "test", forest).ok() || forest.features() != 6) continue;
    accepted++;
    predict_some(forest, kernels);
  }
  EXPECT(runs < 100 || (accepted > 0 && accepted < runs));
}

// Amid one long list, and before the next tree.
static void cancelled_texts(const std::string& text) {
  std::atomic<bool> cancelled{false};
  std::string list = "[0";
  for (int i = 1; i < 20000; i++) list += ",0";
  list += "]";
  JsonReader in(list, &cancelled);
  int read = 0;
  bool stopped = false;
  try {
    in.array([&] {
      in.integer(0, 0);
      cancelled = ++read >= 100;
    });
  } catch (const Cancelled&) {
    stopped = true;
  }
  EXPECT(stopped && read < 5000);
  Forest forest;
  EXPECT(read_forest(text, "test", forest).ok() && write_forest(forest) == text && write_forest(forest, &cancelled).empty());
  const int64_t bytes = forest.bytes();
  forest.cuts[2].resize(forest.cuts[2].size() + 1000);
  EXPECT(forest.bytes() == bytes + 8000);
}

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 500;
  if (argc > 2) generator.seed(static_cast<unsigned>(std::atoi(argv[2])));
  const Sample sample = make_sample(30000);
  std::string first;
  for (const char* isa : {"scalar", "avx2", "avx512"}) {
    std::string reason;
    const Device* device = find_cpu_device(isa, reason);
    if (device == nullptr) continue;
    const Machine machine = {*device};
    histograms(machine);
    histograms_of_both(machine);
    partitions<uint8_t>(machine, DType::u8, 256);
    partitions<uint16_t>(machine, DType::u16, 3000);
    splits(machine);
    category_splits(machine);
    bins(machine);
    gradients(machine);
    rounding(machine);
    counted_splits(machine);
    counted_sets(machine);
    gradient_sums(machine);
    bounds(machine);
    const std::string text = forests(sample, *device);
    EXPECT(first.empty() || text == first);
    first = text;
  }
  areas();
  cancelled_texts(first);
  impossible_trees();
  damaged(first, runs, PredictKernels(cpu_device()));
  return finish();
}
