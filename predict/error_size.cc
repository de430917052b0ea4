#include "predict/error_size.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "predict/state.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kFloor = 0.7;                        // of c
constexpr double kOfCover = 0.25;                     // of k_c in k
constexpr double kMostDeviations = 3;                 // of an error that is learned from
constexpr double kCovered = 0.9, kQuantile = 1.6449;  // of the normal distribution, both sides

MatrixXd columns(const VectorXd& mean, const VectorXd& deviation) {
  MatrixXd x(mean.size(), 2);
  x << mean, deviation;
  return x;
}

VectorXd to_learn(const VectorXd& errors) {
  const double deviation = std::sqrt(errors.squaredNorm() / static_cast<double>(errors.size()));
  return errors.cwiseAbs().cwiseMin(kMostDeviations * deviation);
}

ForestSettings forest_settings(Index n) {
  ForestSettings settings;
  settings.trees = 200;
  settings.tree.smallest_leaf = std::max(5, static_cast<int>(n / 25));
  settings.tree.tried_share = 1;
  return settings;
}

}  // namespace

ErrorSize::ErrorSize(VectorXd mean, VectorXd deviation, VectorXd errors, uint64_t seed, int threads)
    : mean_(std::move(mean)),
      deviation_(std::move(deviation)),
      errors_(std::move(errors)),
      forest_(columns(mean_, deviation_), to_learn(errors_), forest_settings(errors_.size()), seed,
              threads) {
  floor_ = kFloor * std::sqrt(errors_.squaredNorm() / static_cast<double>(errors_.size()));
  if (!(floor_ > 0)) return;
  const VectorXd ratio = errors_.array().abs() / (forest_.left_out().array() + floor_);
  const double by_size = std::sqrt(ratio.squaredNorm() / static_cast<double>(ratio.size()));
  std::vector<double> sorted(ratio.begin(), ratio.end());
  std::sort(sorted.begin(), sorted.end());
  const auto at = static_cast<size_t>(kCovered * static_cast<double>(sorted.size()));
  const double by_cover = sorted[std::min(at, sorted.size() - 1)] / kQuantile;
  factor_ = std::pow(by_size, 1 - kOfCover) * std::pow(by_cover, kOfCover);
}

ErrorSize::ErrorSize(const nlohmann::json& state, uint64_t seed, int threads)
    : ErrorSize(vector_at(state, "mean", -1),
                vector_at(state, "deviation", static_cast<Index>(value_at(state, "mean").size())),
                vector_at(state, "errors", static_cast<Index>(value_at(state, "mean").size())),
                seed, threads) {}

nlohmann::json ErrorSize::state() const {
  return {
      {"mean", to_json(mean_)}, {"deviation", to_json(deviation_)}, {"errors", to_json(errors_)}};
}

VectorXd ErrorSize::operator()(const VectorXd& mean, const VectorXd& deviation, int threads) const {
  return factor_ * (forest_.predict(columns(mean, deviation), threads).array() + floor_);
}

}  // namespace metaqnn::predict
