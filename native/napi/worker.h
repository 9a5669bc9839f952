// The one asynchronous class. A job runs on its runtime's coordinator thread; its promise is settled on the thread of its JavaScript
// environment. Everything that holds JavaScript references or accounted memory is dropped on that thread too.
//   JavaScript --start_job--> Coordinator's queue --work--> Environment's outbox --thread-safe function--> settle
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/status.h"
#include "napi/arguments.h"

namespace tensorwood {

class Environment;
class Coordinator;
class Job;

// What to do, and how to tell. `work` runs on the coordinator thread and polls job.cancelled(); it must not touch JavaScript.
struct Task {
  std::function<Status(Job& job)> work;
  std::function<Napi::Value(Napi::Env env)> result;  // of the resolved promise; undefined when absent
  std::vector<Napi::Value> pinned;                   // what work reads or writes: kept from the collector until the job ends
  Napi::Function progress;  // called with a Float64Array of all that was reported since its last call; may be empty
};

class Job : public std::enable_shared_from_this<Job> {
 public:
  static const HandleType handle;

  Job(Napi::Env env, std::shared_ptr<Environment> environment, Task task);

  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  const std::atomic<bool>& cancelled_flag() const { return cancelled_; }
  void cancel() { cancelled_ = true; }
  // From work: hands numbers to task.progress. Calls are gathered when JavaScript is busy; nothing is lost.
  void report(const double* values, size_t count);

  Napi::Value promise() const { return deferred_.Promise(); }
  std::weak_ptr<Coordinator> coordinator;  // in whose queue it was put; JavaScript thread
  void execute();                          // coordinator thread
  void deliver_reports(Napi::Env env);     // JavaScript thread, as all below
  void settle(Napi::Env env);
  void abandon();  // drops what it holds; the promise stays pending because its environment ends

 private:
  std::shared_ptr<Environment> environment_;
  std::function<Status(Job&)> work_;
  std::function<Napi::Value(Napi::Env)> result_;
  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference pinned_;
  Napi::FunctionReference progress_;
  Napi::Error progress_failure_;
  std::atomic<bool> cancelled_{false};
  Status status_;
  std::mutex mutex_;  // guards reports_
  std::vector<double> reports_;
};

// A thread with a queue: the jobs of one runtime run on it one after the other, in the order in which they were started.
class Coordinator : public std::enable_shared_from_this<Coordinator> {
 public:
  ~Coordinator() { stop(); }
  void push(std::shared_ptr<Job> job, std::shared_ptr<Environment> environment);
  // Cancels a job: one that still waits ends at once, one that runs at its next look.
  void cancel(const std::shared_ptr<Job>& job);
  // Waits for the jobs before it, then runs in place on the caller's thread.
  Status run_here(const std::function<Status()>& work);
  // Cancels the running job, joins the thread and returns the jobs that never ran.
  std::deque<std::shared_ptr<Job>> stop();

 private:
  struct Entry {
    std::shared_ptr<Job> job;
    std::shared_ptr<Environment> environment;
  };
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> queue_;
  std::shared_ptr<Job> running_;
  bool busy_ = false, stopped_ = false;
  std::thread thread_;
};

// One per JavaScript environment (the main thread or a worker): delivers what happened on other threads, and ends everything in time.
class Environment : public std::enable_shared_from_this<Environment> {
 public:
  static std::shared_ptr<Environment> create(Napi::Env env);
  static std::shared_ptr<Environment> of(Napi::Env env);

  void watch(const std::shared_ptr<Coordinator>& coordinator);  // to be stopped when the environment ends
  void started();                                               // a job was started: the process stays alive until it is settled
  void post_report(std::shared_ptr<Job> job);                   // any thread
  void post_end(std::shared_ptr<Job> job);                      // any thread

 private:
  static void deliver(napi_env env, napi_value, void* context, void*);
  static void end(void* environment);
  void notify(std::unique_lock<std::mutex> lock);
  void drain(Napi::Env env);
  void stop_all();

  napi_env env_ = nullptr;
  std::vector<std::weak_ptr<Coordinator>> coordinators_;
  int64_t pending_ = 0;
  std::mutex mutex_;  // guards the rest
  napi_threadsafe_function notifier_ = nullptr;
  bool notified_ = false;
  std::vector<std::shared_ptr<Job>> reporting_, ended_;
};

// Starts a job: { promise, job }.
Napi::Value start_job(Napi::Env env, Coordinator& coordinator, Task task);
Napi::Value cancel_job(const Napi::CallbackInfo& info);

}  // namespace tensorwood
