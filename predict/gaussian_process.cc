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
  std::optional<LeastSquares> solver;
};

GaussianProcess GaussianProcess::fit(kernels::KernelPointer kernel, VectorXd parameters,
                                     std::optional<double> penalty, kernels::Points points,
                                     const VectorXd& targets, int threads) {
  auto gram = std::make_shared<const Decomposition>(
      kernels::decompose(kernel->gram(parameters, points, threads)));
  return fit(std::move(kernel), std::move(parameters), penalty, std::move(points), targets,
             std::move(gram));
}

GaussianProcess GaussianProcess::fit(kernels::KernelPointer kernel, VectorXd parameters,
                                     std::optional<double> penalty, kernels::Points points,
                                     const VectorXd& targets,
                                     std::shared_ptr<const Decomposition> gram) {
  LeastSquares solver(std::move(gram), targets);
  if (!penalty) penalty = solver.best_penalty(kSmallestPenalty, kLargestPenalty);
  const LeastSquaresFit fit = solver.solve(*penalty);
  const double scale = fit.left_out.cwiseAbs2().cwiseQuotient(fit.left_out_gain).mean();
  GaussianProcess process({std::move(kernel), std::move(parameters), std::move(points),
                           fit.coefficients, fit.intercept},
                          *penalty, scale);
  process.left_out_ = {fit.left_out, (scale * fit.left_out_gain).cwiseSqrt()};
  process.system_->solver = std::move(solver);
  return process;
}

GaussianProcess::GaussianProcess(Expansion expansion, double penalty, double scale)
    : expansion_(std::move(expansion)),
      penalty_(penalty),
      scale_(scale),
      system_(std::make_shared<System>()) {}

void GaussianProcess::forget_system() { system_ = std::make_shared<System>(); }

const LeastSquares& GaussianProcess::system(int threads) const {
  const std::lock_guard lock(system_->mutex);
  if (!system_->solver) {
    const Expansion& e = expansion_;
    system_->solver.emplace(kernels::decompose(e.kernel->gram(e.parameters, e.centres, threads)),
                            VectorXd::Zero(e.centres.size()));
  }
  return *system_->solver;
}

VectorXd GaussianProcess::deviation(const kernels::Points& others, Spread spread,
                                    int threads) const {
  const Expansion& e = expansion_;
  VectorXd left = e.kernel->diagonal(e.parameters, others);
  for (Index first = 0; first < others.size(); first += kRowsAtOnce) {
    const Index count = std::min(kRowsAtOnce, others.size() - first);
    left.segment(first, count) -= system(threads).explained(
        penalty_, e.kernel->gram(e.parameters, others.range(first, count), e.centres, threads));
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
  const LeastSquares& solver = system(1);
  const VectorXd h = (solver.spectrum().clipped().array() + penalty_).rsqrt();
  const MatrixXd explained = gram * solver.spectrum().vectors * h.asDiagonal();
  return scale_ * (expansion_.kernel->gram(expansion_.parameters, others) -
                   explained * explained.transpose());
}

}  // namespace metaqnn::predict
