// The CPU as a device: one constant record for each instruction set.
#pragma once
#include <string>
#include <string_view>

#include "core/device.h"

namespace tensorwood {

// The CPU with the best instruction set of this machine, or the one that TENSORWOOD_ISA names.
const Device& cpu_device();
// The CPU held to one instruction set ("" = the best); null, and why, when this machine or this build lacks it.
const Device* find_cpu_device(std::string_view isa, std::string& reason);
// Instruction sets that this machine and this build have, ascending. The last is the best.
const char* cpu_isa_name(int level);
int cpu_isa_count();

}  // namespace tensorwood
