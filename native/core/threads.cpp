// The thread pool. A run publishes its task count; whoever takes the counter from n to n - 1 owns task `tasks - n`. Workers spin for a
// moment after their last task, because kernels of a program follow each other within microseconds, then sleep: spinning on would steal the
// core from whoever shares it. A worker that wakes too late finds no task left and is not waited for.
#include "threads.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "signals.h"

namespace tensorwood {
namespace {

constexpr auto kSpin = std::chrono::microseconds(30);
constexpr auto kTurn = std::chrono::milliseconds(2);

void pause_core() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

template <class Condition>
bool spin_until(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 16; i++) {
      if (condition()) return true;
      pause_core();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

// A condition that one side makes true and the other awaits: first spinning, then asleep. wake() costs one load when nobody sleeps.
class Gate {
 public:
  template <class Condition>
  void await(const Condition& condition) {
    if (spin_until(condition)) return;
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1);  // before the last look at the condition: wake() changes the condition, then looks at sleepers_
    wakened_.wait(lock, condition);
    sleepers_.fetch_sub(1);
  }

  void wake() {
    if (sleepers_.load() == 0) return;
    std::lock_guard<std::mutex> lock(mutex_);
    wakened_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wakened_;
  std::atomic<int> sleepers_{0};
};

// Who came first is served first. Whoever has waited for kTurn asks the one who is served to make room: interrupt().
class Turns {
 public:
  template <class Interrupt>
  void take(const Interrupt& interrupt) {
    std::unique_lock<std::mutex> lock(mutex_);
    const uint64_t ticket = next_++;
    while (!served_.wait_for(lock, kTurn, [&] { return serving_ == ticket; })) interrupt();
  }

  void give() {
    const std::lock_guard<std::mutex> lock(mutex_);
    serving_++;
    served_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable served_;
  uint64_t next_ = 0, serving_ = 0;
};

class Serial final : public Threads {
 public:
  int count() const override { return 1; }
  void run(int64_t tasks, Body body, void* context) override {
    for (int64_t task = 0; task < tasks; task++) body(context, task, 0);
  }
};

class Pool final : public Threads {
 public:
  explicit Pool(int count) {
    try {
      workers_.reserve(static_cast<size_t>(count) - 1);  // what may fail below is the system alone
      for (int worker = 1; worker < count; worker++) workers_.emplace_back([this, worker] { serve(worker); });
    } catch (const std::system_error& error) {
      const std::string got = std::to_string(workers_.size());
      stop();
      throw std::system_error(error.code(), "threads: expected the system to start " + std::to_string(count - 1) + ", got " + got);
    } catch (...) {
      stop();
      throw;
    }
  }

  ~Pool() override { stop(); }

  int count() const override { return static_cast<int>(workers_.size()) + 1; }

  void run(int64_t tasks, Body body, void* context) override {
    if (tasks < 2) {
      if (tasks == 1) body(context, 0, 0);
      return;
    }
    if (performing_ == this) throw std::logic_error("threads: expected no run inside another of the same pool");
    for (int64_t left = tasks; left > 0;) {
      turns_.take([this] { interrupt(); });
      tasks_ = tasks;
      body_ = body;
      context_ = context;
      left = run_until_interrupted(left);
      const std::exception_ptr failure = std::exchange(failure_, nullptr);
      turns_.give();
      if (failure != nullptr) std::rethrow_exception(failure);
    }
  }

 private:
  // Runs the last `left` tasks; returns how many of them an interruption left.
  int64_t run_until_interrupted(int64_t left) {
    left_ = 0;
    unfinished_.store(left, std::memory_order_relaxed);
    unclaimed_.store(left);  // publishes what the tasks are
    work_.wake();
    claim_all(0);
    done_.await([this] { return unfinished_.load() == 0; });
    return left_.load();
  }

  // Any thread: the tasks that nobody has claimed are left for another turn.
  void interrupt() {
    const int64_t left = unclaimed_.exchange(0);
    if (left == 0) return;
    left_ += left;
    if (unfinished_.fetch_sub(left) == left) done_.wake();
  }

  void stop() {
    stopped_ = true;
    work_.wake();
    for (std::thread& worker : workers_) worker.join();
  }

  void serve(int worker) {
    for (;;) {
      work_.await([this] { return unclaimed_.load() > 0 || stopped_.load(); });
      if (stopped_) return;
      claim_all(worker);
    }
  }

  // Tasks, body and context belong to the claimed task: a run does not end, so they do not change, before all its tasks are finished.
  void claim_all(int worker) {
    int64_t left = unclaimed_.load(std::memory_order_relaxed);
    while (left > 0) {
      if (!unclaimed_.compare_exchange_weak(left, left - 1, std::memory_order_acquire)) continue;
      perform(tasks_ - left, worker);
      if (unfinished_.fetch_sub(1) == 1 && worker != 0) done_.wake();
      left = unclaimed_.load(std::memory_order_relaxed);
    }
  }

  // A task that throws, for want of memory, is done like the others: run() tells its caller, and the process lives.
  void perform(int64_t task, int worker) {
    const Pool* outer = std::exchange(performing_, this);  // a task may run another pool
    try {
      body_(context_, task, worker);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(failing_);
      if (failure_ == nullptr) failure_ = std::current_exception();
    }
    performing_ = outer;
  }

  static thread_local const Pool* performing_;  // whose task this thread is in

  Turns turns_;
  std::mutex failing_;
  std::exception_ptr failure_;
  std::atomic<int64_t> left_{0};
  int64_t tasks_ = 0;
  Body body_ = nullptr;
  void* context_ = nullptr;
  alignas(64) std::atomic<int64_t> unclaimed_{0};
  alignas(64) std::atomic<int64_t> unfinished_{0};
  alignas(64) std::atomic<bool> stopped_{false};
  Gate work_, done_;
  std::vector<std::thread> workers_;
};

thread_local const Pool* Pool::performing_ = nullptr;

}  // namespace

std::shared_ptr<Threads> shared_threads(int count) {
  if (count < 2) return std::make_shared<Serial>();
  // Never destroyed: threads may still ask while the process ends.
  static auto& mutex = *new std::mutex;
  static auto& pools = *new std::map<int, std::weak_ptr<Threads>>;
  const std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<Threads> pool = pools[count].lock();
  if (pool == nullptr) {
    const BlockedSignals blocked;
    pool = std::make_shared<Pool>(count);
    pools[count] = pool;
  }
  return pool;
}

Threads& serial_threads() {
  static Serial threads;
  return threads;
}

}  // namespace tensorwood
