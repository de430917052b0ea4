#include "predict/least_squares.h"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <cmath>

#include "base/blas_threads.h"
#include "kernels/kernel.h"
#include "predict/hyperparameters.h"
#include "predict/kernel_regressor.h"
#include "predict/target_scale.h"
#include "tests/matrix.h"
#include "tests/tolerances.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using tests::random_matrix;

// Positive definite.
MatrixXd random_gram(Index n, uint64_t seed) {
  const MatrixXd x = random_matrix(n, 3, seed);
  return kernels::rbf(x, x, {{0, 3}}, VectorXd::Constant(1, 0.7));
}

struct Direct {
  VectorXd alpha;
  double b;
};

// The bordered system of the header, as it stands there.
Direct solve_directly(const MatrixXd& k, const VectorXd& y, double penalty) {
  const Index n = y.size();
  MatrixXd bordered = MatrixXd::Zero(n + 1, n + 1);
  bordered.topLeftCorner(n, n) = k + penalty * MatrixXd::Identity(n, n);
  bordered.col(n).head(n).setOnes();
  bordered.row(n).head(n).setOnes();
  VectorXd right(n + 1);
  right << y, 0;
  const VectorXd solution = bordered.fullPivLu().solve(right);
  return {solution.head(n), solution(n)};
}

MatrixXd without(const MatrixXd& x, Index row, Index column) {
  MatrixXd result(x.rows() - (row >= 0), x.cols() - (column >= 0));
  for (Index j = 0, to = 0; j < x.cols(); ++j) {
    if (j == column) continue;
    for (Index i = 0, at = 0; i < x.rows(); ++i) {
      if (i != row) result(at++, to) = x(i, j);
    }
    ++to;
  }
  return result;
}

TEST(LeastSquares, SolvesTheBorderedSystem) {
  const MatrixXd k = random_gram(12, 1);
  const VectorXd y = random_matrix(12, 1, 2);
  const LeastSquaresFit fit = LeastSquares(kernels::decompose(k), y).solve(0.1);
  const Direct direct = solve_directly(k, y, 0.1);
  EXPECT_LT((fit.coefficients - direct.alpha).norm(), tests::kLinearAlgebra);
  EXPECT_NEAR(fit.intercept, direct.b, tests::kLinearAlgebra);
}

// K = 0 leaves the intercept alone: the mean, 2; left out, the mean of the other two.
TEST(LeastSquares, WithoutAKernelPredictsTheMean) {
  const VectorXd y = Eigen::Vector3d(1, 2, 3);
  const LeastSquaresFit fit = LeastSquares(kernels::decompose(MatrixXd::Zero(3, 3)), y).solve(1);
  EXPECT_NEAR(fit.intercept, 2, tests::kLinearAlgebra);
  EXPECT_NEAR(fit.left_out(0), 1 - 2.5, tests::kLinearAlgebra);
  EXPECT_NEAR(fit.left_out(1), 0, tests::kLinearAlgebra);
}

TEST(LeastSquares, LeftOutResidualsAreThoseOfFittingWithoutThePoint) {
  const Index n = 15;
  const MatrixXd k = random_gram(n, 3);
  const VectorXd y = random_matrix(n, 1, 4);
  for (double penalty : {0.001, 0.1, 10.0}) {
    const VectorXd left_out = LeastSquares(kernels::decompose(k), y).solve(penalty).left_out;
    for (Index i = 0; i < n; ++i) {
      const Direct direct = solve_directly(without(k, i, i), without(y, i, -1), penalty);
      const double prediction =
          without(k.row(i), -1, i).row(0).dot(direct.alpha.transpose()) + direct.b;
      EXPECT_NEAR(left_out(i), y(i) - prediction, tests::kLinearAlgebra) << penalty;
    }
  }
}

TEST(LeastSquares, OfAnIndefiniteMatrixIsThatOfItsRepair) {
  MatrixXd k = random_matrix(10, 10, 5);
  k = (k + k.transpose()).eval();
  const VectorXd y = random_matrix(10, 1, 6);
  const kernels::Spectrum spectrum = kernels::decompose(k);
  ASSERT_GT(kernels::report(spectrum).negative, 0);
  const MatrixXd repair = tests::repaired(spectrum);
  const LeastSquaresFit repaired = LeastSquares(kernels::decompose(repair), y).solve(0.5);
  const LeastSquaresFit fit = LeastSquares(spectrum, y).solve(0.5);
  EXPECT_LT((fit.left_out - repaired.left_out).norm(), tests::kLinearAlgebra);
  // Predictions for the training points themselves: by the kernel that was not repaired.
  EXPECT_LT((k * fit.coefficients - repair * repaired.coefficients).norm(), tests::kLinearAlgebra);
}

// y_i less the prediction of a fit on the others, with an eigen-decomposition of its own for each.
VectorXd fitted_without_each(const MatrixXd& k, const VectorXd& y, double penalty) {
  VectorXd residuals(y.size());
  for (Index i = 0; i < y.size(); ++i) {
    const LeastSquaresFit fit =
        LeastSquares(kernels::decompose(without(k, i, i)), without(y, i, -1)).solve(penalty);
    residuals(i) = y(i) - without(k.row(i), -1, i).row(0).dot(fit.coefficients) - fit.intercept;
  }
  return residuals;
}

