// Margins of rows from finished trees. Eight rows (or, for one row, eight trees) walk together so that their cache misses overlap; no SIMD
// gathers, which are slower here.
//   predict: inputs x f32 (m, row stride; NaN = missing, categories as their code), nodes NarrowNode or WideNode (as u8), values f32
//   (nodes), sets u32: each [words, bits...], trees TreeSpan (T); output margin f32 (m, groups), added to. integers [1 for WideNode, 1 when
//   a node is categorical]. predict_leaf: output i32 (m, T): the position of the leaf among its tree's nodes.
#pragma once
#include "trees/layout.h"

namespace tensorwood {
namespace TENSORWOOD_NAMESPACE {

constexpr int kTogether = 8;

TENSORWOOD_INLINE bool is_member(const uint32_t* sets, uint32_t position, float code) {
  const uint32_t* set = sets + position;
  if (!(code >= 0.0f && code < static_cast<float>(set[0]) * 32.0f)) return false;
  const uint32_t c = static_cast<uint32_t>(code);
  return (set[1 + c / 32] >> (c % 32)) & 1;
}

template <bool kCategorical, class Node>
TENSORWOOD_INLINE uint32_t step(const Node& node, const float* x, const uint32_t* sets) {
  const float v = x[node.feature()];
  uint32_t is_left = v <= node.value;
  if (kCategorical && node.categorical()) {
    uint32_t position;
    std::memcpy(&position, &node.value, 4);
    is_left = is_member(sets, position, v);
  }
  is_left |= static_cast<uint32_t>(v != v) & node.missing_left();
  return node.left() + (is_left ^ 1u);
}

template <class Node>
struct Forest {
  const float* x;
  int64_t stride;
  const Node* nodes;
  const float* values;
  const uint32_t* sets;
};

// Leaves of kRows rows in one tree.
template <int kRows, bool kCategorical, class Node>
TENSORWOOD_INLINE void walk_rows(const Forest<Node>& f, const Node* nodes, int depth, const float* x, uint32_t* at) {
  for (int j = 0; j < kRows; j++) at[j] = 0;
  for (int d = 0; d < depth; d++) {
    uint32_t moved = 0;
#pragma GCC unroll 8
    for (int j = 0; j < kRows; j++) {
      const uint32_t ahead = step<kCategorical>(nodes[at[j]], x + j * f.stride, f.sets);
      at[j] += ahead;
      moved |= ahead;
    }
    if (moved == 0) break;
  }
}

// Leaves of one row in kTogether trees.
template <bool kCategorical, class Node>
TENSORWOOD_INLINE void walk_trees(const Forest<Node>& f, const TreeSpan* trees, uint32_t* at) {
  const Node* nodes[kTogether];
  for (int j = 0; j < kTogether; j++) {
    nodes[j] = f.nodes + trees[j].first_node;
    at[j] = 0;
  }
  for (uint32_t moved = 1; moved != 0;) {
    moved = 0;
#pragma GCC unroll 8
    for (int j = 0; j < kTogether; j++) {
      const uint32_t ahead = step<kCategorical>(nodes[j][at[j]], f.x, f.sets);
      at[j] += ahead;
      moved |= ahead;
    }
  }
}

struct AddMargin {
  float* margin;
  int64_t groups;
  TENSORWOOD_INLINE void operator()(int64_t row, int64_t, const TreeSpan& tree, const float* values, uint32_t leaf) const {
    margin[row * groups + tree.group] += values[tree.first_node + leaf];
  }
};
struct WriteLeaf {
  int32_t* leaves;
  int64_t trees;
  TENSORWOOD_INLINE void operator()(int64_t row, int64_t t, const TreeSpan&, const float*, uint32_t leaf) const {
    leaves[row * trees + t] = static_cast<int32_t>(leaf);
  }
};

template <bool kCategorical, class Node, class Write>
static void predict_typed(const Args& a, const Write& write) {
  const Forest<Node> f = {static_cast<const float*>(a.inputs[0].data), a.inputs[0].stride[0], static_cast<const Node*>(a.inputs[1].data),
                          static_cast<const float*>(a.inputs[2].data), static_cast<const uint32_t*>(a.inputs[3].data)};
  const TreeSpan* trees = static_cast<const TreeSpan*>(a.inputs[4].data);
  const int64_t m = a.inputs[0].shape[0], count = a.inputs[4].shape[0];
  uint32_t at[kTogether];
  int64_t t = 0;
  if (m == 1) {
    for (; t + kTogether <= count; t += kTogether) {
      walk_trees<kCategorical>(f, trees + t, at);
      for (int j = 0; j < kTogether; j++) write(0, t + j, trees[t + j], f.values, at[j]);
    }
  }
  for (; t < count; t++) {
    const Node* nodes = f.nodes + trees[t].first_node;
    int64_t i = 0;
    for (; i + kTogether <= m; i += kTogether) {
      walk_rows<kTogether, kCategorical>(f, nodes, trees[t].depth, f.x + i * f.stride, at);
      for (int j = 0; j < kTogether; j++) write(i + j, t, trees[t], f.values, at[j]);
    }
    for (; i < m; i++) {
      walk_rows<1, kCategorical>(f, nodes, trees[t].depth, f.x + i * f.stride, at);
      write(i, t, trees[t], f.values, at[0]);
    }
  }
}

template <class Write>
TENSORWOOD_INLINE void predict_any(const Args& a, const Write& write) {
  const bool wide = a.integers[0] == 1, categorical = a.integers[1] == 1;
  if (wide) {
    categorical ? predict_typed<true, WideNode>(a, write) : predict_typed<false, WideNode>(a, write);
  } else {
    categorical ? predict_typed<true, NarrowNode>(a, write) : predict_typed<false, NarrowNode>(a, write);
  }
}

static void run_predict(const Args& a) { predict_any(a, AddMargin{static_cast<float*>(a.outputs[0].data), a.outputs[0].shape[1]}); }
static void run_predict_leaf(const Args& a) { predict_any(a, WriteLeaf{static_cast<int32_t*>(a.outputs[0].data), a.inputs[4].shape[0]}); }

static const char* refuse_in_program(const Args&) { return "expected a call by the tree engine, got one from a program"; }

constexpr Kernel rows[] = {{"predict", DType::f32, run_predict, refuse_in_program, nullptr},
                           {"predict_leaf", DType::i32, run_predict_leaf, refuse_in_program, nullptr}};

}  // namespace TENSORWOOD_NAMESPACE
}  // namespace tensorwood
