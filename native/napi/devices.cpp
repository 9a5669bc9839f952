// The list of back-ends.
#include "devices.h"

#include "core/plugin.h"
#include "core/threads.h"
#include "cpu/device.h"
#include "napi/arguments.h"

namespace tensorwood {
namespace {

std::string describe_cpu() {
  return std::string(cpu_isa_name(cpu_isa_count() - 1)) + ", " + std::to_string(available_threads()) + " threads";
}

// Calls are checked by the CPU's table, whatever device they run on.
Device with_checks(Device device) {
  device.find_check = cpu_device().find_check;
  return device;
}

const Device* open_cuda(std::string_view isa, std::string& reason) {
  const Plugin& plugin = cuda_plugin();
  reason = !isa.empty() ? "it has no instruction sets to choose from" : plugin.reason;
  if (!isa.empty() || plugin.device == nullptr) return nullptr;
  static const Device device = with_checks(*plugin.device);
  return &device;
}

std::string describe_cuda() { return cuda_plugin().description; }

}  // namespace

const DeviceRow device_rows[] = {
    {"cpu", find_cpu_device, describe_cpu},
    {"cuda", open_cuda, describe_cuda},
};
const int device_row_count = sizeof device_rows / sizeof device_rows[0];

const Device& open_device(const std::string& name, const std::string& isa) {
  for (int i = 0; i < device_row_count; i++) {
    if (name != device_rows[i].name) continue;
    std::string reason;
    if (const Device* device = device_rows[i].open(isa, reason)) return *device;
    fail("ERR_TENSORWOOD_DEVICE", name + ": " + reason);
  }
  std::string names;
  for (int i = 0; i < device_row_count; i++) names += std::string(i > 0 ? ", " : "") + device_rows[i].name;
  fail("ERR_TENSORWOOD_DEVICE", "device: expected one of " + names + ", got '" + name + "'");
}

}  // namespace tensorwood
