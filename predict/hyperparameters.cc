#include "predict/hyperparameters.h"

#include <ceres/ceres.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "base/blas_threads.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "predict/stop.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using kernels::KernelParameter;

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// The start and the prior of log(lambda).
constexpr double kPenaltyStart = -1.5, kPenaltyDeviation = 3;

// Residuals: those of the points, then one of the prior for each parameter.
class LeaveOneOut : public ceres::CostFunction {
 public:
  LeaveOneOut(const kernels::Kernel& kernel, const kernels::Points& points, const VectorXd& targets,
              std::vector<KernelParameter> parameters)
      : kernel_(kernel), points_(points), targets_(targets), parameters_(std::move(parameters)) {
    mutable_parameter_block_sizes()->push_back(static_cast<int>(parameters_.size()));
    set_num_residuals(static_cast<int>(targets.size()) + static_cast<int>(parameters_.size()));
  }

  void set_prior_weight(double weight) { prior_ = weight; }

  bool Evaluate(const double* const* parameters, double* residuals,
                double** jacobians) const override {
    const auto p = static_cast<Index>(parameters_.size());
    const Eigen::Map<const VectorXd> all(parameters[0], p);
    const VectorXd theta = all.head(p - 1);
    const double penalty = std::exp(all(p - 1));
    const LeastSquares system(kernels::decompose(kernel_.gram(theta, points_)), targets_);
    const Index n = targets_.size();
    Eigen::Map<VectorXd> out(residuals, n + p);
    out.head(n) = system.solve(penalty).left_out;
    for (Index k = 0; k < p; ++k) {
      const KernelParameter& parameter = parameters_[static_cast<size_t>(k)];
      out(n + k) = prior_ * (all(k) - parameter.start) / parameter.deviation;
    }
    if (!out.allFinite()) return false;
    if (jacobians == nullptr || jacobians[0] == nullptr) return true;
    Eigen::Map<RowMajor> jacobian(jacobians[0], n + p, p);
    jacobian.setZero();
    jacobian.topRows(n) = system.jacobian(penalty, kernel_.derivatives(theta, points_));
    for (Index k = 0; k < p; ++k)
      jacobian(n + k, k) = prior_ / parameters_[static_cast<size_t>(k)].deviation;
    return jacobian.allFinite();
  }

 private:
  const kernels::Kernel& kernel_;
  const kernels::Points& points_;
  const VectorXd& targets_;
  std::vector<KernelParameter> parameters_;
  double prior_ = 1;
};

// Ends a descent early, over which no exception may come.
class Stopper : public ceres::IterationCallback {
 public:
  explicit Stopper(const std::atomic<bool>* stop) : stop_(stop) {}
  ceres::CallbackReturnType operator()(const ceres::IterationSummary&) override {
    return stop_ != nullptr && *stop_ ? ceres::SOLVER_TERMINATE_SUCCESSFULLY
                                      : ceres::SOLVER_CONTINUE;
  }

 private:
  const std::atomic<bool>* stop_;
};

struct Minimum {
  VectorXd parameters;
  double cost = INFINITY;
  int iterations = 0;
};

Minimum minimise(LeaveOneOut& cost, const std::vector<KernelParameter>& parameters, VectorXd start,
                 const HyperparameterSettings& settings) {
  ceres::Problem::Options ownership;
  ownership.cost_function_ownership = ceres::DO_NOT_TAKE_OWNERSHIP;
  ceres::Problem problem(ownership);
  problem.AddResidualBlock(&cost, nullptr, start.data());
  for (size_t k = 0; k < parameters.size(); ++k) {
    problem.SetParameterLowerBound(start.data(), static_cast<int>(k), parameters[k].lower);
    problem.SetParameterUpperBound(start.data(), static_cast<int>(k), parameters[k].upper);
  }
  ceres::Solver::Options options;
  options.max_num_iterations = settings.iterations;
  options.linear_solver_type = ceres::DENSE_QR;
  options.function_tolerance = 1e-3;
  options.logging_type = ceres::SILENT;
  Stopper stopper(settings.stop);
  options.callbacks.push_back(&stopper);
  ceres::Solver::Summary summary;
  ceres::Solve(options, &problem, &summary);
  if (!summary.IsSolutionUsable()) return {start, INFINITY, 0};
  return {start, summary.final_cost, static_cast<int>(summary.iterations.size()) - 1};
}

