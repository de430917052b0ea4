#include "predict/predictor.h"

#include <cmath>
#include <set>

#include "base/blas_threads.h"
#include "base/foreign_text.h"
#include "base/names.h"
#include "metaqnn/base/error.h"
#include "predict/baselines.h"
#include "predict/combined.h"
#include "predict/kernel_predictor.h"
#include "predict/manifold.h"
#include "predict/state.h"

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::VectorXd;

namespace {

std::vector<Index> rows_where(const VectorXd& values, bool (*holds)(double)) {
  std::vector<Index> rows;
  for (Index i = 0; i < values.size(); ++i) {
    if (holds(values(i))) rows.push_back(i);
  }
  return rows;
}

// The same architectures, or some of them, with other targets.
Training part_of(const Training& training, const std::vector<Index>& rows, VectorXd targets) {
  Training part;
  part.encoding = training.encoding;
  for (Index row : rows)
    part.architectures.push_back(training.architectures[static_cast<size_t>(row)]);
  part.points = training.points.subset(rows);
  part.targets = std::move(targets);
  part.unlabelled_architectures = training.unlabelled_architectures;
  part.unlabelled = training.unlabelled;
  part.settings = training.settings;
  return part;
}

std::shared_ptr<const TwoParts> make_parts(const Training& training, const Samples& samples) {
  const std::vector<Index> all = rows_where(samples.trained, [](double) { return true; });
  const std::vector<Index> trained = rows_where(samples.trained, [](double p) { return p > 0; });
  const bool failures = (samples.trained.array() < 1).any();
  if (!failures || trained.size() < 2) return nullptr;
  return std::make_shared<TwoParts>(
      TwoParts{part_of(training, all, samples.trained),
               part_of(training, trained, samples.trained_targets(trained)), samples.chance});
}

class TwoPartPredictor : public Predictor {
 public:
  TwoPartPredictor(std::unique_ptr<Predictor> trains, std::unique_ptr<Predictor> accuracy,
                   double chance)
      : trains_(std::move(trains)), accuracy_(std::move(accuracy)), chance_(chance) {}

  // The variance of a mixture: of either outcome, and between them.
  Prediction predict(const kernels::Points& points,
                     const PredictSettings& settings) const override {
    const VectorXd p =
        trains_->predict(points, {false, settings.threads}).mean.cwiseMax(0).cwiseMin(1);
    const Prediction accuracy = accuracy_->predict(points, settings);
    Prediction prediction;
    const VectorXd above = accuracy.mean.array() - chance_;
    prediction.mean = p.cwiseProduct(above).array() + chance_;
    if (accuracy.deviation.size() > 0) {
      prediction.deviation = (p.array() * accuracy.deviation.array().square() +
                              p.array() * (1 - p.array()) * above.array().square())
                                 .sqrt();
    }
    return prediction;
  }
  std::vector<std::pair<std::string, double>> hyperparameters() const override {
    std::vector<std::pair<std::string, double>> list;
    for (const auto& [name, value] : trains_->hyperparameters())
      list.emplace_back("trains." + name, value);
    for (const auto& [name, value] : accuracy_->hyperparameters())
      list.emplace_back("accuracy." + name, value);
    return list;
  }
  std::vector<std::string> report() const override {
    std::vector<std::string> lines;
    for (const std::string& line : trains_->report()) lines.push_back("whether it trains: " + line);
    for (const std::string& line : accuracy_->report()) lines.push_back("accuracy: " + line);
    return lines;
  }
  nlohmann::json state() const override {
    return {{"trains", trains_->state()}, {"accuracy", accuracy_->state()}};
  }

 private:
  std::unique_ptr<Predictor> trains_, accuracy_;
  double chance_;
};

}  // namespace

const Hyperparameters& SharedHyperparameters::get(const std::string& kernel,
                                                  const std::function<Hyperparameters()>& choose) {
  std::unique_lock map(mutex_);
  Entry& entry = entries_[kernel];
  map.unlock();
  const std::lock_guard lock(entry.mutex);
  if (!entry.chosen) entry.chosen = choose();
  return *entry.chosen;
}

Training make_training(const EncodingSettings& encoding, const Samples& samples, Failures failures,
                       const std::vector<std::string>& unlabelled, const FitSettings& settings) {
  if (samples.size() < 2) {
    throw UsageError("a predictor needs at least 2 different architectures with a target, not " +
                     std::to_string(samples.size()));
  }
  check(samples, encoding);
  if (settings.graph_weight &&
      !(std::isfinite(*settings.graph_weight) && *settings.graph_weight >= 0))
    throw UsageError("the weight of the graph is " + std::to_string(*settings.graph_weight) +
                     "; give a number from 0 on");
  Training training;
  training.encoding = std::make_shared<const Encoding>(encoding, samples.architectures);
  training.points = training.encoding->points(samples.architectures);
  std::set<std::string> known(samples.architectures.begin(), samples.architectures.end());
  for (const std::string& text : unlabelled) {
    if (known.insert(text).second) training.unlabelled_architectures.push_back(text);
  }
  training.unlabelled = training.encoding->points(training.unlabelled_architectures);
  training.architectures = samples.architectures;
  training.targets = samples.targets;
  training.settings = settings;
  if (failures == Failures::model) training.parts = make_parts(training, samples);
  return training;
}

std::unique_ptr<Predictor> fit(const Method& method, const Training& training) {
  const BlasThreads threads(training.settings.threads);
  if (!training.parts) return method.fit(training);
  return std::make_unique<TwoPartPredictor>(method.fit(training.parts->trains),
                                            method.fit(training.parts->accuracy),
                                            training.parts->chance);
}

std::unique_ptr<Predictor> restore(const Method& method, const Training& training,
                                   const nlohmann::json& state) {
  if (!training.parts) return method.restore(training, state);
  return std::make_unique<TwoPartPredictor>(
      method.restore(training.parts->trains, value_at(state, "trains")),
      method.restore(training.parts->accuracy, value_at(state, "accuracy")),
      training.parts->chance);
}

const std::vector<Method>& methods() {
  static const std::vector<Method> methods{
      {"lls", "linear least squares on features", false, fit_lls, restore_lls},
      {"rbf-ls", "kernel least squares, RBF kernel on features", false, fit_rbf_ls, restore_rbf_ls},
      {"ed-ls", "kernel least squares, edit-distance kernel", false, fit_ed_ls, restore_ed_ls},
      {"rbf-mr", "manifold regularisation, RBF kernel", false, fit_rbf_mr, restore_rbf_mr},
      {"ed-mr", "manifold regularisation, edit-distance kernel", false, fit_ed_mr, restore_ed_mr},
      {"combined", "Gaussian process with a sum of kernels, and a forest", false, fit_combined,
       restore_combined},
      {"mean", "the mean of the training targets", true, fit_mean, restore_baseline<fit_mean>},
      {"depth", "a line in the number of layers", true, fit_depth, restore_baseline<fit_depth>},
      {"log-parameters", "a line in log2 of the parameters", true, fit_log_parameters,
       restore_baseline<fit_log_parameters>},
      {"nearest", "the nearest training architecture by edit distance", true, fit_nearest,
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
