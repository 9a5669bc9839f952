// Sum, max, min and argmax over any axes. The input is seen as kept axes x reduced axes; work is cut into chunks of fixed size, whose
// partial results are joined in order, so that neither the bits nor the error depend on the number of threads. f32 accumulates in many
// lanes, chunks join in f64.
#pragma once
#include "core/threads.h"
#include "cpu/strided.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

enum Kind : int { kSum, kMax, kMin };

// --- elements and how two of them join -----------------------------------------------------------------------------------------------
struct Whole {  // the vector of one i32
  static constexpr int lanes = 1;
  int32_t v;
};
TENSORWOOD_INLINE Whole load(const int32_t* p) { return {*p}; }
TENSORWOOD_INLINE void store(int32_t* p, Whole a) { *p = a.v; }

template <Kind kind>
TENSORWOOD_INLINE Vector join(Vector a, Vector b) {
  if constexpr (kind == kSum)
    return a + b;
  else
    return select(a == a, kind == kMax ? maximum(a, b) : minimum(a, b), a);  // a NaN of either stays
}
template <Kind kind>
TENSORWOOD_INLINE Whole join(Whole a, Whole b) {
  if constexpr (kind == kSum)
    return {static_cast<int32_t>(static_cast<uint32_t>(a.v) + static_cast<uint32_t>(b.v))};
  else
    return {(kind == kMax ? a.v > b.v : a.v < b.v) ? a.v : b.v};
}
TENSORWOOD_INLINE float plus(float a, float b) { return a + b; }
TENSORWOOD_INLINE double plus(double a, double b) { return a + b; }
TENSORWOOD_INLINE int32_t plus(int32_t a, int32_t b) { return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b)); }
TENSORWOOD_INLINE int64_t plus(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }
template <Kind kind, class A>
TENSORWOOD_INLINE A join_one(A a, A b) {
  if constexpr (kind == kSum)
    return plus(a, b);
  else
    return a != a || (kind == kMax ? a > b : a < b) ? a : b;
}

// T: what memory holds. A: a partial result. Wide: where partial results are joined. V: the vector of A.
template <class T>
struct Element {
  using A = float;
  using Wide = double;
  using V = Vector;
};
template <>
struct Element<int32_t> {
  using A = int32_t;
  using Wide = int64_t;  // holds any sum of chunks; truncation wraps
  using V = Whole;
};
TENSORWOOD_INLINE float value_of(const float* p) { return *p; }
TENSORWOOD_INLINE float value_of(const uint16_t* p) { return bf16_to_float(*p); }
TENSORWOOD_INLINE int32_t value_of(const int32_t* p) { return *p; }
TENSORWOOD_INLINE void put(float* p, double a) { *p = static_cast<float>(a); }
TENSORWOOD_INLINE void put(uint16_t* p, double a) { *p = float_to_bf16(static_cast<float>(a)); }
TENSORWOOD_INLINE void put(int32_t* p, int64_t a) { *p = static_cast<int32_t>(static_cast<uint64_t>(a)); }

template <Kind kind>
TENSORWOOD_INLINE float join_lanes(Vector v) {
  float x[Vector::lanes];
  store(x, v);
  for (int width = Vector::lanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; i++) x[i] = join_one<kind>(x[i], x[i + width]);
  }
  return x[0];
}

// --- the input as kept axes x reduced axes -------------------------------------------------------------------------------------------
struct Split {
  Layout kept, reduced;
  int64_t outputs, count;
};

static void append_axis(Layout& layout, int64_t size, int64_t stride) {
  if (size == 1) return;
  const int last = layout.rank - 1;
  if (layout.rank > 0 && layout.stride[0][last] == stride * size) {
    layout.shape[last] *= size;
    layout.stride[0][last] = stride;
  } else {
    layout.shape[layout.rank] = size;
    layout.stride[0][layout.rank++] = stride;
  }
}

static int64_t close_layout(Layout& layout) {
  if (layout.rank == 0) {
    layout.shape[0] = 1;
    layout.stride[0][layout.rank++] = 1;
  }
  int64_t size = 1;
  for (int d = 0; d < layout.rank; d++) size *= layout.shape[d];
  return size;
}

// An axis is reduced where the output has size 1 and the input has not.
static Split split_axes(const Operand& input, const Operand& output) {
  Split split{};
  for (int d = 0; d < input.rank; d++) {
    append_axis(output.shape[d] == input.shape[d] ? split.kept : split.reduced, input.shape[d], input.stride[d]);
  }
  split.outputs = close_layout(split.kept);
  split.count = close_layout(split.reduced);
  return split;
}

