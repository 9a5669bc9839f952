// The boosting loop.
#include "trees/boost.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

#include "trees/random.h"
#include "trees/scale.h"

namespace tensorwood {
namespace {

constexpr int64_t kChunk = 16384;
constexpr double kMostShare = 16;  // one row of so many as large
constexpr int kMostExponent = 32;  // of weights that products with gradients hold as they are

struct Kernels {
  const Kernel *gradient, *measure, *quantize, *quantize_short;
};

// Of the derivatives of one class: what measure_gradients tells.
struct Extent {
  double largest = 0, first_sum = 0, heaviest = 0, second_sum = 0;
};

class Booster {
 public:
  Booster(const Bins& bins, const Labels& labels, const std::vector<EvaluationSet>& sets, const BoostOptions& options, Threads& threads,
          Forest& forest)
      : bins_(bins),
        labels_(labels),
        sets_(sets),
        options_(options),
        threads_(threads),
        forest_(forest),
        grower_(bins, threads, options.grow),
        predict_(*bins.device) {
    const Device& d = *bins.device;
    const char* names[] = {"gradient_squared", "gradient_logistic", "gradient_softmax"};
    kernels_ = {&require_kernel(d, names[static_cast<int>(options.objective)], DType::f32),
                &require_kernel(d, "measure_gradients", DType::f64), &require_kernel(d, "quantize", DType::i64),
                &require_kernel(d, "quantize", DType::u32)};
    const int64_t n = bins.rows, groups = forest.groups;
    margin_ = Array<float>(d, n * groups);
    first_ = Array<float>(d, n * groups);
    second_ = Array<float>(d, n * groups);
    pairs_ = Array<int64_t>(d, n);
    blocks_.resize(static_cast<size_t>(threads.count()));
    for (const EvaluationSet& set : sets) margins_.emplace_back(static_cast<size_t>(set.labels.rows * groups));
    weigh();
    start();
  }

  // False when cancelled, or when status() is not ok.
  bool grow_round(const std::atomic<bool>& cancelled) {
    compute_gradients();
    if (!are_finite()) return false;
    const uint64_t round = static_cast<uint64_t>(forest_.rounds());
    for (int32_t k = 0; k < forest_.groups; k++) {
      const uint64_t seed = hash_pair(options_.seed, round * static_cast<uint64_t>(forest_.groups) + static_cast<uint64_t>(k));
      const Gradients gradients = quantize(k, seed);
      const int64_t sampled = sample_rows(hash_pair(options_.seed ^ 0x5bf03635u, round));
      Tree tree;
      tree.group = k;
      if (!grower_.grow(gradients, sampled, seed, cancelled, tree)) {
        truncate(forest_, static_cast<int32_t>(round));
        return false;
      }
      grower_.add_to(tree, margin_.data() + k * bins_.rows);
      forest_.trees.push_back(std::move(tree));
    }
    compact(forest_);
    find_used_features();
    if (options_.rows_per_tree < 1) add_unsampled(hash_pair(options_.seed ^ 0x5bf03635u, round));
    return true;
  }

  Status status() const { return status_.ok() ? grower_.status() : status_; }

  void evaluate_sets(std::vector<double>& values) {
    values.clear();
    for (size_t s = 0; s < sets_.size(); s++) {
      extend_margins(sets_[s], margins_[s]);
      for (const Metric metric : options_.metrics)
        values.push_back(evaluate(metric, forest_, margins_[s].data(), sets_[s].labels, threads_));
    }
  }

 private:
  // Weights of rows, those of positives included; by a power of two, which keeps their bits, brought near one, so that neither they nor
  // their products with gradients nor the scales leave the range of a float.
  void weigh() {
    const bool positives = options_.positive_weight != 1 && options_.objective == Objective::logistic;
    if (labels_.weight == nullptr && !positives) return;
    const auto weight_of = [&](int64_t i) {
      const double own = labels_.weight == nullptr ? 1 : labels_.weight[i];
      return positives && labels_.label[i] > 0.5f ? own * options_.positive_weight : own;
    };
    double largest = 0;
    for (int64_t i = 0; i < bins_.rows; i++) largest = std::max(largest, weight_of(i));
    int exponent =
        largest > 0 && largest <= std::numeric_limits<float>::max() ? std::ilogb(largest) : 0;  // beyond: refused by its gradients
    if (std::abs(exponent) <= kMostExponent) exponent = 0;
    if (exponent == 0 && !positives) return;
    weight_unit_ = std::ldexp(1.0, exponent);
    weights_.resize(static_cast<size_t>(bins_.rows));
    for (int64_t i = 0; i < bins_.rows; i++) weights_[static_cast<size_t>(i)] = static_cast<float>(std::ldexp(weight_of(i), -exponent));
    labels_.weight = weights_.data();
  }

