// A table with numbers, narrow and wide categories and missing values, and options to train on it: what the native tests of trees share.
#pragma once
#include <cmath>
#include <random>

#include "trees/boost.h"

using namespace tensorwood;

static std::mt19937 generator(1);
static int below(int n) { return static_cast<int>(generator() % static_cast<unsigned>(n)); }

struct Sample {
  std::vector<float> x, y;      // (rows, 6): three numbers, two narrow categories, one wide one
  std::vector<double> moments;  // the third number, where floats merge all: milliseconds since 1970
  Columns columns;
  BinOptions options;
};

static Sample make_sample(int rows) {
  Sample s;
  const int categories[] = {0, 0, 0, 3, 40, 500};
  for (int i = 0; i < rows; i++) {
    float score = 0;
    for (int f = 0; f < 6; f++) {
      const int code = categories[f] ? below(categories[f]) : below(1000);
      s.x.push_back(below(10) == 0 ? std::nanf("") : static_cast<float>(code));
      if (f == 2) s.moments.push_back(1.7e12 + static_cast<double>(s.x.back()));
      score += static_cast<float>((code * (f + 3)) % 7) - 3;
    }
    s.y.push_back(score > 0 ? 1.0f : 0.0f);
  }
  s.columns.rows = rows;
  for (int f = 0; f < 6; f++) {
    s.columns.columns.push_back({s.x.data() + f, DType::f32, 6, nullptr, 0, categories[f] > 0});
    s.options.categories.push_back(categories[f]);
  }
  s.columns.columns[2] = {s.moments.data(), DType::f64, 1};
  return s;
}

static BoostOptions options_of(Policy policy) {
  BoostOptions o;
  o.objective = Objective::logistic;
  o.rounds = 4;
  o.grow.policy = policy;
  o.grow.max_leaves = policy == Policy::leaf_wise ? 40 : 0;
  o.grow.category.min_group_rows = 20;
  o.metrics = {Metric::auc, Metric::logloss};
  return o;
}
