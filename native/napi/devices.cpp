// The list of back-ends.
#include "devices.h"

#include "core/threads.h"

namespace tensorwood {
namespace {

std::string describe_cpu() {
  return std::string(cpu_isa_name(cpu_isa_count() - 1)) + ", " + std::to_string(available_threads()) + " threads";
}

}  // namespace

const DeviceRow device_rows[] = {
    {"cpu", find_cpu_device, describe_cpu},
};
const int device_row_count = sizeof device_rows / sizeof device_rows[0];

}  // namespace tensorwood