TENSORWOOD_INLINE int64_t inner_size(const Layout& layout) { return layout.shape[layout.rank - 1]; }
TENSORWOOD_INLINE int64_t inner_stride(const Layout& layout) { return layout.stride[0][layout.rank - 1]; }

// Columns: neighbours in memory belong to different outputs, so rows of outputs are joined; otherwise each output is joined along its
// elements.
static bool by_columns(const Split& split) {
  return inner_stride(split.kept) == 1 && inner_size(split.kept) >= 4 &&
         !(inner_stride(split.reduced) == 1 && inner_size(split.reduced) >= 4);
}

constexpr int64_t kRun = 8192;        // elements of a chunk along an output
constexpr int64_t kRows = 256;        // rows of a chunk, by columns
constexpr int64_t kColumns = 1024;    // their width: the partial results stay in the L1 cache
constexpr int64_t kTaskWork = 16384;  // elements of a task, about

static int64_t chunks_of(const Split& split) {
  const int64_t size = by_columns(split) ? kRows : kRun;
  return (split.count + size - 1) / size;
}

// --- along an output -----------------------------------------------------------------------------------------------------------------
template <Kind kind, class T>
TENSORWOOD_INLINE float join_dense(const T* p, int64_t n) {
  constexpr int L = Vector::lanes;
  int64_t i = 0;
  float result;
  if (n >= L) {
    Vector a = load(p);
    i = L;
    if (n >= 4 * L) {
      Vector b = load(p + L), c = load(p + 2 * L), d = load(p + 3 * L);
      for (i = 4 * L; i + 4 * L <= n; i += 4 * L) {
        a = join<kind>(a, load(p + i));
        b = join<kind>(b, load(p + i + L));
        c = join<kind>(c, load(p + i + 2 * L));
        d = join<kind>(d, load(p + i + 3 * L));
      }
      a = join<kind>(join<kind>(a, b), join<kind>(c, d));
    }
    for (; i + L <= n; i += L) a = join<kind>(a, load(p + i));
    result = join_lanes<kind>(a);
  } else {
    result = value_of(p + i++);
  }
  for (; i < n; i++) result = join_one<kind>(result, value_of(p + i));
  return result;
}

// One chain that the compiler makes lanes of: gcc 12.2 miscompiles four of them for whole numbers.
template <Kind kind>
TENSORWOOD_INLINE int32_t join_dense(const int32_t* p, int64_t n) {
  int32_t result = *p;
  for (int64_t i = 1; i < n; i++) result = join_one<kind>(result, p[i]);
  return result;
}

template <Kind kind, class T>
TENSORWOOD_INLINE typename Element<T>::A join_strided(const T* p, int64_t n, int64_t step) {
  typename Element<T>::A result = value_of(p);
  for (int64_t i = 1; i < n; i++) result = join_one<kind>(result, value_of(p + i * step));
  return result;
}

template <Kind kind, class T>
static typename Element<T>::Wide join_run(const Split& split, const T* p, int64_t start, int64_t n) {
  using Wide = typename Element<T>::Wide;
  const int64_t step = inner_stride(split.reduced);
  Wide result{};
  for_runs(split.reduced, split.reduced.stride[0], start, n, [&](int64_t offset, int64_t done, int64_t count) {
    const Wide part = step == 1 ? join_dense<kind>(p + offset, count) : join_strided<kind>(p + offset, count, step);
    result = done == 0 ? part : join_one<kind>(result, part);
  });
  return result;
}

template <Kind kind, class T>
static void reduce_along(const Args& args, const Split& split) {
  using A = typename Element<T>::A;
  const int64_t chunks = chunks_of(split), items = split.outputs * chunks;
  const int64_t work = split.count < kRun ? split.count : kRun, grouped = (kTaskWork + work - 1) / work;
  const T* from = static_cast<const T*>(args.inputs[0].data);
  args.threads->parallel((items + grouped - 1) / grouped, [&](int64_t task, int) {
    for (int64_t i = task * grouped; i < (task + 1) * grouped && i < items; i++) {
      const int64_t output = i / chunks, chunk = i % chunks, left = split.count - chunk * kRun;
      const T* p = from + offset_of(split.kept, split.kept.stride[0], output);
      const auto result = join_run<kind>(split, p, chunk * kRun, left < kRun ? left : kRun);
      if (chunks == 1)
        put(static_cast<T*>(args.outputs[0].data) + output, result);
      else
        put(reinterpret_cast<A*>(args.scratch) + chunk * split.outputs + output, result);
    }
  });
}

