// Metrics of evaluation sets.
#include "trees/metric.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "trees/sort.h"

namespace tensorwood {
namespace {

constexpr int64_t kChunk = 16384;

double loss_of(Metric metric, const Forest& forest, const float* margin, float label) {
  if (metric == Metric::rmse) return (static_cast<double>(*margin) - label) * (static_cast<double>(*margin) - label);
  if (forest.objective == Objective::softmax) {
    const float* best = std::max_element(margin, margin + forest.groups);
    if (metric == Metric::error) return best - margin == static_cast<int64_t>(label) ? 0 : 1;
    double total = 0;
    for (int32_t k = 0; k < forest.groups; k++) total += std::exp(static_cast<double>(margin[k]) - *best);
    return std::log(total) + *best - margin[static_cast<int64_t>(label)];
  }
  if (metric == Metric::error) return (*margin > 0) == (label > 0.5f) ? 0 : 1;
  const double m = *margin;  // log(1 + e^m) - label m without overflow
  return (m > 0 ? m + std::log1p(std::exp(-m)) : std::log1p(std::exp(m))) - label * m;
}

struct Scored {
  uint32_t key, row;
};

// The chance that a positive row scores above a negative one; ties count half (Mann-Whitney). NaN has no order, so none has an area.
double area_under_curve(const float* margin, const Labels& labels) {
  if (std::any_of(margin, margin + labels.rows, [](float m) { return std::isnan(m); })) return std::numeric_limits<double>::quiet_NaN();
  std::vector<Scored> order(static_cast<size_t>(labels.rows));
  for (size_t i = 0; i < order.size(); i++) order[i] = {sortable(margin[i]), static_cast<uint32_t>(i)};
  radix_sort(order, [](const Scored& scored) { return scored.key; });
  double below = 0, area = 0, positive = 0;
  for (size_t i = 0; i < order.size();) {
    double tied_negative = 0, tied_positive = 0;
    const uint32_t score = order[i].key;
    for (; i < order.size() && order[i].key == score; i++) {
      const uint32_t row = order[i].row;
      const double w = labels.weight == nullptr ? 1 : labels.weight[row];
      (labels.label[row] > 0.5f ? tied_positive : tied_negative) += w;
    }
    area += tied_positive * (below + tied_negative / 2);
    below += tied_negative;
    positive += tied_positive;
  }
  return below > 0 && positive > 0 ? area / (below * positive) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

double evaluate(Metric metric, const Forest& forest, const float* margin, const Labels& labels, Threads& threads) {
  if (metric == Metric::auc) return area_under_curve(margin, labels);
  std::vector<double> losses(static_cast<size_t>((labels.rows + kChunk - 1) / kChunk)), weights(losses.size());
  for_chunks(threads, labels.rows, kChunk, [&](int64_t first, int64_t count, int) {
    double loss = 0, weight = 0;
    for (int64_t i = first; i < first + count; i++) {
      const double w = labels.weight == nullptr ? 1 : labels.weight[i];
      loss += w * loss_of(metric, forest, margin + i * forest.groups, labels.label[i]);
      weight += w;
    }
    losses[static_cast<size_t>(first / kChunk)] = loss;
    weights[static_cast<size_t>(first / kChunk)] = weight;
  });
  double loss = 0, weight = 0;
  for (size_t i = 0; i < losses.size(); i++) {
    loss += losses[i];
    weight += weights[i];
  }
  return metric == Metric::rmse ? std::sqrt(loss / weight) : loss / weight;
}

}  // namespace tensorwood
