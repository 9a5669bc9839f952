// Functions of lib/native.ts about programs: load, describe, run, trace.
#include "core/program.h"

#include <map>
#include <mutex>

#include "napi/runtime.h"

namespace tensorwood {
namespace {

// Seconds spent in each call of a program since they were last asked for.
struct Trace {
  std::mutex mutex;
  bool on = false;
  int64_t runs = 0;
  std::vector<double> seconds;
};

class LoadedProgram {
 public:
  static const HandleType handle;

  LoadedProgram(Napi::Env env, std::shared_ptr<Runtime> runtime, Program program)
      : runtime_(std::move(runtime)),
        program_(std::move(program)),
        constants_(env, runtime_->device(), static_cast<int64_t>(program_.constants.size()), "program constants") {
    runtime_->reserve(env, program_);
    runtime_->device().write(constants_.data(), program_.constants.data(), constants_.bytes(), nullptr);
    program_.constants = {};
  }
  const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
  const Program& program() const { return program_; }
  const Block& constants() const { return constants_; }
  Trace& trace() { return trace_; }

 private:
  std::shared_ptr<Runtime> runtime_;
  Program program_;
  Block constants_;
  Trace trace_;
};

const HandleType LoadedProgram::handle = {{0xc5128ef4406d4b7a, 0xb06d93e8a15f7d04}, "program"};

// All that one run needs; it keeps the memory alive that it points to.
struct Launch {
  std::shared_ptr<LoadedProgram> program;
  std::shared_ptr<Block> arena, scratch, staging;
  std::vector<std::shared_ptr<StateBuffer>> states;
  std::vector<View> inputs, outputs;
  std::vector<std::vector<std::byte>> copies;  // of small inputs
  Bindings bindings;
};

constexpr int64_t kCopied = 64 << 10;

void check_count(const char* what, int64_t expected, int64_t got) {
  if (expected == got) return;
  fail("ERR_TENSORWOOD_ARGUMENT", "run: expected " + std::to_string(expected) + " " + what + "s, got " + std::to_string(got));
}

// The size and alignment that the program's buffer `binding` of a space asks for.
void check_memory(const Buffer& buffer, const char* what, const std::byte* data, int64_t bytes) {
  const std::string name = std::string("run: ") + what + " " + std::to_string(buffer.binding);
  if (bytes != buffer.bytes) {
    fail("ERR_TENSORWOOD_ARGUMENT", name + ": expected " + std::to_string(buffer.bytes) + " bytes, got " + std::to_string(bytes));
  }
  if (bytes > 0 && reinterpret_cast<uintptr_t>(data) % buffer.alignment != 0) {
    fail("ERR_TENSORWOOD_ARGUMENT", name + ": expected a byte offset that is a multiple of " + std::to_string(buffer.alignment));
  }
}

std::vector<std::shared_ptr<StateBuffer>> read_states(const Napi::Value& list, const LoadedProgram& program) {
  if (!list.IsArray()) fail("ERR_TENSORWOOD_ARGUMENT", "run: expected an array of buffers as states");
  const auto array = list.As<Napi::Array>();
  std::vector<std::shared_ptr<StateBuffer>> states;
  for (uint32_t i = 0; i < array.Length(); i++) {
    const Napi::HandleScope scope(list.Env());
    states.push_back(unwrap<StateBuffer>(array.Get(i)));
    if (states.back()->runtime() != program.runtime()) fail("ERR_TENSORWOOD_ARGUMENT", "run: expected states of the program's own runtime");
  }
  return states;
}

// (program, states, inputs, outputs)
std::shared_ptr<Launch> read_launch(const Napi::CallbackInfo& info) {
  auto launch = std::make_shared<Launch>();
  launch->program = unwrap<LoadedProgram>(info[0]);
  const Program& program = launch->program->program();
  launch->states = read_states(info[1], *launch->program);
  const std::vector<View>&inputs = launch->inputs = read_views(info[2], "run: input"),
        &outputs = launch->outputs = read_views(info[3], "run: output");
  check_count("state", program.states, static_cast<int64_t>(launch->states.size()));
  check_count("input", program.inputs, static_cast<int64_t>(inputs.size()));
  check_count("output", program.outputs, static_cast<int64_t>(outputs.size()));
  Bindings& bindings = launch->bindings;
  for (const auto& state : launch->states) bindings.states.push_back(state->block().data());
  for (const View& view : inputs) bindings.inputs.push_back(view.data);
  for (const View& view : outputs) bindings.outputs.push_back(view.data);
  for (const Buffer& buffer : program.buffers) {
    const int32_t k = buffer.binding;
    if (buffer.space == Space::state) check_memory(buffer, "state", launch->states[k]->block().data(), launch->states[k]->block().bytes());
    if (buffer.space == Space::input) check_memory(buffer, "input", inputs[k].data, inputs[k].bytes);
    if (buffer.space == Space::output) check_memory(buffer, "output", outputs[k].data, outputs[k].bytes);
  }
  Runtime& runtime = *launch->program->runtime();
  launch->arena = runtime.arena();
  launch->scratch = runtime.scratch();
  launch->staging = runtime.staging();
  bindings.arena = launch->arena->data();
  bindings.scratch = launch->scratch->data();
  bindings.constants = launch->program->constants().data();
  return launch;
}

// Points the inputs and outputs at memory of the device and fills the inputs.
void stage_inputs(Launch& launch, const Device& device) {
  std::byte* next = launch.staging->data();
  const auto place = [&](const View& view) {
    std::byte* at = next;
    next += (view.bytes + 63) / 64 * 64;
    return at;
  };
  for (size_t i = 0; i < launch.inputs.size(); i++) {
    launch.bindings.inputs[i] = place(launch.inputs[i]);
    device.write(launch.bindings.inputs[i], launch.inputs[i].data, launch.inputs[i].bytes, nullptr);
  }
  for (size_t i = 0; i < launch.outputs.size(); i++) launch.bindings.outputs[i] = place(launch.outputs[i]);
}

Status read_outputs(const Launch& launch, const Device& device) {
  for (size_t i = 0; i < launch.outputs.size(); i++) {
    device.read(launch.outputs[i].data, launch.bindings.outputs[i], launch.outputs[i].bytes, nullptr);
  }
  return device.synchronize(nullptr);
}

void record(Trace& trace, const std::vector<double>& seconds) {
  const std::lock_guard<std::mutex> lock(trace.mutex);
  if (!trace.on) return;
  trace.seconds.resize(seconds.size());
  for (size_t i = 0; i < seconds.size(); i++) trace.seconds[i] += seconds[i];
  trace.runs++;
}

bool is_traced(Trace& trace) {
  const std::lock_guard<std::mutex> lock(trace.mutex);
  return trace.on;
}

Status execute(Launch& launch, const std::atomic<bool>& cancelled) {
  LoadedProgram& loaded = *launch.program;
  Runtime& runtime = *loaded.runtime();
  const Device& device = runtime.device();
  if (runtime.poisoned()) {  // every byte 0xFF: a NaN in f32 and bf16
    device.fill(launch.arena->data(), 0xff, launch.arena->bytes(), nullptr);
    device.fill(launch.scratch->data(), 0xff, launch.scratch->bytes(), nullptr);
  }
  Watch watch{&cancelled};
  std::vector<double> seconds;
  if (is_traced(loaded.trace())) {
    seconds.resize(loaded.program().calls.size());
    watch.seconds = seconds.data();
  }
  if (!device.host) stage_inputs(launch, device);
  Status status = run(loaded.program(), launch.bindings, device, runtime.threads(), watch);
  if (!device.host && status.ok()) status = read_outputs(launch, device);
  if (watch.seconds != nullptr) record(loaded.trace(), seconds);
  return status;
}

Napi::Value load_program(const Napi::CallbackInfo& info) {
  const auto& runtime = unwrap<Runtime>(info[0]);
  const View bytes = read_view(info[1], "program");
  Program program;
  require(decode(reinterpret_cast<const uint8_t*>(bytes.data), static_cast<size_t>(bytes.bytes), runtime->device(),
                 runtime->threads().count(), program));
  return wrap(info.Env(), std::make_shared<LoadedProgram>(info.Env(), runtime, std::move(program)));
}

Napi::Value describe_program(const Napi::CallbackInfo& info) {
  const auto& loaded = unwrap<LoadedProgram>(info[0]);
  Napi::Object answer = Napi::Object::New(info.Env());
  answer.Set("arenaBytes", static_cast<double>(loaded->program().arena_bytes));
  answer.Set("scratchBytes", static_cast<double>(loaded->program().scratch_bytes));
  answer.Set("constantBytes", static_cast<double>(loaded->constants().bytes()));
  answer.Set("calls", static_cast<double>(loaded->program().calls.size()));
  return answer;
}

// A caller that transfers a buffer while a job reads it frees that memory, which Node does not let a library prevent: small inputs, the
// ones that are posted to workers without a thought, are copied.
void copy_small_inputs(Launch& launch) {
  for (size_t i = 0; i < launch.inputs.size(); i++) {
    View& view = launch.inputs[i];
    if (view.bytes == 0 || view.bytes > kCopied) continue;
    launch.copies.emplace_back(view.data, view.data + view.bytes);
    launch.bindings.inputs[i] = view.data = launch.copies.back().data();
  }
}

Napi::Value run_program(const Napi::CallbackInfo& info) {
  const auto launch = read_launch(info);
  copy_small_inputs(*launch);
  Task task;
  task.work = [launch](Job& job) { return execute(*launch, job.cancelled_flag()); };
  pin_elements(info[2], task.pinned);
  pin_elements(info[3], task.pinned);
  return start_job(info.Env(), launch->program->runtime()->coordinator(), std::move(task));
}

Napi::Value run_program_sync(const Napi::CallbackInfo& info) {
  const auto launch = read_launch(info);
  const std::atomic<bool> cancelled{false};
  require(launch->program->runtime()->coordinator().run_here([&] { return execute(*launch, cancelled); }));
  return info.Env().Undefined();
}

struct TraceRow {
  int64_t calls = 0;
  double seconds = 0;
};

// Sums of the calls of each kernel; empties the trace and switches it.
std::map<std::string, TraceRow> take_trace(LoadedProgram& loaded, bool on) {
  std::map<std::string, TraceRow> rows;
  Trace& trace = loaded.trace();
  const std::lock_guard<std::mutex> lock(trace.mutex);
  for (size_t i = 0; i < trace.seconds.size(); i++) {
    TraceRow& row = rows[loaded.program().calls[i].name];
    row.calls += trace.runs;
    row.seconds += trace.seconds[i];
  }
  trace.seconds.clear();
  trace.runs = 0;
  trace.on = on;
  return rows;
}

Napi::Value trace_program(const Napi::CallbackInfo& info) {
  Napi::Array answer = Napi::Array::New(info.Env());
  for (const auto& [name, row] : take_trace(*unwrap<LoadedProgram>(info[0]), info[1].ToBoolean())) {
    Napi::Object entry = Napi::Object::New(info.Env());
    entry.Set("name", name);
    entry.Set("calls", static_cast<double>(row.calls));
    entry.Set("milliseconds", row.seconds * 1e3);
    answer.Set(answer.Length(), entry);
  }
  return answer;
}

}  // namespace

bool dispose_program(const Napi::Value& value) { return dispose_as<LoadedProgram>(value); }

void add_program_functions(Napi::Object exports) {
  add_function<load_program>(exports, "loadProgram");
  add_function<describe_program>(exports, "describeProgram");
  add_function<run_program>(exports, "runProgram");
  add_function<run_program_sync>(exports, "runProgramSync");
  add_function<trace_program>(exports, "traceProgram");
}

}  // namespace tensorwood
