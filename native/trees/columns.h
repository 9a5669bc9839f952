// The caller's features, read in place: typed columns or one row-major matrix, as blocks of f32. First step of both training and
// prediction.
#pragma once
#include <limits>
#include <vector>

#include "core/kernel.h"

namespace tensorwood {

struct Column {
  const void* data = nullptr;
  DType dtype = DType::f32;  // any fixed-size number: u8, boolean, u16, u32, i16, i32, i64, f32, f64
  int64_t stride = 1;        // elements from row to row
  // Codes of the caller's dictionary -> codes of the model, below 0 = missing; null = the same, or a numeric column. The model knows no
  // code outside.
  const int32_t* remap = nullptr;
  int32_t remap_count = 0;
  bool categorical = false;
  // Of a feature whose values f32 would merge: ascending; a value is read as its rank, how many cuts lie below it. Null = as f32.
  const std::vector<double>* cuts = nullptr;
};

struct Columns {
  int64_t rows = 0;
  std::vector<Column> columns;
};

// A category that the model does not know: a code above every set, so that it goes where most categories go.
constexpr float kUnknownCategory = 16777216.0f;

// A number as prediction compares it: the nearest f32, the largest one for what lies beyond.
inline float round_number(float v) {
  const float most = std::numeric_limits<float>::max();
  return v > most ? most : v < -most ? -most : v;
}
inline float round_number(double v) {
  const double most = std::numeric_limits<float>::max();
  return static_cast<float>(v > most ? most : v < -most ? -most : v);
}

// Infinities are the largest numbers, so that the last cut may be one.
inline double bound_number(double v) {
  const double most = std::numeric_limits<double>::max();
  return v > most ? most : v < -most ? -most : v;
}

// How many cuts lie below v: halvings without a branch, which would be mispredicted every other time.
inline float rank_number(const std::vector<double>& cuts, double v) {
  if (v != v) return std::numeric_limits<float>::quiet_NaN();
  const double bounded = bound_number(v);
  const double* at = cuts.data();
  for (size_t rest = cuts.size(); rest > 0;) {
    const size_t half = (rest + 1) / 2;
    at += half & (size_t{0} - static_cast<size_t>(at[half - 1] < bounded));
    rest -= half;
  }
  return static_cast<float>(at - cuts.data());
}

// Values of rows [first, first + count) of one column, `stride` apart: numbers rounded or as ranks, categories by code; a missing value and
// a negative category code are NaN.
void read_column(const Column& column, int64_t first, int64_t count, float* out, int64_t stride);
// Numbers as they are, one after the other; infinities as the largest f64.
void read_doubles(const Column& column, int64_t first, int64_t count, double* out);

}  // namespace tensorwood