  // The constant that fits best.
  void start() {
    std::vector<double> sums(static_cast<size_t>(std::max(2, forest_.groups)), 0.0);
    double total = 0;
    for (int64_t i = 0; i < bins_.rows; i++) {
      const double w = labels_.weight == nullptr ? 1 : labels_.weight[i];
      total += w;
      if (options_.objective == Objective::softmax) {
        sums[static_cast<size_t>(labels_.label[i])] += w;
      } else {
        sums[0] += w * labels_.label[i];
      }
    }
    forest_.base.resize(static_cast<size_t>(forest_.groups));
    for (size_t k = 0; k < forest_.base.size(); k++) {
      const double share = sums[k] / total, inside = std::clamp(share, 1e-7, 1 - 1e-7);
      forest_.base[k] = static_cast<float>(options_.objective == Objective::squared    ? share
                                           : options_.objective == Objective::logistic ? std::log(inside / (1 - inside))
                                                                                       : std::log(inside));
    }
    for (int32_t k = 0; k < forest_.groups; k++)
      std::fill_n(margin_.data() + k * bins_.rows, bins_.rows, forest_.base[static_cast<size_t>(k)]);
    for (size_t s = 0; s < sets_.size(); s++) {
      for (size_t i = 0; i < margins_[s].size(); i++) margins_[s][i] = forest_.base[i % forest_.base.size()];
    }
  }

  void compute_gradients() {
    const int64_t n = bins_.rows, groups = forest_.groups, chunks = (n + kChunk - 1) / kChunk;
    extents_.assign(static_cast<size_t>(chunks * groups * 4), 0.0);
    for_chunks(threads_, n, kChunk, [&](int64_t first, int64_t count, int) {
      const auto part = [&](const Array<float>& a) {
        return groups == 1 ? dense(a.data() + first, DType::f32, count) : matrix(a.data() + first, DType::f32, groups, count, n);
      };
      const Operand label = dense(labels_.label + first, DType::f32, count);
      if (labels_.weight == nullptr) {
        call(*kernels_.gradient, {part(margin_), label}, {part(first_), part(second_)});
      } else {
        call(*kernels_.gradient, {part(margin_), label, dense(labels_.weight + first, DType::f32, count)}, {part(first_), part(second_)});
      }
      for (int64_t k = 0; k < groups; k++) {
        call(*kernels_.measure,
             {dense(first_.data() + k * n + first, DType::f32, count), dense(second_.data() + k * n + first, DType::f32, count)},
             {dense(extents_.data() + (k * chunks + first / kChunk) * 4, DType::f64, 4)});
      }
    });
  }

  // Finite labels and weights can be so large that their products are not.
  bool are_finite() {
    for (const double extent : extents_) {
      if (!std::isfinite(extent))
        status_ = {"ERR_TENSORWOOD_DATA",
                   "trainTrees: expected labels and weights whose gradients are finite, got larger ones; scale them down"};
    }
    return status_.ok();
  }

  Gradients quantize(int32_t group, uint64_t seed) {
    const int64_t n = bins_.rows, chunks = (n + kChunk - 1) / kChunk;
    Extent e;
    for (int64_t c = 0; c < chunks; c++) {
      const double* part = extents_.data() + (group * chunks + c) * 4;
      e.largest = std::max(e.largest, part[0]);
      e.first_sum += part[1];
      e.heaviest = std::max(e.heaviest, part[2]);
      e.second_sum += part[3];
    }
    const double first_scale = choose_scale(e.first_sum, n), second_scale = choose_scale(e.second_sum, n);
    const bool fits = std::ceil(e.largest * first_scale) <= kMostShort && std::ceil(e.heaviest * second_scale) <= kMostShort;
    const bool is_short = fits && options_.grow.accelerator == nullptr;
    const auto pairs = [&](int64_t first, int64_t count) {
      return is_short ? dense(reinterpret_cast<uint32_t*>(pairs_.data()) + first, DType::u32, count)
                      : dense(pairs_.data() + first, DType::i64, count);
    };
    for_chunks(threads_, n, kChunk, [&](int64_t first, int64_t count, int) {
      call(is_short ? *kernels_.quantize_short : *kernels_.quantize,
           {dense(first_.data() + group * n + first, DType::f32, count), dense(second_.data() + group * n + first, DType::f32, count)},
           {pairs(first, count)}, {static_cast<int64_t>(seed & 0xffffffffu), first}, {first_scale, second_scale});
    });
    return {pairs(0, n),
            weight_unit_ / first_scale,
            weight_unit_ / second_scale,
            std::ceil(e.heaviest * second_scale),
            first_.data() + group * n,
            second_.data() + group * n,
            weight_unit_,
            e.largest > e.first_sum / kMostShare};
  }

