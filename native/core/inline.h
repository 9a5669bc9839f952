// How functions are marked in headers that are compiled once per instruction set. Anything that the linker could merge between objects
// built with different flags must be always inlined or live in the namespace of its instruction set.
#pragma once

#define TENSORWOOD_INLINE inline __attribute__((always_inline))
#define TENSORWOOD_RESTRICT __restrict__
