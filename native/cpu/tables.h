// The list of kernel tables, one per family and instruction set; the build writes its definition from the folder native/cpu/kernels.
#pragma once
#include "core/kernel.h"

namespace tensorwood {

struct IsaTable {
  const char* isa;
  const Table* table;
};

extern const IsaTable isa_tables[];
extern const int isa_table_count;

}  // namespace tensorwood
