// Features as small integers: the second form of a table, from which trees grow. Numbers are cut at sampled quantiles, categories keep
// their codes, and the last bin of every feature holds missing values. Codes are stored twice: by row for histograms, by column for
// partitions.
#pragma once
#include <atomic>

#include "core/status.h"
#include "trees/columns.h"
#include "trees/layout.h"
#include "trees/memory.h"

namespace tensorwood {

struct Feature {
  bool categorical = false;
  bool wide = false;        // u16 codes: more than 255 categories
  int32_t bins = 1;         // without the missing bin
  int32_t column = 0;       // among the narrow or the wide ones
  int32_t slot = 0;         // of its first bin in a histogram
  std::vector<float> cuts;  // numeric: bin b holds cuts[b - 1] < x <= cuts[b]
};

struct Bins {
  const Device* device = nullptr;
  int64_t rows = 0;
  int64_t column_stride = 0;  // rows, rounded up so that vector reads past the end stay inside
  int32_t narrow = 0, wide = 0, narrow_stride = 0, wide_stride = 0;
  int32_t slots = 0;  // of one histogram
  std::vector<Feature> features;
  std::vector<int32_t> narrow_slots, wide_slots;
  Array<uint8_t> narrow_rows, narrow_columns;
  Array<uint16_t> wide_rows, wide_columns;
  int64_t bytes() const { return narrow_rows.bytes() + narrow_columns.bytes() + wide_rows.bytes() + wide_columns.bytes(); }
};

struct BinOptions {
  int32_t max_bins = 256;           // missing bin included
  std::vector<int32_t> categories;  // of each column, 0 = numeric
  int64_t sample = 1 << 17;         // values that the quantiles are taken from
};

// Memory that the codes of so many rows take, records padded; categories as in BinOptions.
int64_t count_code_bytes(int64_t rows, const std::vector<int32_t>& categories);

// Every code of a categorical column is a category or missing, or the first that is not is named.
Status check_codes(const Columns& columns, const BinOptions& options, const std::vector<std::string>& names, Threads& threads);

// Reads every column once or twice, on all threads; columns are not needed afterwards.
Status make_bins(const Columns& columns, const BinOptions& options, const Device& device, Threads& threads,
                 const std::atomic<bool>& cancelled, Bins& bins);

// These features of rows[0, count) decoded: a value inside each bin, NaN for missing, codes for categories. out is (count, all features),
// row-major.
void decode_rows(const Bins& bins, const std::vector<int32_t>& features, const uint32_t* rows, int64_t count, float* out);

}  // namespace tensorwood