// Roughly normal, of deviation 1.
double normal(Random& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.uniform();
  return sum;
}

std::vector<Index> random_rows(Index n, int most, uint64_t seed) {
  std::vector<Index> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), Index{0});
  if (n <= most) return rows;
  Random random = Random::stream(seed, "points for hyper-parameters");
  shuffle(rows, random);
  rows.resize(static_cast<size_t>(most));
  std::sort(rows.begin(), rows.end());
  return rows;
}

// Where the first descent begins, with the best penalty there, and what its residuals are.
struct Start {
  VectorXd parameters;  // the logarithm of the penalty last
  VectorXd residuals;
};

Start start_of(const kernels::Kernel& kernel, const kernels::Points& points,
               const VectorXd& targets) {
  const VectorXd theta = kernels::starts(kernel);
  const LeastSquares system(kernels::decompose(kernel.gram(theta, points)), targets);
  const double penalty = system.best_penalty(kSmallestPenalty, kLargestPenalty);
  Start start;
  start.parameters.resize(theta.size() + 1);
  start.parameters << theta, std::log(penalty);
  start.residuals = system.solve(penalty).left_out;
  return start;
}

// From the start, and from others drawn from the prior around it.
Minimum descend(LeaveOneOut& cost, const std::vector<KernelParameter>& parameters,
                const VectorXd& start, const HyperparameterSettings& settings) {
  Minimum best;
  int iterations = 0;
  Random random = Random::stream(settings.seed, "starts of hyper-parameters");
  for (int s = 0; s < settings.starts; ++s) {
    VectorXd from = start;
    for (Index k = 0; s > 0 && k < from.size(); ++k) {
      const KernelParameter& p = parameters[static_cast<size_t>(k)];
      from(k) = std::clamp(from(k) + p.deviation * normal(random), p.lower, p.upper);
    }
    const Minimum found = minimise(cost, parameters, from, settings);
    go_on_unless(settings.stop);
    iterations += found.iterations;
    if (found.cost < best.cost) best = found;
  }
  if (!std::isfinite(best.cost))
    throw FailureError("no finite leave-one-out residuals at any start of the hyper-parameters");
  best.iterations = iterations;
  return best;
}

}  // namespace

Hyperparameters choose_hyperparameters(const kernels::Kernel& kernel, const kernels::Points& points,
                                       const VectorXd& targets,
                                       const HyperparameterSettings& settings) {
  const auto began = std::chrono::steady_clock::now();
  const std::vector<Index> rows = random_rows(points.size(), settings.most_points, settings.seed);
  const BlasThreads one(1);
  const kernels::Points some = points.subset(rows);
  const VectorXd some_targets = targets(rows);
  std::vector<KernelParameter> parameters = kernel.parameters();
  parameters.push_back({"penalty", kPenaltyStart, std::log(kSmallestPenalty),
                        std::log(kLargestPenalty), kPenaltyDeviation});
  const Start start = start_of(kernel, some, some_targets);
  LeaveOneOut cost(kernel, some, some_targets, parameters);
  cost.set_prior_weight(
      std::sqrt(start.residuals.squaredNorm() / static_cast<double>(start.residuals.size())));
  const Minimum best = descend(cost, parameters, start.parameters, settings);
  Hyperparameters chosen;
  chosen.parameters = best.parameters.head(best.parameters.size() - 1);
  chosen.rows = rows;
  chosen.report.iterations = best.iterations;
  chosen.report.points = some.size();
  chosen.report.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return chosen;
}

}  // namespace metaqnn::predict