  bool is_sampled(uint64_t seed, int64_t row) const {
    return row == stand_in_ || uniform(seed, static_cast<uint64_t>(row)) < options_.rows_per_tree;
  }

  // -> how many rows the next tree sees, ascending in grower_.rows()
  int64_t sample_rows(uint64_t seed) {
    const int64_t n = bins_.rows;
    uint32_t* rows = grower_.rows();
    std::vector<int64_t> counts(static_cast<size_t>((n + kChunk - 1) / kChunk));
    const bool all = options_.rows_per_tree >= 1;
    stand_in_ = -1;
    for_chunks(threads_, n, kChunk, [&](int64_t first, int64_t count, int) {
      uint32_t* to = rows + first;
      for (int64_t i = first; i < first + count; i++) {
        *to = static_cast<uint32_t>(i);
        to += all || is_sampled(seed, i);
      }
      counts[static_cast<size_t>(first / kChunk)] = to - (rows + first);
    });
    int64_t total = 0;
    for (size_t c = 0; c < counts.size(); c++) {
      if (!all) std::memmove(rows + total, rows + static_cast<int64_t>(c) * kChunk, static_cast<size_t>(counts[c]) * sizeof(uint32_t));
      total += counts[c];
    }
    if (total == 0) rows[total++] = static_cast<uint32_t>(stand_in_ = 0);
    return total;
  }

  // What the trees of the round split on: prediction reads nothing else of a row.
  void find_used_features() {
    std::vector<uint8_t> is_used(bins_.features.size(), 0);
    for (size_t t = forest_.trees.size() - static_cast<size_t>(forest_.groups); t < forest_.trees.size(); t++) {
      for (const TreeNode& node : forest_.trees[t].nodes) {
        if (node.feature >= 0) is_used[static_cast<size_t>(node.feature)] = 1;
      }
    }
    used_.clear();
    for (size_t f = 0; f < is_used.size(); f++) {
      if (is_used[f]) used_.push_back(static_cast<int32_t>(f));
    }
  }

  // (rows_together, features); only columns of used_ hold what they should.
  float* block_of(int worker) {
    std::vector<float>& block = blocks_[static_cast<size_t>(worker)];
    block.resize(static_cast<size_t>(rows_together(forest_.features()) * forest_.features()));
    return block.data();
  }

  // Rows that no tree of the round was grown from still need its predictions.
  void add_unsampled(uint64_t seed) {
    const int64_t groups = forest_.groups, first_tree = static_cast<int64_t>(forest_.trees.size()) - groups;
    for_chunks(threads_, bins_.rows, rows_together(forest_.features()), [&](int64_t first, int64_t count, int worker) {
      std::vector<uint32_t> rows;
      for (int64_t i = first; i < first + count; i++) {
        if (!is_sampled(seed, i)) rows.push_back(static_cast<uint32_t>(i));
      }
      if (rows.empty()) return;
      const int64_t m = static_cast<int64_t>(rows.size());
      float* x = block_of(worker);
      std::vector<float> margin(static_cast<size_t>(m * groups));
      decode_rows(bins_, used_, rows.data(), m, x);
      for (int64_t i = 0; i < m * groups; i++)
        margin[static_cast<size_t>(i)] = margin_.data()[(i % groups) * bins_.rows + rows[static_cast<size_t>(i / groups)]];
      add_margins(forest_, predict_, x, m, first_tree, groups, margin.data());
      for (int64_t i = 0; i < m * groups; i++)
        margin_.data()[(i % groups) * bins_.rows + rows[static_cast<size_t>(i / groups)]] = margin[static_cast<size_t>(i)];
    });
  }

  void extend_margins(const EvaluationSet& set, std::vector<float>& margin) {
    const int64_t features = forest_.features(), groups = forest_.groups, first_tree = static_cast<int64_t>(forest_.trees.size()) - groups;
    for_chunks(threads_, set.labels.rows, rows_together(forest_.features()), [&](int64_t first, int64_t count, int worker) {
      float* x = block_of(worker);
      for (const int32_t f : used_) {
        Column column = set.columns.columns[static_cast<size_t>(f)];
        column.cuts = forest_.ranks(static_cast<size_t>(f));
        read_column(column, first, count, x + f, features);
      }
      add_margins(forest_, predict_, x, count, first_tree, groups, margin.data() + first * groups);
    });
  }

