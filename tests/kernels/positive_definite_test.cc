#include "kernels/positive_definite.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/edit_distance.h"
#include "kernels/rbf.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "tests/error_message.h"
#include "tests/matrix.h"
#include "tests/tolerances.h"
#include "tests/unit_costs.h"

namespace metaqnn::kernels {
namespace {

using Eigen::Index;
using Eigen::Matrix2d;
using Eigen::Matrix3d;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using tests::kRounding;
using tests::largest_difference;
using tests::random_matrix;
using tests::repaired;
using tests::unit_costs;

// About half of its eigenvalues are negative.
MatrixXd random_symmetric(Index n, uint64_t seed) {
  const MatrixXd x = random_matrix(n, n, seed);
  return x + x.transpose();
}

// All of the eigenvalues are well above zero.
MatrixXd random_positive_definite(Index n, uint64_t seed) {
  const MatrixXd x = random_matrix(n, 3, seed);
  return rbf(x, x, {{0, 3}}, VectorXd::Constant(1, 0.1));
}

// Levenshtein's.
MatrixXd edit_distances_of_random_strings(Index n) {
  Random random(1);
  std::vector<Tokens> strings(static_cast<size_t>(n));
  for (Tokens& string : strings) {
    string.resize(1 + random.below(8));
    for (int& token : string) token = static_cast<int>(random.below(3));
  }
  return edit_distances(strings, unit_costs(3));
}

Matrix2d matrix2(double a, double b, double c, double d) {
  Matrix2d matrix;
  matrix << a, b, c, d;
  return matrix;
}

double smallest_eigenvalue(const MatrixXd& matrix) {
  return Eigen::SelfAdjointEigenSolver<MatrixXd>(matrix).eigenvalues()(0);
}

std::string refusal(const MatrixXd& matrix) {
  return tests::usage_error([&] { decompose(matrix); });
}

TEST(Spectrum, IsAscendingOrthonormalAndMakesTheMatrix) {
  const MatrixXd k = random_symmetric(30, 1);
  const auto [values, vectors] = decompose(k);
  for (Index i = 1; i < values.size(); ++i) EXPECT_LE(values(i - 1), values(i));
  EXPECT_LT(largest_difference(vectors.transpose() * vectors, MatrixXd::Identity(30, 30)),
            kRounding);
  EXPECT_LT(largest_difference(vectors * values.asDiagonal() * vectors.transpose(), k), kRounding);
}

// Eigenvalues 1 of (1, 1)/sqrt(2) and -1 of (1, -1)/sqrt(2). Without the latter 1/2 (1, 1)' (1, 1)
// is left. Half of the sum of magnitudes, 2, is negative.
TEST(Repair, OfTwoByTwoWorkedByHand) {
  const Spectrum spectrum = decompose(matrix2(0, 1, 1, 0));
  EXPECT_NEAR(spectrum.values(0), -1, kRounding);
  EXPECT_NEAR(spectrum.values(1), 1, kRounding);
  EXPECT_EQ(spectrum.clipped()(0), 0);
  EXPECT_NEAR(spectrum.clipped()(1), 1, kRounding);
  EXPECT_LT(largest_difference(repaired(spectrum), Matrix2d::Constant(0.5)), kRounding);
  const RepairReport repair = report(spectrum);
  EXPECT_EQ(repair.size, 2);
  EXPECT_EQ(repair.negative, 1);
  EXPECT_NEAR(repair.most_negative, -1, kRounding);
  EXPECT_NEAR(repair.negative_share, 0.5, kRounding);
}

// Eigenvalues 1 - r, 1 and 1 + r with r = sqrt(2); that of 1 - r is v = (1, -r, 1)/2. The repair
// takes away (1 - r) v v'. Magnitudes sum to (r - 1) + 1 + (1 + r) = 1 + 2r.
TEST(Repair, OfThreeByThreeWorkedByHand) {
  const double r = std::sqrt(2.0);
  Matrix3d k, vv;
  k << 1, 1, 0, 1, 1, 1, 0, 1, 1;
  vv << 1, -r, 1, -r, 2, -r, 1, -r, 1;
  const Spectrum spectrum = decompose(k);
  EXPECT_LT(largest_difference(repaired(spectrum), k + (r - 1) / 4 * vv), kRounding);
  const RepairReport repair = report(spectrum);
  EXPECT_EQ(repair.size, 3);
  EXPECT_EQ(repair.negative, 1);
  EXPECT_NEAR(repair.most_negative, 1 - r, kRounding);
  EXPECT_NEAR(repair.negative_share, (r - 1) / (1 + 2 * r), kRounding);
}

TEST(Repair, LeavesNoNegativeEigenvalue) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const MatrixXd k = random_symmetric(30, seed);
    const Spectrum spectrum = decompose(k);
    EXPECT_LT(smallest_eigenvalue(k), -1);
    EXPECT_GT(smallest_eigenvalue(repaired(spectrum)), -kRounding);
    EXPECT_GE(spectrum.clipped().minCoeff(), 0);
  }
}

