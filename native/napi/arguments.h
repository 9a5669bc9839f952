// From JavaScript values to what native code works on, and from native errors to JavaScript ones.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/status.h"
#include "napi/setup.h"

namespace tensorwood {

// A Failure that leaves an entry point becomes an Error with .code and .message, which lib/native.ts turns into a TensorwoodError.
[[noreturn]] void fail(const char* code, std::string message);
void require(const Status& status);
Napi::Error make_error(Napi::Env env, const Status& status);
Status current_failure();  // of the exception being handled, other than a Napi::Error

// The memory of a typed array, in place. `what` names the argument in errors. Refused: detached memory, and buffers that can be resized,
// because their memory could go while a job uses it.
struct View {
  std::byte* data;
  int64_t bytes;
};
View read_view(const Napi::Value& value, const std::string& what);
std::vector<View> read_views(const Napi::Value& list, const std::string& what);
// Adds the elements of a list to what a job keeps alive.
void pin_elements(const Napi::Value& list, std::vector<Napi::Value>& pinned);

int64_t read_integer(const Napi::Value& value, const std::string& what, int64_t least, int64_t most);
std::string read_text(const Napi::Value& value, const std::string& what);

// Native objects reach JavaScript as externals that own a shared_ptr and carry the tag of their class, T::handle. dispose() empties the
// shared_ptr.
struct HandleType {
  napi_type_tag tag;
  const char* name;
};
void* unwrap_external(const Napi::Value& value, const HandleType& type);  // throws when the tag is not the type's
bool has_type(const Napi::Value& value, const HandleType& type);
[[noreturn]] void fail_disposed(const HandleType& type);

template <class T>
Napi::Value wrap(Napi::Env env, std::shared_ptr<T> object) {
  auto external = Napi::External<std::shared_ptr<T>>::New(env, new std::shared_ptr<T>(std::move(object)),
                                                          [](Napi::Env, std::shared_ptr<T>* owner) { delete owner; });
  external.TypeTag(&T::handle.tag);
  return external;
}

template <class T>
const std::shared_ptr<T>& unwrap(const Napi::Value& value) {
  const auto& owner = *static_cast<std::shared_ptr<T>*>(unwrap_external(value, T::handle));
  if (owner == nullptr) fail_disposed(T::handle);
  return owner;
}

// True when the value is a handle of this type; it is then empty.
template <class T>
bool dispose_as(const Napi::Value& value) {
  if (!has_type(value, T::handle)) return false;
  static_cast<std::shared_ptr<T>*>(unwrap_external(value, T::handle))->reset();
  return true;
}

// One entry point: nothing but a JavaScript exception leaves it.
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw make_error(info.Env(), current_failure());
  }
}

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void add_function(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<function>>(exports.Env(), name));
}

}  // namespace tensorwood
