// The fibers behind host_shim.h: a scheduler that runs the threads of a block until each waits or ends, and the checks at each meeting
// point. Compiled without -fsanitize=thread even in that build: it touches other lanes' variables, and tells the sanitizer what orders
// what.
#include "host_shim.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

#ifdef SHIM_TSAN
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned);
void __tsan_switch_to_fiber(void*, unsigned);
void __tsan_acquire(void*);
void __tsan_release(void*);
}
#endif
#ifdef SHIM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifndef __x86_64__
#error "the host shim switches stacks by x86-64 instructions"
#endif

namespace tensorwood::host_shim {

__thread Fiber* current = nullptr;

namespace {

constexpr size_t kStack = 256 * 1024;
constexpr size_t kGuard = 4096;

enum class Wait { none, barrier, collective, ended };

// A stack, and the fiber that thread sanitizer knows it by: making one is slow, so threads of later blocks take over those of earlier ones.
struct Stack {
  char* memory;
  void* fiber;
};

struct Thread : Fiber {
  void* stack_pointer = nullptr;
  Stack stack = {};
  void* fake_stack = nullptr;
  Wait wait = Wait::none;
  const char* file = "";
  int line = 0;
  unsigned index = 0;
};

// Lanes of one warp that have arrived at one collective.
struct Meeting {
  unsigned mask = 0, arrived = 0;
  const char* file = "";
  int line = 0;
  void* arguments[32] = {};
};

struct Piece {
  void* memory;
  size_t bytes;
};

struct Block {
  std::vector<Thread*> threads;
  std::map<unsigned, std::vector<Meeting>> meetings;  // by warp
  std::vector<Piece> pieces;
  size_t shared = 0, carved = 0;
  unsigned live = 0;
  int parity = 0;
  char order[2] = {};  // addresses that stand for even and odd barriers
};

std::vector<Stack> free_stacks;
const std::function<void()>* body = nullptr;
Block* block_now = nullptr;
void* scheduler_stack_pointer = nullptr;
#ifdef SHIM_TSAN
void* scheduler_fiber = nullptr;
#endif

[[noreturn]] void fail(const char* what, const char* file, int line) {
  std::fprintf(stderr, "host shim: %s at %s:%d\n", what, file, line);
  std::abort();
}

std::mt19937& generator() {
  static std::mt19937 engine(static_cast<unsigned>(std::getenv("TENSORWOOD_SEED") ? std::atoi(std::getenv("TENSORWOOD_SEED")) : 1));
  return engine;
}
bool backwards() {
  const char* seed = std::getenv("TENSORWOOD_SEED");
  return seed && std::atoi(seed) % 2 == 1;
}

void acquire([[maybe_unused]] void* at) {
#ifdef SHIM_TSAN
  __tsan_acquire(at);
#endif
}
void release([[maybe_unused]] void* at) {
#ifdef SHIM_TSAN
  __tsan_release(at);
#endif
}

extern "C" void host_shim_switch(void** save, void* load);
asm(R"(
.text
.globl host_shim_switch
.type host_shim_switch, @function
host_shim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size host_shim_switch, .-host_shim_switch
)");

void to_scheduler(Thread* thread) {
#ifdef SHIM_ASAN
  __sanitizer_start_switch_fiber(thread->wait == Wait::ended ? nullptr : &thread->fake_stack, nullptr, 0);
#endif
#ifdef SHIM_TSAN
  __tsan_switch_to_fiber(scheduler_fiber, 1);
#endif
  host_shim_switch(&thread->stack_pointer, scheduler_stack_pointer);
#ifdef SHIM_ASAN
  __sanitizer_finish_switch_fiber(thread->fake_stack, nullptr, nullptr);
#endif
}

void suspend(Wait wait, const char* file, int line) {
  auto* thread = static_cast<Thread*>(current);
  thread->wait = wait;
  thread->file = file;
  thread->line = line;
  to_scheduler(thread);
}

void entry() {
  auto* thread = static_cast<Thread*>(current);
#ifdef SHIM_ASAN
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
  acquire(block_now);
  (*body)();
  release(block_now);
  thread->wait = Wait::ended;
  to_scheduler(thread);
}

Stack take_stack() {
  if (!free_stacks.empty()) {
    const Stack stack = free_stacks.back();
    free_stacks.pop_back();
    return stack;
  }
  void* memory = mmap(nullptr, kStack + kGuard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) fail("no memory for a stack", __FILE__, __LINE__);
  mprotect(memory, kGuard, PROT_NONE);
  Stack stack = {static_cast<char*>(memory) + kGuard, nullptr};
#ifdef SHIM_TSAN
  stack.fiber = __tsan_create_fiber(0);
#endif
  return stack;
}

void start(Thread& thread) {
  thread.stack = take_stack();
  auto** top = reinterpret_cast<void**>(thread.stack.memory + kStack);
  *--top = nullptr;  // keeps the stack aligned as a call would
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; i++) *--top = nullptr;
  thread.stack_pointer = top;
}

void resume(Thread& thread) {
  current = &thread;
  thread.wait = Wait::none;
#ifdef SHIM_ASAN
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, thread.stack.memory, kStack);
#endif
#ifdef SHIM_TSAN
  __tsan_switch_to_fiber(thread.stack.fiber, 1);
#endif
  host_shim_switch(&scheduler_stack_pointer, thread.stack_pointer);
#ifdef SHIM_ASAN
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
  current = nullptr;
}

