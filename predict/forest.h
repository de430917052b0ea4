// What does a crowd of decision trees say?
//
// Extremely randomised trees, each on a bootstrap sample of the training points. A node splits the
// best of `tried` columns, each at a threshold drawn uniformly between its smallest and largest
// value there, best by the largest drop of the sum of squares; a leaf predicts the mean of its
// targets. Trees see steps and interactions of features that smooth kernels do not.
// Source: Geurts, Ernst, Wehenkel, "Extremely randomized trees", Machine Learning 63 (2006), with
// Breiman's (2001) bootstrap, so that each point has trees that never saw it: their mean is its
// left-out prediction.
//
// Everything follows from the points, the targets and the seed; a forest is not saved but grown
// again. Cost: trees x n x tried x depth.
//
//   Forest forest(x, y, {}, seed, threads);
//   forest.predict(x2, threads);
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

namespace metaqnn::predict {

struct ForestSettings {
  int trees = 300;
  int smallest_leaf = 2;     // points, repeats of the bootstrap counted
  double tried_share = 0.4;  // of the columns, at each node
};

class Forest {
 public:
  // `x`: n x d, `y`: n; n >= 1.
  Forest(const Eigen::MatrixXd& x, const Eigen::VectorXd& y, const ForestSettings& settings,
         uint64_t seed, int threads);

  // The mean of the trees, for each row.
  Eigen::VectorXd predict(const Eigen::MatrixXd& x, int threads) const;

  // n; the mean of the trees that did not see the point, or of all where there is none.
  const Eigen::VectorXd& left_out() const { return left_out_; }

 private:
  struct Node {
    int column = -1;   // -1: a leaf
    double value = 0;  // threshold, or the leaf's prediction
    int right = 0;     // the left child is the next node
  };
  using Tree = std::vector<Node>;
  class Grower;
  // `point`: its d features, one after another.
  static double follow(const Tree& tree, const double* point);

  std::vector<Tree> trees_;
  Eigen::VectorXd left_out_;
};

}  // namespace metaqnn::predict