  const Bins& bins_;
  Labels labels_;
  const std::vector<EvaluationSet>& sets_;
  const BoostOptions& options_;
  Threads& threads_;
  Forest& forest_;
  Grower grower_;
  PredictKernels predict_;
  std::vector<int32_t> used_;               // features
  std::vector<std::vector<float>> blocks_;  // of each worker
  Kernels kernels_;
  Array<float> margin_, first_, second_;  // (groups, rows)
  Array<int64_t> pairs_;
  std::vector<double> extents_;  // (groups, chunks, 4)
  Status status_;
  std::vector<float> weights_;
  int64_t stand_in_ = -1;                    // the row that the tree sees where its sample has none
  double weight_unit_ = 1;                   // what a weight of 1 stands for
  std::vector<std::vector<float>> margins_;  // of the evaluation sets, (rows, groups)
};

std::string row_message(const char* subject, const std::string& expected, int64_t row, float got) {
  std::ostringstream shown;
  shown << got;
  return std::string(subject) + ": expected " + expected + ", got " + (std::isnan(got) ? "NaN" : shown.str()) + " in row " +
         std::to_string(row);
}

// Columns are read with what a float cannot hold as its largest number: as a label or a weight that stands for an infinity.
bool is_finite(float value) { return std::fabs(value) < std::numeric_limits<float>::max(); }

// A training set that says something: weights that count, and for classes more than one label.
Status check_variety(const BoostOptions& options, const Labels& labels) {
  double weight = 0;
  bool varied = options.objective == Objective::squared;
  for (int64_t i = 0; i < labels.rows; i++) {
    weight += labels.weight == nullptr ? 1 : labels.weight[i];
    varied |= labels.label[i] != labels.label[0] || (labels.label[i] > 0 && labels.label[i] < 1);
  }
  if (!(weight > 0)) return {"ERR_TENSORWOOD_DATA", "trainTrees: expected weights with a sum above 0, got 0 in every row"};
  if (varied) return {};
  return {"ERR_TENSORWOOD_DATA", "trainTrees: expected labels of at least two classes, got only class " +
                                     std::to_string(static_cast<int>(labels.label[0])) + "; add rows of another class"};
}

}  // namespace

Status check_labels(const char* subject, const BoostOptions& options, const Labels& labels) {
  const bool classes = options.objective != Objective::squared;
  const float most = options.objective == Objective::softmax ? static_cast<float>(options.classes - 1) : 1.0f;
  for (int64_t i = 0; i < labels.rows; i++) {
    const float y = labels.label[i];
    if (!is_finite(y)) return {"ERR_TENSORWOOD_DATA", row_message(subject, "finite labels", i, y) + "; leave such rows out"};
    if (labels.weight != nullptr && !(labels.weight[i] >= 0 && is_finite(labels.weight[i])))
      return {"ERR_TENSORWOOD_DATA", row_message(subject, "finite weights of at least 0", i, labels.weight[i])};
    if (!classes) continue;
    const bool whole = options.objective == Objective::logistic || y == std::floor(y);
    if (y < 0 || y > most || !whole) {
      const std::string range = options.objective == Objective::logistic
                                    ? "labels in [0, 1]"
                                    : "whole labels in [0, " + std::to_string(options.classes - 1) + "]";
      return {"ERR_TENSORWOOD_DATA", row_message(subject, range, i, y) + "; number the classes from 0"};
    }
  }
  return {};
}

Status boost(const Bins& bins, const Labels& labels, const std::vector<EvaluationSet>& sets, const BoostOptions& options, Threads& threads,
             const std::atomic<bool>& cancelled, const Report& report, Forest& forest) {
  const Status variety = check_variety(options, labels);
  if (!variety.ok()) return variety;
  forest.objective = options.objective;
  forest.groups = options.objective == Objective::softmax ? options.classes : 1;
  forest.categorical.clear();
  forest.ranked.clear();
  forest.cuts.clear();
  for (const Feature& f : bins.features) {
    forest.categorical.push_back(f.categorical);
    forest.ranked.push_back(f.ranked);
    forest.cuts.push_back(f.ranked ? f.cuts : std::vector<double>());
  }
  Booster booster(bins, labels, sets, options, threads, forest);
  std::vector<double> values;
  int32_t best_round = 0;
  double best = 0;
  while (forest.rounds() < options.rounds) {
    const bool grown = !cancelled && booster.grow_round(cancelled);
    if (!booster.status().ok()) return booster.status();
    if (!grown) return {"ERR_TENSORWOOD_ABORTED", "trainTrees: the job was aborted"};
    booster.evaluate_sets(values);
    if (report) report(forest.rounds(), values);
    if (options.early_stopping == 0 || values.empty()) continue;
    if (std::isnan(values[0]))
      return {"ERR_TENSORWOOD_DATA",
              "trainTrees: expected a metric to stop early by, got NaN; the first evaluation set needs rows of both classes, and weights "
              "above 0"};
    const double score = larger_is_better(options.metrics[0]) ? values[0] : -values[0];
    if (best_round == 0 || score > best) {
      best = score;
      best_round = forest.rounds();
    } else if (forest.rounds() - best_round >= options.early_stopping) {
      break;
    }
  }
  if (best_round > 0 && best_round < forest.rounds()) truncate(forest, best_round);
  return {};
}

}  // namespace tensorwood
