// Conversion of typed columns to blocks of f32.
#include "trees/columns.h"

namespace tensorwood {
namespace {

template <class T>
float to_float(T raw) {
  return static_cast<float>(raw);
}
template <>
float to_float(float raw) {
  return round_number(raw);
}
template <>
float to_float(double raw) {
  return round_number(raw);
}
// By way of the nearest f64, as one row has them and as cuts are sampled.
template <>
float to_float(int64_t raw) {
  return round_number(static_cast<double>(raw));
}

float remapped(const Column& column, float code) {
  if (!(code >= 0)) return std::numeric_limits<float>::quiet_NaN();
  if (column.remap == nullptr) return code;
  if (code >= static_cast<float>(column.remap_count)) return kUnknownCategory;
  const int32_t known = column.remap[static_cast<int64_t>(code)];
  return known < 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(known);
}

// read(typed pointer to row `first`)
template <class Read>
void with_values(const Column& column, int64_t first, const Read& read) {
  const int64_t at = first * column.stride;
  switch (column.dtype) {
    case DType::f32:
      return read(static_cast<const float*>(column.data) + at);
    case DType::f64:
      return read(static_cast<const double*>(column.data) + at);
    case DType::i32:
      return read(static_cast<const int32_t*>(column.data) + at);
    case DType::u32:
      return read(static_cast<const uint32_t*>(column.data) + at);
    case DType::i16:
      return read(static_cast<const int16_t*>(column.data) + at);
    case DType::u16:
      return read(static_cast<const uint16_t*>(column.data) + at);
    case DType::i64:
      return read(static_cast<const int64_t*>(column.data) + at);
    case DType::i8:
      return read(static_cast<const int8_t*>(column.data) + at);
    case DType::u8:
    case DType::boolean:
      return read(static_cast<const uint8_t*>(column.data) + at);
    case DType::bf16:
    case DType::any:
      break;  // of no column
  }
}

}  // namespace

void read_column(const Column& column, int64_t first, int64_t count, float* out, int64_t stride) {
  const int64_t step = column.stride;
  with_values(column, first, [&](const auto* in) {
    if (column.categorical) {
      for (int64_t i = 0; i < count; i++) out[i * stride] = remapped(column, to_float(in[i * step]));
    } else if (column.cuts != nullptr) {
      for (int64_t i = 0; i < count; i++) out[i * stride] = rank_number(*column.cuts, static_cast<double>(in[i * step]));
    } else {
      for (int64_t i = 0; i < count; i++) out[i * stride] = to_float(in[i * step]);
    }
  });
}

void read_doubles(const Column& column, int64_t first, int64_t count, double* out) {
  with_values(column, first, [&](const auto* in) {
    for (int64_t i = 0; i < count; i++) out[i] = bound_number(static_cast<double>(in[i * column.stride]));
  });
}

}  // namespace tensorwood