// Which eigenvalues are clipped depends on the point left out. The edit kernel, exp(-sqrt(d)/h), has
// none to clip here; exp(-d/h) has, and there the closed form is an approximation.
TEST(LeastSquares, LeftOutResidualsAreWithinAFewPercentWhereTheKernelIsClipped) {
  const BlasThreads one(1);  // a hundred small decompositions
  const Samples samples = make_samples(
      datasets::read_log(METAQNN_SOURCE_DIR "/experiments/results/fashion_mnist_log.csv"), {},
      Failures::exclude);
  const std::vector<std::string> some(samples.architectures.begin(),
                                      samples.architectures.begin() + 100);
  Encoding encoding({}, some);
  const kernels::KernelPointer kernel = edit_kernel(encoding);
  const MatrixXd k = kernel->gram(starts(*kernel), encoding.points(some));
  const VectorXd targets = samples.targets.head(k.rows());
  const VectorXd y = TargetScale(targets).standardised();
  const double penalty = 0.1;

  const VectorXd closed = LeastSquares(kernels::decompose(k), y).solve(penalty).left_out;
  EXPECT_LT((closed - fitted_without_each(k, y, penalty)).norm(),
            tests::kLinearAlgebra * closed.norm());

  const MatrixXd of_distance = (-k.array().log().square()).exp();
  const kernels::Spectrum spectrum = kernels::decompose(of_distance);
  ASSERT_GT(kernels::report(spectrum).negative, 0);
  const double ratio = LeastSquares(spectrum, y).solve(penalty).left_out.norm() /
                       fitted_without_each(of_distance, y, penalty).norm();
  EXPECT_NEAR(ratio, 1, tests::kLeftOutOfClipped);
}

TEST(LeastSquares, JacobianIsThatOfFiniteDifferencesRepairedOrNot) {
  const Index n = 12;
  const VectorXd y = random_matrix(n, 1, 8);
  for (bool indefinite : {false, true}) {
    MatrixXd k = random_gram(n, 7);
    if (indefinite) k -= 0.3 * MatrixXd::Identity(n, n);
    MatrixXd change = random_matrix(n, n, 9);
    change = (change + change.transpose()).eval();
    const double penalty = 0.2, step = 1e-6;
    const auto residuals = [&](double along, double log_penalty) -> VectorXd {
      return LeastSquares(kernels::decompose(k + along * change), y)
          .solve(std::exp(log_penalty))
          .left_out;
    };
    const MatrixXd jacobian = LeastSquares(kernels::decompose(k), y).jacobian(penalty, {change});
    const double at = std::log(penalty);
    const VectorXd by_kernel = (residuals(step, at) - residuals(-step, at)) / (2 * step);
    const VectorXd by_penalty = (residuals(0, at + step) - residuals(0, at - step)) / (2 * step);
    EXPECT_LT((jacobian.col(0) - by_kernel).norm(), tests::kDerivative * by_kernel.norm());
    EXPECT_LT((jacobian.col(1) - by_penalty).norm(), tests::kDerivative * by_penalty.norm());
  }
}

TEST(LeastSquares, TheBestPenaltyHasTheSmallestResiduals) {
  const MatrixXd k = random_gram(30, 10);
  const VectorXd y = random_matrix(30, 1, 11);
  const LeastSquares system(kernels::decompose(k), y);
  const double best = system.best_penalty(1e-5, 1e3);
  for (double factor : {0.5, 2.0}) {
    EXPECT_LE(system.solve(best).left_out.squaredNorm(),
              system.solve(best * factor).left_out.squaredNorm());
  }
}

TEST(Hyperparameters, FindsAWidthWithWhichASineIsPredicted) {
  const Index n = 60;
  kernels::Points points;
  points.features = random_matrix(n, 2, 12);
  points.tokens.resize(n);
  VectorXd y = (4 * points.features.col(0)).array().sin();  // the second column is noise
  y.array() -= y.mean();
  y /= std::sqrt(y.squaredNorm() / n);
  const auto kernel = kernels::make_rbf({{"signal", {0, 1}}, {"noise", {1, 1}}});
  const Hyperparameters chosen = choose_hyperparameters(*kernel, points, y, {});
  const auto r2 = [&](const VectorXd& parameters) {
    const LeastSquares system(kernels::decompose(kernel->gram(parameters, points)), y);
    const double penalty = system.best_penalty(kSmallestPenalty, kLargestPenalty);
    return 1 - system.solve(penalty).left_out.squaredNorm() / n;
  };
  EXPECT_GT(r2(chosen.parameters), 0.95);
  EXPECT_GT(r2(chosen.parameters), r2(kernels::starts(*kernel)));
  EXPECT_LT(chosen.parameters(0), chosen.parameters(1));  // the noise gets the larger width
}

TEST(Hyperparameters, IsTheSameForTheSameSeed) {
  kernels::Points points;
  points.features = random_matrix(40, 2, 13);
  points.tokens.resize(40);
  const VectorXd y = random_matrix(40, 1, 14);
  const auto kernel = kernels::make_rbf({{"all", {0, 2}}});
  HyperparameterSettings settings;
  settings.starts = 3;
  settings.most_points = 30;
  const Hyperparameters a = choose_hyperparameters(*kernel, points, y, settings),
                        b = choose_hyperparameters(*kernel, points, y, settings);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.report.points, 30);
}

}  // namespace
}  // namespace metaqnn::predict
