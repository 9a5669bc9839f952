// Functions of lib/native.ts about state buffers. Reads and writes queue behind the jobs that were started before them.
#include <functional>

#include "napi/runtime.h"

namespace tensorwood {
namespace {

constexpr int64_t kLargestInteger = int64_t{1} << 53;

Napi::Value create_buffer(const Napi::CallbackInfo& info) {
  const auto& runtime = unwrap<Runtime>(info[0]);
  const int64_t bytes = read_integer(info[1], "buffer: bytes", 0, kLargestInteger);
  return wrap(info.Env(), std::make_shared<StateBuffer>(info.Env(), runtime, bytes));
}

struct Transfer {
  std::shared_ptr<StateBuffer> buffer;
  int64_t offset;
  View view;
};

// (buffer, offset, typed array)
Transfer read_transfer(const Napi::CallbackInfo& info) {
  Transfer transfer{unwrap<StateBuffer>(info[0]), read_integer(info[1], "buffer: offset", 0, kLargestInteger),
                    read_view(info[2], "buffer")};
  const int64_t bytes = transfer.buffer->block().bytes();
  if (transfer.view.bytes > bytes - transfer.offset) {
    fail("ERR_TENSORWOOD_ARGUMENT", "buffer: expected at most " + std::to_string(bytes) + " bytes, got " +
                                        std::to_string(transfer.view.bytes) + " from offset " + std::to_string(transfer.offset));
  }
  return transfer;
}

Status write(const Transfer& transfer) {
  const Device& device = transfer.buffer->runtime()->device();
  device.write(transfer.buffer->block().data() + transfer.offset, transfer.view.data, transfer.view.bytes, nullptr);
  return device.synchronize(nullptr);
}

Status read(const Transfer& transfer) {
  const Device& device = transfer.buffer->runtime()->device();
  device.read(transfer.view.data, transfer.buffer->block().data() + transfer.offset, transfer.view.bytes, nullptr);
  return device.synchronize(nullptr);
}

template <Status (*function)(const Transfer&)>
Napi::Value start(const Napi::CallbackInfo& info) {
  const Transfer transfer = read_transfer(info);
  Task task;
  task.work = [transfer](Job&) { return function(transfer); };
  task.pinned = {info[2]};
  return start_job(info.Env(), transfer.buffer->runtime()->coordinator(), std::move(task));
}

template <Status (*function)(const Transfer&)>
Napi::Value run_now(const Napi::CallbackInfo& info) {
  const Transfer transfer = read_transfer(info);
  require(transfer.buffer->runtime()->coordinator().run_here([&] { return function(transfer); }));
  return info.Env().Undefined();
}

}  // namespace

void add_buffer_functions(Napi::Object exports) {
  add_function<create_buffer>(exports, "createBuffer");
  add_function<start<write>>(exports, "writeBuffer");
  add_function<start<read>>(exports, "readBuffer");
  add_function<run_now<write>>(exports, "writeBufferSync");
  add_function<run_now<read>>(exports, "readBufferSync");
}

}  // namespace tensorwood
