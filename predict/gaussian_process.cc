#include "predict/gaussian_process.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "predict/hyperparameters.h"

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

// Points whose kernel with all centres is held at once.
constexpr Index kRowsAtOnce = 2048;

}  // namespace

VectorXd Expansion::operator()(const kernels::Points& points, int threads) const {
  return kernel->expansion(parameters, points, centres, coefficients, threads).array() + intercept;
}

// Made by the fit, or by the first who needs it.
struct GaussianProcess::System {
  std::mutex mutex;
  std::shared_ptr<const kernels::Spectrum> basis;
};

GaussianProcess GaussianProcess::fit(kernels::KernelPointer kernel, VectorXd parameters,
                                     std::optional<double> penalty, kernels::Points points,
                                     const VectorXd& targets, int threads) {
  const auto system = make_system(std::make_shared<const Decomposition>(
      kernels::decompose(kernel->gram(parameters, points, threads))));
  return fit(std::move(kernel), std::move(parameters), penalty, std::move(points), targets,
             *system);
}

GaussianProcess GaussianProcess::fit(kernels::KernelPointer kernel, VectorXd parameters,
                                     std::optional<double> penalty, kernels::Points points,
                                     const VectorXd& targets, const KernelSystem& system) {
  if (!penalty) penalty = system.best_penalty(targets);
  const LeastSquaresFit fit = system.solve(targets, *penalty);
  const double scale = fit.left_out.cwiseAbs2().cwiseQuotient(fit.left_out_gain).mean();
  const std::shared_ptr<const Landmarks> landmarks = system.landmarks();
  if (landmarks) points = points.subset(landmarks->rows);
  GaussianProcess process({std::move(kernel), std::move(parameters), std::move(points),
                           fit.coefficients, fit.intercept},
                          *penalty, scale, landmarks);
  process.left_out_ = {fit.left_out, (scale * fit.left_out_gain).cwiseSqrt()};
  if (const auto all = system.decomposition()) process.system_->basis = {all, &all->spectrum};
  return process;
}

GaussianProcess::GaussianProcess(Expansion expansion, double penalty, double scale,
                                 std::shared_ptr<const Landmarks> landmarks)
    : expansion_(std::move(expansion)),
      penalty_(penalty),
      scale_(scale),
      landmarks_(std::move(landmarks)),
      system_(std::make_shared<System>()) {}

void GaussianProcess::forget_system() { system_ = std::make_shared<System>(); }

std::shared_ptr<const kernels::Spectrum> GaussianProcess::basis(int threads) const {
  if (landmarks_) return {landmarks_, &landmarks_->basis};
  const std::lock_guard lock(system_->mutex);
  if (!system_->basis) {
    const Expansion& e = expansion_;
    system_->basis = std::make_shared<kernels::Spectrum>(
        kernels::decompose(e.kernel->gram(e.parameters, e.centres, threads)));
  }
  return system_->basis;
}

VectorXd GaussianProcess::deviation(const kernels::Points& others, Spread spread,
                                    int threads) const {
  const Expansion& e = expansion_;
  const auto basis = this->basis(threads);
  VectorXd left = e.kernel->diagonal(e.parameters, others);
  for (Index first = 0; first < others.size(); first += kRowsAtOnce) {
    const Index count = std::min(kRowsAtOnce, others.size() - first);
    left.segment(first, count) -=
        explained(*basis, penalty_,
                  e.kernel->gram(e.parameters, others.range(first, count), e.centres, threads));
  }
  const double added = spread == Spread::of_measurements ? penalty_ : 0;
  return (scale_ * (left.cwiseMax(0).array() + added)).sqrt();
}

MatrixXd GaussianProcess::gram(const kernels::Points& others) const {
  return expansion_.kernel->gram(expansion_.parameters, others, expansion_.centres);
}

VectorXd GaussianProcess::mean(const MatrixXd& gram) const {
  return (gram * expansion_.coefficients).array() + expansion_.intercept;
}

MatrixXd GaussianProcess::covariance(const kernels::Points& others, const MatrixXd& gram) const {
  const auto basis = this->basis(1);
  const VectorXd h = (basis->clipped().array() + penalty_).rsqrt();
  const MatrixXd explained = gram * basis->vectors * h.asDiagonal();
  return scale_ * (expansion_.kernel->gram(expansion_.parameters, others) -
                   explained * explained.transpose());
}

}  // namespace metaqnn::predict
