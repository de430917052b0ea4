#include "kernels/dense.h"

#include <gtest/gtest.h>

#include "tests/matrix.h"
#include "tests/tolerances.h"

namespace metaqnn::kernels {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using tests::random_matrix;

void expect_equal(const MatrixXd& a, const MatrixXd& b) {
  ASSERT_EQ(a.rows(), b.rows());
  ASSERT_EQ(a.cols(), b.cols());
  EXPECT_LT((a - b).cwiseAbs().maxCoeff(), tests::kRounding);
}

TEST(Dense, ProductsAreThoseOfEigen) {
  struct Shape {
    Index n, k, m;
  };
  for (auto [n, k, m] : {Shape{1, 1, 1}, Shape{2, 3, 4}, Shape{70, 5, 33}, Shape{9, 90, 1}}) {
    const MatrixXd a = random_matrix(n, k, 1), b = random_matrix(k, m, 2);
    expect_equal(product(a, b), a * b);
    expect_equal(product_t(a.transpose(), b), a * b);
    expect_equal(product_nt(a, b.transpose()), a * b);
  }
}

// The product of a matrix with its own transpose takes another routine of BLAS.
TEST(Dense, ProductOfAMatrixWithItselfIsThatOfEigen) {
  const MatrixXd a = random_matrix(30, 7, 3);
  expect_equal(product_t(a, a), a.transpose() * a);
  expect_equal(product_nt(a, a), a * a.transpose());
}

TEST(Dense, ProductOverNothingIsZero) {
  expect_equal(product(MatrixXd(2, 0), MatrixXd(0, 3)), MatrixXd::Zero(2, 3));
  expect_equal(product_t(MatrixXd(0, 2), MatrixXd(0, 3)), MatrixXd::Zero(2, 3));
  expect_equal(product_nt(MatrixXd(2, 0), MatrixXd(3, 0)), MatrixXd::Zero(2, 3));
}

}  // namespace
}  // namespace metaqnn::kernels
