#include "predict/kernel_predictor.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/blas_threads.h"
#include "base/error.h"
#include "predict/state.h"

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

// Points whose kernel with all centres is held at once.
constexpr Index kExplainedRows = 2048;

}  // namespace

Standardised standardise(const VectorXd& targets) {
  Standardised result;
  result.mean = targets.mean();
  const VectorXd centred = targets.array() - result.mean;
  const double deviation = std::sqrt(centred.squaredNorm() / static_cast<double>(targets.size()));
  result.deviation = deviation > 1e-12 ? deviation : 1;  // equal targets: predict them
  result.values = centred / result.deviation;
  return result;
}

KernelPredictor::KernelPredictor(Expansion expansion, std::vector<std::string> report)
    : expansion_(std::move(expansion)), report_(std::move(report)) {}

Prediction KernelPredictor::predict(const kernels::Points& points,
                                    const PredictSettings& settings) const {
  const Expansion& e = expansion_;
  const VectorXd sums =
      e.kernel->expansion(e.parameters, points, e.centres, e.coefficients, settings.threads);
  Prediction prediction;
  prediction.mean =
      e.range.limit((sums.array() + e.intercept) * e.target_deviation + e.target_mean);
  if (!settings.deviation || e.scale == 0) return prediction;
  const BlasThreads threads(settings.threads);
  const VectorXd left =
      e.kernel->diagonal(e.parameters, points) - explained(points, settings.threads);
  prediction.deviation =
      (e.scale * (left.cwiseMax(0).array() + e.penalty)).sqrt() * e.target_deviation;
  return prediction;
}

// k(x)' H k(x).
VectorXd KernelPredictor::explained(const kernels::Points& points, int threads) const {
  const Expansion& e = expansion_;
  {
    const std::lock_guard lock(mutex_);
    if (!system_) {
      system_ = std::make_unique<LeastSquares>(
          kernels::decompose(e.kernel->gram(e.parameters, e.centres, threads)),
          VectorXd::Zero(e.centres.size()));
    }
  }
  VectorXd result(points.size());
  for (Index first = 0; first < points.size(); first += kExplainedRows) {
    const Index count = std::min(kExplainedRows, points.size() - first);
    result.segment(first, count) = system_->explained(
        e.penalty, e.kernel->gram(e.parameters, points.range(first, count), e.centres, threads));
  }
  return result;
}

std::vector<std::pair<std::string, double>> KernelPredictor::hyperparameters() const {
  std::vector<std::pair<std::string, double>> list{{"penalty", expansion_.penalty}};
  const auto parameters = expansion_.kernel->parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    list.emplace_back(parameters[i].name, std::exp(expansion_.parameters(static_cast<Index>(i))));
  }
  return list;
}

nlohmann::json KernelPredictor::state() const {
  return {{"hyperparameters", to_json(expansion_.parameters)},
          {"penalty", expansion_.penalty},
          {"intercept", expansion_.intercept},
          {"scale", expansion_.scale},
          {"coefficients", to_json(expansion_.coefficients)}};
}

const Choice& choice_for(const Training& training, const char* name,
                         const kernels::Kernel& kernel) {
  return training.choices->get(name, [&] {
    ChoiceSettings settings;
    settings.threads = training.settings.threads;
    settings.seed = training.settings.seed;
    Choice choice = choose(kernel, training.points, standardise(training.targets).values, settings);
    choice.report.kernel = name;
    return choice;
  });
}

std::unique_ptr<KernelPredictor> fit_least_squares(const Training& training,
                                                   kernels::KernelPointer kernel,
                                                   const Choice& choice) {
  const Standardised targets = standardise(training.targets);
  const LeastSquares system(kernels::decompose(kernel->gram(choice.parameters, training.points,
                                                            training.settings.threads)),
                            targets.values);
  const LeastSquaresFit fit = system.solve(choice.penalty);
  const double scale = fit.left_out.cwiseAbs2().cwiseQuotient(fit.left_out_gain).mean();
  auto predictor = std::make_unique<KernelPredictor>(
      Expansion{std::move(kernel), choice.parameters, choice.penalty, training.points,
                fit.coefficients, fit.intercept, scale, targets.mean, targets.deviation,
                Range(training.targets)},
      std::vector<std::string>{describe(choice.report)});
  predictor->set_left_out({training.targets - targets.deviation * fit.left_out,
                           targets.deviation * (scale * fit.left_out_gain).cwiseSqrt()});
  return predictor;
}

