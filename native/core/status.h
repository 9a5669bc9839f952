// The outcome of a native operation: success, or a stable code with one sentence that a rejected promise carries to the caller.
#pragma once
#include <string>

namespace tensorwood {

struct Status {
  const char* code = nullptr;  // null = success, else one of the codes of lib/errors.ts, such as "ERR_TENSORWOOD_PROGRAM"
  std::string message;         // "subject: what was expected, what came"

  bool ok() const { return code == nullptr; }
};

// A failed Status where none can be returned. The border makes the caller's error of it.
struct Failure {
  Status status;
};

}  // namespace tensorwood
