// How far off are predictions like this one?
//
//   d(x) = k (e(x) + 0.7 c)
//
//   e    a forest (predict/forest.h) that predicts |error| from what is claimed at x: the value and
//        its deviation; learned from left-out errors, none counted as larger than three times their
//        deviation
//   c    root of the mean squared left-out error: what a forest learns of errors is itself uncertain,
//        and one large error where a small one was claimed costs more than all others gain
//   k    k_s^(3/4) k_c^(1/4): with k_s the left-out errors have the size claimed, with k_c 90% of
//        them lie in an interval of 90%
//
// The forest's predictions of training points are those of the trees that did not see them.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "predict/forest.h"

namespace metaqnn::predict {

class ErrorSize {
 public:
  // `mean`, `deviation`: n, left out; `errors`: n. At least kFewestErrors of them.
  ErrorSize(const Eigen::VectorXd& mean, const Eigen::VectorXd& deviation,
            const Eigen::VectorXd& errors, uint64_t seed, int threads);
  // Of one that was saved; before version 4, what it was learned from.
  static ErrorSize restore(const nlohmann::json& state, uint64_t seed, int threads);
  nlohmann::json state() const;

  Eigen::VectorXd operator()(const Eigen::VectorXd& mean, const Eigen::VectorXd& deviation,
                             int threads) const;

 private:
  ErrorSize(Forest forest, double floor, double factor);

  Forest forest_;
  double floor_ = 0, factor_ = 1;
};

constexpr Eigen::Index kFewestErrors = 10;

}  // namespace metaqnn::predict
