// Targets as predictors like them, without their mean and of deviation 1, and back.
//
// Before that they may be warped, since squared errors over heavy tails forget the top:
//
//   none            as they are
//   normal_scores   the normal quantile of (rank - 1/2) / n, equal targets at the mean of theirs
//   log_distance    -log(distance to the best + e), e a twentieth of the deviation
//
// A prediction on the scale is a distribution, m with deviation s, and so is what it says of the
// target: the mean is that of the targets at quantiles of it, so that squared errors are small where
// the way back is crooked, and the deviation theirs. The way back from normal scores is the quantile
// function of the training targets, which is flat where many are equal.
//
// Predictions beyond what training saw are drawn in on the way back: the range of the targets
// widened by a tenth of it at both ends is never left, and the order of predictions stays. On 20
// points a straight line goes anywhere.
#pragma once

#include <Eigen/Core>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::predict {

enum class Warp { none, normal_scores, log_distance };

// Means and deviations, one each.
struct Moments {
  Eigen::VectorXd mean, deviation;
};

class TargetScale {
 public:
  TargetScale() : TargetScale(Eigen::VectorXd::Zero(1)) {}
  // `targets`: at least one. Equal ones have no deviation; it counts as 1, and they are predicted.
  explicit TargetScale(const Eigen::VectorXd& targets, Warp warp = Warp::none,
                       datasets::Direction direction = datasets::Direction::maximize);

  Warp warp() const { return warp_; }
  // 1 where larger targets are better, else -1.
  double sign() const { return sign_; }
  // Positions on the scale, larger being better.
  Eigen::VectorXd better(const Eigen::VectorXd& standardised) const;
  // Of the training targets.
  const Eigen::VectorXd& standardised() const { return standardised_; }
  // Of others; on the plain scale.
  Eigen::VectorXd standardised(const Eigen::VectorXd& targets) const;
  // In the unit of the targets.
  Moments restored(const Moments& standardised) const;

 private:
  double restored(double standardised) const;  // without the spread around it
  double unwarped(double warped) const;
  double limited(double prediction) const;

  Warp warp_;
  double sign_, best_ = 0, added_ = 0;  // of log_distance
  Eigen::VectorXd sorted_, quantiles_;  // of normal_scores
  double mean_, deviation_, low_, high_;
  Eigen::VectorXd standardised_;
};

// "as it is", "normal scores", "log of the distance to the best".
const char* to_string(Warp warp);
// What models are saved with.
const char* saved_name(Warp warp);
std::optional<Warp> warp_of(const std::string& saved_name);

// Of the standard normal distribution, for 0 < p < 1.
double normal_quantile(double p);
// Of (i + 1/2) / n, for i from 0 to n - 1.
Eigen::VectorXd normal_quantiles(Eigen::Index n);
// At x the line through the points (xs, ys), xs ascending, at least one; beyond the ends at the pace
// of the whole.
double interpolated(const Eigen::VectorXd& xs, const Eigen::VectorXd& ys, double x);
// Of each value the normal quantile of (rank - 1/2) / n; of equal ones, of their mean rank.
Eigen::VectorXd normal_scores(const Eigen::VectorXd& values);

}  // namespace metaqnn::predict
