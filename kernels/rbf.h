// How alike are two points, by their features?
//
//   squared_distances(i, j) = |a_i - b_j|^2                                    n x m
//   rbf(i, j)               = exp(-1/2 sum_g |a_i - b_j|_g^2 / (c_g w_g^2))    n x m
//
//   a      n x d, b m x d: rows are points
//   g      groups of columns, each with its own width w_g > 0 and c_g columns, so that widths of
//          large and small groups compare; columns of no group do not count
//
// Positive definite for any widths (Schoenberg, 1938). Cost: n*m*d, a matrix product. Distances of
// equal rows are 0 up to rounding, never negative.
//
//   rbf(x, x, {{0, x.cols()}}, Eigen::VectorXd::Constant(1, 1.0));    // isotropic
#pragma once

#include <Eigen/Core>
#include <vector>

namespace metaqnn::kernels {

// Columns begin to begin + count - 1.
struct ColumnGroup {
  Eigen::Index begin, count;
};

Eigen::MatrixXd squared_distances(const Eigen::Ref<const Eigen::MatrixXd>& a,
                                  const Eigen::Ref<const Eigen::MatrixXd>& b);

// Throws UsageError where the widths are not one per group or not positive and finite, or the
// points do not have equally many columns.
Eigen::MatrixXd rbf(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b,
                    const std::vector<ColumnGroup>& groups, const Eigen::VectorXd& widths,
                    int threads = 1);

}  // namespace metaqnn::kernels
