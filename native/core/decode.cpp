// Bytes to Program. Everything is checked here once, because run() checks nothing: counts against the bytes that are left, sizes against
// overflow, operands against their buffers, and each call by the check of its kernel.
#include <cstring>

#include "overlap.h"
#include "program.h"

namespace tensorwood {

namespace {

constexpr uint32_t kMagic = 0x31475754;
// No size, stride or element count is past this, so that kernels may multiply any of them by an element size or a small factor.
constexpr int64_t kLargest = int64_t{1} << 47;
constexpr int64_t kBufferBytes = 17, kOperandBytes = 14, kCallBytes = 13;  // the smallest encodings

Status malformed(std::string message) { return {"ERR_TENSORWOOD_PROGRAM", "program: " + std::move(message)}; }

// Reads little-endian values (every supported machine is little-endian); past the end it yields zeros and remembers the failure.
class Reader {
 public:
  Reader(const uint8_t* bytes, size_t size) : at_(bytes), left_(size) {}

  template <class T>
  T next() {
    T value{};
    copy(&value, sizeof value);
    return value;
  }
  bool copy(void* to, uint64_t bytes) {
    if (bytes > left_) {
      truncated_ = true;
      left_ = 0;
      return false;
    }
    if (bytes > 0) std::memcpy(to, at_, bytes);
    at_ += bytes;
    left_ -= bytes;
    return true;
  }
  bool holds(uint64_t items, uint64_t bytes_each) const { return items <= left_ / bytes_each; }
  bool truncated() const { return truncated_; }
  size_t left() const { return left_; }

 private:
  const uint8_t* at_;
  size_t left_;
  bool truncated_ = false;
};

// Multiplies counts as far as kLargest; false beyond.
bool multiply(int64_t& product, int64_t factor) {
  if (factor != 0 && product > kLargest / factor) return false;
  product *= factor;
  return true;
}

class Decoder {
 public:
  Decoder(const uint8_t* bytes, size_t size, const Device& device, int threads, Program& program)
      : reader_(bytes, size), device_(device), threads_(threads), program_(program) {}

  Status decode() {
    if (reader_.next<uint32_t>() != kMagic) return malformed("expected bytes that start with TWG1");
    const uint32_t buffers = reader_.next<uint32_t>(), calls = reader_.next<uint32_t>();
    Status status = decode_sizes();
    if (status.ok()) status = decode_buffers(buffers);
    if (status.ok()) status = decode_calls(calls);
    if (status.ok() && reader_.left() > 0) return malformed("expected the end, got " + std::to_string(reader_.left()) + " more bytes");
    return status;
  }

 private:
  Status decode_sizes() {
    const uint64_t arena = reader_.next<uint64_t>(), constants = reader_.next<uint64_t>();
    if (arena > kLargest) return malformed("expected an arena of at most 2^47 bytes, got " + std::to_string(arena));
    if (!reader_.holds(constants, 1)) return malformed("expected " + std::to_string(constants) + " bytes of constants, got the end");
    program_.arena_bytes = static_cast<int64_t>(arena);
    program_.constants.resize(constants);
    reader_.copy(program_.constants.data(), constants);
    return {};
  }

  Status decode_buffers(uint32_t count) {
    if (!reader_.holds(count, kBufferBytes)) return malformed("expected " + std::to_string(count) + " buffers, got the end");
    program_.buffers.reserve(count);
    for (uint32_t i = 0; i < count; i++) {
      const Status status = decode_buffer(i);
      if (!status.ok()) return status;
    }
    return {};
  }

