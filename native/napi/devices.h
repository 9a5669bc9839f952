// The back-ends of this build, by name. A back-end adds one row to devices.cpp.
#pragma once
#include <string>

#include "core/device.h"

namespace tensorwood {

struct DeviceRow {
  const char* name;
  // The device, held to an instruction set where it has several ("" = its best); null, and why, when it cannot be used here.
  const Device* (*open)(std::string_view isa, std::string& reason);
  std::string (*describe)();  // of a device that can be used
};

extern const DeviceRow device_rows[];
extern const int device_row_count;

// The device of this name, held to an instruction set. Throws ERR_TENSORWOOD_DEVICE with the reason when it cannot be used here.
const Device& open_device(const std::string& name, const std::string& isa);

}  // namespace tensorwood
