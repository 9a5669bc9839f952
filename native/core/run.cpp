// Runs a decoded program: binds the operands of each call to memory and calls its kernel.
#include <chrono>

#include "program.h"

namespace tensorwood {
namespace {

// An empty typed array may have no address; kernels never see null, which even copies of no bytes must not be given.
alignas(64) std::byte nowhere[64];

std::byte* at(void* memory) { return memory == nullptr ? nowhere : static_cast<std::byte*>(memory); }

std::byte* locate(const Buffer& buffer, const Bindings& bindings) {
  switch (buffer.space) {
    case Space::arena:
      return bindings.arena + buffer.offset;
    case Space::constant:
      return bindings.constants + buffer.offset;
    case Space::state:
      return at(bindings.states[buffer.binding]);
    case Space::input:
      return at(bindings.inputs[buffer.binding]);
    case Space::output:
      return at(bindings.outputs[buffer.binding]);
  }
  return nullptr;
}

void bind(const Program& program, const Call& call, const Bindings& bindings, std::vector<Operand>& operands) {
  operands.assign(call.operands.begin(), call.operands.end());
  for (size_t i = 0; i < operands.size(); i++) {
    const auto offset = reinterpret_cast<uintptr_t>(operands[i].data);
    operands[i].data = locate(program.buffers[call.buffers[i]], bindings) + offset;
  }
}

double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void run_call(const Call& call, const Args& args, double* seconds) {
  const double start = seconds == nullptr ? 0 : seconds_now();
  call.kernel->run(args);
  if (seconds != nullptr) *seconds += seconds_now() - start;
}

Status run_calls(const Program& program, const Bindings& bindings, Threads& threads, const Watch& watch) {
  std::vector<Operand> operands;
  bool committed = false;
  for (size_t i = 0; i < program.calls.size(); i++) {
    const Call& call = program.calls[i];
    if (!committed && watch.cancelled->load(std::memory_order_relaxed))
      return {"ERR_TENSORWOOD_ABORTED", "run: aborted before it was done"};
    bind(program, call, bindings, operands);
    Args args = arguments(call, operands.data());
    args.scratch = bindings.scratch;
    args.threads = &threads;
    args.stream = bindings.stream;
    const char* failure = nullptr;
    args.failure = &failure;
    run_call(call, args, watch.seconds == nullptr ? nullptr : watch.seconds + i);
    if (failure != nullptr) return {"ERR_TENSORWOOD_ARGUMENT", call.name + ": " + failure};
    committed = committed || call.writes_state;
    if (watch.done != nullptr) watch.done->fetch_add(1, std::memory_order_relaxed);
  }
  return {};
}

}  // namespace

// A run that was stopped is waited for too: what is queued on the device still uses the memory.
Status run(const Program& program, const Bindings& bindings, const Device& device, Threads& threads, const Watch& watch) {
  const Status status = run_calls(program, bindings, threads, watch), ended = device.synchronize(bindings.stream);
  return status.ok() ? ended : status;
}

}  // namespace tensorwood