  Status decode_buffer(uint32_t index) {
    const uint8_t kind = reader_.next<uint8_t>();
    const uint64_t bytes = reader_.next<uint64_t>(), offset = reader_.next<uint64_t>();
    const std::string name = "buffer " + std::to_string(index);
    if (kind > 4) return malformed(name + ": expected kind 0 to 4, got " + std::to_string(kind));
    if (bytes > kLargest || offset > kLargest) return malformed(name + ": expected at most 2^47 bytes");
    Buffer buffer{static_cast<Space>(kind), static_cast<int64_t>(bytes), static_cast<int64_t>(offset), 0, 1};
    const int64_t end = buffer.offset + buffer.bytes;
    if (buffer.space == Space::arena && (offset % 64 != 0 || end > program_.arena_bytes)) {
      return malformed(name + ": expected a multiple of 64 within an arena of " + std::to_string(program_.arena_bytes) +
                       " bytes, got offset " + std::to_string(offset) + " and " + std::to_string(bytes) + " bytes");
    }
    if (buffer.space == Space::constant && end > static_cast<int64_t>(program_.constants.size())) {
      return malformed(name + ": expected an end within " + std::to_string(program_.constants.size()) + " bytes of constants, got " +
                       std::to_string(end));
    }
    if (buffer.space == Space::input || buffer.space == Space::output) {
      program_.staging_bytes += (buffer.bytes + 63) / 64 * 64;
      if (program_.staging_bytes > static_cast<int64_t>(kLargest)) return malformed("expected inputs and outputs of at most 2^47 bytes");
    }
    buffer.binding = bind(buffer.space);
    program_.buffers.push_back(buffer);
    return {};
  }

  int32_t bind(Space space) {
    switch (space) {
      case Space::state:
        return program_.states++;
      case Space::input:
        return program_.inputs++;
      case Space::output:
        return program_.outputs++;
      default:
        return 0;
    }
  }

  Status decode_calls(uint32_t count) {
    if (!reader_.holds(count, kCallBytes)) return malformed("expected " + std::to_string(count) + " calls, got the end");
    program_.calls.reserve(count);
    for (uint32_t i = 0; i < count; i++) {
      program_.calls.emplace_back();
      Call& call = program_.calls.back();
      Status status = decode_call(call);
      if (status.ok() && reader_.truncated()) status = {"ERR_TENSORWOOD_PROGRAM", "expected more bytes, got the end"};
      if (status.ok()) status = accept(call);
      if (!status.ok()) return malformed("call " + std::to_string(i) + " (" + printable(call.name) + "): " + status.message);
    }
    return {};
  }

  static std::string printable(const std::string& name) {
    std::string text = name;
    for (char& c : text) {
      if (c < 32 || c > 126) c = '?';
    }
    return text;
  }

  Status decode_call(Call& call) {
    call.name.resize(reader_.next<uint8_t>());
    reader_.copy(call.name.data(), call.name.size());
    call.inputs = reader_.next<uint16_t>();
    const int32_t outputs = reader_.next<uint16_t>(), operands = call.inputs + outputs;
    if (outputs == 0) return {"ERR_TENSORWOOD_PROGRAM", "expected at least one output, got none"};
    if (!reader_.holds(operands, kOperandBytes)) return {"ERR_TENSORWOOD_PROGRAM", "expected more operands, got the end"};
    call.operands.resize(operands);
    call.buffers.resize(operands);
    for (int32_t i = 0; i < operands; i++) {
      const char* wrong = decode_operand(call, i);
      if (wrong != nullptr) return {"ERR_TENSORWOOD_PROGRAM", "operand " + std::to_string(i) + ": " + wrong};
    }
    return decode_list(call.integers) && decode_list(call.numbers) ? Status{}
                                                                   : Status{"ERR_TENSORWOOD_PROGRAM", "expected attributes, got the end"};
  }

  template <class T>
  bool decode_list(std::vector<T>& list) {
    const uint32_t count = reader_.next<uint32_t>();
    if (!reader_.holds(count, sizeof(T))) return false;
    list.resize(count);
    return reader_.copy(list.data(), count * sizeof(T));
  }

  // Null, or what is wrong.
  const char* decode_operand(Call& call, int32_t index) {
    Operand& operand = call.operands[index];
    const uint32_t id = reader_.next<uint32_t>();
    const uint64_t offset = reader_.next<uint64_t>();
    operand.dtype = static_cast<DType>(reader_.next<uint8_t>());
    operand.rank = reader_.next<uint8_t>();
    if (id >= program_.buffers.size()) return "expected the number of a buffer";
    if (size_of(operand.dtype) == 0) return "expected a known dtype";
    if (operand.rank > kMaxRank) return "expected a rank of at most 6";
    std::memset(operand.shape, 0, sizeof operand.shape);
    std::memset(operand.stride, 0, sizeof operand.stride);
    reader_.copy(operand.shape, operand.rank * sizeof(int64_t));
    reader_.copy(operand.stride, operand.rank * sizeof(int64_t));
    if (offset > kLargest) return "expected an offset of at most 2^47 bytes";
    operand.data = reinterpret_cast<void*>(static_cast<uintptr_t>(offset));
    call.buffers[index] = id;
    const char* wrong = check_bounds(operand, static_cast<int64_t>(offset), program_.buffers[id]);
    return wrong != nullptr || index < call.inputs ? wrong : check_written(call, program_.buffers[id].space);
  }

