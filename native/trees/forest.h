// A finished model: trees, where they start from, and their compact form for prediction.
#pragma once
#include <atomic>
#include <string>

#include "core/status.h"
#include "trees/columns.h"
#include "trees/layout.h"
#include "trees/memory.h"
#include "trees/tree.h"

namespace tensorwood {

enum class Objective : int32_t { squared = 0, logistic = 1, softmax = 2 };

struct Forest {
  Objective objective = Objective::squared;
  int32_t groups = 1;                // outputs of a row: classes for softmax, else 1
  std::vector<uint8_t> categorical;  // of each feature, 0 or 1
  std::vector<float> base;           // (groups) margins before the first tree
  std::vector<Tree> trees;           // groups of them a round
  std::string about = "{}";          // JSON that the caller keeps with the model: names, categories, parameters

  // compact form of the trees, see layout.h
  bool wide = false, has_sets = false;
  std::vector<NarrowNode> narrow_nodes;
  std::vector<WideNode> wide_nodes;
  std::vector<float> values;
  std::vector<uint32_t> sets;
  std::vector<TreeSpan> spans;

  int32_t features() const { return static_cast<int32_t>(categorical.size()); }
  int32_t rounds() const { return static_cast<int32_t>(trees.size()) / groups; }
  int64_t bytes() const;
};

// Extends the compact form to trees added since the last call.
void compact(Forest& forest);
// Drops all rounds after the first `rounds`.
void truncate(Forest& forest, int32_t rounds);

enum class Output : int32_t { response = 0, margin = 1, leaf = 2 };

struct PredictOptions {
  Output output = Output::response;
  int32_t from = 0, to = -1;  // rounds; -1 = all
};

// Found once a model: finding one takes longer than predicting a row.
struct PredictKernels {
  const Kernel *margin, *leaf;
  explicit PredictKernels(const Device& device);
};

// out is f32 (rows, groups), or i32 (rows, trees) for leaves. Response: the value, the probability of class 1, or of every class.
void predict(const Forest& forest, const PredictKernels& kernels, const Columns& columns, const PredictOptions& options, Threads& threads,
             const std::atomic<bool>& cancelled, void* out);
// Adds trees [first, first + count) to margin (n, groups) for x (n, features), on the calling thread.
void add_margins(const Forest& forest, const PredictKernels& kernels, const float* x, int64_t n, int64_t first, int64_t count,
                 float* margin);
// Rows whose features are decoded and predicted together: some hundreds, fewer where a row is long.
int64_t rows_together(int32_t features);
// Margins to responses, in place: (n, groups).
void respond(const Forest& forest, float* margin, int64_t n);

}  // namespace tensorwood
