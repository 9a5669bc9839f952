// Checks of arguments that only native code can make: type tags, and memory that moves.
#include "arguments.h"

#include <new>
#include <system_error>

namespace tensorwood {
namespace {

int64_t element_size(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 0;
  }
}

bool is_true(const Napi::Object& object, const char* property) {
  const Napi::Value value = object.Get(property);
  return value.IsBoolean() && value.As<Napi::Boolean>();
}

void check_fixed(Napi::Env env, napi_value buffer, const std::string& what) {
  bool detached = false;
  if (napi_is_detached_arraybuffer(env, buffer, &detached) == napi_ok && detached) {
    fail("ERR_TENSORWOOD_ARGUMENT", what + ": expected a typed array with memory, got one whose buffer was transferred");
  }
  const Napi::Object object(env, buffer);
  if (is_true(object, "resizable") || is_true(object, "growable")) {
    fail("ERR_TENSORWOOD_ARGUMENT",
         what + ": expected memory of fixed size, got a typed array over a resizable buffer; pass a copy (array.slice())");
  }
}

}  // namespace

void fail(const char* code, std::string message) { throw Failure{{code, std::move(message)}}; }

void require(const Status& status) {
  if (!status.ok()) throw Failure{status};
}

Napi::Error make_error(Napi::Env env, const Status& status) {
  Napi::Error error = Napi::Error::New(env, status.message);
  error.Value().Set("code", Napi::String::New(env, status.code));
  return error;
}

Status current_failure() {
  try {
    throw;
  } catch (const Failure& failure) {
    return failure.status;
  } catch (const std::bad_alloc&) {
    return {"ERR_TENSORWOOD_MEMORY", "memory: expected the system to give more, got a refusal"};
  } catch (const std::system_error& error) {  // a thread that does not start
    return {"ERR_TENSORWOOD_MEMORY", error.what()};
  } catch (const std::exception& error) {
    return {"ERR_TENSORWOOD_ARGUMENT", error.what()};
  } catch (...) {
    return {"ERR_TENSORWOOD_ARGUMENT", "an unknown native exception"};
  }
}

View read_view(const Napi::Value& value, const std::string& what) {
  if (!value.IsTypedArray()) fail("ERR_TENSORWOOD_ARGUMENT", what + ": expected a typed array");
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  napi_value buffer = nullptr;
  if (napi_get_typedarray_info(value.Env(), value, &type, &length, &data, &buffer, nullptr) != napi_ok || element_size(type) == 0) {
    fail("ERR_TENSORWOOD_ARGUMENT", what + ": expected a typed array of a known type");
  }
  check_fixed(value.Env(), buffer, what);
  return {static_cast<std::byte*>(data), static_cast<int64_t>(length) * element_size(type)};
}

std::vector<View> read_views(const Napi::Value& list, const std::string& what) {
  if (!list.IsArray()) fail("ERR_TENSORWOOD_ARGUMENT", what + "s: expected an array of typed arrays");
  const auto array = list.As<Napi::Array>();
  std::vector<View> views;
  for (uint32_t i = 0; i < array.Length(); i++) {
    const Napi::HandleScope scope(list.Env());
    views.push_back(read_view(array.Get(i), what + " " + std::to_string(i)));
  }
  return views;
}

void pin_elements(const Napi::Value& list, std::vector<Napi::Value>& pinned) {
  const auto array = list.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) pinned.push_back(array.Get(i));
}

int64_t read_integer(const Napi::Value& value, const std::string& what, int64_t least, int64_t most) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1e300;
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) ||
      number != static_cast<double>(static_cast<int64_t>(number))) {
    fail("ERR_TENSORWOOD_ARGUMENT", what + ": expected an integer in [" + std::to_string(least) + ", " + std::to_string(most) + "], got " +
                                        value.ToString().Utf8Value());
  }
  return static_cast<int64_t>(number);
}

std::string read_text(const Napi::Value& value, const std::string& what) {
  if (!value.IsString()) fail("ERR_TENSORWOOD_ARGUMENT", what + ": expected a string");
  return value.As<Napi::String>().Utf8Value();
}

bool has_type(const Napi::Value& value, const HandleType& type) {
  bool same = false;
  return value.IsExternal() && napi_check_object_type_tag(value.Env(), value, &type.tag, &same) == napi_ok && same;
}

void* unwrap_external(const Napi::Value& value, const HandleType& type) {
  if (!has_type(value, type))
    fail("ERR_TENSORWOOD_ARGUMENT", std::string(type.name) + ": expected a handle of this kind, got something else");
  return value.As<Napi::External<void>>().Data();
}

void fail_disposed(const HandleType& type) {
  fail("ERR_TENSORWOOD_DISPOSED", std::string(type.name) + ": expected one in use, got one that was disposed of");
}

}  // namespace tensorwood
