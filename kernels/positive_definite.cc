#include "kernels/positive_definite.h"

// Armadillo would print its warnings; failures are thrown here.
#define ARMA_WARN_LEVEL 0
#include <armadillo>
#include <limits>
#include <string>

#include "base/blas_threads.h"
#include "metaqnn/base/error.h"

namespace metaqnn::kernels {
namespace {

void check_symmetric(const Eigen::MatrixXd& matrix) {
  if (matrix.rows() != matrix.cols()) {
    throw UsageError("a Gram matrix is square, not " + std::to_string(matrix.rows()) + " x " +
                     std::to_string(matrix.cols()));
  }
  if (!matrix.allFinite()) throw UsageError("a Gram matrix holds an infinity or no number");
  const double scale = matrix.size() == 0 ? 0 : matrix.cwiseAbs().maxCoeff();
  if (matrix.size() > 0 && (matrix - matrix.transpose()).cwiseAbs().maxCoeff() > 1e-9 * scale)
    throw UsageError("a Gram matrix of points with themselves is symmetric; this one is not");
}

// Eigenvalues below this are zero but for rounding.
double rounding(const Eigen::VectorXd& values) {
  if (values.size() == 0) return 0;
  return static_cast<double>(values.size()) * std::numeric_limits<double>::epsilon() *
         values.cwiseAbs().maxCoeff();
}

}  // namespace

Spectrum decompose(const Eigen::MatrixXd& matrix) {
  check_symmetric(matrix);
  const auto n = static_cast<arma::uword>(matrix.rows());
  Spectrum spectrum{Eigen::VectorXd(matrix.rows()), Eigen::MatrixXd(matrix.rows(), matrix.rows())};
  if (n == 0) return spectrum;
  const arma::mat input(const_cast<double*>(matrix.data()), n, n, false, true);
  arma::vec values(spectrum.values.data(), n, false, true);
  arma::mat vectors(spectrum.vectors.data(), n, n, false, true);
  const BlasCall call;
  if (!arma::eig_sym(values, vectors, arma::symmatu(input), "dc"))
    throw FailureError("the eigenvalues of a " + std::to_string(n) + " x " + std::to_string(n) +
                       " Gram matrix were not found");
  return spectrum;
}

Eigen::VectorXd Spectrum::clipped() const {
  const double zero = rounding(values);
  return values.unaryExpr([zero](double w) { return w > zero ? w : 0.0; });
}

RepairReport report(const Spectrum& spectrum) {
  RepairReport report;
  report.size = spectrum.values.size();
  const double zero = rounding(spectrum.values);
  double negative = 0;
  for (double value : spectrum.values) {
    if (value >= -zero) continue;
    ++report.negative;
    negative -= value;
  }
  if (report.negative > 0) {
    report.most_negative = spectrum.values(0);
    report.negative_share = negative / spectrum.values.cwiseAbs().sum();
  }
  return report;
}

}  // namespace metaqnn::kernels
