// One of decode()'s checks: what a call writes is memory of its own.
#pragma once
#include "program.h"

namespace tensorwood {

// Whether an output shares memory with another operand of the call, other than an input that has exactly its elements in their order (in
// place), or two elements of an output share memory.
// In place is safe for memory with every kernel; which of them also give the right numbers then (linear's residual does not, where an
// inner size is summed in several parts) the compiler knows: inPlace of its operations.
// Kernels move data by vectors and by memcpy, and read what they have checked before: partial overlap would break both.
bool has_overlap(const Program& program, const Call& call);

}  // namespace tensorwood
