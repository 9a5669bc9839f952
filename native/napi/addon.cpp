// The addon: the functions of lib/native.ts, one line a group.
#include "napi/runtime.h"

namespace tensorwood {
namespace {

// Every kind of handle that can be disposed of.
constexpr bool (*kDisposals[])(const Napi::Value&) = {dispose_as<Runtime>, dispose_as<StateBuffer>, dispose_program, dispose_csv,
                                                      dispose_tree_handle};

Napi::Value dispose(const Napi::CallbackInfo& info) {
  for (const auto dispose_if : kDisposals) {
    if (dispose_if(info[0])) return info.Env().Undefined();
  }
  fail("ERR_TENSORWOOD_ARGUMENT", "dispose: expected a handle of this library, got something else");
}

Napi::Object add_all(Napi::Env env, Napi::Object exports) {
  try {
    Environment::create(env);
    add_runtime_functions(exports);
    add_buffer_functions(exports);
    add_program_functions(exports);
    add_probe_functions(exports);
    add_tree_functions(exports);
    add_csv_functions(exports);
    add_function<dispose>(exports, "dispose");
    return exports;
  } catch (const Failure& failure) {
    throw make_error(env, failure.status);
  }
}

}  // namespace
}  // namespace tensorwood

static Napi::Object initialize(Napi::Env env, Napi::Object exports) { return tensorwood::add_all(env, exports); }
NODE_API_MODULE(tensorwood, initialize)
