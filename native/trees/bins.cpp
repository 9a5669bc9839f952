// Quantile cuts from a fixed sample, then the code of every value, a block of rows at a time.
#include "trees/bins.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "trees/sort.h"

namespace tensorwood {
namespace {

constexpr int64_t kBlock = 1024;  // rows coded together: a block of the row-major codes stays in the L1 cache
constexpr int64_t kBlocksPerTask = 8;

// What a bin may hold more than its share before a cut that no f32 expresses is taken rather than put off to the next value.
constexpr double kTolerance = 1.0 / 50;

void read_values(const Column& column, int64_t first, int64_t count, float* out) { read_column(column, first, count, out, 1); }
void read_values(const Column& column, int64_t first, int64_t count, double* out) { read_doubles(column, first, count, out); }

// NaN dropped. Positions are evenly spread with a hashed offset each: the same for every number of threads.
template <class T>
std::vector<T> sample_column(const Column& column, int64_t rows, int64_t wanted) {
  const int64_t n = std::min(rows, wanted);
  std::vector<T> values(static_cast<size_t>(n));
  if (n == rows) {
    read_values(column, 0, rows, values.data());
  } else {
    for (int64_t i = 0; i < n; i++) {
      const int64_t begin = i * rows / n, end = (i + 1) * rows / n;
      const uint64_t hash = (static_cast<uint64_t>(i) + 1) * 0x9e3779b97f4a7c15ull;
      read_values(column, begin + static_cast<int64_t>((hash >> 32) % static_cast<uint64_t>(end - begin)), 1,
                  &values[static_cast<size_t>(i)]);
    }
  }
  values.erase(std::remove_if(values.begin(), values.end(), [](T v) { return std::isnan(v); }), values.end());
  return values;
}

void sort_values(std::vector<float>& values) {
  std::vector<uint32_t> keys(values.size());
  std::transform(values.begin(), values.end(), keys.begin(), sortable);
  radix_sort(keys, [](uint32_t key) { return key; });
  std::transform(keys.begin(), keys.end(), values.begin(), unsortable);
}

// As floats, then the few that are one float among themselves.
void sort_values(std::vector<double>& values) {
  radix_sort(values, [](double v) { return sortable(round_number(v)); });
  for (auto first = values.begin(); first != values.end();) {
    const auto last = std::find_if(first, values.end(), [&](double v) { return round_number(v) != round_number(*first); });
    if (!std::is_sorted(first, last)) std::sort(first, last);
    first = last;
  }
}

// A number in [below, above) halfway between them.
float cut_between(float below, float above) {
  const float middle = static_cast<float>((static_cast<double>(below) + above) / 2);
  return middle < above ? middle : below;
}
double cut_between(double below, double above) {
  const double middle = below / 2 + above / 2;
  return middle >= below && middle < above ? middle : below;
}

// Ascending values that differ, and how often each was sampled.
template <class T>
struct Distinct {
  std::vector<T> values;
  std::vector<int64_t> counts;
  int64_t total = 0;

