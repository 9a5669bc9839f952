// Mutates valid programs, decodes them, and runs what the decoder accepts with every instruction set of the machine. A sanitizer is the
// judge: every buffer has exactly its bytes, so that a kernel which trusts too much is caught. The failing bytes are left in a file.
//   fuzz_program <folder of seeds> <runs> [first random seed]     mutations; with 0 runs, only the seeds as they are, on three threads
//   fuzz_program <file>                                           one program, to look into a failure
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/program.h"
#include "cpu/device.h"
#include "cpu/tables.h"
#include "mutate.h"

using namespace tensorwood;

// --- the failing input --------------------------------------------------------------------------------------------------------------
static const Bytes* current = nullptr;

static void leave_current(int) {
  if (current == nullptr) return;
  const char* path = "fuzz_program.failure";
  if (std::FILE* file = std::fopen(path, "wb")) {
    std::fwrite(current->data(), 1, current->size(), file);
    std::fclose(file);
    std::fprintf(stderr, "the failing program is in %s; run fuzz_program %s\n", path, path);
  }
}

// Both sanitizers end by abort(), where leave_current waits.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options() { return "abort_on_error=1"; }
extern "C" __attribute__((visibility("default"))) const char* __ubsan_default_options() { return "abort_on_error=1:print_stacktrace=1"; }

// --- running --------------------------------------------------------------------------------------------------------------------------
constexpr int64_t kMostBytes = 1 << 16, kMostElements = 1 << 11, kMostCalls = 64;

static int64_t elements(const Operand& operand) {
  int64_t count = 1;
  for (int axis = 0; axis < operand.rank; axis++) count *= std::max<int64_t>(operand.shape[axis], 1);
  return count;
}

// Small enough that no kernel takes long, whatever it does with its shapes.
static bool is_small(const Program& program, int64_t scale) {
  if (program.arena_bytes > kMostBytes * scale || program.scratch_bytes > kMostBytes * scale * 64) return false;
  if (static_cast<int64_t>(program.calls.size()) > kMostCalls * scale) return false;
  for (const Buffer& buffer : program.buffers) {
    if (buffer.bytes > kMostBytes * scale) return false;
  }
  for (const Call& call : program.calls) {
    if (call.name == "probe_flops" && call.integers[0] > 100) return false;
    for (const Operand& operand : call.operands) {
      if (elements(operand) > kMostElements * scale) return false;
    }
  }
  return true;
}

// Exactly `bytes` bytes that end where the allocation ends, at an address that is a multiple of `alignment` and of no more.
class Memory {
 public:
  Memory(int64_t bytes, int64_t alignment, Random& random) {
    const int64_t shift = alignment < 64 ? alignment : 0;
    void* block = nullptr;
    if (posix_memalign(&block, 64, static_cast<size_t>(bytes + shift)) != 0) std::abort();
    block_.reset(static_cast<std::byte*>(block));
    data_ = block_.get() + shift;
    fill(bytes, random);
  }
  std::byte* data() const { return data_; }

 private:
  struct Free {
    void operator()(std::byte* block) const { std::free(block); }
  };

  // Small floats, small integers or anything: as data, as indices, as hostile indices.
  void fill(int64_t bytes, Random& random) {
    const uint64_t kind = below(random, 3);
    for (int64_t i = 0; i + 4 <= bytes; i += 4) {
      const auto small = static_cast<int32_t>(below(random, 9)) - 1;
      const auto real = static_cast<float>(small) * 0.25f;
      const auto any = static_cast<uint32_t>(random());
      std::memcpy(data_ + i, kind == 0 ? static_cast<const void*>(&real) : kind == 1 ? static_cast<const void*>(&small) : &any, 4);
    }
    for (int64_t i = bytes / 4 * 4; i < bytes; i++) data_[i] = static_cast<std::byte>(below(random, 2));
  }

  std::unique_ptr<std::byte, Free> block_;
  std::byte* data_;
};

// Arena buffers as states have memory of their own: reads past their end are then seen, but overlaps are gone, so half of the runs keep
// them.
static void separate_arena(Program& program) {
  for (Buffer& buffer : program.buffers) {
    if (buffer.space == Space::arena) buffer = {Space::state, buffer.bytes, 0, program.states++, 64};
  }
}

static void run_program(Program& program, const Device& device, Threads& threads, Random& random, bool separate) {
  if (separate) separate_arena(program);
  std::vector<std::unique_ptr<Memory>> memory;
  const auto take = [&](int64_t bytes, int64_t alignment) {
    memory.push_back(std::make_unique<Memory>(bytes, alignment, random));
    return memory.back()->data();
  };
  Bindings bindings{};
  bindings.arena = take(program.arena_bytes, 64);
  bindings.scratch = take(program.scratch_bytes, 64);
  bindings.constants = take(static_cast<int64_t>(program.constants.size()), 64);
  if (!program.constants.empty()) std::memcpy(bindings.constants, program.constants.data(), program.constants.size());
  bindings.states.resize(program.states);
  bindings.inputs.resize(program.inputs);
  bindings.outputs.resize(program.outputs);
  for (const Buffer& buffer : program.buffers) {
    if (buffer.space == Space::state) bindings.states[buffer.binding] = take(buffer.bytes, 64);
    if (buffer.space == Space::input) bindings.inputs[buffer.binding] = buffer.bytes == 0 ? nullptr : take(buffer.bytes, buffer.alignment);
    if (buffer.space == Space::output)
      bindings.outputs[buffer.binding] = buffer.bytes == 0 ? nullptr : take(buffer.bytes, buffer.alignment);
  }
  const std::atomic<bool> cancelled{false};
  run(program, bindings, device, threads, Watch{&cancelled});
}

