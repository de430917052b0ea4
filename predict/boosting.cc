#include "predict/boosting.h"

#include <algorithm>
#include <numeric>

#include "base/parallel.h"
#include "predict/state.h"
#include "predict/stop.h"

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

// One sum of trees, grown on the points of all folds but one.
struct Sum {
  double mean = 0;
  std::vector<Tree> trees;
  VectorXd predicted;  // of all points, n
};

Sum grow(const MatrixXd& x, const MatrixXd& points, const VectorXd& y, std::vector<Index> rows,
         const BoostingSettings& settings, Random random) {
  Sum sum;
  sum.mean = y(rows).mean();
  sum.predicted = VectorXd::Constant(y.size(), sum.mean);
  const auto drawn =
      std::max<size_t>(1, static_cast<size_t>(settings.share * static_cast<double>(rows.size())));
  std::vector<Index> some;
  VectorXd left = y - sum.predicted;
  for (int t = 0; t < settings.trees; ++t) {
    go_on_unless(settings.stop);
    for (size_t i = 0; i < drawn; ++i) std::swap(rows[i], rows[i + random.below(rows.size() - i)]);
    some.assign(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(drawn));
    sum.trees.push_back(Tree::grow(x, left, some, settings.tree, random));
    for (Index i = 0; i < y.size(); ++i) {
      const double step = settings.rate * sum.trees.back()(points.col(i).data());
      sum.predicted(i) += step;
      left(i) -= step;
    }
  }
  return sum;
}

}  // namespace

Boosting::Boosting(const MatrixXd& x, const VectorXd& y, const BoostingSettings& settings,
                   uint64_t seed, int threads)
    : left_out_(y.size()) {
  const auto n = static_cast<size_t>(y.size());
  const size_t folds = std::min(static_cast<size_t>(settings.folds), n);
  std::vector<Index> order(n);
  std::iota(order.begin(), order.end(), Index{0});
  Random random = Random::stream(seed, "folds of boosting");
  shuffle(order, random);
  const MatrixXd points = x.transpose();
  std::vector<Sum> sums(folds);
  parallel_for(static_cast<int64_t>(folds), threads, [&](int64_t k) {
    const auto fold = static_cast<size_t>(k);
    std::vector<Index> rows;
    for (size_t i = 0; i < n; ++i) {
      if (i % folds != fold) rows.push_back(order[i]);
    }
    sums[fold] =
        grow(x, points, y, std::move(rows), settings, Random::stream(seed, "boosting", fold));
    for (size_t i = fold; i < n; i += folds) left_out_(order[i]) = sums[fold].predicted(order[i]);
  });
  for (Sum& sum : sums) {
    mean_ += sum.mean / static_cast<double>(folds);
    for (Tree& tree : sum.trees) trees_.push_back(std::move(tree));
  }
  rate_ = settings.rate / static_cast<double>(folds);
}

Boosting::Boosting(const nlohmann::json& state, Index columns)
    : mean_(number_at(state, "mean")),
      rate_(number_at(state, "rate")),
      trees_(trees_from(value_at(state, "trees"), columns)) {}

nlohmann::json Boosting::state() const {
  return {{"mean", mean_}, {"rate", rate_}, {"trees", state_of(trees_)}};
}

VectorXd Boosting::predict(const MatrixXd& x, int threads) const {
  return (rate_ * sum_of(trees_, x, threads)).array() + mean_;
}

}  // namespace metaqnn::predict
