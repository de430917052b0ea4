#include "predict/kernel_predictor.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/blas_threads.h"
#include "metaqnn/base/error.h"
#include "predict/state.h"

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

KernelPredictor::KernelPredictor(GaussianProcess process, const TargetScale& scale,
                                 std::vector<std::string> report)
    : process_(std::move(process)), scale_(scale), report_(std::move(report)) {
  process_.forget_system();
}

Prediction KernelPredictor::predict(const kernels::Points& points,
                                    const PredictSettings& settings) const {
  Prediction prediction;
  prediction.mean = scale_.restored(process_.mean(points, settings.threads));
  if (!settings.deviation || process_.scale() == 0) return prediction;
  const BlasThreads threads(settings.threads);
  prediction.deviation =
      process_.deviation(points, Spread::of_measurements, settings.threads) * scale_.deviation();
  return prediction;
}

std::vector<std::pair<std::string, double>> KernelPredictor::hyperparameters() const {
  return named_hyperparameters(process_.expansion(), process_.penalty());
}

nlohmann::json KernelPredictor::state() const {
  nlohmann::json state = expansion_state(process_.expansion(), process_.penalty());
  state["scale"] = process_.scale();
  return state;
}

std::vector<std::pair<std::string, double>> named_hyperparameters(const Expansion& expansion,
                                                                  double penalty) {
  std::vector<std::pair<std::string, double>> list{{"penalty", penalty}};
  const auto parameters = expansion.kernel->parameters();
  for (size_t i = 0; i < parameters.size(); ++i)
    list.emplace_back(parameters[i].name, std::exp(expansion.parameters(static_cast<Index>(i))));
  return list;
}

nlohmann::json expansion_state(const Expansion& expansion, double penalty) {
  return {{"hyperparameters", to_json(expansion.parameters)},
          {"penalty", penalty},
          {"intercept", expansion.intercept},
          {"coefficients", to_json(expansion.coefficients)}};
}

Expansion expansion_from(const nlohmann::json& state, kernels::KernelPointer kernel,
                         kernels::Points centres) {
  const auto parameters = kernel->parameters();
  const VectorXd values =
      vector_at(state, "hyperparameters", static_cast<Index>(parameters.size()));
  for (size_t i = 0; i < parameters.size(); ++i) {
    const double value = values(static_cast<Index>(i));
    if (value >= parameters[i].lower && value <= parameters[i].upper) continue;
    throw DataError("hyper-parameter " + parameters[i].name + " is " + std::to_string(value) +
                    ", outside " + std::to_string(parameters[i].lower) + " to " +
                    std::to_string(parameters[i].upper));
  }
  VectorXd coefficients = vector_at(state, "coefficients", centres.size());
  return {std::move(kernel), values, std::move(centres), std::move(coefficients),
          number_at(state, "intercept")};
}

double penalty_from(const nlohmann::json& state) {
  const double penalty = number_at(state, "penalty");
  if (!(penalty > 0))
    throw DataError("key penalty is " + std::to_string(penalty) + "; it must be positive");
  return penalty;
}

const Hyperparameters& hyperparameters_for(const Training& training, const char* name,
                                           const kernels::Kernel& kernel) {
  return training.hyperparameters->get(name, [&] {
    HyperparameterSettings settings;
    settings.threads = training.settings.threads;
    settings.seed = training.settings.seed;
    const VectorXd targets = TargetScale(training.targets).standardised(training.targets);
    Hyperparameters chosen = choose_hyperparameters(kernel, training.points, targets, settings);
    chosen.report.kernel = name;
    return chosen;
  });
}

std::unique_ptr<KernelPredictor> fit_least_squares(const Training& training,
                                                   kernels::KernelPointer kernel,
                                                   const Hyperparameters& hyperparameters) {
  const TargetScale scale(training.targets);
  return std::make_unique<KernelPredictor>(
      GaussianProcess::fit(std::move(kernel), hyperparameters.parameters, hyperparameters.penalty,
                           training.points, scale.standardised(training.targets),
                           training.settings.threads),
      scale, std::vector<std::string>{describe(hyperparameters.report)});
}

std::unique_ptr<KernelPredictor> restore_least_squares(const Training& training,
                                                       kernels::KernelPointer kernel,
                                                       const nlohmann::json& state) {
  Expansion expansion = expansion_from(state, std::move(kernel), training.points);
  const double penalty = penalty_from(state), scale = number_at(state, "scale");
  return std::make_unique<KernelPredictor>(GaussianProcess(std::move(expansion), penalty, scale),
                                           TargetScale(training.targets));
}

kernels::KernelPointer linear_kernel(const Encoding& encoding) {
  return kernels::make_linear(encoding.groups());
}
kernels::KernelPointer rbf_kernel(const Encoding& encoding) {
  return kernels::make_rbf(encoding.groups());
}
kernels::KernelPointer edit_kernel(const Encoding& encoding) {
  const EncodingSettings& settings = encoding.settings();
  if (settings.features.empty()) return kernels::make_edit(encoding.costs());
  kernels::KernelPointer columns = kernels::make_rbf(encoding.described_groups());
  if (!settings.has_strings()) return columns;
  return kernels::make_sum({"edit", "columns"},
                           {kernels::make_edit(encoding.costs()), std::move(columns)});
}

std::string describe(const HyperparameterReport& report) {
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
  return fit_least_squares(training, kernel, hyperparameters_for(training, name, *kernel));
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