  explicit Distinct(const std::vector<T>& sorted) : total(static_cast<int64_t>(sorted.size())) {
    for (const T v : sorted) {
      if (values.empty() || values.back() != v) {
        values.push_back(v);
        counts.push_back(0);
      }
      counts.back()++;
    }
  }
  bool are_merged_by_float(size_t i) const { return round_number(values[i]) == round_number(values[i + 1]); }
};

// The values that end a bin, of at most max_values bins of nearly equal weight; a value that fills a bin alone gets one. ranked: an end
// that no f32 parts from the next value is worth it.
template <class T>
std::vector<size_t> find_ends(const Distinct<T>& d, int32_t max_values, bool& ranked) {
  std::vector<size_t> ends;
  int64_t rest = d.total, filled = 0, put_off = 0;
  int32_t bins_left = max_values;
  const bool each = static_cast<int64_t>(d.values.size()) <= max_values;
  for (size_t i = 0; i + 1 < d.values.size() && bins_left > 1; i++) {
    filled += d.counts[i];
    const double target = static_cast<double>(rest) / bins_left;
    const bool full = static_cast<double>(filled) >= target;
    const bool heavy_next = static_cast<double>(d.counts[i + 1]) >= target && static_cast<double>(filled) >= target / 2;
    if (!each && !full && !heavy_next) continue;
    if (!ranked && d.are_merged_by_float(i)) {
      put_off += d.counts[i + 1];
      if (!each && static_cast<double>(put_off) <= target * kTolerance) continue;
      ranked = true;
    }
    ends.push_back(i);
    rest -= filled;
    filled = put_off = 0;
    bins_left--;
  }
  return ends;
}

template <class T>
void cut_column(const Column& column, int64_t rows, int64_t wanted, int32_t max_values, Feature& feature) {
  std::vector<T> sample = sample_column<T>(column, rows, wanted);
  sort_values(sample);
  const Distinct<T> d(sample);
  std::vector<size_t> ends = find_ends(d, max_values, feature.ranked);
  if (feature.ranked) ends = find_ends(d, max_values, feature.ranked);
  for (const size_t end : ends) {
    const double below = d.values[end], above = d.values[end + 1];
    feature.cuts.push_back(feature.ranked ? cut_between(below, above) : cut_between(round_number(below), round_number(above)));
  }
  feature.bins = static_cast<int32_t>(feature.cuts.size()) + 1;
}

bool is_exact_in_float(DType dtype) { return dtype != DType::f64 && dtype != DType::i64 && dtype != DType::i32 && dtype != DType::u32; }
bool is_wide(int32_t bins) { return bins + 1 > kNarrowBins; }

int64_t count_slots(const std::vector<int32_t>& categories) {
  int64_t slots = 0;
  for (const int32_t count : categories) slots += is_wide(count) ? padded_slots(count + 1) : kNarrowSlots;
  return slots;
}

void place_features(Bins& bins) {
  for (Feature& f : bins.features) {
    f.wide = is_wide(f.bins);
    f.column = f.wide ? bins.wide++ : bins.narrow++;
  }
  bins.slots = bins.narrow * kNarrowSlots;
  for (Feature& f : bins.features) {
    f.slot = f.wide ? bins.slots : f.column * kNarrowSlots;
    if (f.wide) bins.slots += padded_slots(f.bins + 1);
    (f.wide ? bins.wide_slots : bins.narrow_slots).push_back(f.slot);
  }
}

// Row records that cross as few cache lines as possible without much padding.
int32_t record_stride(int32_t columns, int32_t unit) {
  const int32_t step = 32 / unit;
  int32_t stride = 1;
  while (stride < columns && stride < step) stride *= 2;
  return columns <= step ? stride : (columns + step - 1) / step * step;
}

int64_t column_stride(int64_t rows) { return (rows + 127) / 64 * 64; }

void allocate_codes(Bins& bins, const Device& device) {
  bins.column_stride = column_stride(bins.rows);
  bins.narrow_stride = record_stride(bins.narrow, 1);
  bins.wide_stride = record_stride(bins.wide, 2);
  bins.narrow_columns = Array<uint8_t>(device, bins.column_stride * bins.narrow + 64);
  bins.narrow_rows = Array<uint8_t>(device, bins.rows * bins.narrow_stride + 64);
  bins.wide_columns = Array<uint16_t>(device, bins.column_stride * bins.wide + 64);
  bins.wide_rows = Array<uint16_t>(device, bins.rows * bins.wide_stride + 64);
}

struct Coder {
  Bins& bins;
  const Columns& columns;
  const Kernel& kernel;
  std::vector<float> cuts;  // (features, 256), padded with infinity

