// Large dense matrix work that BLAS does several times faster than portable code.
//
//   product(a, b)       a b                 n x k times k x m
//   product_t(a, b)     a' b                k x n, k x m
//   product_nt(a, b)    a b'                n x k, m x k
//
// The last digits depend on the processor and on BLAS's threads; results that must repeat to the
// last bit anywhere are computed by Eigen instead.
#pragma once

#include <Eigen/Core>

namespace metaqnn::kernels {

Eigen::MatrixXd product(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b);
Eigen::MatrixXd product_t(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b);
Eigen::MatrixXd product_nt(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b);

// Threads of OpenBLAS, where that is the BLAS; it spins on all cores otherwise.
void set_blas_threads(int threads);

// BLAS works with one thread while this lives, for matrices so small that its threads would wait
// for each other longer than they work. The number is the process's: of several that overlap in
// different threads the last to end decides it.
class OneBlasThread {
 public:
  OneBlasThread();
  ~OneBlasThread();
  OneBlasThread(const OneBlasThread&) = delete;
  OneBlasThread& operator=(const OneBlasThread&) = delete;

 private:
  int before_;  // 0 where BLAS is not OpenBLAS
};

}  // namespace metaqnn::kernels
