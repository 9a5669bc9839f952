// Compiled once per kernel family and instruction set: names the namespace, includes the vector type, then the family.
// The build defines TENSORWOOD_FAMILY, TENSORWOOD_ISA and the two headers; the family ends with `constexpr Kernel rows[]`.
#define TENSORWOOD_JOIN_(a, b, c) a##_##b##_##c
#define TENSORWOOD_JOIN(a, b, c) TENSORWOOD_JOIN_(a, b, c)
#define TENSORWOOD_NAMESPACE TENSORWOOD_JOIN(kernels, TENSORWOOD_FAMILY, TENSORWOOD_ISA)
#include TENSORWOOD_ISA_HEADER
#include TENSORWOOD_FAMILY_HEADER

namespace tensorwood {
extern const Table TENSORWOOD_JOIN(table, TENSORWOOD_FAMILY, TENSORWOOD_ISA);
constexpr Table TENSORWOOD_JOIN(table, TENSORWOOD_FAMILY, TENSORWOOD_ISA) = {TENSORWOOD_NAMESPACE::rows,
                                                                             sizeof TENSORWOOD_NAMESPACE::rows / sizeof(Kernel)};
}  // namespace tensorwood
