// Compact nodes and prediction by blocks of rows.
#include "trees/forest.h"

#include <algorithm>
#include <cstring>

#include "trees/objective.h"

namespace tensorwood {
namespace {

// Rows of a block: their features and one tree at a time stay in the L2 cache; a block of long rows is bounded by its values instead.
constexpr int64_t kMostRows = 512, kLeastRows = 8, kBlockValues = 1 << 20;

bool fits_narrow(const Forest& forest, const Tree& tree) {
  if (forest.features() > (1 << 14)) return false;
  for (size_t i = 0; i < tree.nodes.size(); i++) {
    if (tree.nodes[i].feature >= 0 && tree.nodes[i].left - static_cast<int64_t>(i) > 0xffff) return false;
  }
  return true;
}

void compact_node(Forest& forest, const Tree& tree, size_t index, uint32_t set_offset) {
  const TreeNode& node = tree.nodes[index];
  const bool leaf = node.feature < 0, categorical = node.set >= 0;
  const uint32_t feature = leaf ? 0 : static_cast<uint32_t>(node.feature), missing_left = leaf || node.missing_left;
  const uint32_t ahead = leaf ? 0 : static_cast<uint32_t>(node.left) - static_cast<uint32_t>(index);
  float value = __builtin_inff();
  if (categorical) {
    const uint32_t position = static_cast<uint32_t>(node.set) + set_offset;
    std::memcpy(&value, &position, 4);
  } else if (!leaf) {
    const std::vector<double>* cuts = forest.ranks(feature);
    value = cuts != nullptr ? rank_number(*cuts, node.threshold) : static_cast<float>(node.threshold);
  }
  forest.values.push_back(leaf ? node.value : 0);
  if (forest.wide) {
    forest.wide_nodes.push_back({value, feature << 2 | static_cast<uint32_t>(categorical) << 1 | missing_left, ahead});
  } else {
    forest.narrow_nodes.push_back({value, feature << 18 | static_cast<uint32_t>(categorical) << 17 | missing_left << 16 | ahead});
  }
}

int32_t depth_of(const Tree& tree) {
  std::vector<int32_t> depth(tree.nodes.size(), 0);
  int32_t deepest = 0;
  for (size_t i = 0; i < tree.nodes.size(); i++) {
    deepest = std::max(deepest, depth[i]);
    if (tree.nodes[i].feature < 0) continue;
    const size_t left = static_cast<size_t>(tree.nodes[i].left);
    depth[left] = depth[left + 1] = depth[i] + 1;
  }
  return deepest;
}

void clear_compact(Forest& forest) {
  forest.narrow_nodes.clear();
  forest.wide_nodes.clear();
  forest.values.clear();
  forest.sets.clear();
  forest.spans.clear();
}

template <class Write>
void call_kernel(const Forest& f, const Kernel& kernel, const float* x, int64_t n, int64_t first, int64_t count, const Write& out) {
  const Operand nodes = f.wide ? dense(f.wide_nodes.data(), DType::u8, static_cast<int64_t>(f.wide_nodes.size()))
                               : dense(f.narrow_nodes.data(), DType::u8, static_cast<int64_t>(f.narrow_nodes.size()));
  call(kernel,
       {matrix(x, DType::f32, n, f.features(), f.features()), nodes,
        dense(f.values.data(), DType::f32, static_cast<int64_t>(f.values.size())),
        dense(f.sets.data(), DType::u32, static_cast<int64_t>(f.sets.size())), dense(f.spans.data() + first, DType::u8, count)},
       {out}, {f.wide, f.has_sets});
}

void read_block(const Forest& forest, const Columns& columns, int64_t first, int64_t count, float* x) {
  for (size_t c = 0; c < columns.columns.size(); c++) {
    Column column = columns.columns[c];
    column.cuts = forest.ranks(c);
    read_column(column, first, count, x + c, forest.features());
  }
}

}  // namespace

int64_t rows_together(int32_t features) {
  return std::clamp(kBlockValues / std::max(features, 1) / kLeastRows * kLeastRows, kLeastRows, kMostRows);
}

int64_t Forest::bytes() const {
  int64_t total = static_cast<int64_t>(narrow_nodes.size() * sizeof(NarrowNode) + wide_nodes.size() * sizeof(WideNode) + values.size() * 4 +
                                       sets.size() * 4);
  for (const Tree& tree : trees) total += static_cast<int64_t>(tree.nodes.size() * sizeof(TreeNode) + tree.sets.size() * 4);
  for (const std::vector<double>& own : cuts) total += static_cast<int64_t>(own.size() * sizeof(double));
  return total;
}

void compact(Forest& forest) {
  forest.has_ranks = std::count(forest.ranked.begin(), forest.ranked.end(), 1) > 0;
  for (size_t t = forest.spans.size(); t < forest.trees.size() && !forest.wide; t++) {
    if (fits_narrow(forest, forest.trees[t])) continue;
    forest.wide = true;
    clear_compact(forest);
  }
  for (size_t t = forest.spans.size(); t < forest.trees.size(); t++) {
    const Tree& tree = forest.trees[t];
    forest.spans.push_back({static_cast<int64_t>(forest.values.size()), depth_of(tree), tree.group});
    const uint32_t set_offset = static_cast<uint32_t>(forest.sets.size());
    for (size_t i = 0; i < tree.nodes.size(); i++) compact_node(forest, tree, i, set_offset);
    forest.sets.insert(forest.sets.end(), tree.sets.begin(), tree.sets.end());
    forest.has_sets |= !tree.sets.empty();
  }
}

void truncate(Forest& forest, int32_t rounds) {
  forest.trees.resize(static_cast<size_t>(rounds) * static_cast<size_t>(forest.groups));
  clear_compact(forest);
  compact(forest);
}

template <class T>
void read_row(const Forest& forest, const T* row, float* x) {
  for (size_t f = 0; f < forest.ranked.size(); f++) x[f] = round_number(row[f]);
  if (!forest.has_ranks) return;
  for (size_t f = 0; f < forest.ranked.size(); f++) {
    if (forest.ranked[f]) x[f] = rank_number(forest.cuts[f], row[f]);
  }
}
template void read_row(const Forest&, const float*, float*);
template void read_row(const Forest&, const double*, float*);

PredictKernels::PredictKernels(const Device& device)
    : margin(&require_kernel(device, "predict", DType::f32)), leaf(&require_kernel(device, "predict_leaf", DType::i32)) {}

void add_margins(const Forest& forest, const PredictKernels& kernels, const float* x, int64_t n, int64_t first, int64_t count,
                 float* margin) {
  call_kernel(forest, *kernels.margin, x, n, first, count, matrix(margin, DType::f32, n, forest.groups, forest.groups));
}

void respond(const Forest& forest, float* margin, int64_t n) {
  if (forest.objective == Objective::logistic) {
    for (int64_t i = 0; i < n; i++) margin[i] = sigmoid(margin[i]);
  }
  if (forest.objective != Objective::softmax) return;
  for (int64_t i = 0; i < n; i++) {
    float* row = margin + i * forest.groups;
    const float largest = *std::max_element(row, row + forest.groups);
    float total = 0;
    for (int32_t k = 0; k < forest.groups; k++) total += row[k] = exponential(row[k] - largest);
    for (int32_t k = 0; k < forest.groups; k++) row[k] /= total;
  }
}

void predict(const Forest& forest, const PredictKernels& kernels, const Columns& columns, const PredictOptions& options, Threads& threads,
             const std::atomic<bool>& cancelled, void* out) {
  const int32_t to = options.to < 0 ? forest.rounds() : std::min(options.to, forest.rounds());
  const int64_t first_tree = static_cast<int64_t>(options.from) * forest.groups,
                count_tree = static_cast<int64_t>(to) * forest.groups - first_tree;
  std::vector<std::vector<float>> blocks(static_cast<size_t>(threads.count()));
  for_chunks(threads, columns.rows, rows_together(forest.features()), [&](int64_t first, int64_t count, int worker) {
    if (cancelled.load(std::memory_order_relaxed)) return;
    std::vector<float>& x = blocks[static_cast<size_t>(worker)];
    x.resize(static_cast<size_t>(rows_together(forest.features()) * forest.features()));
    read_block(forest, columns, first, count, x.data());
    if (options.output == Output::leaf) {
      int32_t* leaves = static_cast<int32_t*>(out) + first * count_tree;
      call_kernel(forest, *kernels.leaf, x.data(), count, first_tree, count_tree,
                  matrix(leaves, DType::i32, count, count_tree, count_tree));
      return;
    }
    float* margin = static_cast<float*>(out) + first * forest.groups;
    for (int64_t i = 0; i < count; i++) std::copy(forest.base.begin(), forest.base.end(), margin + i * forest.groups);
    add_margins(forest, kernels, x.data(), count, first_tree, count_tree, margin);
    if (options.output == Output::response) respond(forest, margin, count);
  });
}

}  // namespace tensorwood
