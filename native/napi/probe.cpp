// probe() of lib/native.ts: what the machine can do at most, measured by the kernels of native/cpu/kernels/probe.h.
#include <algorithm>
#include <chrono>
#include <memory>

#include "napi/runtime.h"

namespace tensorwood {
namespace {

constexpr int64_t kRounds = 200'000, kLine = int64_t{32} << 20, kChunks = 64;  // 128 MiB: past the last cache
constexpr int kRepeats = 5;

Operand line(void* data, DType dtype, int64_t length) {
  Operand operand{};
  operand.data = data;
  operand.dtype = dtype;
  operand.rank = 1;
  operand.shape[0] = length;
  operand.stride[0] = 1;
  return operand;
}

// The best of some runs: others can only slow a run down.
double shortest_seconds(const Kernel& kernel, const Args& args) {
  double best = 1e300;
  for (int i = 0; i < kRepeats; i++) {
    const auto start = std::chrono::steady_clock::now();
    kernel.run(args);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

double measure_flops(Runtime& runtime) {
  int64_t operations = 0;
  std::vector<float> results(runtime.threads().count());
  const Operand outputs[] = {line(&operations, DType::i64, 1), line(results.data(), DType::f32, static_cast<int64_t>(results.size()))};
  const int64_t integers[] = {kRounds};
  Args args{};
  args.outputs = outputs;
  args.output_count = 2;
  args.integers = integers;
  args.integer_count = 1;
  args.threads = &runtime.threads();
  const double seconds = shortest_seconds(require_kernel(runtime.device(), "probe_flops", DType::i64), args);
  return static_cast<double>(operations) / seconds;
}

double measure_bytes(Runtime& runtime, float* memory) {
  float sums[kChunks];
  const Operand input = line(memory, DType::f32, kLine), output = line(sums, DType::f32, kChunks);
  Args args{};
  args.inputs = &input;
  args.input_count = 1;
  args.outputs = &output;
  args.output_count = 1;
  args.threads = &runtime.threads();
  return static_cast<double>(kLine) * sizeof(float) / shortest_seconds(require_kernel(runtime.device(), "probe_read", DType::f32), args);
}

struct Rates {
  double flops = 0, bytes_per_second = 0;
};

Napi::Value probe(const Napi::CallbackInfo& info) {
  const auto runtime = unwrap<Runtime>(info[0]);
  if (!runtime->device().host)
    fail("ERR_TENSORWOOD_DEVICE",
         "probe: expected a device that shares the memory of this process, got " + std::string(runtime->device().name));
  const auto memory = std::make_shared<Block>(info.Env(), runtime->device(), kLine * static_cast<int64_t>(sizeof(float)), "probe");
  const auto rates = std::make_shared<Rates>();
  Task task;
  task.work = [=](Job&) {
    runtime->device().fill(memory->data(), 0, memory->bytes(), nullptr);
    *rates = {measure_flops(*runtime), measure_bytes(*runtime, reinterpret_cast<float*>(memory->data()))};
    return Status{};
  };
  task.result = [=](Napi::Env env) {
    Napi::Object answer = Napi::Object::New(env);
    answer.Set("flops", rates->flops);
    answer.Set("bytesPerSecond", rates->bytes_per_second);
    return answer;
  };
  return start_job(info.Env(), runtime->coordinator(), std::move(task));
}

}  // namespace

void add_probe_functions(Napi::Object exports) { add_function<probe>(exports, "probe"); }

}  // namespace tensorwood
