// Runtimes, what they are made of, and the functions of lib/native.ts about them.
#include "runtime.h"

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "cpu/device.h"
#include "napi/devices.h"

namespace tensorwood {
namespace {

std::atomic<int64_t> held_bytes{0}, held_objects{0};

constexpr int64_t kWorthAsking = 1 << 20;  // smaller blocks are not worth reading /proc

// INT64_MAX = unknown.
int64_t sum(int64_t available, int64_t more) { return available > INT64_MAX - more ? INT64_MAX : available + more; }

void* allocate(const Device& device, int64_t bytes, const std::string& what, int64_t replaced) {
  const int64_t available = bytes < kWorthAsking ? bytes : sum(device.available(), replaced);
  void* data = bytes > available ? nullptr : device.allocate(bytes);
  if (data == nullptr) {
    fail("ERR_TENSORWOOD_MEMORY", what + ": expected at most " + std::to_string(available) +
                                      " bytes of memory (what this process may take now), got " + std::to_string(bytes) +
                                      "; use a smaller batch or model");
  }
  return data;
}

bool holds(const std::shared_ptr<Block>& block, int64_t bytes) { return block != nullptr && block->bytes() >= bytes; }

// Bytes that are free again once a larger block has taken the place of this one; a running job keeps those it started with.
int64_t replaceable(const std::shared_ptr<Block>& block) { return block.use_count() == 1 ? block->bytes() : 0; }

// The smaller block goes last, because without a larger one the programs that fit in it go on. On the CPU both together take no more
// memory than the smaller one does: pages come when they are first written.
void grow(Napi::Env env, const Device& device, std::shared_ptr<Block>& block, int64_t bytes, const char* what) {
  if (!holds(block, bytes)) block = std::make_shared<Block>(env, device, bytes, what, replaceable(block));
}

bool is_poisoned() {
  const char* poison = std::getenv("TENSORWOOD_POISON");
  return poison != nullptr && std::strcmp(poison, "1") == 0;
}

}  // namespace

Account::Account(Napi::Env env, int64_t bytes) : env_(env), bytes_(bytes) {
  held_bytes += bytes_;
  held_objects++;
  int64_t total;
  napi_adjust_external_memory(env_, bytes_, &total);
}

Account::~Account() {
  held_bytes -= bytes_;
  held_objects--;
  int64_t total;
  napi_adjust_external_memory(env_, -bytes_, &total);
}

Block::Block(Napi::Env env, const Device& device, int64_t bytes, const std::string& what, int64_t replaced)
    : device_(device), bytes_(bytes), data_(allocate(device, bytes, what, replaced)), account_(env, bytes) {}

const HandleType Runtime::handle = {{0x3b9d0e517ac84f62, 0x9e1b7a4cd2f05b02}, "runtime"};
const HandleType StateBuffer::handle = {{0x71e6c2ad90b34e85, 0xa4c8e15f3d7b6c03}, "buffer"};

Runtime::Runtime(Napi::Env env, const Device& device, int thread_count)
    : device_(device), poisoned_(is_poisoned()), threads_(shared_threads(thread_count)), coordinator_(std::make_shared<Coordinator>()) {
  Environment::of(env)->watch(coordinator_);
}

void Runtime::reserve(Napi::Env env, const Program& program) {
  const int64_t arena = program.arena_bytes, scratch = program.scratch_bytes, constants = static_cast<int64_t>(program.constants.size());
  int64_t available = device_.available();
  if (arena_ != nullptr) available = sum(available, holds(arena_, arena) ? arena_->bytes() : replaceable(arena_));
  if (scratch_ != nullptr) available = sum(available, holds(scratch_, scratch) ? scratch_->bytes() : replaceable(scratch_));
  if (arena + scratch + constants > available) {
    fail("ERR_TENSORWOOD_MEMORY", "program: expected a plan of at most " + std::to_string(available) +
                                      " bytes (what this process may take now), got " + std::to_string(arena + scratch + constants) +
                                      ": arena " + std::to_string(arena) + ", scratch " + std::to_string(scratch) + ", constants " +
                                      std::to_string(constants) + "; use a smaller batch or model");
  }
  grow(env, device_, arena_, arena, "arena");
  grow(env, device_, scratch_, scratch, "scratch");
  if (!device_.host) grow(env, device_, staging_, program.staging_bytes, "staging");
}

namespace {

Napi::Value describe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object answer = Napi::Object::New(env);
  Napi::Array isas = Napi::Array::New(env), devices = Napi::Array::New(env);
  for (int i = 0; i < cpu_isa_count(); i++) isas.Set(static_cast<uint32_t>(i), cpu_isa_name(i));
  for (int i = 0; i < device_row_count; i++) {
    std::string reason;
    const bool available = device_rows[i].open("", reason) != nullptr;
    Napi::Object device = Napi::Object::New(env);
    device.Set("name", device_rows[i].name);
    device.Set("available", available);
    device.Set("reason", reason);
    device.Set("description", available ? device_rows[i].describe() : "");
    devices.Set(static_cast<uint32_t>(i), device);
  }
  answer.Set("isas", isas);
  answer.Set("cores", available_threads());
  answer.Set("devices", devices);
  return answer;
}

Napi::Value create_runtime(const Napi::CallbackInfo& info) {
  const Device& device = open_device(read_text(info[0], "device"), read_text(info[2], "isa"));
  const auto threads = static_cast<int>(read_integer(info[1], "threads", 0, 1024));
  return wrap(info.Env(), std::make_shared<Runtime>(info.Env(), device, threads == 0 ? available_threads() : threads));
}

Napi::Value describe_runtime(const Napi::CallbackInfo& info) {
  const auto& runtime = unwrap<Runtime>(info[0]);
  const auto bytes = [](const std::shared_ptr<Block>& block) { return block == nullptr ? 0.0 : static_cast<double>(block->bytes()); };
  Napi::Object answer = Napi::Object::New(info.Env());
  answer.Set("device", runtime->device().name);
  answer.Set("isa", runtime->device().isa);
  answer.Set("threads", runtime->threads().count());
  answer.Set("arenaBytes", bytes(runtime->arena()));
  answer.Set("scratchBytes", bytes(runtime->scratch()));
  answer.Set("poisoned", runtime->poisoned());
  return answer;
}

// (runtime, name, dtype id)
Napi::Value has_kernel(const Napi::CallbackInfo& info) {
  const Device& device = unwrap<Runtime>(info[0])->device();
  const std::string name = read_text(info[1], "name");
  const auto dtype = static_cast<DType>(read_integer(info[2], "dtype", 0, 255));
  return Napi::Boolean::New(info.Env(), device.find(name, dtype) != nullptr);
}

Napi::Value memory_usage(const Napi::CallbackInfo& info) {
  Napi::Object answer = Napi::Object::New(info.Env());
  answer.Set("bytes", static_cast<double>(held_bytes.load()));
  answer.Set("objects", static_cast<double>(held_objects.load()));
  return answer;
}

}  // namespace

void add_runtime_functions(Napi::Object exports) {
  add_function<describe>(exports, "describe");
  add_function<create_runtime>(exports, "createRuntime");
  add_function<describe_runtime>(exports, "describeRuntime");
  add_function<has_kernel>(exports, "hasKernel");
  add_function<memory_usage>(exports, "memoryUsage");
  add_function<cancel_job>(exports, "cancel");
}

}  // namespace tensorwood
