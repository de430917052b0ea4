// Large dense matrix work that BLAS does several times faster than portable code.
//
//   product(a, b)       a b                 n x k times k x m
//   product_t(a, b)     a' b                k x n, k x m
//   product_nt(a, b)    a b'                n x k, m x k
//
// The last digits depend on the processor and on BLAS's threads (base/blas_threads.h); results that must repeat to the
// last bit anywhere are computed by Eigen instead.
#pragma once

#include <Eigen/Core>

namespace metaqnn::kernels {

Eigen::MatrixXd product(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b);
Eigen::MatrixXd product_t(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b);
Eigen::MatrixXd product_nt(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b);

}  // namespace metaqnn::kernels
