// Kernel least squares with an intercept, and how wrong it would have been on each training point
// had that point been left out.
//
//   [K + lambda I, 1; 1', 0] [alpha; b] = [y; 0]        f(x) = k(x)' alpha + b
//   r_i = alpha_i / C_ii                                y_i - f_{-i}(x_i), without refitting
//
//   K       n x n, the Gram matrix repaired where need be (kernels/positive_definite.h)
//   lambda  the penalty, > 0
//   C       the upper left n x n block of the bordered matrix's inverse:
//           C = H - H 1 1' H / (1' H 1),  H = (K + lambda I)^-1
//
// One eigen-decomposition K = V diag(w) V' serves every lambda: n^2 each. Leaving a point out would
// also change which eigenvalues are clipped, and the columns' means: there the residuals are an
// approximation (docs/methods/kernel_least_squares.md has the measured gap). Source: Rifkin and
// Lippert, "Notes on regularized least squares" (2007); Cawley and Talbot, Neural Networks 17
// (2004), for the intercept.
//
//   LeastSquares system(kernels::decompose(gram), targets);
//   auto fit = system.solve(0.1);
//   prediction = kernel_to_training * fit.coefficients + fit.intercept;
#pragma once

#include <Eigen/Core>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/positive_definite.h"

namespace metaqnn::predict {

struct LeastSquaresFit {
  Eigen::VectorXd coefficients;  // n, projected: to be used with kernels that were not repaired
  double intercept = 0;
  Eigen::VectorXd left_out;       // n, the residuals r_i
  Eigen::VectorXd left_out_gain;  // n, 1 / C_ii: proportional to the variance of r_i
};

// What of a Gram matrix serves all targets and penalties; n^2 numbers twice.
struct Decomposition {
  explicit Decomposition(kernels::Spectrum spectrum);

  kernels::Spectrum spectrum;
  Eigen::VectorXd clipped;  // max(w, 0)
  Eigen::MatrixXd squared;  // V_ij^2
  Eigen::VectorXd ones;     // V' 1
};

class LeastSquares {
 public:
  // `targets`: n.
  LeastSquares(std::shared_ptr<const Decomposition> decomposition, const Eigen::VectorXd& targets);
  LeastSquares(kernels::Spectrum spectrum, const Eigen::VectorXd& targets)
      : LeastSquares(std::make_shared<const Decomposition>(std::move(spectrum)), targets) {}

  LeastSquaresFit solve(double penalty) const;

  // The derivatives of the residuals by log(penalty), last column, and by whatever changes K by
  // `derivatives` (n x n each, before the repair). n x (count + 1). Cost: one product
  // n x n x n each, three where there is much to repair.
  Eigen::MatrixXd jacobian(double penalty, const std::vector<Eigen::MatrixXd>& derivatives) const;

  // The penalty among `count` between `smallest` and `largest`, evenly in its logarithm, with the
  // smallest sum of squared residuals; refined once between its neighbours.
  double best_penalty(double smallest, double largest, int count = 25) const;

  const kernels::Spectrum& spectrum() const { return decomposition_->spectrum; }

 private:
  struct Terms;  // what depends on the penalty
  Terms terms(double penalty) const;
  Eigen::MatrixXd clip_derivative() const;

  std::shared_ptr<const Decomposition> decomposition_;
  Eigen::VectorXd targets_;  // V' y
};

// The penalty of best_penalty(), by the sums of squared left-out residuals for a list of them.
double least_on_path(double smallest, double largest, int count,
                     const std::function<Eigen::VectorXd(const Eigen::VectorXd&)>& squares);

// For each row of kernels to the training points (m x n, not repaired): k' H k, which with targets
// of variance 1 is what the training points tell about it. `spectrum`: of their Gram matrix.
Eigen::VectorXd explained(const kernels::Spectrum& spectrum, double penalty,
                          const Eigen::MatrixXd& rows);

}  // namespace metaqnn::predict
