// Gradient boosting: rounds of gradients -> rounding -> one tree a class -> margins, with evaluation sets and early stopping.
#pragma once
#include <functional>

#include "trees/forest.h"
#include "trees/grow.h"
#include "trees/metric.h"

namespace tensorwood {

struct BoostOptions {
  GrowOptions grow;
  Objective objective = Objective::squared;
  int32_t classes = 1;  // softmax only
  int32_t rounds = 100;
  double rows_per_tree = 1;
  double positive_weight = 1;  // of rows with label 1, logistic only
  uint64_t seed = 0;
  std::vector<Metric> metrics;
  int32_t early_stopping = 0;  // rounds without a better first metric on the first set; 0 = off
};

struct EvaluationSet {
  Columns columns;
  Labels labels;
};

// After each round: how many there are, and metrics (sets, metrics).
using Report = std::function<void(int32_t rounds, const std::vector<double>& values)>;

// Labels fit the objective, or the first that does not is named.
Status check_labels(const char* subject, const BoostOptions& options, const Labels& labels);

// Grows options.rounds rounds. When cancelled, the forest holds the rounds finished until then and the status is ERR_TENSORWOOD_ABORTED.
Status boost(const Bins& bins, const Labels& labels, const std::vector<EvaluationSet>& sets, const BoostOptions& options, Threads& threads,
             const std::atomic<bool>& cancelled, const Report& report, Forest& forest);

}  // namespace tensorwood
