// The kernels of growing trees and predicting on their own: bench_trees CASE THREADS prints {"name", "value", "unit", "floor"}, the best of
// several turns in nanoseconds. The floor is a plain loop, run in turn with the kernel, that moves the same memory and does the least with
// it. Used by kernels.mjs.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cpu/device.h"
#include "trees/layout.h"
#include "trees/memory.h"

namespace tensorwood {
namespace {

constexpr int64_t kRows = 1 << 20, kFeatures = 28, kStride = 32;  // bins of a row, padded
constexpr int64_t kSlots = kFeatures * kNarrowSlots;
constexpr int64_t kRowChunk = 8192, kFeatureChunk = 4;  // as native/trees/expand.cpp shares them out
constexpr int64_t kTrees = 100, kDepth = 6, kNodes = (2 << kDepth) - 1, kPredicted = 1 << 17;
constexpr int kTurns = 7, kScans = 200;

std::atomic<int64_t> seen;  // what floors add up to, so that they are not optimised away

struct Measured {
  const char* unit;
  double amount;  // of that unit in one run
  std::function<void()> kernel, floor;
};

struct Bench {
  const Device& device = cpu_device();
  Threads& threads;
  std::mt19937 random{7};

  explicit Bench(Threads& pool) : threads(pool) {}

  const Kernel& find(const char* name, DType dtype) const {
    const Kernel* kernel = device.find(name, dtype);
    if (kernel != nullptr) return *kernel;
    std::fprintf(stderr, "bench_trees: expected a kernel %s\n", name);
    std::exit(1);
  }
  template <class T, class F>
  Array<T> fill(int64_t size, const F& value) {
    Array<T> array(device, size);
    for (int64_t i = 0; i < size; i++) array.data()[i] = static_cast<T>(value(i));
    return array;
  }
  // Ascending; every row, or one in `share` at random.
  Array<uint32_t> choose(int64_t share) {
    std::vector<uint32_t> chosen;
    for (int64_t r = 0; r < kRows; r++) {
      if (share == 1 || random() % share == 0) chosen.push_back(static_cast<uint32_t>(r));
    }
    return fill<uint32_t>(static_cast<int64_t>(chosen.size()), [&](int64_t i) { return chosen[static_cast<size_t>(i)]; });
  }
};

// Gradients whose sums over all rows stay within 31 bits.
int64_t draw_pair(std::mt19937& random) { return pair_of(static_cast<int32_t>(random() % 1000), static_cast<int32_t>(random() % 1000)); }

struct Histograms {
  Array<uint8_t> bins;
  Array<int64_t> pairs;
  Array<uint32_t> rows;
  Array<int32_t> slots;
  std::vector<Array<int64_t>> sums;  // of each worker
  const Kernel& kernel;

