// The bytes of a CSV file: a regular file read piece by piece, or (pipes, and files whose quotes need a walk from the start) all of it in
// memory.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"

namespace tensorwood::csv {

class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source();

  Status open(const std::string& path, const std::atomic<bool>& cancelled);
  int64_t size() const { return size_; }
  // Copies [offset, offset + length) into buffer and puts zeros behind it for the scanner; returns the copy. Safe from any thread.
  Status read(int64_t offset, int64_t length, std::vector<char>& buffer) const;

 private:
  Status read_stream(const std::atomic<bool>& cancelled);
  Status make_room();
  Status failed(const char* what, int error) const;

  std::string path_;
  int file_ = -1;
  int64_t size_ = 0;
  bool in_memory_ = false;
  std::vector<char> memory_;
};

}  // namespace tensorwood::csv
