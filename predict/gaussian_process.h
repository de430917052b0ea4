// A Gaussian process with an intercept: what is known at some points says what to expect at others,
// and how sure that is.
//
//   f(x)     = k(x)' alpha + b                             alpha, b: predict/least_squares.h
//   var f(x) = s^2 (k(x,x) - k(x)' H k(x)),                H = (K + lambda I)^-1
//   noise    = s^2 lambda,  s^2 = mean_i(r_i^2 C_ii)       of a measurement around f
//
// The penalty is the noise, and the scale s^2 makes the leave-one-out residuals r_i fit their
// variances (Rasmussen and Williams, "Gaussian processes for machine learning" (2006), equations
// 2.26 and 5.12). Targets come in any unit; whoever mixes units standardises them
// (predict/target_scale.h). Parameters of the kernel: predict/hyperparameters.h.
//
//   auto process = GaussianProcess::fit(kernel, parameters, {}, points, targets);
//   process.mean(others);
//   process.deviation(others, Spread::of_measurements);
//
// Cost: n^3 to fit; m n for the means and m n^2 for the deviations of m others. Deviations hold n^2
// numbers; several threads may ask at once. BLAS uses the threads that the caller has set.
#pragma once

#include <Eigen/Core>
#include <memory>
#include <optional>

#include "kernels/kernel.h"
#include "predict/kernel_system.h"

namespace metaqnn::predict {

// f(x) = sum_j k(x, c_j) coefficient_j + intercept.
struct Expansion {
  kernels::KernelPointer kernel;
  Eigen::VectorXd parameters;  // of the kernel
  kernels::Points centres;
  Eigen::VectorXd coefficients;  // one per centre
  double intercept = 0;

  Eigen::VectorXd operator()(const kernels::Points& points, int threads) const;
};

// A deviation: of the function f, or of a measurement of it, which adds the noise.
enum class Spread { of_function, of_measurements };

class GaussianProcess {
 public:
  // On `targets`, one per point, at least 2. Without a penalty leave-one-out chooses it.
  static GaussianProcess fit(kernels::KernelPointer kernel, Eigen::VectorXd parameters,
                             std::optional<double> penalty, kernels::Points points,
                             const Eigen::VectorXd& targets, int threads = 1);
  // The same, where the kernel's system at the points is made already; its landmarks are the centres.
  static GaussianProcess fit(kernels::KernelPointer kernel, Eigen::VectorXd parameters,
                             std::optional<double> penalty, kernels::Points points,
                             const Eigen::VectorXd& targets, const KernelSystem& system);
  // One that was fitted before. Its centres are the landmarks, or all its points.
  GaussianProcess(Expansion expansion, double penalty, double scale,
                  std::shared_ptr<const Landmarks> landmarks = nullptr);

  Eigen::VectorXd mean(const kernels::Points& others, int threads = 1) const {
    return expansion_(others, threads);
  }
  Eigen::VectorXd deviation(const kernels::Points& others, Spread spread, int threads = 1) const;
  double noise() const { return scale_ * penalty_; }  // a variance

  // The kernel between others and the points, m x n, for who needs it more than once, and what
  // follows from it.
  Eigen::MatrixXd gram(const kernels::Points& others) const;
  Eigen::VectorXd mean(const Eigen::MatrixXd& gram) const;
  // Of f, between others: m x m.
  Eigen::MatrixXd covariance(const kernels::Points& others, const Eigen::MatrixXd& gram) const;

  // For each point, left out: its residual, and the deviation that it was claimed to have. Empty
  // where the process was fitted before.
  struct LeftOut {
    Eigen::VectorXd residuals, deviations;
  };
  const LeftOut& left_out() const { return left_out_; }

  const Expansion& expansion() const { return expansion_; }
  double penalty() const { return penalty_; }
  double scale() const { return scale_; }

  // Null where all points are centres.
  const Landmarks* landmarks() const { return landmarks_.get(); }
  // Forgets the n^2 numbers that only deviations need and that can be made again.
  void forget_system();

 private:
  struct System;
  std::shared_ptr<const kernels::Spectrum> basis(int threads) const;

  Expansion expansion_;
  double penalty_, scale_;
  LeftOut left_out_;
  std::shared_ptr<const Landmarks> landmarks_;
  mutable std::shared_ptr<System> system_;
};

}  // namespace metaqnn::predict
