// Mutations of the bytes of a program (native/core/program.h): of single fields by their place in the format, of one value wherever it
// stands, of the dtypes of a call together, of operands that come to lie over each other, and of raw bytes.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>
#include <vector>

using Bytes = std::vector<uint8_t>;
using Random = std::mt19937_64;

// --- the fields of a program ----------------------------------------------------------------------------------------------------------
struct Field {
  size_t at, bytes;
};

// Walks a program that may be malformed and lists its fields as far as they can be read.
class Walker {
 public:
  explicit Walker(const Bytes& bytes) : bytes_(bytes) {}

  // Where the operands of each call begin and end, of a program that has been walked.
  const std::vector<std::vector<Field>>& operands() const { return operands_; }

  std::vector<Field> walk() {
    field(4);
    const uint64_t buffers = field(4), calls = field(4);
    field(8);
    const uint64_t constants = field(8);
    at_ += std::min<uint64_t>(constants, bytes_.size());
    for (uint64_t i = 0; i < buffers && !ended(); i++) {
      field(1);
      field(8);
      field(8);
    }
    for (uint64_t i = 0; i < calls && !ended(); i++) walk_call();
    return fields_;
  }

 private:
  bool ended() const { return at_ >= bytes_.size(); }

  uint64_t field(size_t size) {
    if (at_ + size > bytes_.size()) {
      at_ = bytes_.size();
      return 0;
    }
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + at_, size);
    fields_.push_back({at_, size});
    at_ += size;
    return value;
  }

  void walk_call() {
    at_ += field(1);  // names are mutated by exchange only
    uint64_t operands = field(2);
    operands += field(2);
    operands_.emplace_back();
    for (uint64_t i = 0; i < operands && !ended(); i++) {
      const size_t begin = at_;
      walk_operand();
      operands_.back().push_back({begin, at_ - begin});
    }
    for (int list = 0; list < 2; list++) {
      const uint64_t count = field(4);
      for (uint64_t i = 0; i < count && !ended(); i++) field(8);
    }
  }

  void walk_operand() {
    field(4);
    field(8);
    field(1);
    const uint64_t rank = field(1);
    for (uint64_t i = 0; i < 2 * rank && !ended(); i++) field(8);
  }

  const Bytes& bytes_;
  size_t at_ = 0;
  std::vector<Field> fields_;
  std::vector<std::vector<Field>> operands_;
};

// --- mutations ------------------------------------------------------------------------------------------------------------------------
static uint64_t below(Random& random, uint64_t end) { return random() % end; }

static void put(Bytes& bytes, Field field, uint64_t value) { std::memcpy(bytes.data() + field.at, &value, field.bytes); }

static uint64_t get(const Bytes& bytes, Field field) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + field.at, field.bytes);
  return value;
}

static uint64_t interesting(Random& random, uint64_t value) {
  static const uint64_t values[] = {0,
                                    1,
                                    2,
                                    3,
                                    4,
                                    7,
                                    8,
                                    15,
                                    16,
                                    17,
                                    31,
                                    63,
                                    64,
                                    65,
                                    255,
                                    256,
                                    uint64_t(-1),
                                    uint64_t(-2),
                                    1ull << 31,
                                    (1ull << 31) - 1,
                                    1ull << 32,
                                    1ull << 47,
                                    1ull << 62,
                                    1ull << 63,
                                    0x3ff0000000000000ull /* 1.0 */,
                                    0x7ff8000000000000ull /* NaN */,
                                    0xfff0000000000000ull /* -infinity */};
  switch (below(random, 5)) {
    case 0:
      return value + 1;
    case 1:
      return value - 1;
    case 2:
      return value * 2;
    case 3:
      return below(random, 20);
    default:
      return values[below(random, std::size(values))];
  }
}

static void mutate_field(Bytes& bytes, const std::vector<Field>& fields, Random& random) {
  if (fields.empty()) return;
  const Field field = fields[below(random, fields.size())];
  if (below(random, 3) > 0) {
    put(bytes, field, interesting(random, get(bytes, field)));
    return;
  }
  const Field other = fields[below(random, fields.size())];  // a value from elsewhere: another buffer, length, dtype
  put(bytes, field, get(bytes, other));
}