// --- by columns ----------------------------------------------------------------------------------------------------------------------
// total[i] joins row i of up to four rows, in a tree.
template <Kind kind, class V, class T, class A>
TENSORWOOD_INLINE void join_columns(const T* const (&row)[4], int rows, int64_t n, A* total, bool first) {
  for (int64_t i = 0; i + V::lanes <= n; i += V::lanes) {
    V sum = load(row[0] + i);
    if (rows == 4)
      sum = join<kind>(join<kind>(sum, load(row[1] + i)), join<kind>(load(row[2] + i), load(row[3] + i)));
    else
      for (int r = 1; r < rows; r++) sum = join<kind>(sum, load(row[r] + i));
    store(total + i, first ? sum : join<kind>(load(total + i), sum));
  }
  for (int64_t i = n - n % V::lanes; i < n; i++) {
    A sum = value_of(row[0] + i);
    for (int r = 1; r < rows; r++) sum = join_one<kind>(sum, value_of(row[r] + i));
    total[i] = first ? sum : join_one<kind>(total[i], sum);
  }
}

template <Kind kind, class T>
static void join_rows(const Split& split, const T* from, int64_t start, int64_t rows, int64_t n, typename Element<T>::A* total) {
  const int64_t step = inner_stride(split.reduced);
  for_runs(split.reduced, split.reduced.stride[0], start, rows, [&](int64_t offset, int64_t done, int64_t count) {
    for (int64_t r = 0; r < count; r += 4) {
      const T* row[4] = {};
      const int block = static_cast<int>(count - r < 4 ? count - r : 4);
      for (int k = 0; k < block; k++) row[k] = from + offset + (r + k) * step;
      join_columns<kind, typename Element<T>::V>(row, block, n, total, done + r == 0);
    }
  });
}

template <Kind kind, class T>
static void reduce_columns(const Args& args, const Split& split) {
  using A = typename Element<T>::A;
  const int64_t inner = inner_size(split.kept), outer = split.outputs / inner, chunks = chunks_of(split);
  const int64_t tiles = (inner + kColumns - 1) / kColumns, items = outer * tiles * chunks;
  const int64_t work = (inner < kColumns ? inner : kColumns) * (split.count < kRows ? split.count : kRows);
  const int64_t grouped = (kTaskWork + work - 1) / work;
  args.threads->parallel((items + grouped - 1) / grouped, [&](int64_t task, int) {
    A total[kColumns];
    for (int64_t i = task * grouped; i < (task + 1) * grouped && i < items; i++) {
      const int64_t chunk = i / tiles % chunks, tile = i % tiles * kColumns, first = i / (tiles * chunks) * inner + tile;
      const int64_t n = inner - tile < kColumns ? inner - tile : kColumns, left = split.count - chunk * kRows;
      const T* from = static_cast<const T*>(args.inputs[0].data) + offset_of(split.kept, split.kept.stride[0], first);
      join_rows<kind>(split, from, chunk * kRows, left < kRows ? left : kRows, n, total);
      A* partial = reinterpret_cast<A*>(args.scratch) + chunk * split.outputs + first;
      T* output = static_cast<T*>(args.outputs[0].data) + first;
      for (int64_t k = 0; k < n; k++) {
        if (chunks == 1)
          put(output + k, total[k]);
        else
          partial[k] = total[k];
      }
    }
  });
}

template <Kind kind, class T>
static void join_chunks(const Args& args, const Split& split) {
  using Wide = typename Element<T>::Wide;
  const auto* partial = reinterpret_cast<const typename Element<T>::A*>(args.scratch);
  const int64_t chunks = chunks_of(split), grouped = kTaskWork / chunks + 1;
  args.threads->parallel((split.outputs + grouped - 1) / grouped, [&](int64_t task, int) {
    for (int64_t i = task * grouped; i < (task + 1) * grouped && i < split.outputs; i++) {
      Wide total = partial[i];
      for (int64_t chunk = 1; chunk < chunks; chunk++) total = join_one<kind, Wide>(total, partial[chunk * split.outputs + i]);
      put(static_cast<T*>(args.outputs[0].data) + i, total);
    }
  });
}

