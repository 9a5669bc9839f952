# Lists the CUDA kernel families (every .cu in native/cuda/kernels) in CUDA_FAMILIES, and writes the list of their tables to CUDA_TABLES_SOURCE.
file(GLOB CUDA_FAMILY_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/native/cuda/kernels/*.cu)
set_source_files_properties(${CMAKE_SOURCE_DIR}/native/cuda/device.cu PROPERTIES COMPILE_DEFINITIONS TENSORWOOD_VERSION=${TENSORWOOD_VERSION})
set(CUDA_DECLARATIONS "")
set(CUDA_ROWS "")
foreach(SOURCE ${CUDA_FAMILY_SOURCES})
  get_filename_component(FAMILY ${SOURCE} NAME_WE)
  string(APPEND CUDA_DECLARATIONS "extern const Table table_${FAMILY};\n")
  string(APPEND CUDA_ROWS "    &table_${FAMILY},\n")
endforeach()
set(CUDA_TABLES_SOURCE ${CMAKE_BINARY_DIR}/cuda_tables.cpp)
file(CONFIGURE OUTPUT ${CUDA_TABLES_SOURCE} CONTENT [=[// Written by native/cuda/families.cmake: every CUDA family.
#include "cuda/tables.h"
namespace tensorwood::cuda {
@CUDA_DECLARATIONS@
const Table* const tables[] = {
@CUDA_ROWS@};
const int table_count = sizeof tables / sizeof tables[0];
}  // namespace tensorwood::cuda
]=] @ONLY)
