// Which parameters of a kernel, and which penalty, predict best what was left out?
//
//   minimise over theta, log(lambda):
//     sum_i r_i(theta, lambda)^2 / v  +  sum_k ((theta_k - start_k) / deviation_k)^2
//
//   r_i  leave-one-out residual of kernel least squares on standardised targets
//        (predict/least_squares.h)
//   v    variance of the residuals at the first start: what is gained by moving a parameter is
//        weighed against how far it moves, so that 20 points do not drive eight parameters
//
// Nonlinear least squares by Ceres Solver (Levenberg-Marquardt, bounds), from the starts in the
// kernel's own parameters and from `starts` - 1 more, drawn from the prior. With more than
// `most_points` points theta is chosen on a random subset of them; the penalty is for whoever solves
// on all, along the whole path that one decomposition gives. BLAS works with one thread.
//
//   Hyperparameters chosen = choose_hyperparameters(kernel, points, targets, {});
#pragma once

#include <Eigen/Core>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/kernel.h"
#include "predict/least_squares.h"

namespace metaqnn::predict {

struct HyperparameterSettings {
  int starts = 1;
  int most_points = 250;
  int iterations = 12;
  uint64_t seed = 0;
  const std::atomic<bool>* stop = nullptr;  // as in FitSettings
};

// What happened; for people.
struct HyperparameterReport {
  std::string kernel;
  Eigen::Index points = 0;  // on which theta was chosen
  int iterations = 0;
  double seconds = 0;
};

struct Hyperparameters {
  Eigen::VectorXd parameters;
  std::vector<Eigen::Index> rows;  // of the points, on which they were chosen, ascending
  HyperparameterReport report;
};

constexpr double kSmallestPenalty = 1e-5, kLargestPenalty = 1e3;

// `targets`: standardised, as many as points, at least 2. Throws FailureError where Ceres finds no
// finite residual at any start.
Hyperparameters choose_hyperparameters(const kernels::Kernel& kernel, const kernels::Points& points,
                                       const Eigen::VectorXd& targets,
                                       const HyperparameterSettings& settings);

}  // namespace metaqnn::predict
