// Jobs, their threads, and the end of an environment. When a worker is terminated or the process exits, Node runs the clean-up hook on the
// JavaScript thread: it stops and joins every coordinator, then drops the jobs and releases the thread-safe function. Node's own hook,
// which closes that function, was added earlier and therefore runs later.
#include "worker.h"

#include <algorithm>

#include "core/signals.h"

namespace tensorwood {

const HandleType Job::handle = {{0x0f7a1c9be24d4c11, 0x8d52f3a96b7e1a01}, "job"};

Job::Job(Napi::Env env, std::shared_ptr<Environment> environment, Task task)
    : environment_(std::move(environment)), work_(std::move(task.work)), result_(std::move(task.result)), deferred_(env) {
  Napi::Array pinned = Napi::Array::New(env, task.pinned.size());
  for (size_t i = 0; i < task.pinned.size(); i++) pinned.Set(static_cast<uint32_t>(i), task.pinned[i]);
  pinned_ = Napi::Persistent(pinned.As<Napi::Object>());
  if (!task.progress.IsEmpty()) progress_ = Napi::Persistent(task.progress);
}

void Job::report(const double* values, size_t count) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool waiting = !reports_.empty();
  reports_.insert(reports_.end(), values, values + count);
  if (!waiting) environment_->post_report(shared_from_this());
}

void Job::execute() {
  try {
    status_ = cancelled() ? Status{"ERR_TENSORWOOD_ABORTED", "job: aborted before it began"} : work_(*this);
  } catch (...) {
    status_ = current_failure();
  }
}

void Job::deliver_reports(Napi::Env env) {
  std::vector<double> reports;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    reports.swap(reports_);
  }
  if (progress_.IsEmpty() || reports.empty() || !progress_failure_.IsEmpty()) return;
  Napi::Float64Array values = Napi::Float64Array::New(env, reports.size());
  std::copy(reports.begin(), reports.end(), values.Data());
  try {
    progress_.Call({values});
  } catch (const Napi::Error& error) {
    progress_failure_ = error;  // the job rejects with what the callback threw
    cancel();
  }
}

void Job::settle(Napi::Env env) {
  try {
    if (!progress_failure_.IsEmpty()) {
      deferred_.Reject(progress_failure_.Value());
    } else if (!status_.ok()) {
      deferred_.Reject(make_error(env, status_).Value());
    } else {
      deferred_.Resolve(result_ ? result_(env) : env.Undefined());
    }
  } catch (const Napi::Error& error) {
    deferred_.Reject(error.Value());
  } catch (...) {
    deferred_.Reject(make_error(env, current_failure()).Value());
  }
  abandon();
}

void Job::abandon() {
  work_ = nullptr;
  result_ = nullptr;
  pinned_.Reset();
  progress_.Reset();
  progress_failure_ = Napi::Error();
}

// --- Coordinator --------------------------------------------------------------------------------------------------------------------

void Coordinator::push(std::shared_ptr<Job> job, std::shared_ptr<Environment> environment) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!thread_.joinable()) {  // before anything is queued: it may not start
    const BlockedSignals blocked;
    thread_ = std::thread([this] { serve(); });
  }
  job->coordinator = weak_from_this();
  queue_.push_back({std::move(job), std::move(environment)});
  changed_.notify_all();
}

void Coordinator::serve() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopped_ || (!busy_ && !queue_.empty()); });
    if (stopped_) return;
    Entry entry = std::move(queue_.front());
    queue_.pop_front();
    running_ = entry.job;
    busy_ = true;
    lock.unlock();
    entry.job->execute();
    lock.lock();
    running_ = nullptr;
    busy_ = false;
    entry.environment->post_end(std::move(entry.job));  // this thread keeps no reference: the last one is dropped by JavaScript's
    changed_.notify_all();
  }
}

void Coordinator::cancel(const std::shared_ptr<Job>& job) {
  job->cancel();
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto at = std::find_if(queue_.begin(), queue_.end(), [&](const Entry& entry) { return entry.job == job; });
  if (at == queue_.end()) return;
  const Entry entry = std::move(*at);
  queue_.erase(at);
  entry.job->execute();  // says that it was aborted before it began
  entry.environment->post_end(entry.job);
  changed_.notify_all();
}

Status Coordinator::run_here(const std::function<Status()>& work) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return !busy_ && queue_.empty(); });
  busy_ = true;
  lock.unlock();
  Status status;
  try {
    status = work();
  } catch (...) {
    status = current_failure();
  }
  lock.lock();
  busy_ = false;
  changed_.notify_all();
  return status;
}

