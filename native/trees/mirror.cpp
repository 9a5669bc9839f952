// Copies to and from a device that sums histograms.
#include "trees/mirror.h"

namespace tensorwood {

Mirror::Mirror(const Bins& bins, const Device& device)
    : bins_(bins),
      device_(device),
      kernel_(*device.find("histogram", DType::i64)),
      narrow_codes_(device, bins.narrow_rows.size()),
      wide_codes_(device, bins.wide_rows.size()),
      pairs_(device, bins.rows),
      rows_(device, bins.rows),
      narrow_slots_(device, bins.narrow),
      wide_slots_(device, bins.wide),
      histogram_(device, bins.slots) {
  send(narrow_codes_, bins.narrow_rows.data(), bins.narrow_rows.size());
  send(wide_codes_, bins.wide_rows.data(), bins.wide_rows.size());
  status_ = device.synchronize(nullptr);
}

void Mirror::start(const int64_t* pairs, const std::vector<int32_t>& narrow_slots, const std::vector<int32_t>& wide_slots,
                   bool all_columns) {
  send(pairs_, pairs, bins_.rows);
  send(narrow_slots_, narrow_slots.data(), bins_.narrow);
  send(wide_slots_, wide_slots.data(), bins_.wide);
  all_columns_ = all_columns;
  if (status_.ok()) status_ = device_.synchronize(nullptr);
}

bool Mirror::sum(const uint32_t* rows, int64_t count, int64_t* histogram) {
  const std::lock_guard<std::mutex> turn(turn_);
  if (!status_.ok()) return false;
  send(rows_, rows, count);
  device_.fill(histogram_.data(), 0, histogram_.bytes(), nullptr);
  const Operand pairs = dense(pairs_.data(), DType::i64, bins_.rows), chosen = dense(rows_.data(), DType::u32, count),
                sums = dense(histogram_.data(), DType::i64, bins_.slots);
  if (bins_.narrow > 0) {
    call(kernel_,
         {dense(narrow_codes_.data(), DType::u8, bins_.rows, bins_.narrow_stride), pairs, chosen,
          dense(narrow_slots_.data(), DType::i32, bins_.narrow)},
         {sums}, {all_columns_});
  }
  if (bins_.wide > 0) {
    call(kernel_,
         {dense(wide_codes_.data(), DType::u16, bins_.rows, bins_.wide_stride), pairs, chosen,
          dense(wide_slots_.data(), DType::i32, bins_.wide)},
         {sums}, {0});
  }
  device_.read(histogram, histogram_.data(), histogram_.bytes(), nullptr);
  status_ = device_.synchronize(nullptr);
  return status_.ok();
}

}  // namespace tensorwood
