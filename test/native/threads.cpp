// The thread pool: every task once, results visible, through many short runs, sleeps, and pools that come and go. Built with TSan too.
#include "core/threads.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "expect.h"

using namespace tensorwood;

static void every_task_once(Threads& threads, int64_t tasks) {
  std::vector<int> seen(tasks, 0);  // plain ints: a data race if two workers had one task, or if run() returned too early
  threads.parallel(tasks, [&](int64_t task, int worker) {
    EXPECT(worker >= 0 && worker < threads.count());
    seen[task]++;
  });
  for (int count : seen) EXPECT(count == 1);
}

static void runs_follow_each_other(Threads& threads, int runs) {
  std::vector<int64_t> sums(5, 0);
  for (int run = 0; run < runs; run++) {
    threads.parallel(5, [&](int64_t task, int) { sums[task] += run; });
  }
  for (int64_t sum : sums) EXPECT(sum == int64_t{runs} * (runs - 1) / 2);
}

// Scratch memory is often split by worker: no two tasks may run as the same worker at once.
static void workers_are_exclusive(Threads& threads) {
  std::vector<std::atomic<int>> inside(threads.count());
  threads.parallel(2000, [&](int64_t, int worker) {
    EXPECT(inside[worker].fetch_add(1) == 0);
    inside[worker].fetch_sub(1);
  });
}

static void failures_reach_the_caller(Threads& threads) {
  for (int64_t tasks : {1, 2, 500}) {
    bool caught = false;
    try {
      threads.parallel(tasks, [](int64_t task, int) {
        if (task % 7 == 0) throw std::bad_alloc();
      });
    } catch (const std::bad_alloc&) {
      caught = true;
    }
    EXPECT(caught);
    every_task_once(threads, tasks);
  }
}

static void sleepers_wake(Threads& threads) {
  for (int i = 0; i < 20; i++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // past the spinning
    every_task_once(threads, 7);
  }
}

// A long task holds one worker; the rest must not wait for it to take theirs, and run() must wait for it: it ends when they have.
static void long_tasks_are_awaited(Threads& threads) {
  std::atomic<int> done{0};
  threads.parallel(4, [&](int64_t task, int) {
    while (task == 0 && threads.count() > 1 && done < 3) std::this_thread::yield();
    done++;
  });
  EXPECT(done == 4);
}

static void runs_do_not_nest(Threads& threads) {
  std::atomic<int> refused{0}, done{0};
  threads.parallel(4, [&](int64_t, int) {
    try {
      threads.parallel(2, [](int64_t, int) {});
    } catch (const std::logic_error&) {
      refused++;
    }
    serial_threads().parallel(2, [&](int64_t, int) { done++; });
  });
  EXPECT(refused == (threads.count() > 1 ? 4 : 0) && done == 8);
}

static void pools_side_by_side() {
  std::vector<std::thread> owners;
  for (int i = 0; i < 4; i++) {
    owners.emplace_back([] {
      const std::shared_ptr<Threads> threads = shared_threads(3);
      runs_follow_each_other(*threads, 500);
    });
  }
  for (std::thread& owner : owners) owner.join();
}

// A long run makes room for short ones, and still does each of its tasks once. Its tasks take long until the short ones are done: left to
// itself it would end in five minutes on any machine.
static void turns_are_taken() {
  constexpr int64_t kTasks = 2'000'000;
  const std::shared_ptr<Threads> threads = shared_threads(3);
  std::vector<std::atomic<int>> done(kTasks);
  std::atomic<bool> begun{false}, made_room{false}, ended{false};
  std::thread owner([&] {
    threads->parallel(kTasks, [&](int64_t task, int) {
      begun = true;
      if (!made_room) std::this_thread::sleep_for(std::chrono::microseconds(500));
      done[static_cast<size_t>(task)]++;
    });
    ended = true;
  });
  while (!begun) std::this_thread::yield();
  for (int i = 0; i < 5; i++) every_task_once(*threads, 64);
  EXPECT(!ended);
  made_room = true;
  owner.join();
  for (const std::atomic<int>& count : done) EXPECT(count == 1);
}

int main() {
  for (int count : {1, 2, 3, 8}) {
    const std::shared_ptr<Threads> threads = shared_threads(count);
    EXPECT(threads->count() == count);
    for (int64_t tasks : {0, 1, 2, 3, 64, 1000}) every_task_once(*threads, tasks);
    runs_follow_each_other(*threads, 3000);
    workers_are_exclusive(*threads);
    failures_reach_the_caller(*threads);
    sleepers_wake(*threads);
    long_tasks_are_awaited(*threads);
    runs_do_not_nest(*threads);
  }
  for (int i = 0; i < 200; i++) shared_threads(4);  // unused pools end too
  pools_side_by_side();
  turns_are_taken();
  return finish();
}
