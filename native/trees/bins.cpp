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

// Sorted, NaN dropped. Positions are evenly spread with a hashed offset each: the same for every number of threads.
std::vector<float> sample_column(const Column& column, int64_t rows, int64_t wanted) {
  const int64_t n = std::min(rows, wanted);
  std::vector<float> values(static_cast<size_t>(n));
  if (n == rows) {
    read_column(column, 0, rows, values.data(), 1);
  } else {
    for (int64_t i = 0; i < n; i++) {
      const int64_t begin = i * rows / n, end = (i + 1) * rows / n;
      const uint64_t hash = (static_cast<uint64_t>(i) + 1) * 0x9e3779b97f4a7c15ull;
      read_column(column, begin + static_cast<int64_t>((hash >> 32) % static_cast<uint64_t>(end - begin)), 1,
                  &values[static_cast<size_t>(i)], 1);
    }
  }
  values.erase(std::remove_if(values.begin(), values.end(), [](float v) { return std::isnan(v); }), values.end());
  return values;
}

void sort_values(std::vector<float>& values) {
  std::vector<uint32_t> keys(values.size());
  std::transform(values.begin(), values.end(), keys.begin(), sortable);
  radix_sort(keys, [](uint32_t key) { return key; });
  std::transform(keys.begin(), keys.end(), values.begin(), unsortable);
}

// A number in [below, above) halfway between them.
float cut_between(float below, float above) {
  const float middle = static_cast<float>((static_cast<double>(below) + above) / 2);
  return middle < above ? middle : below;
}

// At most max_values bins of nearly equal weight; a value that fills a bin alone gets one.
std::vector<float> find_cuts(const std::vector<float>& sorted, int32_t max_values) {
  std::vector<float> distinct;
  std::vector<int64_t> counts;
  for (const float v : sorted) {
    if (distinct.empty() || distinct.back() != v) {
      distinct.push_back(v);
      counts.push_back(0);
    }
    counts.back()++;
  }
  std::vector<float> cuts;
  int64_t rest = static_cast<int64_t>(sorted.size()), filled = 0;
  int32_t bins_left = max_values;
  const bool each = static_cast<int64_t>(distinct.size()) <= max_values;
  for (size_t i = 0; i + 1 < distinct.size() && bins_left > 1; i++) {
    filled += counts[i];
    const double target = static_cast<double>(rest) / bins_left;
    const bool full = static_cast<double>(filled) >= target;
    const bool heavy_next = static_cast<double>(counts[i + 1]) >= target && static_cast<double>(filled) >= target / 2;
    if (!each && !full && !heavy_next) continue;
    cuts.push_back(cut_between(distinct[i], distinct[i + 1]));
    rest -= filled;
    filled = 0;
    bins_left--;
  }
  return cuts;
}

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
      read_column(columns.columns[f], first, count, values, 1);
      if (feature.wide) {
        code_wide(feature, first, count, values);
      } else {
        code_narrow(feature, f, first, count, values);
      }
    }
  }
  void code_narrow(const Feature& feature, size_t f, int64_t first, int64_t count, const float* values) const {
    uint8_t* codes = bins.narrow_columns.data() + feature.column * bins.column_stride + first;
    if (feature.categorical) {
      for (int64_t i = 0; i < count; i++) codes[i] = static_cast<uint8_t>(category(feature, values[i]));
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
    for (int64_t i = 0; i < count; i++) codes[i] = record[i * bins.wide_stride] = static_cast<uint16_t>(category(feature, values[i]));
  }
  static int32_t category(const Feature& feature, float code) {
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
  threads.parallel(static_cast<int64_t>(strays.size()), [&](int64_t c, int) {
    const size_t f = static_cast<size_t>(c);
    if (options.categories[f] > 0) strays[f] = find_stray(columns.columns[f], columns.rows, options.categories[f]);
  });
  for (size_t f = 0; f < strays.size(); f++) {
    if (strays[f] < 0) continue;
    float code;
    read_column(columns.columns[f], strays[f], 1, &code, 1);
    return {"ERR_TENSORWOOD_DATA", "dataset: expected category codes in [0, " + std::to_string(options.categories[f] - 1) +
                                       "] in column '" + names[f] + "', got " + print(code) + " in row " + std::to_string(strays[f])};
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
    std::vector<float> values = sample_column(columns.columns[static_cast<size_t>(f)], columns.rows, options.sample);
    sort_values(values);
    feature.cuts = find_cuts(values, options.max_bins - 1);
    feature.bins = static_cast<int32_t>(feature.cuts.size()) + 1;
  });
  place_features(bins);
  allocate_codes(bins, device);
  Coder coder = {bins, columns, require_kernel(device, "bin_values", DType::u8), {}};
  coder.cuts.assign(bins.features.size() * 256, std::numeric_limits<float>::infinity());
  for (size_t f = 0; f < bins.features.size(); f++)
    std::copy(bins.features[f].cuts.begin(), bins.features[f].cuts.end(), coder.cuts.begin() + static_cast<int64_t>(f) * 256);
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
      const bool last = code == feature.bins - 1;
      out[i * stride + f] = code == feature.bins  ? std::numeric_limits<float>::quiet_NaN()
                            : feature.categorical ? static_cast<float>(code)
                            : last                ? std::numeric_limits<float>::max()
                                                  : feature.cuts[static_cast<size_t>(code)];
    }
  }
}

}  // namespace tensorwood
