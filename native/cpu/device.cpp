// The CPU as a device: memory by mmap, copies by memcpy, and the choice among the kernel tables of the instruction sets.
#include "cpu/device.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "core/limits.h"
#include "cpu/tables.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tensorwood {
namespace {

constexpr int64_t kHugePage = 2 << 20;

int64_t round_up(int64_t bytes, int64_t unit) { return (bytes + unit - 1) / unit * unit; }

// Maps more than asked for and gives back both ends, so that the block starts at a huge page.
void* map_huge(int64_t bytes) {
  const int64_t size = round_up(bytes, kHugePage), mapped = size + kHugePage;
  void* start = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  char* first = static_cast<char*>(start);
  char* block = reinterpret_cast<char*>(round_up(reinterpret_cast<intptr_t>(first), kHugePage));
  if (block > first) munmap(first, block - first);
  if (block + size < first + mapped) munmap(block + size, first + mapped - block - size);
  madvise(block, size, MADV_HUGEPAGE);
  return block;
}

void* allocate(int64_t bytes) {
  if (bytes >= kHugePage) return map_huge(bytes);
  const int64_t size = round_up(bytes > 0 ? bytes : 1, 64);
  void* block = std::aligned_alloc(64, size);
  return block == nullptr ? nullptr : std::memset(block, 0, size);
}

int64_t available() { return available_memory(); }

void release(void* memory, int64_t bytes) {
  if (memory == nullptr) return;
  if (bytes >= kHugePage) {
    munmap(memory, round_up(bytes, kHugePage));
  } else {
    std::free(memory);
  }
}

void copy(void* to, const void* from, int64_t bytes, void*) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

void fill(void* to, int byte, int64_t bytes, void*) {
  if (bytes > 0) std::memset(to, byte, bytes);
}

Status synchronize(void*) { return {}; }

// --- instruction sets, ascending ----------------------------------------------------------------------------------------------------
#if defined(__x86_64__)
constexpr const char* kIsas[] = {"scalar", "avx2", "avx512"};

// The registers that the operating system saves when it switches threads (XCR0).
uint32_t saved_registers() {
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

bool has_bits(uint32_t value, uint32_t bits) { return (value & bits) == bits; }

// Bit names: Intel SDM volume 2, CPUID. Every extension that CMakeLists.txt turns on is asked for.
int detect_isa() {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !has_bits(c, bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C)) return 0;
  const uint32_t saved = saved_registers();
  if (!has_bits(saved, 0x6)) return 0;  // xmm, ymm
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has_bits(b, bit_AVX2 | bit_BMI2)) return 0;
  const bool foundation =
      has_bits(b, bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ | bit_AVX512CD) && has_bits(c, bit_AVX512VNNI);
  if (!foundation || !has_bits(saved, 0xe6)) return 1;  // opmask, zmm
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && has_bits(a, bit_AVX512BF16) ? 2 : 1;
}
#else
constexpr const char* kIsas[] = {"scalar"};
int detect_isa() { return 0; }
#endif

constexpr int kIsaCount = sizeof kIsas / sizeof kIsas[0];

int best_isa() {
  static const int best = detect_isa();
  return best;
}

const Kernel* find_in(const Table& table, std::string_view name, DType dtype) {
  for (int32_t i = 0; i < table.count; i++) {
    const Kernel& row = table.rows[i];
    if ((row.dtype == dtype || row.dtype == DType::any) && name == row.name) return &row;
  }
  return nullptr;
}

const Kernel* find_at(int isa, std::string_view name, DType dtype) {
  for (int level = isa; level >= 0; level--) {
    for (int i = 0; i < isa_table_count; i++) {
      if (std::strcmp(isa_tables[i].isa, kIsas[level]) != 0) continue;
      if (const Kernel* row = find_in(*isa_tables[i].table, name, dtype)) return row;
    }
  }
  return nullptr;
}

template <int isa>
const Kernel* find(std::string_view name, DType dtype) {
  return find_at(isa, name, dtype);
}

Check find_check(std::string_view name, DType dtype) {
  const Kernel* row = find_at(0, name, dtype);
  return row == nullptr ? nullptr : row->check;
}

template <int isa>
constexpr Device make_device() {
  return {"cpu", kIsas[isa], true, allocate, available, release, copy, copy, copy, fill, synchronize, find<isa>, find_check};
}

#if defined(__x86_64__)
constexpr Device kDevices[] = {make_device<0>(), make_device<1>(), make_device<2>()};
#else
constexpr Device kDevices[] = {make_device<0>()};
#endif

}  // namespace

const char* cpu_isa_name(int level) { return kIsas[level]; }
int cpu_isa_count() { return best_isa() + 1; }

const Device* find_cpu_device(std::string_view isa, std::string& reason) {
  const char* forced = std::getenv("TENSORWOOD_ISA");
  if (isa.empty() && forced != nullptr) isa = forced;
  if (isa.empty()) return &kDevices[best_isa()];
  for (int i = 0; i < kIsaCount; i++) {
    if (isa != kIsas[i]) continue;
    if (i <= best_isa()) return &kDevices[i];
    reason = "expected an instruction set of this machine (up to " + std::string(kIsas[best_isa()]) + "), got " + std::string(isa);
    return nullptr;
  }
  reason = "expected isa scalar";
  for (int i = 1; i < kIsaCount; i++) reason += std::string(i + 1 < kIsaCount ? ", " : " or ") + kIsas[i];
  reason += ", got '" + std::string(isa) + "'";
  return nullptr;
}

const Device& cpu_device() {
  std::string reason;
  const Device* device = find_cpu_device("", reason);
  return device == nullptr ? kDevices[best_isa()] : *device;
}

}  // namespace tensorwood
