// Cases of the gradient histograms: equal bits, whatever the order of the additions.
#include "cases.h"
#include "trees/layout.h"

#include <cstring>

namespace tensorwood::test {
namespace {

Case histogram_case(DType bins, int64_t features, int64_t step, bool sampled) {
  constexpr int64_t n = 1500;
  const int64_t m = n / step, bin_count = bins == DType::u8 ? kNarrowBins : 700;
  const int64_t slots = bins == DType::u8 ? kNarrowSlots : padded_slots(700);
  Case c = {};
  c.name = std::string("histogram ") + (bins == DType::u8 ? "u8 " : "u16 ") + std::to_string(features) + " step " + std::to_string(step) +
           (sampled ? " sampled" : "");
  c.kernel = "histogram";
  c.inputs = {random_array(bins, {n, features}, 1, bin_count), random_array(DType::i64, {n}, 2, int64_t{1} << 40),
              empty_array(DType::u32, {m}), empty_array(DType::i32, {features})};
  for (uint32_t i = 0; i < static_cast<uint32_t>(m); i++) {
    const uint32_t row = i * static_cast<uint32_t>(step);
    std::memcpy(c.inputs[2].bytes.data() + 4 * i, &row, 4);
  }
  for (int64_t f = 0; f < features; f++) {
    const int32_t slot = sampled && f % 2 == 1 ? -1 : static_cast<int32_t>(f * slots);
    std::memcpy(c.inputs[3].bytes.data() + 4 * f, &slot, 4);
  }
  c.outputs = {random_array(DType::i64, {features * slots}, 3, 1000)};
  c.integers = {bins == DType::u8 && !sampled ? 1 : 0};
  c.tolerance = 0;
  c.engine = true;
  return c;
}

}  // namespace

void add_histogram_cases(std::vector<Case>& cases) {
  for (int64_t step : {1, 7}) {
    cases.push_back(histogram_case(DType::u8, 5, step, false));
    cases.push_back(histogram_case(DType::u8, 5, step, true));
    cases.push_back(histogram_case(DType::u16, 3, step, false));
  }
  cases.push_back(histogram_case(DType::u8, 259, 7, true));  // more features than blocks across
  Case sum = {};
  sum.name = "add_histogram";
  sum.kernel = "add_histogram";
  sum.inputs = {random_array(DType::i64, {777}, 1, 1 << 30)};
  sum.outputs = {random_array(DType::i64, {777}, 2, 1 << 30)};
  sum.tolerance = 0;
  sum.engine = true;
  cases.push_back(sum);
}

}  // namespace tensorwood::test
