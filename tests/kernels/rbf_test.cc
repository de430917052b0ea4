#include "kernels/rbf.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <limits>
#include <string>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "tests/error_message.h"
#include "tests/matrix.h"
#include "tests/tolerances.h"

namespace metaqnn::kernels {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using tests::kRounding;
using tests::largest_difference;
using tests::usage_error;
using tests::vector;

MatrixXd random_points(Index n, Index d, uint64_t seed) {
  Random random(seed);
  MatrixXd x(n, d);
  for (double& value : x.reshaped()) value = 4 * random.uniform() - 2;
  return x;
}

MatrixXd row(std::initializer_list<double> values) { return vector(values).transpose(); }

// 3^2 + 4^2 = 25 from the first and 3^2 + 3^2 = 18 from the second.
TEST(SquaredDistances, OfARectangleWorkedByHand) {
  MatrixXd a(2, 2);
  a << 0, 0, 0, 1;
  const MatrixXd distances = squared_distances(a, row({3, 4}));
  ASSERT_EQ(distances.rows(), 2);
  ASSERT_EQ(distances.cols(), 1);
  EXPECT_EQ(distances(0, 0), 25);
  EXPECT_EQ(distances(1, 0), 18);
}

TEST(SquaredDistances, AreSumsOfSquaredDifferences) {
  const MatrixXd a = random_points(20, 5, 1), b = random_points(30, 5, 2);
  const MatrixXd distances = squared_distances(a, b);
  for (Index i = 0; i < a.rows(); ++i)
    for (Index j = 0; j < b.rows(); ++j)
      EXPECT_NEAR(distances(i, j), (a.row(i) - b.row(j)).squaredNorm(), kRounding);
}

// |a|^2 - 2ab + |b|^2 of numbers around a million loses twelve digits, and the sign with them.
TEST(SquaredDistances, AreNeverNegativeFarFromTheOrigin) {
  const MatrixXd a = random_points(50, 7, 3).array() + 1e6;
  EXPECT_GE(squared_distances(a, a).minCoeff(), 0);
}

TEST(SquaredDistances, OfPointsWithUnequalFeaturesAreRefused) {
  EXPECT_EQ(usage_error([] { squared_distances(MatrixXd(1, 2), MatrixXd(1, 3)); }),
            "points of 2 and 3 features do not compare; encode them alike");
}

TEST(Rbf, OfAPointWithItselfIsOne) {
  const MatrixXd x = random_points(10, 4, 4);
  const MatrixXd k = rbf(x, x, {{0, 2}, {2, 2}}, vector({0.5, 2}));
  for (Index i = 0; i < x.rows(); ++i) EXPECT_NEAR(k(i, i), 1, kRounding);
}

// Columns 0 and 1: (1 + 4) / (2 * 1^2) = 2.5. Column 2: 9 / (1 * 2^2) = 2.25.
// exp(-(2.5 + 2.25) / 2) = exp(-2.375).
TEST(Rbf, OfTwoGroupsWorkedByHand) {
  const MatrixXd k = rbf(row({0, 0, 0}), row({1, 2, 3}), {{0, 2}, {2, 1}}, vector({1, 2}));
  EXPECT_NEAR(k(0, 0), std::exp(-2.375), kRounding);
}

// exp(-|a - b|^2 / (2 d w^2)) of d columns.
TEST(Rbf, OfOneGroupIsIsotropic) {
  const MatrixXd a = random_points(6, 3, 5), b = random_points(8, 3, 6);
  const MatrixXd k = rbf(a, b, {{0, 3}}, vector({0.8}));
  for (Index i = 0; i < a.rows(); ++i)
    for (Index j = 0; j < b.rows(); ++j)
      EXPECT_NEAR(k(i, j), std::exp(-(a.row(i) - b.row(j)).squaredNorm() / (2 * 3 * 0.8 * 0.8)),
                  kRounding);
}

TEST(Rbf, OfGroupsIsTheProductOfTheGroups) {
  const MatrixXd a = random_points(9, 5, 7), b = random_points(7, 5, 8);
  const MatrixXd both = rbf(a, b, {{0, 2}, {2, 3}}, vector({0.7, 1.9}));
  const MatrixXd first = rbf(a, b, {{0, 2}}, vector({0.7}));
  const MatrixXd second = rbf(a, b, {{2, 3}}, vector({1.9}));
  EXPECT_LT(largest_difference(both, first.cwiseProduct(second)), kRounding);
}

TEST(Rbf, OfGroupsInAnotherOrderIsTheSame) {
  const MatrixXd x = random_points(9, 5, 9);
  EXPECT_LT(largest_difference(rbf(x, x, {{0, 2}, {2, 3}}, vector({0.7, 1.9})),
                               rbf(x, x, {{2, 3}, {0, 2}}, vector({1.9, 0.7}))),
            kRounding);
}

TEST(Rbf, LeavesOutColumnsOfNoGroup) {
  MatrixXd a = random_points(5, 4, 10), b = random_points(5, 4, 11);
  const MatrixXd before = rbf(a, b, {{1, 2}}, vector({1}));
  for (Index column : {0, 3}) {
    a.col(column).setConstant(17);
    b.col(column).setConstant(-3);
  }
  EXPECT_EQ(largest_difference(rbf(a, b, {{1, 2}}, vector({1})), before), 0);
}

TEST(Rbf, GrowsWithItsWidths) {
  const MatrixXd a = random_points(5, 4, 12), b = random_points(5, 4, 13);
  const std::vector<ColumnGroup> groups = {{0, 1}, {1, 3}};
  const MatrixXd narrow = rbf(a, b, groups, vector({0.5, 0.5}));
  EXPECT_GT((rbf(a, b, groups, vector({0.6, 0.5})) - narrow).minCoeff(), 0);
  EXPECT_GT((rbf(a, b, groups, vector({0.5, 0.6})) - narrow).minCoeff(), 0);
}

TEST(Rbf, IsSymmetric) {
  const MatrixXd a = random_points(20, 3, 14), b = random_points(90, 3, 15);
  const std::vector<ColumnGroup> groups = {{0, 1}, {1, 2}};
  EXPECT_LT(largest_difference(rbf(a, b, groups, vector({0.6, 1.1})),
                               rbf(b, a, groups, vector({0.6, 1.1})).transpose()),
            kRounding);
}

// Widths at which the smallest eigenvalue is well above rounding, and at which it is not.
TEST(Rbf, IsPositiveDefinite) {
  const MatrixXd x = random_points(40, 4, 16);
  const auto smallest = [&](double width) {
    const MatrixXd k = rbf(x, x, {{0, 1}, {1, 3}}, vector({width, 2 * width}));
    return Eigen::SelfAdjointEigenSolver<MatrixXd>(k).eigenvalues()(0);
  };
  EXPECT_GT(smallest(0.2), 0);
  EXPECT_GT(smallest(5), -kRounding);
}

// More columns than are computed at once, so that there is something to share.
TEST(Rbf, IsTheSameToTheLastBitWithAnyNumberOfThreads) {
  const MatrixXd a = random_points(50, 6, 17), b = random_points(200, 6, 18);
  const std::vector<ColumnGroup> groups = {{0, 2}, {2, 4}};
  const MatrixXd one = rbf(a, b, groups, vector({0.9, 1.3}), 1);
  EXPECT_EQ(largest_difference(rbf(a, b, groups, vector({0.9, 1.3}), 3), one), 0);
}

TEST(Rbf, OfNoPointsIsEmpty) {
  const MatrixXd k = rbf(MatrixXd(0, 2), MatrixXd(0, 2), {{0, 2}}, vector({1}));
  EXPECT_EQ(k.rows(), 0);
  EXPECT_EQ(k.cols(), 0);
}

TEST(Rbf, NeedsAWidthForEachGroup) {
  EXPECT_EQ(usage_error([] {
              rbf(row({1}), row({2}), {{0, 1}}, vector({1, 2}));
            }),
            "rbf: 1 groups of columns, but 2 widths; give one for each");
}

TEST(Rbf, RefusesWidthsThatAreNotPositiveAndFinite) {
  const auto error = [](double width) {
    return usage_error([&] {
      rbf(row({1, 1}), row({2, 2}), {{0, 1}, {1, 1}}, vector({1, width}));
    });
  };
  EXPECT_EQ(error(0), "rbf: width 1 is 0.000000; widths are positive and finite");
  EXPECT_EQ(error(-2), "rbf: width 1 is -2.000000; widths are positive and finite");
  EXPECT_EQ(error(std::numeric_limits<double>::infinity()),
            "rbf: width 1 is inf; widths are positive and finite");
  EXPECT_EQ(error(std::numeric_limits<double>::quiet_NaN()),
            "rbf: width 1 is nan; widths are positive and finite");
}

TEST(Rbf, OfPointsWithUnequalFeaturesIsRefused) {
  EXPECT_EQ(usage_error([] {
              rbf(row({1, 2, 3}), row({1, 2}), {{0, 3}}, vector({1}));
            }),
            "points of 3 and 2 features do not compare; encode them alike");
}

}  // namespace
}  // namespace metaqnn::kernels