void end(Block& block, Thread& thread) {
  block.live--;
  free_stacks.push_back(thread.stack);
}

// All live threads wait: at one barrier they go on, else it is a deadlock.
void open_barrier(Block& block) {
  const Thread* first = nullptr;
  for (const Thread* thread : block.threads) {
    if (thread->wait == Wait::collective) fail("deadlock: a warp collective waits for lanes that never come", thread->file, thread->line);
    if (thread->wait != Wait::barrier) continue;
    if (first == nullptr) first = thread;
    if (thread->line != first->line || std::strcmp(thread->file, first->file) != 0) {
      fail("threads of one block wait at different barriers", thread->file, thread->line);
    }
  }
  if (block.live != block.threads.size()) fail("a barrier after some threads of the block have returned", first->file, first->line);
  block.parity ^= 1;
  for (Thread* thread : block.threads) thread->wait = Wait::none;
  std::shuffle(block.threads.begin(), block.threads.end(), generator());
}

void run_threads(Block& block) {
  while (block.live > 0) {
    bool progressed = false;
    for (Thread* thread : std::vector<Thread*>(block.threads)) {
      if (thread->wait != Wait::none) continue;
      progressed = true;
      resume(*thread);
      if (thread->wait == Wait::ended) end(block, *thread);
    }
    if (!progressed) open_barrier(block);
  }
}

void run_block(dim3 at, dim3 grid, dim3 size, size_t shared) {
  Block block;
  block.shared = shared;
  block_now = &block;
  std::vector<Thread> threads(size.x * size.y * size.z);
  for (unsigned i = 0; i < threads.size(); i++) {
    Thread& thread = threads[i];
    thread.thread = dim3(i % size.x, i / size.x % size.y, i / (size.x * size.y));
    thread.block = at;
    thread.block_size = size;
    thread.grid_size = grid;
    thread.index = i;
    start(thread);
    block.threads.push_back(&thread);
  }
  block.live = static_cast<unsigned>(threads.size());
  std::shuffle(block.threads.begin(), block.threads.end(), generator());
  release(&block);  // what was made for the block is seen by its threads
  run_threads(block);
  acquire(&block);
  for (const Piece& piece : block.pieces) std::free(piece.memory);
  block_now = nullptr;
}

}  // namespace

unsigned lane() { return static_cast<Thread*>(current)->index % 32; }

void barrier(const char* file, int line) {
  char* order = &block_now->order[block_now->parity];
  release(order);
  suspend(Wait::barrier, file, line);
  acquire(order);
}

void* carve(int index, size_t bytes) {
  Block& block = *block_now;
  if (static_cast<size_t>(index) > block.pieces.size()) fail("shared memory is carved in different orders", "SharedMemory::take", index);
  if (static_cast<size_t>(index) == block.pieces.size()) {
    block.carved += (bytes + 15) / 16 * 16;
    if (block.carved > block.shared) fail("more shared memory is carved than the launch asked for", "SharedMemory::take", index);
    auto* memory = static_cast<volatile unsigned char*>(std::malloc(bytes));
    for (size_t i = 0; i < bytes; i++) memory[i] = 0xff;
    block.pieces.push_back({const_cast<unsigned char*>(memory), bytes});
    release(block.pieces[static_cast<size_t>(index)].memory);
  }
  const Piece& piece = block.pieces[static_cast<size_t>(index)];
  if (piece.bytes != bytes) fail("threads carve pieces of different sizes", "SharedMemory::take", index);
  acquire(piece.memory);
  return piece.memory;
}

