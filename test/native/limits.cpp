// Control groups and memory, read from copies of /proc and /sys that describe other machines.
#include "core/limits.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "core/threads.h"
#include "expect.h"

using namespace tensorwood;
namespace fs = std::filesystem;

constexpr int64_t kMegabyte = 1 << 20;

// A machine as files, removed at the end.
class Machine {
 public:
  explicit Machine(const std::map<std::string, std::string>& files) {
    std::string pattern = (fs::temp_directory_path() / "tensorwood-limits-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    for (const auto& [path, text] : files) {
      fs::create_directories(fs::path(root_ + path).parent_path());
      std::ofstream(root_ + path) << text;
    }
  }
  ~Machine() { fs::remove_all(root_); }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

const std::string kMeminfo = "MemTotal:       8388608 kB\nMemFree:         100 kB\nMemAvailable:    4194304 kB\n";  // 4 GiB available

static void without_groups() {
  const Machine machine({{"/proc/meminfo", kMeminfo}});
  EXPECT(cpu_quota(machine.root()) == 0);
  EXPECT(available_memory(machine.root()) == 4096 * kMegabyte);
  const Machine unknown({});
  EXPECT(available_memory(unknown.root()) == INT64_MAX);
}

static void version_two() {
  const Machine machine({{"/proc/meminfo", kMeminfo},
                         {"/proc/self/cgroup", "0::/service/job\n"},
                         {"/sys/fs/cgroup/service/job/cpu.max", "max 100000\n"},
                         {"/sys/fs/cgroup/service/cpu.max", "150000 100000\n"},
                         {"/sys/fs/cgroup/service/job/memory.max", "1073741824\n"},
                         {"/sys/fs/cgroup/service/job/memory.current", "838860800\n"},
                         {"/sys/fs/cgroup/service/job/memory.stat", "anon 1\ninactive_file 314572800\n"},
                         {"/sys/fs/cgroup/service/memory.max", "max\n"}});
  EXPECT(std::fabs(cpu_quota(machine.root()) - 1.5) < 1e-9);    // the parent's
  EXPECT(available_memory(machine.root()) == 524 * kMegabyte);  // 1024 - (800 - 300)
}

// In a container the path of /proc/self/cgroup is the host's; the mount point is the group.
static void version_one_in_a_container() {
  const Machine machine({{"/proc/meminfo", kMeminfo},
                         {"/proc/self/cgroup", "4:memory:/host/abc\n3:cpu,cpuacct:/host/abc\n0::/\n"},
                         {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n"},
                         {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"},
                         {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n"},
                         {"/sys/fs/cgroup/memory/memory.usage_in_bytes", "629145600\n"},
                         {"/sys/fs/cgroup/memory/memory.stat", "total_inactive_file 0\n"}});
  EXPECT(std::fabs(cpu_quota(machine.root()) - 0.5) < 1e-9);
  EXPECT(available_memory(machine.root()) == 0);  // past its limit: nothing is left, never less
}

static void unlimited_version_one() {
  const Machine machine({{"/proc/meminfo", kMeminfo},
                         {"/proc/self/cgroup", "3:cpu:/\n"},
                         {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
                         {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}});
  EXPECT(cpu_quota(machine.root()) == 0);
}

static void threads_of_this_process() {
  setenv("TENSORWOOD_THREADS", "3", 1);
  EXPECT(available_threads() == 3);
  setenv("TENSORWOOD_THREADS", "none", 1);
  EXPECT(available_threads() >= 1);
  unsetenv("TENSORWOOD_THREADS");
  EXPECT(available_threads() >= 1);
}

int main() {
  without_groups();
  version_two();
  version_one_in_a_container();
  unlimited_version_one();
  threads_of_this_process();
  return finish();
}
