#include "predict/target_scale.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::VectorXd;

namespace {

constexpr double kLogShare = 0.05;  // of the deviation, added to the distance to the best
constexpr int kNodes = 40;

// The middles of as many equal shares of the standard normal distribution, of variance 1.
const std::array<double, kNodes>& nodes() {
  static const std::array<double, kNodes> nodes = [] {
    std::array<double, kNodes> z{};
    double squares = 0;
    for (int i = 0; i < kNodes; ++i) {
      z[static_cast<size_t>(i)] = normal_quantile((i + 0.5) / kNodes);
      squares += z[static_cast<size_t>(i)] * z[static_cast<size_t>(i)];
    }
    for (double& value : z) value /= std::sqrt(squares / kNodes);
    return z;
  }();
  return nodes;
}

struct Names {
  Warp warp;
  const char *saved, *shown;
};
constexpr std::array<Names, 3> kNames{
    {{Warp::none, "none", "as it is"},
     {Warp::normal_scores, "normal_scores", "normal scores"},
     {Warp::log_distance, "log_distance", "log of the distance to the best"}}};

const Names& names_of(Warp warp) {
  return *std::find_if(kNames.begin(), kNames.end(),
                       [&](const Names& names) { return names.warp == warp; });
}

}  // namespace

const char* to_string(Warp warp) { return names_of(warp).shown; }
const char* saved_name(Warp warp) { return names_of(warp).saved; }
std::optional<Warp> warp_of(const std::string& saved_name) {
  for (const Names& names : kNames) {
    if (saved_name == names.saved) return names.warp;
  }
  return std::nullopt;
}

// Newton's steps from 0 come from one side.
double normal_quantile(double p) {
  double z = 0;
  for (int i = 0; i < 50; ++i) {
    const double cumulative = 0.5 * std::erfc(-z / std::sqrt(2));
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * M_PI);
    const double step = (cumulative - p) / density;
    z -= step;
    if (std::abs(step) < 1e-12) break;
  }
  return z;
}

VectorXd normal_quantiles(Index n) {
  VectorXd quantiles(n);
  for (Index i = 0; i < n; ++i)
    quantiles(i) = normal_quantile((static_cast<double>(i) + 0.5) / static_cast<double>(n));
  return quantiles;
}

double interpolated(const VectorXd& xs, const VectorXd& ys, double x) {
  const Index n = xs.size();
  const Index above = std::upper_bound(xs.data(), xs.data() + n, x) - xs.data();
  const double pace = n > 1 ? (ys(n - 1) - ys(0)) / (xs(n - 1) - xs(0)) : 0;
  if (above == 0) return ys(0) + pace * (x - xs(0));
  if (above == n) return ys(n - 1) + pace * (x - xs(n - 1));
  const double share = (x - xs(above - 1)) / (xs(above) - xs(above - 1));
  return ys(above - 1) + share * (ys(above) - ys(above - 1));
}

VectorXd normal_scores(const VectorXd& values) {
  std::vector<Index> order(static_cast<size_t>(values.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::sort(order.begin(), order.end(), [&](Index a, Index b) { return values(a) < values(b); });
  VectorXd scores(values.size());
  const auto n = static_cast<double>(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && values(order[end]) == values(order[begin])) ++end;
    const double middle = static_cast<double>(begin + end) / 2;  // of ranks from 0, plus 1/2
    for (size_t i = begin; i < end; ++i) scores(order[i]) = normal_quantile(middle / n);
    begin = end;
  }
  return scores;
}

TargetScale::TargetScale(const VectorXd& targets, Warp warp, datasets::Direction direction)
    : warp_(warp),
      sign_(datasets::sign_of(direction)),
      low_(targets.minCoeff()),
      high_(targets.maxCoeff()) {
  VectorXd warped = targets;
  if (warp_ == Warp::normal_scores) {
    warped = normal_scores(targets);
    sorted_ = targets;
    std::sort(sorted_.begin(), sorted_.end());
    quantiles_ = normal_quantiles(sorted_.size());
  } else if (warp_ == Warp::log_distance) {
    best_ = (sign_ * targets).maxCoeff();
    const double spread = std::sqrt((targets.array() - targets.mean()).square().mean());
    added_ = spread > 0 ? kLogShare * spread : 1;
    warped = -(best_ + added_ - sign_ * targets.array()).log();
  }
  mean_ = warped.mean();
  const VectorXd centred = warped.array() - mean_;
  const double deviation = std::sqrt(centred.squaredNorm() / static_cast<double>(warped.size()));
  deviation_ = deviation > 1e-12 ? deviation : 1;
  standardised_ = (warped.array() - mean_) / deviation_;
}

VectorXd TargetScale::better(const VectorXd& standardised) const {
  return warp_ == Warp::log_distance ? standardised : sign_ * standardised;
}

VectorXd TargetScale::standardised(const VectorXd& targets) const {
  return (targets.array() - mean_) / deviation_;
}

double TargetScale::unwarped(double z) const {
  if (warp_ == Warp::log_distance) return sign_ * (best_ + added_ - std::exp(-z));
  if (warp_ == Warp::none) return z;
  return interpolated(quantiles_, sorted_, z);
}

double TargetScale::restored(double standardised) const {
  return limited(unwarped(standardised * deviation_ + mean_));
}

Moments TargetScale::restored(const Moments& standardised) const {
  if (warp_ == Warp::none) {
    return {standardised.mean.unaryExpr([&](double z) { return restored(z); }),
            standardised.deviation * deviation_};
  }
  Moments result{VectorXd(standardised.mean.size()), VectorXd(standardised.mean.size())};
  for (Index i = 0; i < standardised.mean.size(); ++i) {
    double sum = 0, squares = 0;
    for (double node : nodes()) {
      const double value = restored(standardised.mean(i) + node * standardised.deviation(i));
      sum += value;
      squares += value * value;
    }
    const double mean = sum / kNodes;
    result.mean(i) = mean;
    result.deviation(i) = std::sqrt(std::max(squares / kNodes - mean * mean, 0.0));
  }
  return result;
}

double TargetScale::limited(double p) const {
  const double margin = 0.1 * (high_ - low_);
  if (!(margin > 0)) return low_;
  if (p > high_) return high_ + margin * std::tanh((p - high_) / margin);
  if (p < low_) return low_ - margin * std::tanh((low_ - p) / margin);
  return p;
}

}  // namespace metaqnn::predict
