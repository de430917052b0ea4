#include "predict/forest.h"

#include "base/parallel.h"

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

Forest::Forest(const MatrixXd& x, const VectorXd& y, const ForestSettings& settings, uint64_t seed,
               int threads)
    : trees_(static_cast<size_t>(settings.trees)) {
  const auto n = static_cast<size_t>(x.rows());
  std::vector<std::vector<char>> seen(trees_.size());  // by the tree, the points it drew
  parallel_for(settings.trees, threads, [&](Index t) {
    const auto tree = static_cast<size_t>(t);
    Random random = Random::stream(seed, "tree", tree);
    seen[tree].assign(n, 0);
    std::vector<Index> rows(n);
    for (Index& row : rows) {
      row = static_cast<Index>(random.below(n));
      seen[tree][static_cast<size_t>(row)] = 1;
    }
    trees_[tree] = Tree::grow(x, y, rows, settings.tree, random);
  });
  left_out_.resize(x.rows());
  const MatrixXd points = x.transpose();
  parallel_for(x.rows(), threads, [&](Index row) {
    double unseen = 0, all = 0;
    int count = 0;
    for (size_t t = 0; t < trees_.size(); ++t) {
      const double value = trees_[t](points.col(row).data());
      all += value;
      if (seen[t][static_cast<size_t>(row)]) continue;
      unseen += value;
      ++count;
    }
    left_out_(row) = count > 0 ? unseen / count : all / static_cast<double>(trees_.size());
  });
}

VectorXd Forest::predict(const MatrixXd& x, int threads) const {
  return sum_of(trees_, x, threads) / static_cast<double>(trees_.size());
}

}  // namespace metaqnn::predict
