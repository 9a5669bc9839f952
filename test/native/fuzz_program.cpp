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

using namespace tensorwood;
using Bytes = std::vector<uint8_t>;
using Random = std::mt19937_64;

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

// --- the fields of a program ----------------------------------------------------------------------------------------------------------
struct Field {
  size_t at, bytes;
};

// Walks a program that may be malformed and lists its fields as far as they can be read.
class Walker {
 public:
  explicit Walker(const Bytes& bytes) : bytes_(bytes) {}

  std::vector<Field> walk() {
    field(4);
    const uint64_t buffers = field(4), calls = field(4);
    field(8);
    const uint64_t constants = field(8);
    at_ += std::min<uint64_t>(constants, bytes_.size());
    for (uint64_t i = 0; i < buffers && !ended(); i++) {
      field(1);
      field(8);
      field(8);
    }
    for (uint64_t i = 0; i < calls && !ended(); i++) walk_call();
    return fields_;
  }

 private:
  bool ended() const { return at_ >= bytes_.size(); }

  uint64_t field(size_t size) {
    if (at_ + size > bytes_.size()) {
      at_ = bytes_.size();
      return 0;
    }
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + at_, size);
    fields_.push_back({at_, size});
    at_ += size;
    return value;
  }

  void walk_call() {
    at_ += field(1);  // names are mutated by exchange only
    uint64_t operands = field(2);
    operands += field(2);
    for (uint64_t i = 0; i < operands && !ended(); i++) walk_operand();
    for (int list = 0; list < 2; list++) {
      const uint64_t count = field(4);
      for (uint64_t i = 0; i < count && !ended(); i++) field(8);
    }
  }

  void walk_operand() {
    field(4);
    field(8);
    field(1);
    const uint64_t rank = field(1);
    for (uint64_t i = 0; i < 2 * rank && !ended(); i++) field(8);
  }

  const Bytes& bytes_;
  size_t at_ = 0;
  std::vector<Field> fields_;
};

// --- mutations ------------------------------------------------------------------------------------------------------------------------
static uint64_t below(Random& random, uint64_t end) { return random() % end; }

static void put(Bytes& bytes, Field field, uint64_t value) { std::memcpy(bytes.data() + field.at, &value, field.bytes); }

static uint64_t get(const Bytes& bytes, Field field) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + field.at, field.bytes);
  return value;
}

static uint64_t interesting(Random& random, uint64_t value) {
  static const uint64_t values[] = {0,
                                    1,
                                    2,
                                    3,
                                    4,
                                    7,
                                    8,
                                    15,
                                    16,
                                    17,
                                    31,
                                    63,
                                    64,
                                    65,
                                    255,
                                    256,
                                    uint64_t(-1),
                                    uint64_t(-2),
                                    1ull << 31,
                                    (1ull << 31) - 1,
                                    1ull << 32,
                                    1ull << 47,
                                    1ull << 62,
                                    1ull << 63,
                                    0x3ff0000000000000ull /* 1.0 */,
                                    0x7ff8000000000000ull /* NaN */,
                                    0xfff0000000000000ull /* -infinity */};
  switch (below(random, 5)) {
    case 0:
      return value + 1;
    case 1:
      return value - 1;
    case 2:
      return value * 2;
    case 3:
      return below(random, 20);
    default:
      return values[below(random, std::size(values))];
  }
}

static void mutate_field(Bytes& bytes, const std::vector<Field>& fields, Random& random) {
  if (fields.empty()) return;
  const Field field = fields[below(random, fields.size())];
  if (below(random, 3) > 0) {
    put(bytes, field, interesting(random, get(bytes, field)));
    return;
  }
  const Field other = fields[below(random, fields.size())];  // a value from elsewhere: another buffer, length, dtype
  put(bytes, field, get(bytes, other));
}

// Gives a length a new value everywhere, so that operands still agree: the way into kernels past the checks of shapes.
static void mutate_everywhere(Bytes& bytes, const std::vector<Field>& fields, Random& random) {
  if (fields.empty()) return;
  const uint64_t value = get(bytes, fields[below(random, fields.size())]), replacement = interesting(random, value);
  for (const Field& field : fields) {
    if (field.bytes == 8 && get(bytes, field) == value) put(bytes, field, replacement);
  }
}

static void mutate_bytes(Bytes& bytes, Random& random) {
  if (bytes.empty()) return;
  const size_t at = below(random, bytes.size());
  switch (below(random, 4)) {
    case 0:
      bytes[at] ^= static_cast<uint8_t>(1u << below(random, 8));
      break;
    case 1:
      bytes.resize(at);
      break;
    case 2:
      bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), static_cast<uint8_t>(random()));
      break;
    default:
      bytes.erase(bytes.begin() + static_cast<ptrdiff_t>(at),
                  bytes.begin() + static_cast<ptrdiff_t>(std::min(bytes.size(), at + 1 + below(random, 40))));
  }
}

static Bytes mutate(Bytes bytes, Random& random) {
  const uint64_t count = 1 + below(random, 4);
  for (uint64_t i = 0; i < count; i++) {
    const std::vector<Field> fields = Walker(bytes).walk();
    switch (below(random, 8)) {
      case 0:
        mutate_bytes(bytes, random);
        break;
      case 1:
      case 2:
        mutate_everywhere(bytes, fields, random);
        break;
      default:
        mutate_field(bytes, fields, random);
    }
  }
  return bytes;
}

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

static std::vector<const Device*> every_device() {
  std::vector<const Device*> devices;
  std::string reason;
  for (int level = 0; level < cpu_isa_count(); level++) devices.push_back(find_cpu_device(cpu_isa_name(level), reason));
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
  const std::unique_ptr<Threads> threads(make_threads(3));
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
