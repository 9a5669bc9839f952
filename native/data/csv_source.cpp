// Opening a CSV file and reading stretches of it: a regular file piece by piece, anything else whole.
#include "data/csv_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "data/csv_fields.h"

namespace tensorwood::csv {

Source::~Source() {
  if (file_ >= 0) ::close(file_);
}

Status Source::failed(const char* what, int error) const {
  return {"ERR_TENSORWOOD_FILE", "readCsv: cannot " + std::string(what) + " '" + path_ + "': " + std::strerror(error)};
}

Status Source::open(const std::string& path) {
  path_ = path;
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) return failed("open", errno);
  struct stat info;
  if (::fstat(file_, &info) != 0) return failed("examine", errno);
  if (S_ISDIR(info.st_mode)) return failed("read", EISDIR);
  if (!S_ISREG(info.st_mode) || info.st_size == 0) return read_stream();
  size_ = info.st_size;
  return {};
}

// Pipes have no size beforehand, nor have the files of /proc.
Status Source::read_stream() {
  constexpr size_t piece = 1 << 20;
  for (;;) {
    memory_.resize(static_cast<size_t>(size_) + piece);
    const ssize_t got = ::read(file_, memory_.data() + size_, piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", errno);
    if (got == 0) break;
    size_ += got;
  }
  in_memory_ = true;
  return {};
}

Status Source::read(int64_t offset, int64_t length, std::vector<char>& buffer) const {
  const size_t padded = static_cast<size_t>(length + kPadding);
  if (buffer.size() < padded) buffer.resize(padded);
  std::memset(buffer.data() + length, 0, kPadding);
  if (in_memory_) {
    std::memcpy(buffer.data(), memory_.data() + offset, static_cast<size_t>(length));
    return {};
  }
  for (int64_t done = 0; done < length;) {
    const ssize_t got = ::pread(file_, buffer.data() + done, static_cast<size_t>(length - done), offset + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", errno);
    if (got == 0) return {"ERR_TENSORWOOD_FILE", "readCsv: '" + path_ + "' became shorter while it was read"};
    done += got;
  }
  return {};
}

}  // namespace tensorwood::csv
