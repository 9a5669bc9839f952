// Kernels that must be there.
#include "device.h"

namespace tensorwood {
namespace {

const char* name_of(DType dtype) {
  static constexpr const char* names[] = {"f32", "bf16", "i32", "u8", "bool", "u16", "u32", "i64", "f64", "i16", "i8"};
  const auto id = static_cast<size_t>(dtype);
  return id < sizeof names / sizeof *names ? names[id] : "any";
}

}  // namespace

const Kernel& require_kernel(const Device& device, std::string_view name, DType dtype) {
  if (const Kernel* kernel = device.find(name, dtype)) return *kernel;
  throw Failure{{"ERR_TENSORWOOD_DEVICE", "device " + std::string(device.name) + ": expected a kernel '" + std::string(name) + "' " +
                                              name_of(dtype) + ", got none"}};
}

}  // namespace tensorwood
