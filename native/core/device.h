// What the executor and the tree engine know of a device: memory, copies, and how to find a kernel. One constant record per back-end and
// instruction set.
#pragma once
#include <string_view>

#include "kernel.h"
#include "status.h"

namespace tensorwood {

struct Device {
  const char* name;  // "cpu", "cuda"
  const char* isa;   // "scalar", "avx2", "avx512"; of other devices their architecture
  bool host;         // kernels read and write the caller's memory in place
  // A 64-byte aligned block (2 MiB aligned with huge pages advised from 2 MiB up), zeroed; null when there is no memory.
  void* (*allocate)(int64_t bytes);
  int64_t (*available)();  // bytes that this process may still take
  void (*release)(void* memory, int64_t bytes);
  void (*write)(void* to, const void* host, int64_t bytes, void* stream);
  void (*read)(void* host, const void* from, int64_t bytes, void* stream);
  void (*copy)(void* to, const void* from, int64_t bytes, void* stream);
  void (*fill)(void* to, int byte, int64_t bytes, void* stream);
  Status (*synchronize)(void* stream);                        // waits, and reports what failed since the last call
  const Kernel* (*find)(std::string_view name, DType dtype);  // best row for this machine, or null
  Check (*find_check)(std::string_view name, DType dtype);    // of the CPU's scalar table, for every device; null = no such kernel
};

// The kernel of this name; throws a Failure, ERR_TENSORWOOD_DEVICE, when the device has none.
const Kernel& require_kernel(const Device& device, std::string_view name, DType dtype);

}  // namespace tensorwood
