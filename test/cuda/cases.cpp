// Runs every case on both devices and says which differ: the program behind `npm run test:cuda` (host shim) and `npm run check:gpu` (a real
// GPU). The device comes from the library that this program is linked with.
#include "cases.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>

#include "cpu/device.h"

extern "C" const tensorwood::Device* tensorwood_cuda_device(char* description, char* reason);

namespace tensorwood::test {
namespace {

int64_t width_of(DType dtype) {
  switch (dtype) {
    case DType::bf16:
    case DType::u16:
    case DType::i16:
      return 2;
    case DType::u8:
    case DType::boolean:
      return 1;
    case DType::i64:
    case DType::f64:
      return 8;
    default:
      return 4;
  }
}

uint64_t next(uint64_t& state) {  // splitmix64
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

double element(const Array& array, int64_t i) {
  const std::byte* at = array.bytes.data() + i * width_of(array.view.dtype);
  switch (array.view.dtype) {
    case DType::f32: {
      float v;
      std::memcpy(&v, at, 4);
      return v;
    }
    case DType::bf16: {
      uint16_t h;
      std::memcpy(&h, at, 2);
      const uint32_t u = static_cast<uint32_t>(h) << 16;
      float v;
      std::memcpy(&v, &u, 4);
      return v;
    }
    case DType::i32: {
      int32_t v;
      std::memcpy(&v, at, 4);
      return v;
    }
    case DType::i64: {
      int64_t v;
      std::memcpy(&v, at, 8);
      return static_cast<double>(v);
    }
    default:
      return static_cast<double>(static_cast<uint8_t>(*at));
  }
}

// One device's copy of all operands.
struct Placed {
  const Device& device;
  std::vector<Operand> operands;
  std::vector<int64_t> sizes;
  Placed(const Device& d, const Case& c) : device(d) {
    for (const auto* list : {&c.inputs, &c.outputs}) {
      for (const Array& array : *list) place(array);
    }
  }
  ~Placed() {
    for (size_t i = 0; i < operands.size(); i++) device.release(operands[i].data, sizes[i]);
  }
  void place(const Array& array) {
    const int64_t bytes = static_cast<int64_t>(array.bytes.size());
    operands.push_back(array.view);
    operands.back().data = device.allocate(bytes > 0 ? bytes : 1);
    sizes.push_back(bytes > 0 ? bytes : 1);
    if (bytes > 0) device.write(operands.back().data, array.bytes.data(), bytes, nullptr);
  }
};

bool run_on(const Device& device, Threads& threads, const Case& c, std::vector<Array>& results) {
  Placed placed(device, c);
  Args args = {};
  args.inputs = placed.operands.data();
  args.outputs = placed.operands.data() + c.inputs.size();
  args.integers = c.integers.data();
  args.numbers = c.numbers.data();
  args.input_count = static_cast<int32_t>(c.inputs.size());
  args.output_count = static_cast<int32_t>(c.outputs.size());
  args.integer_count = static_cast<int32_t>(c.integers.size());
  args.number_count = static_cast<int32_t>(c.numbers.size());
  args.threads = &threads;
  const DType dtype = c.outputs[0].view.dtype;
  const Kernel* kernel = device.find(c.kernel, dtype);
  if (kernel == nullptr) {
    std::printf("FAIL %s: %s has no row for it\n", c.name.c_str(), device.name);
    return false;
  }
  const Check check = cpu_device().find_check(c.kernel, dtype);
  if (const char* wrong = c.engine ? nullptr : check(args)) {
    std::printf("FAIL %s: the check says %s\n", c.name.c_str(), wrong);
    return false;
  }
  const int64_t scratch = kernel->scratch ? kernel->scratch(args, threads.count()) : 0;
  void* memory = device.allocate(scratch + 64);
  args.scratch = static_cast<std::byte*>(memory);
  kernel->run(args);
  const Status status = device.synchronize(nullptr);
  results = c.outputs;
  for (size_t i = 0; i < results.size(); i++) {
    if (!results[i].bytes.empty()) {
      device.read(results[i].bytes.data(), args.outputs[i].data, static_cast<int64_t>(results[i].bytes.size()), nullptr);
    }
  }
  device.synchronize(nullptr);
  device.release(memory, scratch + 64);
  if (!status.ok()) std::printf("FAIL %s: %s\n", c.name.c_str(), status.message.c_str());
  return status.ok();
}

bool same(const Case& c, const std::vector<Array>& expected, const std::vector<Array>& got) {
  for (size_t k = 0; k < expected.size(); k++) {
    if (c.tolerance == 0) {
      if (expected[k].bytes == got[k].bytes) continue;
      std::printf("FAIL %s: output %zu differs in its bits\n", c.name.c_str(), k);
      return false;
    }
    const int64_t count = static_cast<int64_t>(expected[k].bytes.size()) / width_of(expected[k].view.dtype);
    double scale = 1e-30;
    for (int64_t i = 0; i < count; i++) scale = std::fmax(scale, std::fabs(element(expected[k], i)));
    for (int64_t i = 0; i < count; i++) {
      const double want = element(expected[k], i), have = element(got[k], i);
      if (std::fabs(want - have) <= c.tolerance * scale || (std::isnan(want) && std::isnan(have)) || want == have) continue;
      std::printf("FAIL %s: output %zu at %lld: expected %.9g, got %.9g\n", c.name.c_str(), k, static_cast<long long>(i), want, have);
      return false;
    }
  }
  return true;
}

}  // namespace

Array empty_array(DType dtype, std::vector<int64_t> shape) {
  Array array = {};
  array.view.dtype = dtype;
  array.view.rank = static_cast<uint8_t>(shape.size());
  int64_t count = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    array.view.shape[d] = shape[d];
    array.view.stride[d] = count;
    count *= shape[d];
  }
  array.bytes.resize(static_cast<size_t>(count * width_of(dtype)));
  return array;
}

Array random_array(DType dtype, std::vector<int64_t> shape, uint64_t seed, int64_t limit) {
  Array array = empty_array(dtype, std::move(shape));
  const int64_t width = width_of(dtype), count = static_cast<int64_t>(array.bytes.size()) / width;
  for (int64_t i = 0; i < count; i++) {
    const uint64_t r = next(seed);
    const float real = static_cast<float>(static_cast<double>(r >> 11) / 4503599627370496.0 - 1.0);
    uint64_t bits = r % static_cast<uint64_t>(limit);
    if (dtype == DType::f32 || dtype == DType::bf16) {
      uint32_t u;
      std::memcpy(&u, &real, 4);
      bits = dtype == DType::f32 ? u : u >> 16;
    }
    std::memcpy(array.bytes.data() + i * width, &bits, static_cast<size_t>(width));
  }
  return array;
}

// More memory than there is: told by the answer alone, not to whoever synchronizes next.
static bool refuses_memory(const Device& device) {
  const bool refused = device.allocate(int64_t{1} << 50) == nullptr;
  const Status next = device.synchronize(nullptr);
  if (refused && next.ok()) return true;
  std::printf("FAIL allocate: expected nothing and no failure later, got %s\n", refused ? next.message.c_str() : "memory");
  return false;
}

static int run_all(const char* filter) {
  char description[256] = "", reason[256] = "";
  const Device* cuda = tensorwood_cuda_device(description, reason);
  if (cuda == nullptr) {
    std::printf("skipped: %s\n", reason);
    return 0;
  }
  std::printf("device: %s\n", description);
  std::vector<Case> cases;
  add_elementwise_cases(cases);
  add_matmul_cases(cases);
  add_norm_cases(cases);
  add_histogram_cases(cases);
  const std::shared_ptr<Threads> threads = shared_threads(1);
  std::string none;
  const Device& cpu = *find_cpu_device("scalar", none);
  int failed = refuses_memory(*cuda) ? 0 : 1, passed = 0;
  for (const Case& c : cases) {
    if (c.name.find(filter) == std::string::npos) continue;
    std::vector<Array> expected, got;
    const bool ok = run_on(cpu, *threads, c, expected) && run_on(*cuda, *threads, c, got) && same(c, expected, got);
    (ok ? passed : failed)++;
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace tensorwood::test

int main(int argc, char** argv) { return tensorwood::test::run_all(argc > 1 ? argv[1] : ""); }
