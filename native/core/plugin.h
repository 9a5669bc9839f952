// A back-end in a shared object of its own: opened on first use, never linked, so that a machine without it or its driver only learns why.
#pragma once
#include <string>

#include "device.h"

// The version of the package as text. A back-end shares the records of device.h and kernel.h with the addon, so one of another version is
// refused before it is called.
#define TENSORWOOD_QUOTE(text) #text
#define TENSORWOOD_TEXT(macro) TENSORWOOD_QUOTE(macro)

namespace tensorwood {

struct Plugin {
  const Device* device;     // null when it cannot be used; without find_check
  std::string description;  // of the hardware
  std::string reason;       // why it cannot be used, as a sentence
};

// The CUDA back-end: the file that TENSORWOOD_CUDA_LIBRARY names, else tensorwood_cuda.so beside the addon.
const Plugin& cuda_plugin();

}  // namespace tensorwood
