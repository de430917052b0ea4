#include "predict/predictor.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/blas_threads.h"
#include "base/foreign_text.h"
#include "base/names.h"
#include "metaqnn/base/error.h"
#include "predict/baselines.h"
#include "predict/combined.h"
#include "predict/kernel_regressor.h"
#include "predict/manifold.h"
#include "predict/state.h"

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::VectorXd;
using nlohmann::json;

namespace {

Warp warp_from(const json& state) {
  const std::string name = text_at(state, "scale");
  if (const std::optional<Warp> warp = warp_of(name)) return *warp;
  throw DataError("key scale is " + shown(name) + ", which is none");
}

// Left out where it was trained on; of the others what it says.
Moments of_all(const Regressor& regressor, const Training& whole,
               const std::vector<Index>& trained) {
  Moments all = regressor.predict(whole.points, {true, whole.settings.threads});
  const Moments left_out = regressor.left_out();
  all.mean(trained) = left_out.mean;
  all.deviation(trained) = left_out.deviation;
  return all;
}

}  // namespace

Predictor::Part Predictor::Part::fit(const Method& method, const Training& training) {
  return {training.scale, method.fit(training)};
}

Predictor::Part Predictor::Part::restore(const Method& method, const Training& training,
                                         const json& state) {
  return {training.scale, method.restore(training, state)};
}

json Predictor::Part::state() const {
  return {{"scale", saved_name(scale.warp())}, {"fit", regressor->state()}};
}

VectorXd Predictor::Part::mean(const Moments& on_scale) const {
  const VectorXd spread = VectorXd::Constant(on_scale.mean.size(), regressor->spread());
  return scale.restored(Moments{on_scale.mean, spread}).mean;
}

VectorXd Predictor::Part::deviation(const Moments& on_scale) const {
  if (on_scale.deviation.size() == 0) return {};
  return scale.restored(on_scale).deviation;
}

// The variance of two parts is that of a mixture: of either outcome, and between them.
Prediction Predictor::combine(const Moments& first, const Moments& second) const {
  Prediction prediction;
  if (!two_parts_) {
    prediction.mean = first_.mean(first);
    prediction.deviation = first_.deviation(first);
    const double sign = first_.scale.sign();
    prediction.score = sign * (second_ ? second_->mean(second) : prediction.mean);
    return prediction;
  }
  const VectorXd p = first_.mean(first).cwiseMax(0).cwiseMin(1);
  const VectorXd accuracy = second_->mean(second);
  Mixture mixed = mixture(p, accuracy, second_->scale.better(second.mean), chance_);
  prediction.mean = std::move(mixed.mean);
  prediction.score = std::move(mixed.score);
  const VectorXd deviation = second_->deviation(second);
  if (deviation.size() == 0) return prediction;
  prediction.deviation = (p.array() * deviation.array().square() +
                          p.array() * (1 - p.array()) * (accuracy.array() - chance_).square())
                             .sqrt();
  return prediction;
}

void Predictor::learn_ranks(const Training& training) {
  const VectorXd scores = predict(training.points, {false, training.settings.threads}).score;
  std::vector<double> known(scores.begin(), scores.end());
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  if (known.size() < 2) return;
  known_scores_ = Eigen::Map<const VectorXd>(known.data(), static_cast<Index>(known.size()));
}

void Predictor::learn_error_size(const Training& training) {
  Moments first = first_.regressor->left_out(), second;
  if (first.deviation.size() < kFewestErrors) return;
  if (two_parts_) second = of_all(*second_->regressor, training, training.parts->trained);
  if (second_ && !two_parts_) second.mean = VectorXd::Zero(first.mean.size());  // not needed
  const Prediction left_out = combine(first, second);
  error_size_.emplace(left_out.mean, left_out.deviation, training.targets - left_out.mean,
                      training.settings.seed, training.settings.threads);
}

Predictor Predictor::fit(const Method& method, const Training& training) {
  const BlasThreads threads(training.settings.threads);
  training.tell("fitting " + method.name);
  Predictor predictor;
  Form form;
  if (method.kernel != nullptr) form = choose_form(training, *method.kernel);
  if (training.failures == Failures::model) form.two_parts = training.parts != nullptr;
  predictor.two_parts_ = form.two_parts;
  if (form.two_parts) {
    predictor.chance_ = training.parts->chance;
    predictor.first_ = Part::fit(method, training.parts->trains);
    predictor.second_ = Part::fit(method, training.parts->accuracy);
  } else {
    predictor.first_ = Part::fit(method, training.on(form.value));
    if (form.rank != form.value) predictor.second_ = Part::fit(method, training.on(form.rank));
  }
  predictor.report_ = std::move(form.report);
  predictor.learn_error_size(training);
  if (!method.baseline()) predictor.learn_ranks(training);
  training.release_systems();
  return predictor;
}

