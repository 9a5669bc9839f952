// Owned memory and short calls of kernels: what the engine's files share to speak to a device.
#pragma once
#include <array>
#include <initializer_list>
#include <new>
#include <vector>

#include "core/device.h"
#include "core/threads.h"

namespace tensorwood {

// An array on a device; on the CPU its elements can be touched directly.
template <class T>
class Array {
 public:
  Array() = default;
  Array(const Device& device, int64_t size) : device_(&device), size_(size) {
    data_ = static_cast<T*>(device.allocate(size > 0 ? size * static_cast<int64_t>(sizeof(T)) : 64));
    if (data_ == nullptr) throw std::bad_alloc();
  }
  Array(Array&& other) noexcept { swap(other); }
  Array& operator=(Array&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Array() {
    if (data_ != nullptr) device_->release(data_, size_ > 0 ? size_ * static_cast<int64_t>(sizeof(T)) : 64);
  }
  T* data() const { return data_; }
  int64_t size() const { return size_; }
  int64_t bytes() const { return size_ * static_cast<int64_t>(sizeof(T)); }

 private:
  void swap(Array& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  const Device* device_ = nullptr;
  T* data_ = nullptr;
  int64_t size_ = 0;
};

inline Operand dense(const void* data, DType dtype, int64_t n) { return {const_cast<void*>(data), dtype, 1, {n}, {1}}; }
inline Operand dense(const void* data, DType dtype, int64_t n, int64_t stride) {
  return {const_cast<void*>(data), dtype, 1, {n}, {stride}};
}
inline Operand matrix(const void* data, DType dtype, int64_t n, int64_t m, int64_t stride) {
  return {const_cast<void*>(data), dtype, 2, {n, m}, {stride, 1}};
}

// Runs one kernel on the calling thread, which may be a task of a pool.
inline void call(const Kernel& kernel, std::initializer_list<Operand> inputs, std::initializer_list<Operand> outputs,
                 std::initializer_list<int64_t> integers = {}, std::initializer_list<double> numbers = {}, void* scratch = nullptr) {
  const Args args = {inputs.begin(),
                     outputs.begin(),
                     integers.begin(),
                     numbers.begin(),
                     static_cast<int32_t>(inputs.size()),
                     static_cast<int32_t>(outputs.size()),
                     static_cast<int32_t>(integers.size()),
                     static_cast<int32_t>(numbers.size()),
                     static_cast<std::byte*>(scratch),
                     &serial_threads(),
                     nullptr};
  kernel.run(args);
}

// Splits [0, n) into chunks of a fixed size, so that results never depend on the number of threads. f(first, count, worker)
template <class F>
void for_chunks(Threads& threads, int64_t n, int64_t size, const F& f) {
  threads.parallel((n + size - 1) / size, [&](int64_t c, int worker) { f(c * size, n - c * size < size ? n - c * size : size, worker); });
}

}  // namespace tensorwood
