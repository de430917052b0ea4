#include "predict/target_scale.h"

#include <cmath>

namespace metaqnn::predict {

using Eigen::VectorXd;

TargetScale::TargetScale(const VectorXd& targets)
    : mean_(targets.mean()), low_(targets.minCoeff()), high_(targets.maxCoeff()) {
  const VectorXd centred = targets.array() - mean_;
  const double deviation = std::sqrt(centred.squaredNorm() / static_cast<double>(targets.size()));
  deviation_ = deviation > 1e-12 ? deviation : 1;
}

VectorXd TargetScale::standardised(const VectorXd& targets) const {
  return (targets.array() - mean_) / deviation_;
}

VectorXd TargetScale::restored(const VectorXd& standardised) const {
  return limit(standardised.array() * deviation_ + mean_);
}

VectorXd TargetScale::limit(const VectorXd& predictions) const {
  const double margin = 0.1 * (high_ - low_);
  if (!(margin > 0)) return VectorXd::Constant(predictions.size(), low_);
  return predictions.unaryExpr([&](double p) {
    if (p > high_) return high_ + margin * std::tanh((p - high_) / margin);
    if (p < low_) return low_ - margin * std::tanh((low_ - p) / margin);
    return p;
  });
}

}  // namespace metaqnn::predict