  Histograms(Bench& bench, int64_t share)
      : bins(bench.fill<uint8_t>(kRows * kStride, [&](int64_t) { return bench.random() % 255; })),
        pairs(bench.fill<int64_t>(kRows, [&](int64_t) { return draw_pair(bench.random); })),
        rows(bench.choose(share)),
        slots(bench.fill<int32_t>(kFeatures, [](int64_t f) { return f * kNarrowSlots; })),
        kernel(bench.find("histogram", DType::i64)) {
    for (int i = 0; i < bench.threads.count(); i++) sums.emplace_back(bench.device, kSlots);
  }
  void add(int64_t first, int64_t count, int worker) const {
    call(kernel,
         {dense(bins.data(), DType::u8, kRows, kStride), dense(pairs.data(), DType::i64, kRows),
          dense(rows.data() + first, DType::u32, count), dense(slots.data(), DType::i32, kFeatures)},
         {dense(sums[static_cast<size_t>(worker)].data(), DType::i64, kSlots)}, {1});
  }
  // One read-modify-write a value, rows fetched as early as the kernel does.
  void count(int64_t first, int64_t count, int worker) const {
    int64_t* __restrict own = sums[static_cast<size_t>(worker)].data();
    const int64_t last = first + count - 1;
    for (int64_t i = first; i <= last; i++) {
      __builtin_prefetch(bins.data() + rows.data()[std::min(i + 24, last)] * kStride);
      const uint8_t* __restrict row = bins.data() + rows.data()[i] * kStride;
#pragma GCC unroll 28
      for (int64_t f = 0; f < kFeatures; f++) own[f * kNarrowSlots + row[f]]++;
    }
  }
};

Measured measure_histogram(Bench& bench, int64_t share) {
  auto data = std::make_shared<Histograms>(bench, share);
  const int64_t m = data->rows.size();
  return {"ns a row and feature", static_cast<double>(m * kFeatures),
          [=, &bench] { for_chunks(bench.threads, m, kRowChunk, [&](int64_t at, int64_t n, int w) { data->add(at, n, w); }); },
          [=, &bench] { for_chunks(bench.threads, m, kRowChunk, [&](int64_t at, int64_t n, int w) { data->count(at, n, w); }); }};
}

// Prefix sums of the same bins.
void sum_bins(const int64_t* histogram, int64_t first, int64_t count) {
  int64_t total = 0;
  for (int64_t f = first; f < first + count; f++) {
    int64_t left[kNarrowBins], sum = 0;
    for (int b = 0; b < kNarrowBins; b++) left[b] = sum += histogram[f * kNarrowSlots + b];
    total += left[total & 255];
  }
  seen += total;
}

Measured measure_split(Bench& bench) {
  auto data = std::make_shared<Histograms>(bench, 1);
  data->add(0, kRows, 0);
  const int64_t* histogram = data->sums[0].data();
  int64_t total = 0;
  for (int b = 0; b < kNarrowBins; b++) total += histogram[b];
  auto features = std::make_shared<std::vector<FeatureSlot>>();
  for (int32_t f = 0; f < kFeatures; f++) features->push_back({f * kNarrowSlots, kNarrowBins - 1, 0, 1});
  auto splits = std::make_shared<std::vector<Split>>(kFeatures);
  const Kernel& kernel = bench.find("split", DType::i64);
  const auto scan = [=, &bench, &kernel](int64_t first, int64_t count, int) {
    const Operand sums = dense(histogram, DType::i64, kSlots);
    call(kernel, {sums, dense(features->data() + first, DType::u8, count)}, {sums, dense(splits->data() + first, DType::u8, count)},
         {total, 32, 4, kRows}, {1e-3, 1e-3, 0, 1, 0, 1, 10, 10, 1000, 1, 10, 100});
  };
  const auto repeat = [&bench](const auto& f) {
    for (int i = 0; i < kScans; i++) for_chunks(bench.threads, kFeatures, kFeatureChunk, f);
  };
  return {"ns a bin", static_cast<double>(kScans * kFeatures * kNarrowBins), [=] { repeat(scan); },
          [=] { repeat([=, keep = data](int64_t first, int64_t count, int) { sum_bins(histogram, first, count); }); }};
}

Measured measure_partition(Bench& bench, int64_t share) {
  auto bins = std::make_shared<Array<uint8_t>>(bench.fill<uint8_t>(kRows + 64, [&](int64_t) { return bench.random() % 255; }));
  auto rows = std::make_shared<Array<uint32_t>>(bench.choose(share));
  auto left = std::make_shared<Array<uint32_t>>(bench.device, rows->size()),
       right = std::make_shared<Array<uint32_t>>(bench.device, rows->size());
  const Kernel& kernel = bench.find("partition", DType::u32);
  const auto divide = [=, &bench, &kernel](int64_t at, int64_t n, int) {
    int64_t gone = 0;
    call(kernel, {dense(bins->data(), DType::u8, kRows), dense(rows->data() + at, DType::u32, n)},
         {dense(left->data() + at, DType::u32, n), dense(right->data() + at, DType::u32, n), dense(&gone, DType::i64, 1)}, {100, 255, 0});
  };
  const auto read = [=](int64_t at, int64_t n, int) {
    int64_t total = 0;
    for (int64_t i = at; i < at + n; i++) total += bins->data()[rows->data()[i]];
    seen += total;
  };
  const int64_t m = rows->size();
  return {"ns a row", static_cast<double>(m), [=, &bench] { for_chunks(bench.threads, m, kRowChunk, divide); },
          [=, &bench] { for_chunks(bench.threads, m, kRowChunk, read); }};
}

// Whole trees: node i of a tree has the children 2 i + 1 and 2 i + 2, leaves are their own.
NarrowNode make_node(std::mt19937& random, int64_t i) {
  const bool leaf = 2 * i + 2 >= kNodes;
  const uint32_t feature = random() % kFeatures, ahead = leaf ? 0 : static_cast<uint32_t>(i + 1);
  const float value = leaf ? std::numeric_limits<float>::infinity() : static_cast<float>(random() % 1000) / 1000;
  return {value, feature << 18 | (leaf ? 1u << 16 : 0) | ahead};
}

struct Prediction {
  Array<float> x, values, margin;
  std::vector<NarrowNode> nodes;
  std::vector<TreeSpan> trees;
  uint32_t sets[2] = {0, 0};

