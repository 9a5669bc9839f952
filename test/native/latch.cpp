// A latch made of memory, for tests that must see a job while it runs, however fast the machine is: the pages of a typed array that the job
// reads in place are taken away, so whoever reads one waits in the handler of the fault until the pages are given back. The library knows
// nothing of it.
//   hold(view) -> number    arrived(number) -> how many threads wait or have waited    open(number)
// Loaded by test/border/latch.ts and by the scenarios beside it. Signal handlers are the process's: what is no held page goes to the one
// before.
#include <node_api.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>

namespace {

struct Latch {
  char* begin;
  char* end;
  pthread_t owner;
  std::atomic<int> arrived{0};
  std::atomic<bool> open{false};
};

constexpr int kMost = 65536;
Latch latches[kMost];  // never used again: a thread may still be in one
std::atomic<int> taken{0}, ready{0};
struct sigaction before[2];
const int faults[2] = {SIGSEGV, SIGBUS};

Latch* find(const void* address) {
  const char* at = static_cast<const char*>(address);
  for (int i = ready.load() - 1; i >= 0; i--) {
    if (at >= latches[i].begin && at < latches[i].end) return &latches[i];
  }
  return nullptr;
}

void pass_on(int signal, siginfo_t* info, void* context) {
  const struct sigaction& previous = before[signal == faults[0] ? 0 : 1];
  if ((previous.sa_flags & SA_SIGINFO) != 0)
    previous.sa_sigaction(signal, info, context);
  else
    sigaction(signal, &previous, nullptr);  // the fault comes again
}

void wait_here(int signal, siginfo_t* info, void* context) {
  Latch* latch = find(info->si_addr);
  if (latch == nullptr) return pass_on(signal, info, context);
  if (pthread_equal(latch->owner, pthread_self()) != 0 && !latch->open) {  // nobody would be left to open it
    constexpr char text[] = "latch: expected a job to read held memory, got the JavaScript thread that holds it\n";
    if (write(2, text, sizeof text - 1) < 0) _exit(98);
    _exit(99);
  }
  const int error = errno;
  latch->arrived++;
  const timespec moment = {0, 100'000};
  while (!latch->open) nanosleep(&moment, nullptr);
  errno = error;
}

// Threads of several environments may come at once.
void install() {
  static const bool installed = [] {
    struct sigaction action = {};
    action.sa_sigaction = wait_here;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (int i = 0; i < 2; i++) sigaction(faults[i], &action, &before[i]);
    return true;
  }();
  static_cast<void>(installed);
}

napi_value fail(napi_env env, const char* message) {
  napi_throw_error(env, nullptr, message);
  return nullptr;
}

bool read_view(napi_env env, napi_value value, char*& data, size_t& bytes) {
  napi_typedarray_type type;
  size_t length, offset;
  void* start;
  if (napi_get_typedarray_info(env, value, &type, &length, &start, nullptr, &offset) != napi_ok) return false;
  constexpr size_t sizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  data = static_cast<char*>(start);
  bytes = length * sizes[type];
  return true;
}

// The whole pages within a typed array.
napi_value hold(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  char* data;
  size_t bytes;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  if (!read_view(env, argument, data, bytes)) return fail(env, "latch: expected a typed array");
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(data) + page - 1) / page * page;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + bytes) / page * page;
  if (begin >= end) return fail(env, "latch: expected an array that holds a whole page of memory");
  install();
  const int id = taken++;
  if (id >= kMost) return fail(env, "latch: expected fewer latches");
  Latch& latch = latches[id];
  latch.begin = reinterpret_cast<char*>(begin);
  latch.end = reinterpret_cast<char*>(end);
  latch.owner = pthread_self();
  while (ready.load() != id) {  // of another environment
  }
  ready = id + 1;
  if (mprotect(latch.begin, end - begin, PROT_NONE) != 0) return fail(env, strerror(errno));
  napi_value answer;
  napi_create_int32(env, id, &answer);
  return answer;
}

Latch& read_latch(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  int32_t id = 0;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  napi_get_value_int32(env, argument, &id);
  return latches[id];
}

napi_value arrived(napi_env env, napi_callback_info info) {
  napi_value answer;
  napi_create_int32(env, read_latch(env, info).arrived.load(), &answer);
  return answer;
}

napi_value open(napi_env env, napi_callback_info info) {
  Latch& latch = read_latch(env, info);
  if (!latch.open) mprotect(latch.begin, static_cast<size_t>(latch.end - latch.begin), PROT_READ | PROT_WRITE);
  latch.open = true;
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback call;
  } functions[] = {{"hold", hold}, {"arrived", arrived}, {"open", open}};
  for (const auto& [name, call] : functions) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, call, nullptr, &function);
    napi_set_named_property(env, exports, name, function);
  }
  return exports;
}
