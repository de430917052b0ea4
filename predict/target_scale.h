// Targets as predictors like them, without their mean and of deviation 1, and back.
//
// Predictions beyond what training saw are drawn in on the way back: the range of the targets
// widened by a tenth of it at both ends is never left, and the order of predictions stays. On 20
// points a straight line goes anywhere.
//
//   TargetScale scale(targets);
//   process = GaussianProcess::fit(kernel, parameters, penalty, points, scale.standardised(targets));
//   scale.restored(process.mean(others));
#pragma once

#include <Eigen/Core>

namespace metaqnn::predict {

class TargetScale {
 public:
  // `targets`: at least one. Equal ones have no deviation; it counts as 1, and they are predicted.
  explicit TargetScale(const Eigen::VectorXd& targets);

  Eigen::VectorXd standardised(const Eigen::VectorXd& targets) const;
  Eigen::VectorXd restored(const Eigen::VectorXd& standardised) const;
  // Draws predictions that are in the units of the targets already.
  Eigen::VectorXd limit(const Eigen::VectorXd& predictions) const;
  double deviation() const { return deviation_; }

 private:
  double mean_, deviation_, low_, high_;
};

}  // namespace metaqnn::predict
