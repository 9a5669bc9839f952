// The outcome of a native operation: success, or a stable code with one sentence that a rejected promise carries to the caller.
#pragma once
#include <string>

namespace tensorwood {

struct Status {
  const char* code = nullptr;  // null = success, else one of the codes of lib/errors.ts, such as "ERR_TENSORWOOD_PROGRAM"
  std::string message;         // "subject: what was expected, what came"

  bool ok() const { return code == nullptr; }
};

}  // namespace tensorwood
