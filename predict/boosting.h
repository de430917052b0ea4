// What do trees say of which each mends what those before it left?
//
// Gradient boosting of squared errors (Friedman, Annals of Statistics 29, 2001; a random part of the
// points for each tree: Computational Statistics & Data Analysis 38, 2002) with the trees of
// predict/tree.h:
//
//   f = mean + rate sum_t tree_t     each tree grown on what the sum before it leaves
//
// The points are dealt into folds. For each fold there is such a sum that never saw it, whose
// prediction of it is its left-out prediction, and the mean of the sums is the prediction of
// others: what is left out costs no fit of its own.
//
// Everything follows from the points, the targets and the seed; it is not saved but grown again.
// Cost: folds x trees x n x tried x depth.
//
//   Boosting boosting(x, y, {}, seed, threads);
//   boosting.predict(x2, threads);
#pragma once

#include <atomic>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "predict/tree.h"

namespace metaqnn::predict {

struct BoostingSettings {
  int folds = 5;
  int trees = 200;  // of each fold's sum
  double rate = 0.05;
  double share = 0.7;  // of the points, for each tree
  TreeSettings tree{.deepest = 5};
  const std::atomic<bool>* stop = nullptr;  // as in FitSettings
};

class Boosting {
 public:
  // `x`: n x d, `y`: n; n >= 2.
  Boosting(const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const BoostingSettings& settings,
           uint64_t seed, int threads);

  // One that was saved, for points of so many columns. Throws DataError where it is damaged.
  Boosting(const nlohmann::json& state, Eigen::Index columns);
  nlohmann::json state() const;

  Eigen::VectorXd predict(const Eigen::MatrixXd& x, int threads) const;

  // n; by the sum that never saw the point. Empty where it was saved.
  const Eigen::VectorXd& left_out() const { return left_out_; }

 private:
  double mean_ = 0, rate_;   // of the sums' means; of all trees together
  std::vector<Tree> trees_;  // of all sums
  Eigen::VectorXd left_out_;
};

}  // namespace metaqnn::predict