// Gives a length a new value everywhere, so that operands still agree: the way into kernels past the checks of shapes.
static void mutate_everywhere(Bytes& bytes, const std::vector<Field>& fields, Random& random) {
  if (fields.empty()) return;
  const uint64_t value = get(bytes, fields[below(random, fields.size())]), replacement = interesting(random, value);
  for (const Field& field : fields) {
    if (field.bytes == 8 && get(bytes, field) == value) put(bytes, field, replacement);
  }
}

// Lays one operand of a call over another, as it is or with two of its axes exchanged.
static void mutate_operand(Bytes& bytes, const std::vector<std::vector<Field>>& calls, Random& random) {
  if (calls.empty()) return;
  const std::vector<Field>& operands = calls[below(random, calls.size())];
  if (operands.empty()) return;
  const Field from = operands[below(random, operands.size())], to = operands[below(random, operands.size())];
  Bytes copy(bytes.begin() + static_cast<ptrdiff_t>(from.at), bytes.begin() + static_cast<ptrdiff_t>(from.at + from.bytes));
  constexpr size_t head = 14;
  const size_t rank = copy.size() <= head ? 0 : (copy.size() - head) / 16;
  if (rank > 1 && below(random, 3) > 0) {
    const size_t a = below(random, rank), b = below(random, rank), lists = below(random, 3);  // strides, shape, or both
    const auto exchange = [&](size_t first) { std::swap_ranges(&copy[first + 8 * a], &copy[first + 8 * a] + 8, &copy[first + 8 * b]); };
    if (lists != 1 && a != b) exchange(head + 8 * rank);
    if (lists != 0 && a != b) exchange(head);
  }
  bytes.erase(bytes.begin() + static_cast<ptrdiff_t>(to.at), bytes.begin() + static_cast<ptrdiff_t>(to.at + to.bytes));
  bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(to.at), copy.begin(), copy.end());
}

// Gives operands of one dtype in a call another one together, as kernels that take any dtype want them.
static void mutate_dtypes(Bytes& bytes, const std::vector<std::vector<Field>>& calls, Random& random) {
  if (calls.empty()) return;
  constexpr size_t dtype_at = 12;  // after buffer and offset; a cut program may end before
  std::vector<Field> operands;
  for (const Field& operand : calls[below(random, calls.size())])
    if (operand.bytes > dtype_at) operands.push_back(operand);
  if (operands.empty()) return;
  const auto dtype_of = [](const Field& operand) { return Field{operand.at + dtype_at, 1}; };
  const uint64_t from = get(bytes, dtype_of(operands[below(random, operands.size())])), to = below(random, 12);
  for (const Field& operand : operands) {
    if (get(bytes, dtype_of(operand)) == from) put(bytes, dtype_of(operand), to);
  }
}

static void mutate_bytes(Bytes& bytes, Random& random) {
  if (bytes.empty()) return;
  const size_t at = below(random, bytes.size());
  switch (below(random, 4)) {
    case 0:
      bytes[at] ^= static_cast<uint8_t>(1u << below(random, 8));
      break;
    case 1:
      bytes.resize(at);
      break;
    case 2:
      bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), static_cast<uint8_t>(random()));
      break;
    default:
      bytes.erase(bytes.begin() + static_cast<ptrdiff_t>(at),
                  bytes.begin() + static_cast<ptrdiff_t>(std::min(bytes.size(), at + 1 + below(random, 40))));
  }
}

static Bytes mutate(Bytes bytes, Random& random) {
  const uint64_t count = below(random, 2) == 0 ? 1 : 1 + below(random, 4);
  for (uint64_t i = 0; i < count; i++) {
    Walker walker(bytes);
    const std::vector<Field> fields = walker.walk();
    switch (below(random, 10)) {
      case 0:
        mutate_bytes(bytes, random);
        break;
      case 1:
      case 2:
        mutate_everywhere(bytes, fields, random);
        break;
      case 3:
        mutate_operand(bytes, walker.operands(), random);
        break;
      case 4:
        mutate_dtypes(bytes, walker.operands(), random);
        break;
      default:
        mutate_field(bytes, fields, random);
    }
  }
  return bytes;
}