Predictor Predictor::restore(const Method& method, const Training& training, const json& state) {
  Predictor predictor;
  const bool is_old = !state.contains("parts");
  const auto part = [&](const Training& of_part, const json& saved_part) {
    return Part::restore(method, of_part.on(warp_from(saved_part)), value_at(saved_part, "fit"));
  };
  if (is_old) {
    predictor.two_parts_ = training.failures == Failures::model && training.parts != nullptr;
  } else {
    predictor.two_parts_ = value_at(state, "two_parts") == true;
    if (predictor.two_parts_ && !training.parts)
      throw DataError("key two_parts: no network of its log failed");
  }
  if (predictor.two_parts_) predictor.chance_ = training.parts->chance;
  const Training& first = predictor.two_parts_ ? training.parts->trains : training;
  const Training& second = predictor.two_parts_ ? training.parts->accuracy : training;
  if (is_old && predictor.two_parts_) {
    predictor.first_ = Part::restore(method, first, value_at(state, "trains"));
    predictor.second_ = Part::restore(method, second.on(Warp::none), value_at(state, "accuracy"));
  } else if (is_old) {
    predictor.first_ = Part::restore(method, training, state);
  } else {
    const json& parts = value_at(state, "parts");
    if (!parts.is_array() || parts.empty() || parts.size() > 2 ||
        (predictor.two_parts_ && parts.size() != 2))
      throw DataError("key parts is no list of one or two");
    predictor.first_ = part(first, parts[0]);
    if (parts.size() == 2) predictor.second_ = part(second, parts[1]);
    if (state.contains("known_scores")) {
      predictor.known_scores_ = vector_at(state, "known_scores", -1);
      if (predictor.known_scores_.size() < 2)
        throw DataError("key known_scores has fewer than two numbers");
    }
    if (state.contains("error_size")) {
      predictor.error_size_ = ErrorSize::restore(state["error_size"], training.settings.seed,
                                                 training.settings.threads);
    }
  }
  return predictor;
}

Prediction Predictor::predict(const kernels::Points& points,
                              const PredictSettings& settings) const {
  const auto of = [&](const Part& part, bool deviation) {
    return part.regressor->predict(points, {deviation, settings.threads});
  };
  const Moments first = of(first_, settings.deviation && !two_parts_);
  const Moments second = second_ ? of(*second_, settings.deviation && two_parts_) : Moments{};
  Prediction prediction = combine(first, second);
  if (known_scores_.size() > 0) {
    const VectorXd quantiles = normal_quantiles(known_scores_.size());
    prediction.score = prediction.score.unaryExpr(
        [&](double score) { return interpolated(known_scores_, quantiles, score); });
  }
  if (error_size_ && prediction.deviation.size() > 0) {
    prediction.deviation = (*error_size_)(prediction.mean, prediction.deviation, settings.threads);
  }
  return prediction;
}

std::vector<std::pair<std::string, double>> Predictor::hyperparameters() const {
  if (!two_parts_) return first_.regressor->hyperparameters();
  std::vector<std::pair<std::string, double>> list;
  for (const auto& [name, value] : first_.regressor->hyperparameters())
    list.emplace_back("trains." + name, value);
  for (const auto& [name, value] : second_->regressor->hyperparameters())
    list.emplace_back("accuracy." + name, value);
  return list;
}

std::vector<std::string> Predictor::report() const {
  std::vector<std::string> lines = report_;
  const auto add = [&](const char* what, const Part& part) {
    for (const std::string& line : part.regressor->report()) lines.push_back(what + line);
  };
  add(two_parts_ ? "whether it trains: " : second_ ? "values: " : "", first_);
  if (second_) add(two_parts_ ? "how well: " : "ranks: ", *second_);
  return lines;
}

json Predictor::state() const {
  json state{{"two_parts", two_parts_}, {"parts", json::array({first_.state()})}};
  if (second_) state["parts"].push_back(second_->state());
  if (error_size_) state["error_size"] = error_size_->state();
  if (known_scores_.size() > 0) state["known_scores"] = to_json(known_scores_);
  return state;
}

const std::vector<Method>& methods() {
  static const std::vector<Method> methods{
      {"lls", "linear least squares on features", &kLinear, fit_least_squares<kLinear>,
       restore_least_squares<kLinear>},
      {"rbf-ls", "kernel least squares, RBF kernel on features", &kRbf, fit_least_squares<kRbf>,
       restore_least_squares<kRbf>},
      {"ed-ls", "kernel least squares, edit-distance kernel", &kEdit, fit_least_squares<kEdit>,
       restore_least_squares<kEdit>},
      {"rbf-mr", "manifold regularisation, RBF kernel", &kRbf, fit_rbf_mr, restore_rbf_mr},
      {"ed-mr", "manifold regularisation, edit-distance kernel", &kEdit, fit_ed_mr, restore_ed_mr},
      {"combined", "Gaussian process with a sum of kernels, and boosted trees", &kSum, fit_combined,
       restore_combined},
      {"mean", "the mean of the training targets", nullptr, fit_mean, restore_baseline<fit_mean>},
      {"depth", "a line in the number of layers", nullptr, fit_depth, restore_baseline<fit_depth>},
      {"log-parameters", "a line in log2 of the parameters", nullptr, fit_log_parameters,
       restore_baseline<fit_log_parameters>},
      {"nearest", "the nearest training architecture by edit distance", nullptr, fit_nearest,
       restore_baseline<fit_nearest>},
  };
  return methods;
}

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const Method& method : methods()) names.push_back(method.name);
  return names;
}

const Method& find_method(const std::string& name) {
  for (const Method& method : methods()) {
    if (method.name == name) return method;
  }
  const std::vector<std::string> names = method_names();
  throw UsageError("there is no method " + shown(name) + "; did you mean " +
                   nearest_name(name, names) + "? Methods: " + list_names(names));
}

}  // namespace metaqnn::predict
