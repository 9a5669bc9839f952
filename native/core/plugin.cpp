// Opens tensorwood_cuda.so.
#include "plugin.h"

#include <dlfcn.h>

#include <cstdlib>

namespace tensorwood {
namespace {

using FindVersion = const char* (*)();
using FindDevice = const Device* (*)(char* description, char* reason);

std::string cuda_library() {
  if (const char* named = std::getenv("TENSORWOOD_CUDA_LIBRARY")) return named;
  Dl_info here;
  if (dladdr(reinterpret_cast<const void*>(&cuda_plugin), &here) == 0) return "tensorwood_cuda.so";
  const std::string file = here.dli_fname;
  return file.substr(0, file.rfind('/') + 1) + "tensorwood_cuda.so";
}

Plugin open_cuda() {
  const std::string path = cuda_library();
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* error = dlerror();
    return {nullptr, "", std::string("the CUDA library cannot be opened (") + error + "); build it by `npx tensorwood build --cuda`"};
  }
  const auto find = reinterpret_cast<FindDevice>(dlsym(library, "tensorwood_cuda_device"));
  if (find == nullptr) return {nullptr, "", path + " is not a tensorwood back-end"};
  const auto version = reinterpret_cast<FindVersion>(dlsym(library, "tensorwood_cuda_version"));
  if (version == nullptr || version() != std::string(TENSORWOOD_TEXT(TENSORWOOD_VERSION)))
    return {nullptr, "", path + " was built for another version of tensorwood; run `npx tensorwood build --cuda`"};
  char description[256] = "", reason[256] = "";
  const Device* device = find(description, reason);
  return device == nullptr ? Plugin{nullptr, "", reason} : Plugin{device, description, ""};
}

}  // namespace

const Plugin& cuda_plugin() {
  static const Plugin plugin = open_cuda();
  return plugin;
}

}  // namespace tensorwood
