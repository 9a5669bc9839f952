// Columns of a table that was read, written into the arrays of the caller.
#include <algorithm>
#include <cmath>

#include "data/csv.h"
#include "data/csv_block.h"
#include "data/libsvm_table.h"

namespace tensorwood::csv {

Table::Table() = default;
Table::~Table() = default;

namespace {

template <class T, class F>
void fill(const std::vector<int64_t>& first_row, T* to, Threads& threads, const F& piece) {
  threads.parallel(static_cast<int64_t>(first_row.size()), [&](int64_t b, int) { piece(b, to + first_row[b]); });
}

}  // namespace

int64_t Table::bytes() const {
  int64_t bytes = 0;
  for (const auto& block : blocks_)
    for (const Piece& piece : block->pieces) bytes += piece.bytes();
  for (const auto& block : sparse_) bytes += block->bytes();
  for (const auto& blocks : recode_)
    for (const auto& codes : blocks) bytes += static_cast<int64_t>(codes.capacity() * sizeof(int32_t));
  for (const auto& values : values_) bytes += static_cast<int64_t>(values.capacity() * sizeof(double));
  for (const Column& column : columns) bytes += static_cast<int64_t>(column.categories.text.size() + column.categories.offsets.size() * 8);
  return bytes;
}

template <class T>
void Table::fill_numbers_as(int column, T* to, Threads& threads) const {
  if (!sparse_.empty()) return fill(first_row_, to, threads, [&](int64_t b, T* at) { fill_sparse(*sparse_[b], indices_[column], at); });
  const std::vector<double>& values = values_[column];
  fill(first_row_, to, threads, [&](int64_t b, T* at) {
    const Piece& piece = blocks_[b]->pieces[column];
    const std::vector<int32_t>& codes = piece.words().codes;
    if (values.empty() && codes.empty()) {
      std::transform(piece.numbers.begin(), piece.numbers.end(), at, [](double value) { return static_cast<T>(value); });
      return;
    }
    const std::vector<int32_t>& recode = recode_[column][b];
    for (const int32_t code : codes) *at++ = static_cast<T>(code < 0 ? NAN : values[recode[code]]);
  });
}

void Table::fill_numbers(int column, float* to, Threads& threads) const { fill_numbers_as(column, to, threads); }
void Table::fill_numbers(int column, double* to, Threads& threads) const { fill_numbers_as(column, to, threads); }

void Table::fill_codes(int column, int32_t* to, Threads& threads) const {
  fill(first_row_, to, threads, [&](int64_t b, int32_t* at) {
    const std::vector<int32_t>& recode = recode_[column][b];
    for (const int32_t code : blocks_[b]->pieces[column].words().codes) *at++ = code < 0 ? -1 : recode[code];
  });
}

}  // namespace tensorwood::csv
