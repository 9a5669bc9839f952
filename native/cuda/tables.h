// The list of CUDA kernel tables, one per family; the build writes its definition from the folder native/cuda/kernels.
#pragma once
#include "core/kernel.h"

namespace tensorwood::cuda {

extern const Table* const tables[];
extern const int table_count;

}  // namespace tensorwood::cuda
