// What a kernel is, for every back-end: a name, the types it takes, and a function over strided operands.
// Back-ends publish constant-initialised tables of rows; the executor and the tree engine find rows by name and never name a device.
#pragma once
#include <cstddef>
#include <cstdint>

#include "inline.h"

namespace tensorwood {

enum class DType : uint8_t {
  f32 = 0,
  bf16 = 1,
  i32 = 2,
  u8 = 3,
  boolean = 4,
  u16 = 5,
  u32 = 6,
  i64 = 7,
  f64 = 8,
  i16 = 9,
  i8 = 10,
  any = 255
};
constexpr int kMaxRank = 6;

// Bytes of an element; 0 = unknown.
TENSORWOOD_INLINE int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::u8:
    case DType::boolean:
    case DType::i8:
      return 1;
    case DType::bf16:
    case DType::u16:
    case DType::i16:
      return 2;
    case DType::f32:
    case DType::i32:
    case DType::u32:
      return 4;
    case DType::i64:
    case DType::f64:
      return 8;
    case DType::any:
      break;
  }
  return 0;
}

// One argument: a strided view. data points at element [0, ..., 0]; strides count elements, 0 repeats (broadcast).
struct Operand {
  void* data;
  DType dtype;
  uint8_t rank;
  int64_t shape[kMaxRank];
  int64_t stride[kMaxRank];
};

class Threads;  // threads.h

struct Args {
  const Operand* inputs;
  const Operand* outputs;  // a kernel that updates in place has the same view on both sides
  const int64_t* integers;
  const double* numbers;
  int32_t input_count, output_count, integer_count, number_count;
  std::byte* scratch;  // 64-byte aligned, at least what scratch_bytes answered, not shared with another running kernel
  Threads* threads;    // never null; a single thread on the CPU, ignored by devices with threads of their own
  void* stream;        // the device's queue; null on the CPU
  // Where a kernel that meets data it cannot take (an index outside a table) leaves a static sentence, "expected ...": the run fails. May
  // be null.
  const char** failure = nullptr;
};

// Null when the arguments fit the kernel, else what is wrong as "expected ..., got ...". Runs once, when a program is decoded: it is
// what makes a hostile program harmless, so run() relies on it. Bounds of every operand have been checked before.
using Check = const char* (*)(const Args&);
// Bytes of scratch memory for these arguments (data pointers are not valid yet).
using Scratch = int64_t (*)(const Args&, int threads);
using Run = void (*)(const Args&);

struct Kernel {
  const char* name;
  DType dtype;  // of outputs[0]; any = the kernel looks itself
  Run run;
  Check check;      // required in the CPU's scalar table, null elsewhere: devices share the CPU's checks
  Scratch scratch;  // null = none
};

struct Table {
  const Kernel* rows;
  int32_t count;
};

}  // namespace tensorwood
