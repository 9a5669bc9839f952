// Opening a CSV file and reading stretches of it.
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

Status Source::open(const Input& input) {
  path_ = input.path;
  bytes_ = input.bytes;
  size_ = input.size;
  if (bytes_ != nullptr) return {};
  file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // or a pipe that nobody writes would hold this thread here
  if (file_ < 0) return failed("open", errno);
  struct stat info;
  if (::fstat(file_, &info) != 0) return failed("examine", errno);
  if (!S_ISREG(info.st_mode)) return {"ERR_TENSORWOOD_FILE", "readCsv: expected '" + path_ + "' to be a plain file"};
  size_ = info.st_size;
  return {};
}

Status Source::read(int64_t offset, int64_t length, std::vector<char>& buffer) const {
  const size_t padded = static_cast<size_t>(length + kPadding);
  if (buffer.size() < padded) buffer.resize(padded);
  std::memset(buffer.data() + length, 0, kPadding);
  if (bytes_ != nullptr) {
    std::memcpy(buffer.data(), bytes_ + offset, static_cast<size_t>(length));
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