VectorXd parameters_at(const nlohmann::json& state, const kernels::Kernel& kernel) {
  const auto parameters = kernel.parameters();
  VectorXd values = vector_at(state, "hyperparameters", static_cast<Index>(parameters.size()));
  for (size_t i = 0; i < parameters.size(); ++i) {
    const double value = values(static_cast<Index>(i));
    if (value >= parameters[i].lower && value <= parameters[i].upper) continue;
    throw DataError("hyper-parameter " + parameters[i].name + " is " + std::to_string(value) +
                    ", outside " + std::to_string(parameters[i].lower) + " to " +
                    std::to_string(parameters[i].upper));
  }
  return values;
}

double penalty_at(const nlohmann::json& state) {
  const double penalty = number_at(state, "penalty");
  if (!(penalty > 0))
    throw DataError("key penalty is " + std::to_string(penalty) + "; it must be positive");
  return penalty;
}

std::unique_ptr<KernelPredictor> restore_least_squares(const Training& training,
                                                       kernels::KernelPointer kernel,
                                                       const nlohmann::json& state) {
  const Standardised targets = standardise(training.targets);
  Expansion e;
  e.kernel = std::move(kernel);
  e.parameters = parameters_at(state, *e.kernel);
  e.penalty = penalty_at(state);
  e.intercept = number_at(state, "intercept");
  e.scale = number_at(state, "scale");
  e.centres = training.points;
  e.coefficients = vector_at(state, "coefficients", training.points.size());
  e.target_mean = targets.mean;
  e.target_deviation = targets.deviation;
  e.range = Range(training.targets);
  return std::make_unique<KernelPredictor>(std::move(e));
}

kernels::KernelPointer linear_kernel(const Encoding& encoding) {
  return kernels::make_linear(encoding.groups());
}
kernels::KernelPointer rbf_kernel(const Encoding& encoding) {
  return kernels::make_rbf(encoding.groups());
}
kernels::KernelPointer edit_kernel(const Encoding& encoding) {
  return kernels::make_edit(encoding.costs());
}

std::string describe(const ChoiceReport& report) {
  char text[300];
  std::snprintf(text, sizeof text,
                "%s: hyper-parameters chosen on %lld points in %d iterations, %.2f s",
                report.kernel.c_str(), static_cast<long long>(report.points), report.iterations,
                report.seconds);
  std::string line = text;
  if (report.repair.negative > 0) {
    std::snprintf(
        text, sizeof text,
        "; %lld of %lld eigenvalues were negative (smallest %.3g, %.1f%% of the spectrum) "
        "and are clipped",
        static_cast<long long>(report.repair.negative), static_cast<long long>(report.repair.size),
        report.repair.most_negative, 100 * report.repair.negative_share);
    line += text;
  }
  return line;
}

namespace {

using MakeKernel = kernels::KernelPointer (*)(const Encoding&);

template <MakeKernel make>
std::unique_ptr<Predictor> fit_by(const Training& training, const char* name) {
  const kernels::KernelPointer kernel = make(*training.encoding);
  return fit_least_squares(training, kernel, choice_for(training, name, *kernel));
}

}  // namespace

std::unique_ptr<Predictor> fit_lls(const Training& training) {
  return fit_by<linear_kernel>(training, "linear");
}
std::unique_ptr<Predictor> fit_rbf_ls(const Training& training) {
  return fit_by<rbf_kernel>(training, "rbf");
}
std::unique_ptr<Predictor> fit_ed_ls(const Training& training) {
  return fit_by<edit_kernel>(training, "edit");
}
std::unique_ptr<Predictor> restore_lls(const Training& training, const nlohmann::json& state) {
  return restore_least_squares(training, linear_kernel(*training.encoding), state);
}
std::unique_ptr<Predictor> restore_rbf_ls(const Training& training, const nlohmann::json& state) {
  return restore_least_squares(training, rbf_kernel(*training.encoding), state);
}
std::unique_ptr<Predictor> restore_ed_ls(const Training& training, const nlohmann::json& state) {
  return restore_least_squares(training, edit_kernel(*training.encoding), state);
}

}  // namespace metaqnn::predict
