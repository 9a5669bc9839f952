// Sweeps over the operands of a call in order of their addresses, so that many operands cost no more than sorting them.
#include "overlap.h"

#include <algorithm>
#include <tuple>

namespace tensorwood {
namespace {

// A view without axes of length 1, and with axes that follow each other in memory joined: equal layouts reach the same elements in the same
// order.
struct Layout {
  int rank = 0;
  int64_t shape[kMaxRank], stride[kMaxRank];

  explicit Layout(const Operand& operand) {
    for (int axis = 0; axis < operand.rank; axis++) {
      const int64_t length = operand.shape[axis], step = operand.stride[axis];
      if (length == 1) continue;
      if (rank > 0 && stride[rank - 1] == length * step) {
        shape[rank - 1] *= length;
        stride[rank - 1] = step;
      } else {
        shape[rank] = length;
        stride[rank++] = step;
      }
    }
  }
  bool operator==(const Layout& other) const {
    return rank == other.rank && std::equal(shape, shape + rank, other.shape) && std::equal(stride, stride + rank, other.stride);
  }
  // Whether no two elements are the same memory: each axis steps over all that those of smaller strides reach.
  bool is_injective() const {
    int order[kMaxRank];  // of the axes, by stride
    for (int axis = 0; axis < rank; axis++) {
      int at = axis;
      for (; at > 0 && stride[order[at - 1]] > stride[axis]; at--) order[at] = order[at - 1];
      order[at] = axis;
    }
    int64_t reach = 0;
    for (int i = 0; i < rank; i++) {
      if (stride[order[i]] <= reach) return false;
      reach += (shape[order[i]] - 1) * stride[order[i]];
    }
    return true;
  }
};

// The bytes of one operand. Operands of the arena share one address space, those of every other buffer have their own.
struct Span {
  int64_t space, start, end;
  DType dtype;
  bool written;
  Layout layout;

  auto place() const { return std::tie(space, start, end); }
};

int64_t extent(const Operand& operand) {
  int64_t last = 0;
  for (int axis = 0; axis < operand.rank; axis++) {
    if (operand.shape[axis] == 0) return 0;
    last += (operand.shape[axis] - 1) * operand.stride[axis];
  }
  return (last + 1) * size_of(operand.dtype);
}

std::vector<Span> find_spans(const Program& program, const Call& call) {
  std::vector<Span> spans;
  for (size_t i = 0; i < call.operands.size(); i++) {
    const Operand& operand = call.operands[i];
    const Buffer& buffer = program.buffers[call.buffers[i]];
    const bool arena = buffer.space == Space::arena;
    const int64_t start = static_cast<int64_t>(reinterpret_cast<uintptr_t>(operand.data)) + (arena ? buffer.offset : 0),
                  bytes = extent(operand);
    if (bytes == 0) continue;
    spans.push_back({arena ? -1 : int64_t{call.buffers[i]}, start, start + bytes, operand.dtype, static_cast<int32_t>(i) >= call.inputs,
                     Layout(operand)});
  }
  return spans;
}

// Spans of the same bytes: at most one is written, and then all have its dtype and its order of elements.
bool is_in_place(const Span* first, const Span* last) {
  const auto written = std::count_if(first, last, [](const Span& span) { return span.written; });
  const bool same = std::all_of(first, last, [&](const Span& span) { return span.dtype == first->dtype && span.layout == first->layout; });
  return written == 0 || (written == 1 && same);
}

}  // namespace

bool has_overlap(const Program& program, const Call& call) {
  std::vector<Span> spans = find_spans(program, call);
  if (std::any_of(spans.begin(), spans.end(), [](const Span& span) { return span.written && !span.layout.is_injective(); })) return true;
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.place() < b.place(); });
  int64_t space = -2, end = 0, written_end = 0;  // the farthest ends so far in this space
  for (const Span *first = spans.data(), *stop = first + spans.size(), *last; first < stop; first = last) {
    last = std::find_if(first, stop, [&](const Span& span) { return span.place() != first->place(); });
    if (first->space != space) {
      space = first->space;
      end = written_end = 0;
    }
    const bool written = std::any_of(first, last, [](const Span& span) { return span.written; });
    if (first->start < written_end || (written && first->start < end) || !is_in_place(first, last)) return true;
    end = std::max(end, first->end);
    if (written) written_end = std::max(written_end, first->end);
  }
  return false;
}

}  // namespace tensorwood
