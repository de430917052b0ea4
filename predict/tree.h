// A decision tree with random thresholds, of which forests (predict/forest.h) and boosting
// (predict/boosting.h) are made.
//
// A node splits the best of `tried` columns, each at a threshold drawn uniformly between its
// smallest and largest value there, best by the largest drop of the sum of squares; a leaf predicts
// the mean of its targets. Source: Geurts, Ernst, Wehenkel, "Extremely randomized trees", Machine
// Learning 63 (2006).
//
//   Tree tree = Tree::grow(x, y, rows, {}, random);
//   tree(point);
#pragma once

#include <Eigen/Core>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "metaqnn/base/random.h"

namespace metaqnn::predict {

struct TreeSettings {
  int smallest_leaf = 2;     // rows, repeats counted
  double tried_share = 0.4;  // of the columns, at each node
  int deepest = 1000;        // splits on the way to a leaf
};

class Tree {
 public:
  // `x`: n x d, `y`: n; `rows` of them, at least one, perhaps several times; in another order
  // afterwards.
  static Tree grow(const Eigen::MatrixXd& x, const Eigen::VectorXd& y,
                   std::vector<Eigen::Index>& rows, const TreeSettings& settings, Random& random);

  // `point`: its d features, one after another.
  double operator()(const double* point) const {
    const Node* node = nodes_.data();
    while (node->column >= 0)
      node = point[node->column] <= node->value ? node + 1 : nodes_.data() + node->right;
    return node->value;
  }

 private:
  struct Node {
    int column = -1;   // -1: a leaf
    double value = 0;  // threshold, or the leaf's prediction
    int right = 0;     // the left child is the next node
  };
  class Grower;
  friend nlohmann::json state_of(const std::vector<Tree>& trees);
  friend std::vector<Tree> trees_from(const nlohmann::json& state, Eigen::Index columns);

  std::vector<Node> nodes_;
};

// Trees as models keep them. Reading throws DataError where they are none on points of so many
// columns.
nlohmann::json state_of(const std::vector<Tree>& trees);
std::vector<Tree> trees_from(const nlohmann::json& state, Eigen::Index columns);

// For each row of x (m x d) the sum over the trees.
Eigen::VectorXd sum_of(const std::vector<Tree>& trees, const Eigen::MatrixXd& x, int threads);

}  // namespace metaqnn::predict