  static const char* check_bounds(const Operand& operand, int64_t offset, Buffer& buffer) {
    const int64_t size = size_of(operand.dtype);
    int64_t count = 1, allocation = 1, last = 0;  // elements; elements if no axis were empty; the farthest element
    for (int axis = 0; axis < operand.rank; axis++) {
      const int64_t length = operand.shape[axis], stride = operand.stride[axis];
      if (length < 0 || length > kLargest || stride < 0 || stride > kLargest) return "expected lengths and strides in [0, 2^47]";
      int64_t extent = length > 0 ? length - 1 : 0;
      if (!multiply(allocation, length > 0 ? length : 1) || !multiply(extent, stride)) return "expected at most 2^47 elements";
      count *= length;
      last += extent;
    }
    if ((offset + (buffer.space == Space::constant ? buffer.offset : 0)) % size != 0)
      return "expected an offset that is a multiple of the element size";
    if (last > kLargest) return "expected elements within the buffer";
    const int64_t end = count == 0 ? offset : offset + (last + 1) * size;
    if (end > buffer.bytes) return "expected elements within the buffer";
    if (size > buffer.alignment) buffer.alignment = static_cast<int32_t>(size);
    return nullptr;
  }

  static const char* check_written(Call& call, Space space) {
    if (space == Space::state) call.writes_state = true;
    return space == Space::input || space == Space::constant ? "expected an output that may be written, got an input or a constant"
                                                             : nullptr;
  }

  // Bytes, or -1 past kLargest. One thread's need is asked for first: it cannot overflow, while that of many threads could.
  int64_t find_scratch(const Kernel& kernel, const Args& args) const {
    if (kernel.scratch == nullptr) return 0;
    const int64_t alone = kernel.scratch(args, 1);
    if (alone < 0 || alone > kLargest / threads_) return -1;
    const int64_t bytes = kernel.scratch(args, threads_);
    return bytes > kLargest ? -1 : bytes;
  }

  // The kernel, its check and its need of scratch memory. Pointers are null meanwhile: a check looks at shapes and attributes only.
  Status accept(Call& call) {
    const DType dtype = call.operands[call.inputs].dtype;
    const Check check = device_.find_check(call.name, dtype);
    call.kernel = device_.find(call.name, dtype);
    if (call.kernel == nullptr || check == nullptr)
      return {"ERR_TENSORWOOD_PROGRAM", "expected a kernel of this build for the dtype of output 0"};
    if (has_overlap(program_, call))
      return {"ERR_TENSORWOOD_PROGRAM", "expected outputs that share no memory with themselves or with other operands"};
    std::vector<Operand> operands = call.operands;
    for (Operand& operand : operands) operand.data = nullptr;
    Args args = arguments(call, operands.data());
    if (const char* wrong = check(args)) return {"ERR_TENSORWOOD_PROGRAM", wrong};
    const int64_t scratch = find_scratch(*call.kernel, args);
    if (scratch < 0) return {"ERR_TENSORWOOD_PROGRAM", "expected at most 2^47 bytes of scratch memory"};
    if (scratch > program_.scratch_bytes) program_.scratch_bytes = scratch;
    return {};
  }

  Reader reader_;
  const Device& device_;
  int threads_;
  Program& program_;
};

}  // namespace

Args arguments(const Call& call, const Operand* operands) {
  Args args{};
  args.inputs = operands;
  args.outputs = operands + call.inputs;
  args.integers = call.integers.data();
  args.numbers = call.numbers.data();
  args.input_count = call.inputs;
  args.output_count = static_cast<int32_t>(call.operands.size()) - call.inputs;
  args.integer_count = static_cast<int32_t>(call.integers.size());
  args.number_count = static_cast<int32_t>(call.numbers.size());
  return args;
}

Status decode(const uint8_t* bytes, size_t size, const Device& device, int threads, Program& program) {
  return Decoder(bytes, size, device, threads, program).decode();
}

}  // namespace tensorwood
