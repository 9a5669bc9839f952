// Growth with the histogram kernel on a device that cannot read host memory: equal forests, calls that take turns, failures that are told;
// and on one with little memory.
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "cpu/device.h"
#include "expect.h"
#include "tree_sample.h"
#include "trees/model_io.h"

// A device with memory of its own: what the host may not touch is told by the high bit of its addresses.
namespace apart {

constexpr uintptr_t kApart = uintptr_t{1} << 62;
static std::atomic<int> sums{0}, running{0};
static int fails_after = 0;  // sums; 0 = never

static void* there(const void* here) { return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(here) ^ kApart); }
static void* allocate(int64_t bytes) { return there(cpu_device().allocate(bytes)); }
static int64_t available() { return cpu_device().available(); }
static void release(void* memory, int64_t bytes) { cpu_device().release(there(memory), bytes); }
static void write(void* to, const void* host, int64_t bytes, void*) { std::memcpy(there(to), host, static_cast<size_t>(bytes)); }
static void read(void* host, const void* from, int64_t bytes, void*) { std::memcpy(host, there(from), static_cast<size_t>(bytes)); }
static void copy(void* to, const void* from, int64_t bytes, void*) { std::memcpy(there(to), there(from), static_cast<size_t>(bytes)); }
static void fill(void* to, int byte, int64_t bytes, void*) { std::memset(there(to), byte, static_cast<size_t>(bytes)); }
static Status synchronize(void*) {
  return fails_after > 0 && sums >= fails_after ? Status{"ERR_TENSORWOOD_DEVICE", "apart: a kernel failed"} : Status{};
}

static void histogram(const Args& a) {
  EXPECT(running++ == 0);
  std::vector<Operand> operands(a.inputs, a.inputs + a.input_count);
  operands.push_back(a.outputs[0]);
  for (Operand& o : operands) o.data = there(o.data);
  Args here = a;
  here.inputs = operands.data();
  here.outputs = &operands.back();
  cpu_device().find("histogram", DType::i64)->run(here);
  sums++;
  running--;
}

static const Kernel* find(std::string_view name, DType) {
  static const Kernel row = {"histogram", DType::i64, histogram, nullptr, nullptr};
  return name == "histogram" ? &row : nullptr;
}

static const Device device = {"apart", "test", false, allocate, available, release, write, read, copy, fill, synchronize, find, nullptr};

}  // namespace apart

// The table is binned on the CPU; null = the histograms are the CPU's too.
static Status train(const Sample& s, const Device* accelerator, int thread_count, Forest& forest) {
  const std::shared_ptr<Threads> threads = shared_threads(thread_count);
  const std::atomic<bool> cancelled{false};
  Bins bins;
  EXPECT(make_bins(s.columns, s.options, cpu_device(), *threads, cancelled, bins).ok());
  BoostOptions o = options_of(Policy::leaf_wise);
  o.grow.accelerator = accelerator;
  apart::sums = 0;
  return boost(bins, {s.y.data(), nullptr, s.columns.rows}, {}, o, *threads, cancelled, nullptr, forest);
}

static void names_the_kernel_that_is_missing() {
  EXPECT(&require_kernel(apart::device, "histogram", DType::i64) == apart::find("histogram", DType::i64));
  std::string message;
  try {
    require_kernel(apart::device, "bins", DType::f32);
  } catch (const Failure& failure) {
    message = failure.status.message;
  }
  EXPECT(message == "device apart: expected a kernel 'bins' f32, got none");
}

// A device with memory for so many histograms, and none once it was asked.
static int64_t histograms_left = 0;
static int64_t histogram_size = 0;
static int64_t available() { return std::exchange(histograms_left, 0) * histogram_size; }

// One tree in room for so many histograms: its text, or the code of a refusal.
static std::string grow_within(const Sample& s, int64_t histograms, Policy policy, int32_t max_leaves) {
  Device device = cpu_device();
  device.available = available;
  const std::atomic<bool> cancelled{false};
  Bins bins;
  EXPECT(make_bins(s.columns, s.options, device, serial_threads(), cancelled, bins).ok());
  histogram_size = bins.slots * 8;
  histograms_left = histograms;
  BoostOptions o = options_of(policy);
  o.rounds = 1;
  o.grow.max_leaves = max_leaves;
  o.grow.max_depth = 0;
  Forest forest;
  try {
    EXPECT(boost(bins, {s.y.data(), nullptr, s.columns.rows}, {}, o, serial_threads(), cancelled, {}, forest).ok());
  } catch (const Failure& failure) {
    return failure.status.code;
  }
  EXPECT(forest.trees[0].nodes.size() > 10);
  return write_forest(forest);
}

// With few histograms leaves are summed again, and the tree stays the same; two are needed.
static void little_memory(const Sample& s) {
  for (const Policy policy : {Policy::leaf_wise, Policy::depth_wise}) {
    for (const int32_t max_leaves : {0, 40}) {
      const std::string expected = grow_within(s, 100000, policy, max_leaves);
      for (const int64_t histograms : {2, 3, 4, 20, 42}) EXPECT(grow_within(s, histograms, policy, max_leaves) == expected);
      for (const int64_t histograms : {0, 1}) EXPECT(grow_within(s, histograms, policy, max_leaves) == "ERR_TENSORWOOD_MEMORY");
    }
  }
}

int main() {
  names_the_kernel_that_is_missing();
  const Sample sample = make_sample(30000);
  little_memory(sample);
  Forest expected;
  EXPECT(train(sample, nullptr, 1, expected).ok() && apart::sums == 0);
  for (const int thread_count : {1, 3}) {
    Forest forest, broken;
    apart::fails_after = 0;
    EXPECT(train(sample, &apart::device, thread_count, forest).ok());
    EXPECT(apart::sums > 2 * 4 * 20);  // two kinds of codes, four trees of up to 40 leaves
    EXPECT(write_forest(forest) == write_forest(expected));
    apart::fails_after = apart::sums / 2;
    const Status status = train(sample, &apart::device, thread_count, broken);
    EXPECT(!status.ok() && std::strcmp(status.code, "ERR_TENSORWOOD_DEVICE") == 0);
    EXPECT(apart::sums < apart::fails_after + 2 && broken.rounds() < forest.rounds());
  }
  return finish();
}
