// The program: a flat list of kernel calls over planned memory, the first of the two things that cross the border. lib/compile/program.ts
// writes the bytes; decode() treats them as hostile (every id, size, stride and shape is checked) and run() executes what was decoded.
//
// Bytes, little-endian, no padding:
//   u32 magic 0x31475754 ("TWG1")   u32 buffers   u32 calls   u64 arena bytes   u64 constant bytes   constant data
//   buffer: u8 kind   u64 bytes   u64 offset          kind: 0 arena (offset in it, multiple of 64), 1 state, 2 input, 3 output,
//                                                     4 constant (offset in the constant data). The k-th buffer of kind 1, 2 or 3 is
//                                                     bound to the k-th state, input or output of run(), whose size must match.
//   call: u8 name length, name (ASCII)   u16 inputs   u16 outputs   operands...   u32 integers, i64...   u32 numbers, f64...
//   operand: u32 buffer   u64 offset in bytes   u8 dtype   u8 rank (0..6)   i64 shape...   i64 stride (elements, >= 0)...
// An operand is in bounds when every element lies inside its buffer, at a multiple of its size; inputs and constants are never written.
// The elements of an output share no memory with each other or with another operand, unless that is an input of the same dtype, place and
// order of elements.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "device.h"
#include "status.h"
#include "threads.h"

namespace tensorwood {

enum class Space : uint8_t { arena = 0, state = 1, input = 2, output = 3, constant = 4 };

struct Buffer {
  Space space;
  int64_t bytes;
  int64_t offset;
  int32_t binding;    // index among the buffers of its space
  int32_t alignment;  // bytes: the largest element that an operand reads or writes here
};

struct Call {
  const Kernel* kernel = nullptr;
  std::string name;
  std::vector<Operand> operands;  // inputs, then outputs; data holds the byte offset within the buffer until it is bound
  std::vector<uint32_t> buffers;  // of each operand
  std::vector<int64_t> integers;
  std::vector<double> numbers;
  int32_t inputs = 0;
  bool writes_state = false;
};

struct Program {
  std::vector<Buffer> buffers;
  std::vector<Call> calls;
  std::vector<std::byte> constants;
  int64_t arena_bytes = 0;
  int64_t staging_bytes = 0;  // inputs and outputs one after another, 64-byte aligned: for devices that do not read the caller's memory
  int64_t scratch_bytes = 0;  // the largest of any call
  int32_t states = 0, inputs = 0, outputs = 0;
};

// Never throws, never reads outside [bytes, bytes + size).
Status decode(const uint8_t* bytes, size_t size, const Device& device, int threads, Program& program);

// The arguments of a call over its operands, bound or not; scratch, threads and stream are not set.
Args arguments(const Call& call, const Operand* operands);

// Where a run finds its memory; the caller owns all of it.
struct Bindings {
  std::byte* arena;
  std::byte* scratch;
  std::byte* constants;  // on the device
  std::vector<void*> states, inputs, outputs;
  void* stream = nullptr;
};

// How a run is stopped and observed. Only `cancelled` is required.
struct Watch {
  const std::atomic<bool>* cancelled;
  std::atomic<int32_t>* done = nullptr;  // counts finished calls
  double* seconds = nullptr;             // one for each call, added to
};

// Runs every call in order on the caller's thread and the pool. Once *cancelled it stops before the next call, unless a call has already
// written state: the compiler puts those last, so a cancelled step happened whole or not at all.
Status run(const Program& program, const Bindings& bindings, const Device& device, Threads& threads, const Watch& watch);

}  // namespace tensorwood
