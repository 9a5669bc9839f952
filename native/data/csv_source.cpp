// Opening a CSV file and reading stretches of it: a regular file piece by piece, anything else whole.
#include "data/csv_source.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/limits.h"
#include "data/csv_fields.h"

namespace tensorwood::csv {
namespace {

constexpr size_t kPiece = 1 << 20;
constexpr int kPatience = 50;  // milliseconds between looks at `cancelled`

}  // namespace

Source::~Source() {
  if (file_ >= 0) ::close(file_);
}

Status Source::failed(const char* what, int error) const {
  return {"ERR_TENSORWOOD_FILE", "readCsv: cannot " + std::string(what) + " '" + path_ + "': " + std::strerror(error)};
}

Status Source::open(const std::string& path, const std::atomic<bool>& cancelled) {
  path_ = path;
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // or a pipe that nobody writes would hold this thread here
  if (file_ < 0) return failed("open", errno);
  struct stat info;
  if (::fstat(file_, &info) != 0) return failed("examine", errno);
  if (S_ISDIR(info.st_mode)) return failed("read", EISDIR);
  if (!S_ISREG(info.st_mode) || info.st_size == 0) return read_stream(cancelled);
  size_ = info.st_size;
  return {};
}

// A stream may have no end. While memory_ grows there are two copies of it.
Status Source::make_room() {
  const size_t held = static_cast<size_t>(size_);
  if (memory_.size() > held) return {};
  const size_t wanted = kPiece + (memory_.capacity() < held + kPiece ? held : 0);
  if (static_cast<int64_t>(wanted) > available_memory())
    return {"ERR_TENSORWOOD_MEMORY",
            "readCsv: expected '" + path_ + "' to end, got " + std::to_string(held) + " bytes and no memory for more"};
  memory_.resize(held + kPiece);
  return {};
}

// Pipes have no size beforehand, nor have the files of /proc.
Status Source::read_stream(const std::atomic<bool>& cancelled) {
  for (;;) {
    if (cancelled.load(std::memory_order_relaxed)) return {"ERR_TENSORWOOD_ABORTED", "readCsv: aborted"};
    pollfd ready = {file_, POLLIN, 0};
    if (::poll(&ready, 1, kPatience) == 0) continue;
    if (Status s = make_room(); !s.ok()) return s;
    const ssize_t got = ::read(file_, memory_.data() + size_, memory_.size() - static_cast<size_t>(size_));
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
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