TEST(Repair, LeavesPositiveDefiniteMatricesUnchanged) {
  const MatrixXd k = random_positive_definite(30, 2);
  const Spectrum spectrum = decompose(k);
  EXPECT_LT(largest_difference(repaired(spectrum), k), kRounding);
  const RepairReport repair = report(spectrum);
  EXPECT_EQ(repair.size, 30);
  EXPECT_EQ(repair.negative, 0);
  EXPECT_EQ(repair.most_negative, 0);
  EXPECT_EQ(repair.negative_share, 0);
}

// A point that comes twice makes an eigenvalue of zero, which rounding may turn negative.
TEST(Repair, DoesNotTakeRoundingForNegativeEigenvalues) {
  MatrixXd x = random_matrix(30, 3, 3);
  x.bottomRows(15) = x.topRows(15);
  const MatrixXd k = x * x.transpose();
  const Spectrum spectrum = decompose(k);
  EXPECT_EQ((spectrum.clipped().array() > 0).count(), 3);  // its rank
  EXPECT_EQ(report(spectrum).negative, 0);
  EXPECT_EQ(report(spectrum).most_negative, 0);
  EXPECT_LT(largest_difference(repaired(spectrum), k), kRounding);
}

TEST(Repair, OfARepairedMatrixChangesNothing) {
  const MatrixXd once = repaired(decompose(random_symmetric(30, 4)));
  EXPECT_LT(largest_difference(repaired(decompose(once)), once), kRounding);
}

TEST(Repair, OfZeroIsZero) {
  const Spectrum spectrum = decompose(Matrix2d::Zero());
  EXPECT_EQ(repaired(spectrum), Matrix2d::Zero());
  EXPECT_EQ(report(spectrum).negative, 0);
  EXPECT_EQ(report(spectrum).negative_share, 0);
}

TEST(Repair, OfNothingIsNothing) {
  const Spectrum spectrum = decompose(MatrixXd(0, 0));
  EXPECT_EQ(repaired(spectrum).size(), 0);
  EXPECT_EQ(report(spectrum).size, 0);
  EXPECT_EQ(report(spectrum).negative, 0);
}

// Why there is a repair at all.
TEST(Repair, MakesTheExponentialOfEditDistancesDefiniteThatIsNot) {
  const MatrixXd k = (edit_distances_of_random_strings(80).array() / -4).exp();
  EXPECT_LT(smallest_eigenvalue(k), -0.01);
  const Spectrum spectrum = decompose(k);
  EXPECT_GT(report(spectrum).negative, 5);
  EXPECT_GT(smallest_eigenvalue(repaired(spectrum)), -kRounding);
}

// Why the edit kernel takes the root.
TEST(Repair, DropsNothingOfTheExponentialOfRootsOfEditDistancesOfShortStrings) {
  const MatrixXd k = (edit_distances_of_random_strings(80).array().sqrt() / -4).exp();
  EXPECT_LT(report(decompose(k)).negative_share, kRounding);
}

TEST(Spectrum, NeedsASquareMatrix) {
  EXPECT_EQ(refusal(MatrixXd::Zero(2, 3)), "a Gram matrix is square, not 2 x 3");
}

TEST(Spectrum, NeedsASymmetricMatrix) {
  const std::string error = "a Gram matrix of points with themselves is symmetric; this one is not";
  EXPECT_EQ(refusal(matrix2(1, 0.5, 0.6, 1)), error);
  EXPECT_EQ(refusal(1e-12 * matrix2(1, 0.5, 0.6, 1)), error);  // however small it is
}

TEST(Spectrum, TakesAMatrixThatIsSymmetricToRounding) {
  const Spectrum spectrum = decompose(matrix2(0, 1, 1 + 1e-14, 0));
  EXPECT_LT(largest_difference(repaired(spectrum), Matrix2d::Constant(0.5)), kRounding);
}

TEST(Spectrum, NeedsFiniteNumbers) {
  const std::string error = "a Gram matrix holds an infinity or no number";
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(refusal(matrix2(1, nan, nan, 1)), error);
  EXPECT_EQ(refusal(matrix2(infinity, 0, 0, 1)), error);
}

}  // namespace
}  // namespace metaqnn::kernels
