// What this process may use of the machine: the affinity mask, and the processor and memory limits of its control groups (cgroup v1 and
// v2).
#pragma once
#include <cstdint>
#include <string>

namespace tensorwood {

// Both look below `root`, which is "" on a live system; tests give a folder with copies of /proc and /sys files.
double cpu_quota(const std::string& root = "");          // cores, or 0 when there is no quota
int64_t available_memory(const std::string& root = "");  // bytes that can be taken without swapping or being killed; INT64_MAX when unknown

// Whether there is memory for so many bytes. A few are taken unasked: to ask reads files of the system.
inline bool has_room(double bytes) { return bytes < 0x1p24 || bytes <= static_cast<double>(available_memory()); }

}  // namespace tensorwood
