// What is done to each finished tile of C while it is in the first-level cache: bias, activation, slope of an activation, residual,
// conversion.
#pragma once
#include "cpu/gemm/activation.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

// Values beside C, f32 or bf16, dense along columns. Null data = absent.
struct Beside {
  void* data;
  DType dtype;
  int64_t stride;  // elements between rows; 0 repeats one row
};

// out = activation(A B + bias) * activation'(slope) + residual; `before` receives what the activation was applied to. Of activation and
// slope_of at most one is not none.
struct Finish {
  Beside bias, before, slope, residual;
  Activation activation, slope_of;
};

// A rectangle of C: rows [row, row + rows), columns [column, column + columns), whose sums lie at `sums`.
struct Strip {
  int64_t row, rows, column, columns;
  const float* sums;
  int64_t stride;
};

TENSORWOOD_INLINE Vector load_beside(const Beside& from, int64_t row, int64_t column, int count) {
  const int64_t at = row * from.stride + column;
  return from.dtype == DType::f32 ? load_partial(static_cast<const float*>(from.data) + at, count)
                                  : load_partial(static_cast<const uint16_t*>(from.data) + at, count);
}

TENSORWOOD_INLINE void store_beside(const Beside& to, int64_t row, int64_t column, Vector value, int count) {
  const int64_t at = row * to.stride + column;
  if (to.dtype == DType::f32) return store_partial(static_cast<float*>(to.data) + at, value, count);
  store_partial(static_cast<uint16_t*>(to.data) + at, value, count);
}

// Whole vectors of f32, and the general case.
struct WholeFloats {
  static TENSORWOOD_INLINE Vector load(const Beside& from, int64_t row, int64_t column, int) {
    return TENSORWOOD_NAMESPACE::load(static_cast<const float*>(from.data) + row * from.stride + column);
  }
  static TENSORWOOD_INLINE void store(const Beside& to, int64_t row, int64_t column, Vector value, int) {
    TENSORWOOD_NAMESPACE::store(static_cast<float*>(to.data) + row * to.stride + column, value);
  }
};
struct AnyElements {
  static TENSORWOOD_INLINE Vector load(const Beside& from, int64_t row, int64_t column, int count) {
    return load_beside(from, row, column, count);
  }
  static TENSORWOOD_INLINE void store(const Beside& to, int64_t row, int64_t column, Vector value, int count) {
    store_beside(to, row, column, value, count);
  }
};

template <Activation A, Activation S, class Elements>
TENSORWOOD_INLINE void finish_vector(const Finish& finish, const Beside& out, const Strip& strip, int64_t i, int64_t j) {
  const int64_t row = strip.row + i, column = strip.column + j, rest = strip.columns - j;
  const int count = static_cast<int>(rest < Vector::lanes ? rest : Vector::lanes);
  Vector value = load_partial(strip.sums + i * strip.stride + j, count);
  if (finish.bias.data) value = value + Elements::load(finish.bias, 0, column, count);
  if (finish.before.data) Elements::store(finish.before, row, column, value, count);
  value = activate(A, value);
  if constexpr (S != Activation::none) value = value * slope(S, Elements::load(finish.slope, row, column, count));
  if (finish.residual.data) value = value + Elements::load(finish.residual, row, column, count);
  Elements::store(out, row, column, value, count);
}

template <Activation A, Activation S>
static inline void finish_as(const Finish& finish, const Beside& out, const Strip& strip) {
  const bool floats = (!finish.bias.data || finish.bias.dtype == DType::f32) &&
                      (!finish.before.data || finish.before.dtype == DType::f32) &&
                      (!finish.slope.data || finish.slope.dtype == DType::f32) &&
                      (!finish.residual.data || finish.residual.dtype == DType::f32) && out.dtype == DType::f32;
  const int64_t whole = floats ? strip.columns / Vector::lanes * Vector::lanes : 0;
  for (int64_t i = 0; i < strip.rows; i++) {
    int64_t j = 0;
    for (; j < whole; j += Vector::lanes) finish_vector<A, S, WholeFloats>(finish, out, strip, i, j);
    for (; j < strip.columns; j += Vector::lanes) finish_vector<A, S, AnyElements>(finish, out, strip, i, j);
  }
}

static inline void finish_strip(const Finish& finish, const Beside& out, const Strip& strip) {
  constexpr Activation none = Activation::none;
  if (finish.slope.data) {
    if (finish.slope_of == Activation::relu) return finish_as<none, Activation::relu>(finish, out, strip);
    if (finish.slope_of == Activation::gelu) return finish_as<none, Activation::gelu>(finish, out, strip);
    if (finish.slope_of == Activation::gelu_tanh) return finish_as<none, Activation::gelu_tanh>(finish, out, strip);
  }
  if (finish.activation == Activation::relu) return finish_as<Activation::relu, none>(finish, out, strip);
  if (finish.activation == Activation::gelu) return finish_as<Activation::gelu, none>(finish, out, strip);
  if (finish.activation == Activation::gelu_tanh) return finish_as<Activation::gelu_tanh, none>(finish, out, strip);
  finish_as<none, none>(finish, out, strip);
}

TENSORWOOD_INLINE void prefetch_rows(const Beside& beside, const Strip& strip) {
  if (!beside.data || beside.stride == 0) return;
  const int64_t bytes = beside.dtype == DType::f32 ? 4 : 2;
  const char* first = static_cast<const char*>(beside.data) + (strip.row * beside.stride + strip.column) * bytes;
  for (int64_t i = 0; i < strip.rows; i++) {
    for (int64_t at = 0; at < strip.columns * bytes; at += 64) __builtin_prefetch(first + i * beside.stride * bytes + at);
  }
}

// Asks for what finish_strip will touch; the product of the tile hides the way to memory. Always inlined: gcc takes a function that only
// prefetches for one without effect, and removes its calls.
TENSORWOOD_INLINE void prefetch_strip(const Finish& finish, const Strip& strip) {
  prefetch_rows(finish.before, strip);
  prefetch_rows(finish.slope, strip);
  prefetch_rows(finish.residual, strip);
}

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
