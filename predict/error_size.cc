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

constexpr Index kColumns = 2;

MatrixXd columns(const VectorXd& mean, const VectorXd& deviation) {
  MatrixXd x(mean.size(), kColumns);
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

ErrorSize::ErrorSize(const VectorXd& mean, const VectorXd& deviation, const VectorXd& errors,
                     uint64_t seed, int threads)
    : forest_(columns(mean, deviation), to_learn(errors), forest_settings(errors.size()), seed,
              threads) {
  floor_ = kFloor * std::sqrt(errors.squaredNorm() / static_cast<double>(errors.size()));
  if (!(floor_ > 0)) return;
  const VectorXd ratio = errors.array().abs() / (forest_.left_out().array() + floor_);
  const double by_size = std::sqrt(ratio.squaredNorm() / static_cast<double>(ratio.size()));
  std::vector<double> sorted(ratio.begin(), ratio.end());
  std::sort(sorted.begin(), sorted.end());
  const auto at = static_cast<size_t>(kCovered * static_cast<double>(sorted.size()));
  const double by_cover = sorted[std::min(at, sorted.size() - 1)] / kQuantile;
  factor_ = std::pow(by_size, 1 - kOfCover) * std::pow(by_cover, kOfCover);
}

ErrorSize::ErrorSize(Forest forest, double floor, double factor)
    : forest_(std::move(forest)), floor_(floor), factor_(factor) {}

ErrorSize ErrorSize::restore(const nlohmann::json& state, uint64_t seed, int threads) {
  if (state.contains("trees")) {
    return {Forest(state["trees"], kColumns), number_at(state, "floor"),
            number_at(state, "factor")};
  }
  const VectorXd mean = vector_at(state, "mean", -1);
  return {mean, vector_at(state, "deviation", mean.size()), vector_at(state, "errors", mean.size()),
          seed, threads};
}

nlohmann::json ErrorSize::state() const {
  return {{"floor", floor_}, {"factor", factor_}, {"trees", forest_.state()}};
}

VectorXd ErrorSize::operator()(const VectorXd& mean, const VectorXd& deviation, int threads) const {
  return factor_ * (forest_.predict(columns(mean, deviation), threads).array() + floor_);
}

}  // namespace metaqnn::predict