std::deque<std::shared_ptr<Job>> Coordinator::stop() {
  std::deque<std::shared_ptr<Job>> left;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
    if (running_ != nullptr) running_->cancel();
    for (Entry& entry : queue_) left.push_back(std::move(entry.job));
    queue_.clear();
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  return left;
}

// --- Environment --------------------------------------------------------------------------------------------------------------------

std::shared_ptr<Environment> Environment::create(Napi::Env env) {
  auto environment = std::make_shared<Environment>();
  environment->env_ = env;
  env.SetInstanceData(new std::shared_ptr<Environment>(environment));
  const napi_value name = Napi::String::New(env, "tensorwood");
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, environment.get(), deliver,
                                      &environment->notifier_) != napi_ok ||
      napi_unref_threadsafe_function(env, environment->notifier_) != napi_ok ||
      napi_add_env_cleanup_hook(env, end, environment.get()) != napi_ok) {
    fail("ERR_TENSORWOOD_BINARY", "native library: expected Node to accept its hooks");
  }
  return environment;
}

std::shared_ptr<Environment> Environment::of(Napi::Env env) { return *env.GetInstanceData<std::shared_ptr<Environment>>(); }

void Environment::watch(const std::shared_ptr<Coordinator>& coordinator) {
  for (auto at = coordinators_.begin(); at != coordinators_.end();) at = at->expired() ? coordinators_.erase(at) : at + 1;
  coordinators_.push_back(coordinator);
}

void Environment::started() {
  if (pending_++ == 0) napi_ref_threadsafe_function(env_, notifier_);
}

void Environment::post_report(std::shared_ptr<Job> job) {
  std::unique_lock<std::mutex> lock(mutex_);
  reporting_.push_back(std::move(job));
  notify(std::move(lock));
}

void Environment::post_end(std::shared_ptr<Job> job) {
  std::unique_lock<std::mutex> lock(mutex_);
  ended_.push_back(std::move(job));
  notify(std::move(lock));
}

// Under the lock, so that the function cannot be released meanwhile. One call is in flight at a time: it delivers all there is.
void Environment::notify(std::unique_lock<std::mutex>) {
  if (notified_ || notifier_ == nullptr) return;
  notified_ = napi_call_threadsafe_function(notifier_, nullptr, napi_tsfn_nonblocking) == napi_ok;
}

void Environment::deliver(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;  // the environment is ending; end() drops the jobs
  try {
    static_cast<Environment*>(context)->drain(env);
  } catch (...) {  // JavaScript can no longer run
  }
}

void Environment::drain(Napi::Env env) {
  std::vector<std::shared_ptr<Job>> reporting, ended;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    notified_ = false;
    reporting.swap(reporting_);
    ended.swap(ended_);
  }
  for (const auto& job : reporting) {
    const Napi::HandleScope scope(env);
    job->deliver_reports(env);
  }
  pending_ -= static_cast<int64_t>(ended.size());
  if (pending_ == 0 && !ended.empty()) napi_unref_threadsafe_function(env_, notifier_);
  for (const auto& job : ended) {
    const Napi::HandleScope scope(env);
    job->settle(env);
  }
}

void Environment::end(void* environment) { static_cast<Environment*>(environment)->stop_all(); }

void Environment::stop_all() {
  for (const auto& watched : coordinators_) {
    const auto coordinator = watched.lock();
    if (coordinator == nullptr) continue;
    for (const auto& job : coordinator->stop()) job->abandon();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& job : ended_) job->abandon();
  ended_.clear();
  reporting_.clear();
  napi_release_threadsafe_function(notifier_, napi_tsfn_abort);
  notifier_ = nullptr;
}

// --- entry points -------------------------------------------------------------------------------------------------------------------

Napi::Value start_job(Napi::Env env, Coordinator& coordinator, Task task) {
  const auto environment = Environment::of(env);
  const auto job = std::make_shared<Job>(env, environment, std::move(task));
  Napi::Object started = Napi::Object::New(env);
  started.Set("promise", job->promise());
  started.Set("job", wrap(env, job));
  coordinator.push(job, environment);
  environment->started();
  return started;
}

Napi::Value cancel_job(const Napi::CallbackInfo& info) {
  const auto job = unwrap<Job>(info[0]);
  if (const auto coordinator = job->coordinator.lock()) coordinator->cancel(job);
  return info.Env().Undefined();
}

}  // namespace tensorwood