  void code_block(int64_t first, int64_t count) const {
    alignas(64) float values[kBlock];
    for (size_t f = 0; f < bins.features.size(); f++) {
      const Feature& feature = bins.features[f];
      Column column = columns.columns[f];
      column.cuts = feature.ranks();
      read_column(column, first, count, values, 1);
      if (feature.wide) {
        code_wide(feature, first, count, values);
      } else {
        code_narrow(feature, f, first, count, values);
      }
    }
  }
  void code_narrow(const Feature& feature, size_t f, int64_t first, int64_t count, const float* values) const {
    uint8_t* codes = bins.narrow_columns.data() + feature.column * bins.column_stride + first;
    if (feature.categorical || feature.ranked) {
      for (int64_t i = 0; i < count; i++) codes[i] = static_cast<uint8_t>(bin_of(feature, values[i]));
    } else {
      call(kernel, {dense(values, DType::f32, count), dense(cuts.data() + f * 256, DType::f32, 256)}, {dense(codes, DType::u8, count)},
           {feature.bins});
    }
    uint8_t* record = bins.narrow_rows.data() + first * bins.narrow_stride + feature.column;
    for (int64_t i = 0; i < count; i++) record[i * bins.narrow_stride] = codes[i];
  }
  void code_wide(const Feature& feature, int64_t first, int64_t count, const float* values) const {
    uint16_t* codes = bins.wide_columns.data() + feature.column * bins.column_stride + first;
    uint16_t* record = bins.wide_rows.data() + first * bins.wide_stride + feature.column;
    for (int64_t i = 0; i < count; i++) codes[i] = record[i * bins.wide_stride] = static_cast<uint16_t>(bin_of(feature, values[i]));
  }
  // Of a category's code or a number's rank.
  static int32_t bin_of(const Feature& feature, float code) {
    return code >= 0 && code < static_cast<float>(feature.bins) ? static_cast<int32_t>(code) : feature.bins;
  }
};

// The first row whose code is neither a category nor missing, or -1.
int64_t find_stray(const Column& column, int64_t rows, int32_t categories) {
  float codes[kBlock];
  for (int64_t first = 0; first < rows; first += kBlock) {
    const int64_t count = std::min(kBlock, rows - first);
    read_column(column, first, count, codes, 1);
    for (int64_t i = 0; i < count; i++) {
      if (codes[i] >= static_cast<float>(categories) || codes[i] > std::floor(codes[i])) return first + i;
    }
  }
  return -1;
}

std::string print(float value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

}  // namespace

int64_t count_code_bytes(int64_t rows, const std::vector<int32_t>& categories) {
  int32_t wide = 0;
  for (const int32_t count : categories) wide += is_wide(count);
  const int32_t narrow = static_cast<int32_t>(categories.size()) - wide;
  return rows * (record_stride(narrow, 1) + 2 * int64_t{record_stride(wide, 2)}) + column_stride(rows) * (narrow + 2 * int64_t{wide});
}

Status check_codes(const Columns& columns, const BinOptions& options, const std::vector<std::string>& names, Threads& threads) {
  std::vector<int64_t> strays(columns.columns.size(), -1);
  const auto codes_of = [](Column column) {
    column.remap = nullptr;
    return column;
  };
  const auto count_codes = [&](size_t f) {
    return columns.columns[f].remap == nullptr ? options.categories[f] : columns.columns[f].remap_count;
  };
  threads.parallel(static_cast<int64_t>(strays.size()), [&](int64_t c, int) {
    const size_t f = static_cast<size_t>(c);
    if (options.categories[f] > 0) strays[f] = find_stray(codes_of(columns.columns[f]), columns.rows, count_codes(f));
  });
  for (size_t f = 0; f < strays.size(); f++) {
    if (strays[f] < 0) continue;
    float code;
    read_column(codes_of(columns.columns[f]), strays[f], 1, &code, 1);
    return {"ERR_TENSORWOOD_DATA", "dataset: expected category codes in [0, " + std::to_string(count_codes(f) - 1) + "] in column '" +
                                       names[f] + "', got " + print(code) + " in row " + std::to_string(strays[f])};
  }
  return {};
}

Status make_bins(const Columns& columns, const BinOptions& options, const Device& device, Threads& threads,
                 const std::atomic<bool>& cancelled, Bins& bins) {
  const int64_t slots = count_slots(options.categories);
  if (slots > INT32_MAX)
    return {"ERR_TENSORWOOD_DATA", "dataset: expected at most " + std::to_string(INT32_MAX) + " bins in all columns, got " +
                                       std::to_string(slots) + "; use fewer columns or categories"};
  bins.device = &device;
  bins.rows = columns.rows;
  bins.features.resize(columns.columns.size());
  threads.parallel(static_cast<int64_t>(columns.columns.size()), [&](int64_t f, int) {
    Feature& feature = bins.features[static_cast<size_t>(f)];
    feature.categorical = options.categories[static_cast<size_t>(f)] > 0;
    feature.bins = options.categories[static_cast<size_t>(f)];
    if (feature.categorical || cancelled.load(std::memory_order_relaxed)) return;
    const Column& column = columns.columns[static_cast<size_t>(f)];
    const auto cut = is_exact_in_float(column.dtype) ? cut_column<float> : cut_column<double>;
    cut(column, columns.rows, options.sample, options.max_bins - 1, feature);
  });
  place_features(bins);
  allocate_codes(bins, device);
  Coder coder = {bins, columns, require_kernel(device, "bin_values", DType::u8), {}};
  coder.cuts.assign(bins.features.size() * 256, std::numeric_limits<float>::infinity());
  for (size_t f = 0; f < bins.features.size(); f++)
    std::transform(bins.features[f].cuts.begin(), bins.features[f].cuts.end(), coder.cuts.begin() + static_cast<int64_t>(f) * 256,
                   [](double cut) { return round_number(cut); });
  for_chunks(threads, bins.rows, kBlock * kBlocksPerTask, [&](int64_t first, int64_t count, int) {
    for (int64_t at = 0; at < count && !cancelled.load(std::memory_order_relaxed); at += kBlock)
      coder.code_block(first + at, std::min(kBlock, count - at));
  });
  if (cancelled) return {"ERR_TENSORWOOD_ABORTED", "dataset: the job was aborted"};
  return {};
}

void decode_rows(const Bins& bins, const std::vector<int32_t>& features, const uint32_t* rows, int64_t count, float* out) {
  const int64_t stride = static_cast<int64_t>(bins.features.size());
  for (int64_t i = 0; i < count; i++) {
    for (const int32_t f : features) {
      const Feature& feature = bins.features[static_cast<size_t>(f)];
      const int32_t code = feature.wide ? bins.wide_rows.data()[rows[i] * static_cast<int64_t>(bins.wide_stride) + feature.column]
                                        : bins.narrow_rows.data()[rows[i] * static_cast<int64_t>(bins.narrow_stride) + feature.column];
      out[i * stride + f] = code == feature.bins                    ? std::numeric_limits<float>::quiet_NaN()
                            : feature.categorical || feature.ranked ? static_cast<float>(code)
                                                                    : static_cast<float>(feature.threshold(code));
    }
  }
}

}  // namespace tensorwood