// --- the kernels ---------------------------------------------------------------------------------------------------------------------
template <Kind kind, class T>
static void reduce(const Args& args) {
  const Split split = split_axes(args.inputs[0], args.outputs[0]);
  if (split.outputs == 0) return;
  if (split.count == 0) {  // only a sum: check_reduce
    std::memset(args.outputs[0].data, 0, static_cast<size_t>(split.outputs) * sizeof(T));
    return;
  }
  if (by_columns(split))
    reduce_columns<kind, T>(args, split);
  else
    reduce_along<kind, T>(args, split);
  if (chunks_of(split) > 1) join_chunks<kind, T>(args, split);
}

// The first NaN, else the first largest, of one axis: the largest by vectors, then where it is.
template <class T>
static void argmax(const Args& args) {
  const Split split = split_axes(args.inputs[0], args.outputs[0]);
  if (split.outputs == 0) return;
  const int64_t step = split.reduced.stride[0][0], grouped = kTaskWork / split.count + 1;
  args.threads->parallel((split.outputs + grouped - 1) / grouped, [&](int64_t task, int) {
    for (int64_t i = task * grouped; i < (task + 1) * grouped && i < split.outputs; i++) {
      const T* p = static_cast<const T*>(args.inputs[0].data) + offset_of(split.kept, split.kept.stride[0], i);
      const auto largest = step == 1 ? join_dense<kMax>(p, split.count) : join_strided<kMax>(p, split.count, step);
      int64_t best = 0;
      const int64_t last = split.count - 1;  // also where shared memory no longer holds the largest: another thread may write it meanwhile
      if (largest == largest) {
        while (best < last && value_of(p + best * step) != largest) best++;
      } else {
        while (best < last && value_of(p + best * step) == value_of(p + best * step)) best++;
      }
      static_cast<int32_t*>(args.outputs[0].data)[i] = static_cast<int32_t>(best);
    }
  });
}

static const char* check_axes(const Args& args) {
  if (args.input_count != 1 || args.output_count != 1) return "expected one input and one output";
  const Operand &input = args.inputs[0], &output = args.outputs[0];
  if (input.dtype != DType::f32 && input.dtype != DType::bf16 && input.dtype != DType::i32) return "expected an input of f32, bf16 or i32";
  if (output.rank != input.rank || !is_dense(output)) return "expected a dense output of the input's rank";
  for (int d = 0; d < input.rank; d++) {
    if (output.shape[d] != input.shape[d] && output.shape[d] != 1) return "expected an output with size 1 on the reduced axes";
  }
  return nullptr;
}
static const char* check_sum(const Args& args) {
  if (const char* wrong = check_axes(args)) return wrong;
  return args.inputs[0].dtype == args.outputs[0].dtype ? nullptr : "expected an output of the input's dtype";
}
static bool has_elements(const Args& args) { return size_of(args.outputs[0]) == 0 || size_of(args.inputs[0]) > 0; }
static const char* check_extreme(const Args& args) {
  if (const char* wrong = check_sum(args)) return wrong;
  return has_elements(args) ? nullptr : "expected at least one element to reduce";
}
static const char* check_argmax(const Args& args) {
  if (const char* wrong = check_axes(args)) return wrong;
  if (args.outputs[0].dtype != DType::i32 || !has_elements(args)) return "expected an output of i32, and at least one element to reduce";
  int reduced = 0;
  for (int d = 0; d < args.inputs[0].rank; d++) reduced += args.outputs[0].shape[d] != args.inputs[0].shape[d];
  return reduced <= 1 ? nullptr : "expected one reduced axis";
}

static int64_t scratch_reduce(const Args& args, int) {
  const Split split = split_axes(args.inputs[0], args.outputs[0]);
  return chunks_of(split) > 1 ? chunks_of(split) * split.outputs * 4 : 0;
}

template <Kind kind>
static void reduce_any(const Args& args) {
  if (args.inputs[0].dtype == DType::f32)
    reduce<kind, float>(args);
  else if (args.inputs[0].dtype == DType::bf16)
    reduce<kind, uint16_t>(args);
  else
    reduce<kind, int32_t>(args);
}
static void argmax_any(const Args& args) {
  if (args.inputs[0].dtype == DType::f32)
    argmax<float>(args);
  else if (args.inputs[0].dtype == DType::bf16)
    argmax<uint16_t>(args);
  else
    argmax<int32_t>(args);
}

constexpr Kernel rows[] = {
    {"reduce_sum", DType::any, reduce_any<kSum>, check_sum, scratch_reduce},
    {"reduce_max", DType::any, reduce_any<kMax>, check_extreme, scratch_reduce},
    {"reduce_min", DType::any, reduce_any<kMin>, check_extreme, scratch_reduce},
    {"reduce_argmax", DType::any, argmax_any, check_argmax, nullptr},
};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
