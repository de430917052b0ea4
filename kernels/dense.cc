#include "kernels/dense.h"

#include <dlfcn.h>

#define ARMA_WARN_LEVEL 0
#include <armadillo>

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
  arma::mat out = view(result);
  out = view(a) * view(b);
  return result;
}

Eigen::MatrixXd product_t(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  Eigen::MatrixXd result(a.cols(), b.cols());
  arma::mat out = view(result);
  out = view(a).t() * view(b);
  return result;
}

Eigen::MatrixXd product_nt(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  Eigen::MatrixXd result(a.rows(), b.rows());
  arma::mat out = view(result);
  out = view(a) * view(b).t();
  return result;
}

void set_blas_threads(int threads) {
  using SetThreads = void (*)(int);
  if (void* symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))
    reinterpret_cast<SetThreads>(symbol)(threads);
}

OneBlasThread::OneBlasThread() : before_(0) {
  using GetThreads = int (*)();
  if (void* symbol = dlsym(RTLD_DEFAULT, "openblas_get_num_threads"))
    before_ = reinterpret_cast<GetThreads>(symbol)();
  if (before_ > 1) set_blas_threads(1);
}

OneBlasThread::~OneBlasThread() {
  if (before_ > 1) set_blas_threads(before_);
}

}  // namespace metaqnn::kernels