  explicit Prediction(Bench& bench)
      : x(bench.fill<float>(kPredicted * kFeatures, [&](int64_t) { return static_cast<float>(bench.random() % 1000) / 1000; })),
        values(bench.fill<float>(kTrees * kNodes, [](int64_t) { return 0.01f; })),
        margin(bench.device, kPredicted) {
    for (int64_t t = 0; t < kTrees; t++) {
      for (int64_t i = 0; i < kNodes; i++) nodes.push_back(make_node(bench.random, i));
      trees.push_back({t * kNodes, kDepth, 0});
    }
  }
  // As many nodes and values, at places that are known before.
  void read(int64_t at, int64_t n) const {
    uint32_t total = 0;
    for (int64_t t = 0; t < kTrees; t++) {
      for (int64_t i = at; i < at + n; i++) {
        for (int64_t d = 0; d < kDepth; d++) {
          uint32_t value;
          std::memcpy(&value, x.data() + i * kFeatures + d, 4);
          total += nodes[static_cast<size_t>(t * kNodes + (i & ((1 << d) - 1)))].bits + value;
        }
      }
    }
    seen += total;
  }
};

Measured measure_predict(Bench& bench) {
  auto data = std::make_shared<Prediction>(bench);
  const Kernel& kernel = bench.find("predict", DType::f32);
  const auto predict = [=, &bench, &kernel](int64_t at, int64_t n, int) {
    call(kernel,
         {matrix(data->x.data() + at * kFeatures, DType::f32, n, kFeatures, kFeatures),
          dense(data->nodes.data(), DType::u8, kTrees * kNodes * 8), dense(data->values.data(), DType::f32, kTrees * kNodes),
          dense(data->sets, DType::u32, 2), dense(data->trees.data(), DType::u8, kTrees)},
         {matrix(data->margin.data() + at, DType::f32, n, 1, 1)}, {0, 0});
  };
  const auto read = [=](int64_t at, int64_t n, int) { data->read(at, n); };
  return {"ns a row and tree", static_cast<double>(kPredicted * kTrees),
          [=, &bench] { for_chunks(bench.threads, kPredicted, 512, predict); },
          [=, &bench] { for_chunks(bench.threads, kPredicted, 512, read); }};
}

Measured measure_bins(Bench& bench) {
  auto values =
      std::make_shared<Array<float>>(bench.fill<float>(kRows, [&](int64_t) { return static_cast<float>(bench.random() % 100000); }));
  auto cuts = std::make_shared<Array<float>>(bench.fill<float>(256, [](int64_t i) { return 400 * i; }));
  auto codes = std::make_shared<Array<uint8_t>>(bench.device, kRows);
  const Kernel& kernel = bench.find("bin_values", DType::u8);
  const auto code = [=, &bench, &kernel](int64_t at, int64_t n, int) {
    call(kernel, {dense(values->data() + at, DType::f32, n), dense(cuts->data(), DType::f32, 256)},
         {dense(codes->data() + at, DType::u8, n)}, {255});
  };
  const auto move = [=](int64_t at, int64_t n, int) {
    for (int64_t i = at; i < at + n; i++) codes->data()[i] = static_cast<uint8_t>(static_cast<int32_t>(values->data()[i]));
  };
  return {"ns a value", static_cast<double>(kRows), [=, &bench] { for_chunks(bench.threads, kRows, kRowChunk, code); },
          [=, &bench] { for_chunks(bench.threads, kRows, kRowChunk, move); }};
}

double nanoseconds(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

void report(const std::string& name, const Measured& measured) {
  double value = nanoseconds(measured.kernel), floor = nanoseconds(measured.floor);
  for (int i = 0; i < kTurns; i++) {
    value = std::min(value, nanoseconds(measured.kernel));
    floor = std::min(floor, nanoseconds(measured.floor));
  }
  std::printf("{\"name\": \"%s\", \"value\": %.5g, \"unit\": \"%s\", \"floor\": %.5g}\n", name.c_str(), value / measured.amount,
              measured.unit, floor / measured.amount);
}

Measured find_case(Bench& bench, const std::string& name) {
  if (name == "histogram-root") return measure_histogram(bench, 1);
  if (name == "histogram-scattered") return measure_histogram(bench, 8);
  if (name == "split") return measure_split(bench);
  if (name == "partition-root") return measure_partition(bench, 1);
  if (name == "partition-scattered") return measure_partition(bench, 8);
  if (name == "predict") return measure_predict(bench);
  if (name == "bins") return measure_bins(bench);
  std::fprintf(stderr, "bench_trees: expected a case, got %s\n", name.c_str());
  std::exit(1);
}

}  // namespace
}  // namespace tensorwood

int main(int count, char** arguments) {
  if (count != 3) return std::fprintf(stderr, "bench_trees: expected CASE THREADS\n"), 1;
  const std::shared_ptr<tensorwood::Threads> threads = tensorwood::shared_threads(std::atoi(arguments[2]));
  tensorwood::Bench bench(*threads);
  tensorwood::report(arguments[1], tensorwood::find_case(bench, arguments[1]));
  return 0;
}
