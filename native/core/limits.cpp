// Reads the limits of the machine and of the process's control groups. A group is bound by its ancestors too, so every level up to the
// mount point is read; where the container hides the path that /proc names, the mount point itself is the group. Formats: kernel
// documentation, admin-guide/cgroup-v1 and cgroup-v2.
#include "limits.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <vector>

#include "threads.h"

namespace tensorwood {
namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

// The first number of a file; `missing` when there is none, such as the word "max".
int64_t read_number(const std::string& path, int64_t missing) {
  std::ifstream file(path);
  int64_t value;
  return file >> value ? value : missing;
}

// The number after `key` in a file of "key value" lines.
int64_t read_field(const std::string& path, const std::string& key, int64_t missing) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    int64_t value;
    if (words >> name >> value && name == key) return value;
  }
  return missing;
}

struct Group {
  std::string mount, path;  // such as /sys/fs/cgroup and /system.slice/x.service
};

// The process's group for a v1 controller, or its v2 group when `controller` is empty.
Group find_group(const std::string& root, const std::string& controller) {
  std::ifstream file(root + "/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {  // number:controllers:path
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controllers.find("," + controller + ",") == std::string::npos) continue;
    const std::string mount = root + "/sys/fs/cgroup" + (controller.empty() ? "" : "/" + controller);
    return {mount, line.substr(second + 1)};
  }
  return {};
}

// Calls read(folder) for the group and all its ancestors, down to the mount point; the smallest answer.
template <class Number, class Read>
Number smallest(const Group& group, Number start, const Read& read) {
  if (group.mount.empty()) return start;
  std::string path = group.path;
  for (;;) {
    start = std::min(start, read(group.mount + path));
    if (path.empty()) return start;
    const size_t slash = path.rfind('/');
    path = slash == std::string::npos ? "" : path.substr(0, slash);
  }
}

double quota_v2(const std::string& folder) {  // "max 100000" or "50000 100000"
  std::ifstream file(folder + "/cpu.max");
  double quota, period;
  return file >> quota >> period && period > 0 ? quota / period : HUGE_VAL;
}

double quota_v1(const std::string& folder) {
  const int64_t quota = read_number(folder + "/cpu.cfs_quota_us", -1), period = read_number(folder + "/cpu.cfs_period_us", 0);
  return quota > 0 && period > 0 ? static_cast<double>(quota) / static_cast<double>(period) : HUGE_VAL;
}

// Pages of files that the kernel gives up first do not count as used.
int64_t room(int64_t limit, int64_t used, int64_t reclaimable) {
  return limit == kUnlimited ? kUnlimited : std::max<int64_t>(0, limit - std::max<int64_t>(0, used - reclaimable));
}

int64_t memory_v2(const std::string& folder) {
  return room(read_number(folder + "/memory.max", kUnlimited), read_number(folder + "/memory.current", 0),
              read_field(folder + "/memory.stat", "inactive_file", 0));
}

int64_t memory_v1(const std::string& folder) {
  return room(read_number(folder + "/memory.limit_in_bytes", kUnlimited), read_number(folder + "/memory.usage_in_bytes", 0),
              read_field(folder + "/memory.stat", "total_inactive_file", 0));
}

int affinity_count() {
  std::vector<cpu_set_t> mask(16);  // 16,384 processors
  const size_t bytes = mask.size() * sizeof(cpu_set_t);
  return sched_getaffinity(0, bytes, mask.data()) == 0 ? CPU_COUNT_S(bytes, mask.data()) : 1;
}

}  // namespace

double cpu_quota(const std::string& root) {
  double cores = smallest(find_group(root, ""), HUGE_VAL, quota_v2);
  cores = smallest(find_group(root, "cpu"), cores, quota_v1);
  return std::isinf(cores) ? 0 : cores;
}

int64_t available_memory(const std::string& root) {
  const int64_t kilobytes = read_field(root + "/proc/meminfo", "MemAvailable:", -1);
  int64_t bytes = kilobytes < 0 ? kUnlimited : kilobytes * 1024;
  bytes = smallest(find_group(root, ""), bytes, memory_v2);
  return smallest(find_group(root, "memory"), bytes, memory_v1);
}

int available_threads() {
  if (const char* chosen = std::getenv("TENSORWOOD_THREADS")) {
    const int threads = std::atoi(chosen);
    if (threads > 0) return std::min(threads, 1024);
  }
  const double quota = cpu_quota();
  const int cores = affinity_count();
  return std::max(1, quota > 0 ? std::min(cores, static_cast<int>(std::ceil(quota))) : cores);
}

}  // namespace tensorwood
