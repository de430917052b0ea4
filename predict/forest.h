// What does a crowd of decision trees say?
//
// Trees with random thresholds (predict/tree.h), each on a bootstrap sample of the training points;
// the forest predicts their mean. They see steps and interactions of features that smooth kernels do
// not. Each point has trees that never saw it (Breiman, 2001): their mean is its left-out
// prediction.
//
// Everything follows from the points, the targets and the seed. Cost: trees x n x tried x depth.
//
//   Forest forest(x, y, {}, seed, threads);
//   forest.predict(x2, threads);
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "predict/tree.h"

namespace metaqnn::predict {

struct ForestSettings {
  int trees = 300;
  TreeSettings tree{};
};

class Forest {
 public:
  // `x`: n x d, `y`: n; n >= 1.
  Forest(const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const ForestSettings& settings,
         uint64_t seed, int threads);

  // One that was saved, for points of so many columns. Throws DataError where it is damaged.
  Forest(const nlohmann::json& state, Eigen::Index columns) : trees_(trees_from(state, columns)) {}
  nlohmann::json state() const { return state_of(trees_); }

  // The mean of the trees, for each row.
  Eigen::VectorXd predict(const Eigen::MatrixXd& x, int threads) const;

  // n; the mean of the trees that did not see the point, or of all where there is none. Empty where it was saved.
  const Eigen::VectorXd& left_out() const { return left_out_; }

 private:
  std::vector<Tree> trees_;
  Eigen::VectorXd left_out_;
};

}  // namespace metaqnn::predict
