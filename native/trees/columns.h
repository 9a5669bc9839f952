// The caller's features, read in place: typed columns or one row-major matrix, as blocks of f32. First step of both training and
// prediction.
#pragma once
#include <vector>

#include "core/kernel.h"

namespace tensorwood {

struct Column {
  const void* data = nullptr;
  DType dtype = DType::f32;  // any fixed-size number: u8, boolean, u16, u32, i16, i32, i64, f32, f64
  int64_t stride = 1;        // elements from row to row
  // Codes of the caller's dictionary -> codes of the model; null = the same, or a numeric column. A code outside is missing.
  const int32_t* remap = nullptr;
  int32_t remap_count = 0;
  bool categorical = false;
};

struct Columns {
  int64_t rows = 0;
  std::vector<Column> columns;
};

// A category that the model does not know: a code above every set, so that it goes where most categories go.
constexpr float kUnknownCategory = 16777216.0f;

// Values of rows [first, first + count) of one column, `stride` apart. Numbers are rounded to f32, infinities to the largest f32; a missing
// value and a negative category code are NaN.
void read_column(const Column& column, int64_t first, int64_t count, float* out, int64_t stride);

}  // namespace tensorwood
