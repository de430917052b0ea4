#include "kernels/dense.h"

#define ARMA_WARN_LEVEL 0
#include <armadillo>

#include "base/blas_threads.h"

namespace metaqnn::kernels {
namespace {

// Armadillo's name for the same memory.
arma::mat view(const Eigen::MatrixXd& x) {
  return arma::mat(const_cast<double*>(x.data()), static_cast<arma::uword>(x.rows()),
                   static_cast<arma::uword>(x.cols()), false, true);
}

}  // namespace

Eigen::MatrixXd product(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  Eigen::MatrixXd result(a.rows(), b.cols());
  const BlasCall call;
  arma::mat out = view(result);
  out = view(a) * view(b);
  return result;
}

Eigen::MatrixXd product_t(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  Eigen::MatrixXd result(a.cols(), b.cols());
  const BlasCall call;
  arma::mat out = view(result);
  out = view(a).t() * view(b);
  return result;
}

Eigen::MatrixXd product_nt(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  Eigen::MatrixXd result(a.rows(), b.rows());
  const BlasCall call;
  arma::mat out = view(result);
  out = view(a) * view(b).t();
  return result;
}

}  // namespace metaqnn::kernels
