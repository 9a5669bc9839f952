// Growing one tree: histogram -> split -> partition, over the kernels of a device. The loop is written once; policy.h decides the order.
// Every sum is an integer and every chunk is fixed, so the tree does not depend on the number of threads.
#pragma once
#include <atomic>
#include <memory>
#include <set>

#include "trees/bins.h"
#include "trees/gain.h"
#include "trees/mirror.h"
#include "trees/policy.h"
#include "trees/tree.h"

namespace tensorwood {

struct CategoryOptions {
  int32_t most = 32;         // categories on the smaller side of a split
  int32_t one_hot_bins = 4;  // up to so many categories: one against the rest
  double smooth = 10, l2 = 10;
  double min_rows = 10;  // of a category that may be chosen
  double min_group_rows = 100;
};

struct GrowOptions {
  Policy policy = Policy::depth_wise;
  double learning_rate = 0.3;
  Penalty penalty = {0, 1, 0};
  double gamma = 0, min_child_weight = 1, min_rows = 1;
  int32_t max_depth = 6, max_leaves = 0;  // 0 = no limit
  double columns_per_tree = 1, columns_per_node = 1;
  CategoryOptions category;
  const Device* accelerator = nullptr;  // with memory of its own: runs those kernels of growth that it has
};

// Of every row: rounded for sums over bins, and as they are for leaf values.
struct Gradients {
  Operand pairs;                   // i64 or u32
  double first_unit, second_unit;  // what the integers are worth
  double heaviest;                 // second derivative of a row, in units
  const float *first, *second;
  double unit;  // what their 1 is worth
  bool uneven;  // one first derivative is so much of all that the others are but few units
};

// A node that may be split, and once expanded its two children.
struct OpenLeaf {
  int32_t node = -1, depth = 0;
  int64_t begin = 0, end = 0;    // its rows
  int64_t total = 0;             // histogram sum
  int64_t* histogram = nullptr;  // null when another leaf needed the memory
  int64_t* spare = nullptr;      // for the smaller child
  Split best = {0, 0, -1, -1, 0, 0, 1};
  bool counted = false;  // best was found with the rows of its feature counted
  bool summed = true;    // histogram holds the sums
  bool expanded = false;
  std::vector<uint8_t> left_bins;  // categorical: per bin, 1 goes left
  std::vector<OpenLeaf> children;
  int64_t rows() const { return end - begin; }
};

struct GrowKernels {
  const Kernel *histogram, *add_histogram, *count_rows, *split, *split_counted, *split_categories, *partition, *sum_gradients, *add_leaf;
};

// A part of the rows of a leaf.
struct Stretch {
  int32_t leaf;
  int64_t begin, count;
};

// Which threads work on a node: the whole pool, or one worker of it.
struct Team {
  Threads* threads;
  int first_worker;
};

class Grower {
 public:
  Grower(const Bins& bins, Threads& threads, const GrowOptions& options);
  // Grows from rows()[0, count), ascending; leaves them sorted by leaf. False when cancelled, or when the accelerator failed. Throws a
  // Failure, ERR_TENSORWOOD_MEMORY, when not even two histograms fit; with few, leaves that wait give theirs up and sum them again.
  bool grow(const Gradients& gradients, int64_t count, uint64_t seed, const std::atomic<bool>& cancelled, Tree& tree);
  // Adds the leaf values of the tree grown last to the margins of the rows that it grew from.
  void add_to(const Tree& tree, float* margin);
  Status status() const { return mirror_ == nullptr ? Status{} : mirror_->status(); }  // of the accelerator
  uint32_t* rows() { return rows_.data(); }

 private:
  struct Worker {
    std::vector<Split> splits;     // (2, features)
    std::vector<uint32_t> counts;  // rows of each bin of one feature
    std::vector<std::byte> sort;
  };
  void choose_columns(uint64_t seed);
  void start(OpenLeaf& root, int64_t count);
  void prepare();
  void commit(Tree& tree, int32_t leaf);
  void finish(Tree& tree);
  void fit_leaves(Tree& tree);
  template <class F>
  std::vector<Stretch> stretches(const F& holds) const;
  template <class F>
  void for_stretches(const std::vector<Stretch>& stretches, const F& f);
  void open(Tree& tree, OpenLeaf&& leaf, int32_t node);
  double work_of(const OpenLeaf& leaf) const;
  Team team_for(const OpenLeaf& leaf) const;
  bool splittable(const OpenLeaf& leaf) const;
  bool take_room(int64_t bytes);
  int64_t* acquire();
  [[noreturn]] void refuse_histogram() const;
  void release(int64_t*& histogram);
  int64_t* take_back(const OpenLeaf& wanting);
  bool supply(OpenLeaf& leaf, bool is_first);

  // expand.cpp: the work of one node
  void expand(OpenLeaf& leaf, const Team& team);
  int64_t divide_rows(OpenLeaf& leaf, const Team& team);
  void build_histogram(OpenLeaf& leaf, const Team& team);
  void add_chunk(const OpenLeaf& leaf, int64_t first, int64_t count, int64_t* histogram);
  void find_splits(OpenLeaf* plain, OpenLeaf* subtracted, const int64_t* sibling, const Team& team);
  void scan(OpenLeaf& leaf, const int64_t* sibling, const FeatureSlot* slots, int64_t first, int64_t count, Split* splits, int worker);
  void choose(OpenLeaf& leaf, Split* splits, const Team& team);
  void count_rows(const OpenLeaf& leaf, const Feature& feature, const Team& team);
  void split_counted(const OpenLeaf& leaf, size_t column, Split& split, const Team& team);
  void call_split(const Kernel& kernel, const OpenLeaf& leaf, std::initializer_list<Operand> inputs, std::initializer_list<Operand> outputs,
                  int worker);
  void place_categories(OpenLeaf& leaf, const Team& team);
  const FeatureSlot* sample_for_node(const OpenLeaf& leaf, std::vector<FeatureSlot>& sampled) const;
  Operand codes_of(const Feature& feature) const;
  void set_limits();

  const Bins& bins_;
  Threads& threads_;
  GrowOptions options_;
  GrowKernels kernels_;
  std::unique_ptr<Mirror> mirror_;  // null = the device of the bins does everything
  Gradients gradients_ = {};
  std::array<double, 12> limits_ = {};  // Limits of the split kernels
  uint64_t seed_ = 0;
  std::vector<int32_t> columns_;                    // of this tree
  std::vector<FeatureSlot> slots_;                  // of columns_
  std::vector<int32_t> narrow_slots_, wide_slots_;  // -1 = not of this tree
  bool all_columns_ = true;
  Array<uint32_t> rows_, lefts_, rights_;
  std::vector<Worker> workers_;
  std::vector<Array<int64_t>> histograms_, partials_;
  std::vector<int64_t*> free_;
  int64_t room_ = 0;  // bytes that may be taken before the next question for memory
  std::vector<OpenLeaf> open_;
  std::set<Candidate, Order> queue_;
  int32_t leaves_ = 0;
};

}  // namespace tensorwood