void warp_collective(unsigned mask, void* argument, Combine combine, const char* file, int line) {
  auto* self = static_cast<Thread*>(current);
  const unsigned mine = self->index % 32, warp = self->index / 32;
  if (!(mask >> mine & 1)) fail("a lane is not in its own mask", file, line);
  for (const Thread* thread : block_now->threads) {
    if (thread->index / 32 == warp && (mask >> thread->index % 32 & 1) && thread->wait == Wait::ended) {
      fail("a mask names a lane that has returned", file, line);
    }
  }
  auto& meetings = block_now->meetings[warp];
  auto meeting = std::find_if(meetings.begin(), meetings.end(), [&](const Meeting& m) { return m.mask == mask && m.line == line; });
  if (meeting == meetings.end()) {
    meetings.push_back({mask, 0, file, line, {}});
    meeting = meetings.end() - 1;
  }
  meeting->arrived |= 1u << mine;
  meeting->arguments[mine] = argument;
  if (meeting->arrived != mask) return suspend(Wait::collective, file, line);
  combine(meeting->arguments, mask);
  meetings.erase(meeting);
  for (Thread* thread : block_now->threads) {
    if (thread->index / 32 == warp && (mask >> thread->index % 32 & 1) && thread->wait == Wait::collective) thread->wait = Wait::none;
  }
}

// Far below a GPU's 2^31 - 1 and 65,535, so that a grid that grows with the data is seen in a small case.
constexpr unsigned kMostBlocks = 4096, kMostAcross = 256;

void run_grid(dim3 grid, dim3 block, size_t shared, const std::function<void()>& kernel) {
  if (block.x * block.y * block.z > 1024 || shared > 99 * 1024) fail("a block past the limits", "launch", 0);
  if (grid.x > kMostBlocks || grid.y > kMostAcross || grid.z > kMostAcross) fail("a grid past the limits", "launch", 0);
  static std::mutex turn;  // one grid at a time, whichever thread launches it
  const std::lock_guard<std::mutex> mine(turn);
  body = &kernel;
#ifdef SHIM_TSAN
  scheduler_fiber = __tsan_get_current_fiber();
#endif
  const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
  for (uint64_t i = 0; i < blocks; i++) {
    const uint64_t at = backwards() ? blocks - 1 - i : i;
    run_block(
        dim3(static_cast<unsigned>(at % grid.x), static_cast<unsigned>(at / grid.x % grid.y), static_cast<unsigned>(at / grid.x / grid.y)),
        grid, block, shared);
  }
}

}  // namespace tensorwood::host_shim

// Orders memory among the lanes of the mask, which shuffles do not.
void __syncwarp(unsigned mask, const char* file, int line) {
  using namespace tensorwood::host_shim;
  static char order[32];  // an address stands for each warp of the block
  char* mine = &order[static_cast<Thread*>(current)->index / 32];
  release(mine);
  warp_collective(
      mask, nullptr, [](void* const*, unsigned) {}, file, line);
  acquire(mine);
}

static thread_local cudaError_t last_error = cudaSuccess;

// No GPU has a petabyte.
cudaError_t cudaMalloc(void** memory, size_t bytes) {
  *memory = bytes < size_t{1} << 50 ? std::malloc(bytes) : nullptr;
  if (*memory == nullptr) return last_error = cudaErrorMemoryAllocation;
  std::memset(*memory, 0xff, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = *total = size_t{1} << 46;
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaMemset(void* memory, int value, size_t bytes) {
  std::memset(memory, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t) { return cudaMemset(memory, value, bytes); }
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {"host shim", 8, 0, 1, size_t{1} << 30};
  return cudaSuccess;
}
const char* cudaGetErrorString(cudaError_t error) { return error == cudaSuccess ? "no error" : "out of memory"; }
