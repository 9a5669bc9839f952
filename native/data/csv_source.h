// The bytes of a CSV file: a plain file that is read piece by piece, or memory of the caller.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/status.h"
#include "data/csv.h"

namespace tensorwood::csv {

class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source();

  Status open(const Input& input);
  int64_t size() const { return size_; }
  // Copies [offset, offset + length) into buffer and puts zeros behind it for the scanner; returns the copy. Safe from any thread.
  Status read(int64_t offset, int64_t length, std::vector<char>& buffer) const;

 private:
  Status failed(const char* what, int error) const;

  std::string path_;
  int file_ = -1;
  const char* bytes_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace tensorwood::csv
