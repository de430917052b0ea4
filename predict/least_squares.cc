#include "predict/least_squares.h"

#include <cmath>
#include <utility>

#include "kernels/dense.h"
#include "metaqnn/base/error.h"

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

// With a smaller share of negative eigenvalues the derivative of clipping them is left out.
constexpr double kNegligibleShare = 1e-3;

}  // namespace

// In the basis of the eigenvectors: H is diagonal, h.
struct LeastSquares::Terms {
  VectorXd h;        // 1 / (max(w, 0) + lambda)
  VectorXd ones;     // H 1
  double total;      // 1' H 1
  double intercept;  // b
  VectorXd alpha;
  VectorXd diagonal;   // C_ii, in the basis of the points
  VectorXd residuals;  // alpha_i / C_ii
};

Decomposition::Decomposition(kernels::Spectrum of_gram)
    : spectrum(std::move(of_gram)),
      clipped(spectrum.clipped()),
      squared(spectrum.vectors.cwiseAbs2()),
      ones(spectrum.vectors.transpose() * VectorXd(VectorXd::Ones(spectrum.values.size()))) {
}  // g++ 16 warns of an expression

LeastSquares::LeastSquares(std::shared_ptr<const Decomposition> decomposition,
                           const VectorXd& targets)
    : decomposition_(std::move(decomposition)) {
  METAQNN_ASSERT(spectrum().values.size() == targets.size(),
                 std::to_string(spectrum().values.size()) + " points, " +
                     std::to_string(targets.size()) + " targets");
  targets_ = spectrum().vectors.transpose() * targets;
}

LeastSquares::Terms LeastSquares::terms(double penalty) const {
  Terms t;
  t.h = (decomposition_->clipped.array() + penalty).inverse();
  t.ones = t.h.cwiseProduct(decomposition_->ones);
  t.total = decomposition_->ones.dot(t.ones);
  t.intercept = t.ones.dot(targets_) / t.total;
  t.alpha = t.h.cwiseProduct(targets_) - t.intercept * t.ones;
  const VectorXd h1 = spectrum().vectors * t.ones;
  t.diagonal = decomposition_->squared * t.h - h1.cwiseAbs2() / t.total;
  t.residuals = (spectrum().vectors * t.alpha).cwiseQuotient(t.diagonal);
  return t;
}

LeastSquaresFit LeastSquares::solve(double penalty) const {
  const Terms t = terms(penalty);
  const VectorXd kept = t.alpha.cwiseProduct(
      decomposition_->clipped.unaryExpr([](double w) { return w > 0 ? 1.0 : 0.0; }));
  return {spectrum().vectors * kept, t.intercept, t.residuals, t.diagonal.cwiseInverse()};
}

// d alpha = -C dK alpha, d C_ii = -(C dK C)_ii, and r_i = alpha_i / C_ii.
MatrixXd LeastSquares::jacobian(double penalty, const std::vector<MatrixXd>& derivatives) const {
  const Terms t = terms(penalty);
  // C in the eigenbasis, V C, and C itself.
  MatrixXd c = -t.ones * t.ones.transpose() / t.total;
  c.diagonal() += t.h;
  const MatrixXd vc = kernels::product(spectrum().vectors, c);
  const MatrixXd points_c = kernels::product_nt(vc, spectrum().vectors);
  const VectorXd points_alpha = spectrum().vectors * t.alpha;
  const auto column = [&](const VectorXd& alpha, const VectorXd& diagonal) -> VectorXd {
    return (alpha - t.residuals.cwiseProduct(diagonal)).cwiseQuotient(t.diagonal);
  };
  const bool clipping = kernels::report(spectrum()).negative_share > kNegligibleShare;
  const MatrixXd clip = clipping ? clip_derivative() : MatrixXd();
  MatrixXd jacobian(decomposition_->ones.size(), static_cast<Index>(derivatives.size()) + 1);
  for (size_t k = 0; k < derivatives.size(); ++k) {
    VectorXd alpha, diagonal;
    if (clipping) {
      const MatrixXd change = clip.cwiseProduct(kernels::product_t(
          spectrum().vectors, kernels::product(derivatives[k], spectrum().vectors)));
      alpha = -vc * (change * t.alpha);
      diagonal = -kernels::product(vc, change).cwiseProduct(vc).rowwise().sum();
    } else {
      alpha = -points_c * (derivatives[k] * points_alpha);
      diagonal = -kernels::product(points_c, derivatives[k]).cwiseProduct(points_c).rowwise().sum();
    }
    jacobian.col(static_cast<Index>(k)) = column(alpha, diagonal);
  }
  jacobian.rightCols<1>() = penalty * column(-vc * t.alpha, -vc.cwiseAbs2().rowwise().sum());
  return jacobian;
}

// How a derivative of K changes the clipped K, element by element of the eigenbasis (Daleckii and
// Krein, 1965): 1 between positive eigenvalues, 0 between negative ones.
MatrixXd LeastSquares::clip_derivative() const {
  const VectorXd& w = spectrum().values;
  MatrixXd clip(w.size(), w.size());
  for (Index j = 0; j < w.size(); ++j) {
    for (Index i = 0; i < w.size(); ++i) {
      if (decomposition_->clipped(i) == w(i) && decomposition_->clipped(j) == w(j)) {
        clip(i, j) = 1;
      } else if (decomposition_->clipped(i) == 0 && decomposition_->clipped(j) == 0) {
        clip(i, j) = 0;
      } else {
        clip(i, j) = (decomposition_->clipped(i) - decomposition_->clipped(j)) / (w(i) - w(j));
      }
    }
  }
  return clip;
}

double LeastSquares::best_penalty(double smallest, double largest, int count) const {
  return least_on_path(smallest, largest, count, [&](const VectorXd& penalties) -> VectorXd {
    return penalties.unaryExpr(
        [&](double penalty) { return terms(penalty).residuals.squaredNorm(); });
  });
}

double least_on_path(double smallest, double largest, int count,
                     const std::function<VectorXd(const VectorXd&)>& squares) {
  const auto best_of = [&](double from, double to, int steps) {
    VectorXd penalties(steps);
    for (int i = 0; i < steps; ++i)
      penalties(i) = from * std::pow(to / from, static_cast<double>(i) / (steps - 1));
    const VectorXd sums = squares(penalties);
    Index best = 0;
    for (Index i = 1; i < steps; ++i) {
      if (sums(i) < sums(best)) best = i;
    }
    return penalties(best);
  };
  const double step = std::pow(largest / smallest, 1.0 / (count - 1));
  const double best = best_of(smallest, largest, count);
  return best_of(std::max(smallest, best / step), std::min(largest, best * step), 9);
}

VectorXd explained(const kernels::Spectrum& spectrum, double penalty, const MatrixXd& rows) {
  const VectorXd clipped = spectrum.clipped();
  const VectorXd h =
      (clipped.array() + penalty).inverse().matrix().cwiseProduct(clipped.unaryExpr([](double w) {
        return w > 0 ? 1.0 : 0.0;
      }));
  return kernels::product(rows, spectrum.vectors).cwiseAbs2() * h;
}

}  // namespace metaqnn::predict
