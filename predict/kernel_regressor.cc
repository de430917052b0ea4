#include "predict/kernel_regressor.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/blas_threads.h"
#include "metaqnn/base/error.h"
#include "predict/state.h"

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

nlohmann::json state_of(const Landmarks& landmarks) {
  const std::vector<int32_t> rows(landmarks.rows.begin(), landmarks.rows.end());
  const VectorXd& values = landmarks.basis.values;
  const Eigen::MatrixXf vectors = landmarks.basis.vectors.cast<float>();
  return {{"rows", packed(rows.data(), rows.size())},
          {"values", packed(values.data(), static_cast<size_t>(values.size()))},
          {"vectors", packed(vectors.data(), static_cast<size_t>(vectors.size()))}};
}

std::shared_ptr<const Landmarks> landmarks_from(const nlohmann::json& state, Index points) {
  const auto rows = unpacked_at<int32_t>(state, "rows");
  const auto values = unpacked_at<double>(state, "values");
  const auto vectors = unpacked_at<float>(state, "vectors");
  if (vectors.size() != rows.size() * values.size())
    throw DataError("key vectors has not a number for each landmark and value");
  auto landmarks = std::make_shared<Landmarks>();
  for (int32_t row : rows) {
    if (row < 0 || row >= points)
      throw DataError("landmark " + std::to_string(row) + " is none of the training points");
    landmarks->rows.push_back(row);
  }
  const auto m = static_cast<Index>(rows.size()), r = static_cast<Index>(values.size());
  landmarks->basis = {Eigen::Map<const VectorXd>(values.data(), r),
                      Eigen::Map<const Eigen::MatrixXf>(vectors.data(), m, r).cast<double>()};
  return landmarks;
}

// What landmarks cost: what half of them cost more.
std::string describe_landmarks(const Training& training, const KernelKind& kind) {
  const Training::System system = training.system_of(kind);
  const auto all = static_cast<Index>(system->landmarks()->rows.size());
  const Index half = std::max<Index>(1, all / 2);
  const auto with_half = make_system(*kind.make(*training.encoding),
                                     training.hyperparameters_of(kind).parameters, training.points,
                                     {.seed = training.settings.seed,
                                      .threads = training.settings.threads,
                                      .centres = static_cast<int>(half)});
  const VectorXd& targets = training.scale.standardised();  // of variance 1
  const auto r2 = [&](const KernelSystem& by) {
    const VectorXd left_out = by.solve(targets, by.best_penalty(targets)).left_out;
    return 1 - left_out.squaredNorm() / static_cast<double>(targets.size());
  };
  char text[200];
  std::snprintf(text, sizeof text,
                "approximated: %lld of %lld points stand for all; left-out R2 %.4f, with half of "
                "them %.4f",
                static_cast<long long>(all), static_cast<long long>(training.points.size()),
                r2(*system), r2(*with_half));
  return text;
}

}  // namespace

KernelRegressor::KernelRegressor(const KernelKind& kind, GaussianProcess process, double spread,
                                 const VectorXd& targets, std::vector<std::string> report)
    : kind_(&kind), process_(std::move(process)), spread_(spread), report_(std::move(report)) {
  const GaussianProcess::LeftOut& left_out = process_.left_out();
  if (targets.size() > 0) left_out_ = {targets - left_out.residuals, left_out.deviations};
  process_.forget_system();
}

Moments KernelRegressor::predict(const kernels::Points& points,
                                 const PredictSettings& settings) const {
  Moments prediction{process_.mean(points, settings.threads), {}};
  if (!settings.deviation || process_.scale() == 0) return prediction;
  const BlasThreads threads(settings.threads);
  prediction.deviation = process_.deviation(points, Spread::of_measurements, settings.threads);
  return prediction;
}

std::vector<std::pair<std::string, double>> KernelRegressor::hyperparameters() const {
  return named_hyperparameters(process_.expansion(), process_.penalty());
}

nlohmann::json KernelRegressor::state() const {
  nlohmann::json state = expansion_state(process_.expansion(), process_.penalty());
  state["scale"] = process_.scale();
  state["spread"] = spread_;
  if (process_.landmarks()) state["landmarks"] = state_of(*process_.landmarks());
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

std::unique_ptr<KernelRegressor> fit_kernel(const Training& training, const KernelKind& kind) {
  const VectorXd& targets = training.scale.standardised();
  GaussianProcess process = GaussianProcess::fit(
      kind.make(*training.encoding), training.hyperparameters_of(kind).parameters, std::nullopt,
      training.points, targets, *training.system_of(kind));
  const double spread =
      std::sqrt(process.left_out().residuals.squaredNorm() / static_cast<double>(targets.size()));
  std::vector<std::string> report{describe(training, kind)};
  if (training.system_of(kind)->landmarks()) report.push_back(describe_landmarks(training, kind));
  return std::make_unique<KernelRegressor>(kind, std::move(process), spread, targets,
                                           std::move(report));
}

std::unique_ptr<KernelRegressor> restore_kernel(const Training& training, const KernelKind& kind,
                                                const nlohmann::json& state) {
  std::shared_ptr<const Landmarks> landmarks;
  if (state.contains("landmarks"))
    landmarks = landmarks_from(state["landmarks"], training.points.size());
  Expansion expansion =
      expansion_from(state, kind.make(*training.encoding),
                     landmarks ? training.points.subset(landmarks->rows) : training.points);
  const double penalty = penalty_from(state), scale = number_at(state, "scale");
  return std::make_unique<KernelRegressor>(
      kind, GaussianProcess(std::move(expansion), penalty, scale, std::move(landmarks)),
      state.contains("spread") ? number_at(state, "spread") : 1);
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

kernels::KernelPointer sum_kernel(const Encoding& encoding) {
  std::vector<std::string> names{"linear", "rbf"};
  std::vector<kernels::KernelPointer> terms{linear_kernel(encoding), rbf_kernel(encoding)};
  if (encoding.settings().has_strings()) {
    names.push_back("edit");
    terms.push_back(kernels::make_edit(encoding.costs()));
  }
  return kernels::make_sum(std::move(names), std::move(terms));
}

std::string describe(const Training& training, const KernelKind& kind) {
  const HyperparameterReport& report = training.hyperparameters_of(kind).report;
  const Training::System system = training.system_of(kind);
  const kernels::RepairReport repair = system->repair();
  char text[300];
  std::snprintf(text, sizeof text,
                "%s: hyper-parameters chosen on %lld points in %d iterations, %.2f s",
                report.kernel.c_str(), static_cast<long long>(report.points), report.iterations,
                report.seconds);
  std::string line = text;
  if (repair.negative > 0) {
    std::snprintf(
        text, sizeof text,
        "; %lld of %lld eigenvalues were negative (smallest %.3g, %.1f%% of the spectrum) "
        "and are clipped",
        static_cast<long long>(repair.negative), static_cast<long long>(repair.size),
        repair.most_negative, 100 * repair.negative_share);
    line += text;
  }
  return line;
}

}  // namespace metaqnn::predict
