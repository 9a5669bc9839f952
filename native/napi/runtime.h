// A runtime: a device, its threads, one coordinator, and one arena that all its programs share because they run one after the other.
#pragma once
#include <memory>

#include "core/device.h"
#include "core/program.h"
#include "core/threads.h"
#include "napi/worker.h"

namespace tensorwood {

// Bytes that V8 is told of, so that its collector knows what a small handle holds. Made and dropped on the JavaScript thread only.
class Account {
 public:
  Account(Napi::Env env, int64_t bytes);
  ~Account();
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

 private:
  napi_env env_;
  int64_t bytes_;
};

// Device memory. Throws ERR_TENSORWOOD_MEMORY with the numbers when more is asked for than this process may have; `what` names it,
// `replaced` bytes are given back once it is there.
class Block {
 public:
  Block(Napi::Env env, const Device& device, int64_t bytes, const std::string& what, int64_t replaced = 0);
  ~Block() { device_.release(data_, bytes_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  std::byte* data() const { return static_cast<std::byte*>(data_); }
  int64_t bytes() const { return bytes_; }

 private:
  const Device& device_;
  int64_t bytes_;
  void* data_;
  Account account_;
};

class Runtime {
 public:
  static const HandleType handle;

  Runtime(Napi::Env env, const Device& device, int thread_count);
  const Device& device() const { return device_; }
  Threads& threads() { return *threads_; }  // for the job that is running
  Coordinator& coordinator() { return *coordinator_; }

  // Grows the shared memory to what the program plans. A job that runs keeps the blocks it started with.
  void reserve(Napi::Env env, const Program& program);
  const std::shared_ptr<Block>& arena() const { return arena_; }
  const std::shared_ptr<Block>& scratch() const { return scratch_; }
  const std::shared_ptr<Block>& staging() const { return staging_; }  // null where the device reads the caller's memory
  bool poisoned() const { return poisoned_; }

 private:
  const Device& device_;
  bool poisoned_;
  std::shared_ptr<Threads> threads_;
  std::shared_ptr<Block> arena_, scratch_, staging_;
  std::shared_ptr<Coordinator> coordinator_;  // last: it ends before what its jobs use
};

// State that lives between runs.
class StateBuffer {
 public:
  static const HandleType handle;

  StateBuffer(Napi::Env env, std::shared_ptr<Runtime> runtime, int64_t bytes)
      : runtime_(std::move(runtime)), block_(env, runtime_->device(), bytes, "buffer") {}
  const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
  const Block& block() const { return block_; }

 private:
  std::shared_ptr<Runtime> runtime_;
  Block block_;
};

void add_runtime_functions(Napi::Object exports);
void add_buffer_functions(Napi::Object exports);
void add_program_functions(Napi::Object exports);
void add_csv_functions(Napi::Object exports);
void add_probe_functions(Napi::Object exports);
void add_tree_functions(Napi::Object exports);
bool dispose_program(const Napi::Value& value);
bool dispose_csv(const Napi::Value& value);
bool dispose_tree_handle(const Napi::Value& value);

}  // namespace tensorwood
