// Conversion of typed columns to blocks of f32.
#include "trees/columns.h"

#include <limits>

namespace tensorwood {
namespace {

template <class T>
struct ToFloat {
  float operator()(T raw) const { return static_cast<float>(raw); }
};
template <>
struct ToFloat<float> {
  float operator()(float raw) const {
    const float most = std::numeric_limits<float>::max();
    return raw > most ? most : raw < -most ? -most : raw;
  }
};
template <>
struct ToFloat<double> {
  float operator()(double raw) const {
    const double most = std::numeric_limits<float>::max();
    return static_cast<float>(raw > most ? most : raw < -most ? -most : raw);
  }
};

float remapped(const Column& column, float code) {
  if (!(code >= 0)) return std::numeric_limits<float>::quiet_NaN();
  if (column.remap == nullptr) return code;
  if (code >= static_cast<float>(column.remap_count)) return kUnknownCategory;
  const int32_t known = column.remap[static_cast<int64_t>(code)];
  return known < 0 ? kUnknownCategory : static_cast<float>(known);
}

template <class T>
void read_typed(const Column& column, int64_t first, int64_t count, float* out, int64_t stride) {
  const T* in = static_cast<const T*>(column.data) + first * column.stride;
  const ToFloat<T> convert;
  if (column.categorical) {
    for (int64_t i = 0; i < count; i++) out[i * stride] = remapped(column, convert(in[i * column.stride]));
  } else {
    for (int64_t i = 0; i < count; i++) out[i * stride] = convert(in[i * column.stride]);
  }
}

}  // namespace

void read_column(const Column& column, int64_t first, int64_t count, float* out, int64_t stride) {
  switch (column.dtype) {
    case DType::f32:
      return read_typed<float>(column, first, count, out, stride);
    case DType::f64:
      return read_typed<double>(column, first, count, out, stride);
    case DType::i32:
      return read_typed<int32_t>(column, first, count, out, stride);
    case DType::u32:
      return read_typed<uint32_t>(column, first, count, out, stride);
    case DType::i16:
      return read_typed<int16_t>(column, first, count, out, stride);
    case DType::u16:
      return read_typed<uint16_t>(column, first, count, out, stride);
    case DType::i64:
      return read_typed<int64_t>(column, first, count, out, stride);
    case DType::i8:
      return read_typed<int8_t>(column, first, count, out, stride);
    case DType::u8:
    case DType::boolean:
      return read_typed<uint8_t>(column, first, count, out, stride);
    case DType::bf16:
    case DType::any:
      break;  // of no column
  }
}

}  // namespace tensorwood