struct Counts {
  int64_t decoded = 0, ran = 0;
  std::map<std::string, int64_t> kernels;
};

static void try_program(const Bytes& bytes, const Device& device, Threads& threads, Random& random, int64_t scale, Counts& counts) {
  current = &bytes;
  Program program;
  if (!decode(bytes.data(), bytes.size(), device, threads.count(), program).ok()) return;
  counts.decoded++;
  for (const Call& call : program.calls) counts.kernels[call.name]++;
  if (!is_small(program, scale)) return;
  counts.ran++;
  run_program(program, device, threads, random, below(random, 2) == 0);
}

// --- the command ------------------------------------------------------------------------------------------------------------------------
static Bytes read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

static std::vector<Bytes> read_seeds(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> paths;
  if (std::filesystem::is_directory(path)) {
    for (const auto& entry : std::filesystem::directory_iterator(path)) paths.push_back(entry.path());
  } else {
    paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> seeds;
  for (const auto& seed : paths) seeds.push_back(read_file(seed));
  return seeds;
}

static bool is_built(std::string_view isa) {
  return std::any_of(isa_tables, isa_tables + isa_table_count, [&](const IsaTable& row) { return isa == row.isa; });
}

// Every instruction set that this machine and this build have.
static std::vector<const Device*> every_device() {
  std::vector<const Device*> devices;
  std::string reason;
  for (int level = 0; level < cpu_isa_count(); level++) {
    if (is_built(cpu_isa_name(level))) devices.push_back(find_cpu_device(cpu_isa_name(level), reason));
  }
  return devices;
}

// Larger than mutated programs may be: these are known to end.
static Counts try_seeds(const std::vector<Bytes>& seeds, const std::vector<const Device*>& devices, Threads& threads, Random& random) {
  Counts counts;
  for (const Bytes& seed : seeds) {
    for (const Device* device : devices) try_program(seed, *device, threads, random, 1 << 10, counts);
  }
  return counts;
}

// Seeds by the rarest kernel that they call, so that each kernel is mutated as often as any other.
static std::vector<std::vector<const Bytes*>> group_seeds(const std::vector<Bytes>& seeds, const Counts& whole, const Device& device) {
  std::map<std::string, std::vector<const Bytes*>> groups;
  for (const Bytes& seed : seeds) {
    Program program;
    if (!decode(seed.data(), seed.size(), device, 1, program).ok() || program.calls.empty()) continue;
    const auto rarer = [&](const Call& a, const Call& b) { return whole.kernels.at(a.name) < whole.kernels.at(b.name); };
    groups[std::min_element(program.calls.begin(), program.calls.end(), rarer)->name].push_back(&seed);
  }
  std::vector<std::vector<const Bytes*>> lists;
  for (auto& [name, list] : groups) lists.push_back(std::move(list));
  return lists;
}

static void print(const char* title, const Counts& counts, int64_t tried) {
  std::printf("%s: %lld tried, %lld decoded, %lld run\n", title, static_cast<long long>(tried), static_cast<long long>(counts.decoded),
              static_cast<long long>(counts.ran));
  for (const auto& [name, calls] : counts.kernels) std::printf("  %-32s %lld calls\n", name.c_str(), static_cast<long long>(calls));
}

int main(int count, char** words) {
  if (count < 2) return 2;
  const std::vector<Bytes> seeds = read_seeds(words[1]);
  const int64_t runs = count > 2 ? std::atoll(words[2]) : 0;
  Random random(count > 3 ? std::atoll(words[3]) : 1);
  std::signal(SIGABRT, leave_current);
  const std::shared_ptr<Threads> threads = shared_threads(3);
  const std::vector<const Device*> devices = every_device();
  const Counts whole = try_seeds(seeds, devices, *threads, random);
  print("seeds", whole, static_cast<int64_t>(seeds.size() * devices.size()));
  Counts counts;
  const auto groups = group_seeds(seeds, whole, *devices[0]);
  for (int64_t i = 0; i < runs; i++) {
    const auto& group = groups[below(random, groups.size())];
    const Bytes bytes = mutate(*group[below(random, group.size())], random);
    try_program(bytes, *devices[below(random, devices.size())], *threads, random, 1, counts);
  }
  print("mutations", counts, runs);
  const bool lively = whole.decoded == static_cast<int64_t>(seeds.size() * devices.size()) && (runs < 1000 || counts.ran > runs / 100);
  if (!lively) std::printf("expected every seed to decode and at least 1%% of the mutations to run\n");
  return lively ? 0 : 1;
}
