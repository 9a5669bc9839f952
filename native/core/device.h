// What the executor and the tree engine know of a device: memory, copies, and how to find a kernel. One constant record per back-end.
#pragma once
#include <string_view>

#include "kernel.h"
#include "status.h"

namespace tensorwood {

struct Device {
  const char* name;  // "cpu", "cuda"
  // A 64-byte aligned block (2 MiB aligned with huge pages advised from 2 MiB up), zeroed; null when there is no memory.
  void* (*allocate)(int64_t bytes);
  void (*release)(void* memory, int64_t bytes);
  void (*write)(void* to, const void* host, int64_t bytes, void* stream);
  void (*read)(void* host, const void* from, int64_t bytes, void* stream);
  void (*copy)(void* to, const void* from, int64_t bytes, void* stream);
  Status (*synchronize)(void* stream);                        // waits, and reports what failed since the last call
  const Kernel* (*find)(std::string_view name, DType dtype);  // best row for this machine, or null
};

const Device& cpu_device();

}  // namespace tensorwood
