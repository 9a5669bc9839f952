// The histogram kernel of a device that cannot read host memory: binned codes, gradients and slots are kept there, the rows of a node go
// over, and its histogram comes back. The step between partition and split; sums are integers, so the bits are those of the CPU.
#pragma once
#include <mutex>

#include "core/status.h"
#include "trees/bins.h"

namespace tensorwood {

class Mirror {
 public:
  // Copies the codes of the bins, which must live as long.
  Mirror(const Bins& bins, const Device& device);
  // What the next tree grows from: pairs (rows), where the columns begin in a histogram (-1 = left out), and whether none is left out.
  void start(const int64_t* pairs, const std::vector<int32_t>& narrow_slots, const std::vector<int32_t>& wide_slots, bool all_columns);
  // Overwrites the histogram with the sums of these rows. May be called by several threads: they take turns. False when the device has
  // failed, now or before; status() says how.
  bool sum(const uint32_t* rows, int64_t count, int64_t* histogram);
  const Status& status() const { return status_; }  // while no thread sums

 private:
  template <class T>
  void send(const Array<T>& to, const T* from, int64_t count) const {
    device_.write(to.data(), from, count * static_cast<int64_t>(sizeof(T)), nullptr);
  }

  const Bins& bins_;
  const Device& device_;
  const Kernel& kernel_;
  Array<uint8_t> narrow_codes_;
  Array<uint16_t> wide_codes_;
  Array<int64_t> pairs_;
  Array<uint32_t> rows_;
  Array<int32_t> narrow_slots_, wide_slots_;
  Array<int64_t> histogram_;
  bool all_columns_ = true;
  std::mutex turn_;
  Status status_;
};

}  // namespace tensorwood
