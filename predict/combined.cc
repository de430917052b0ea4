#include "predict/combined.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "metaqnn/base/random.h"
#include "predict/boosting.h"
#include "predict/forest.h"
#include "predict/kernel_regressor.h"
#include "predict/state.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr double kSharePrior = 0.2;  // deviation of w around 1/2
// Up to so many points hyper-parameters are chosen anew for each fold, beyond for each half of them.
constexpr size_t kChosenForEachFold = 100;
constexpr size_t kFolds = 6;
constexpr int kPointsToChooseOn = 150;  // the time goes with their cube

Boosting grow(const Training& training) {
  training.tell("boosting trees");
  return Boosting(training.points.features, training.scale.standardised(),
                  {.stop = training.settings.stop}, training.settings.seed,
                  training.settings.threads);
}

// What the process predicts for rows of the training points left out, by hyper-parameters that were
// chosen without them.
struct Honest {
  std::vector<Index> rows;
  VectorXd predicted;
};

class Nested {
 public:
  explicit Nested(const Training& training)
      : training_(training), kernel_(sum_kernel(*training.encoding)) {}

  Honest run() const {
    std::vector<Index> order(static_cast<size_t>(training_.points.size()));
    std::iota(order.begin(), order.end(), Index{0});
    Random random = Random::stream(training_.settings.seed, "folds of the process");
    shuffle(order, random);
    const size_t folds = std::min(kFolds, order.size() / 2);
    const size_t choices = order.size() <= kChosenForEachFold ? folds : 2;
    Honest all;
    std::vector<double> predicted;
    for (size_t c = 0; folds > 1 && c < choices; ++c) {
      const auto is_foreign = [&](size_t i) { return i % folds % choices == c; };
      const VectorXd parameters =
          choose(rows_where(order, [&](size_t i) { return !is_foreign(i); }));
      for (size_t fold = c; fold < folds; fold += choices) {
        const auto is_in = [&](size_t i) { return i % folds == fold; };
        const std::vector<Index> rows = rows_where(order, is_in);
        const VectorXd of_fold =
            predict(parameters, rows_where(order, [&](size_t i) { return !is_in(i); }), rows);
        all.rows.insert(all.rows.end(), rows.begin(), rows.end());
        predicted.insert(predicted.end(), of_fold.begin(), of_fold.end());
      }
    }
    all.predicted =
        Eigen::Map<const VectorXd>(predicted.data(), static_cast<Index>(predicted.size()));
    return all;
  }

 private:
  template <typename Holds>
  static std::vector<Index> rows_where(const std::vector<Index>& order, const Holds& holds) {
    std::vector<Index> rows;
    for (size_t i = 0; i < order.size(); ++i) {
      if (holds(i)) rows.push_back(order[i]);
    }
    return rows;
  }
  const VectorXd& targets() const { return training_.scale.standardised(); }
  VectorXd choose(const std::vector<Index>& rows) const {
    HyperparameterSettings choice;
    choice.seed = training_.settings.seed;
    choice.stop = training_.settings.stop;
    choice.most_points = kPointsToChooseOn;
    return choose_hyperparameters(*kernel_, training_.points.subset(rows), targets()(rows), choice)
        .parameters;
  }
  VectorXd predict(const VectorXd& parameters, const std::vector<Index>& rows,
                   const std::vector<Index>& others) const {
    const auto process =
        GaussianProcess::fit(kernel_, parameters, std::nullopt, training_.points.subset(rows),
                             targets()(rows), training_.settings.threads);
    return process.mean(training_.points.subset(others), training_.settings.threads);
  }

  const Training& training_;
  kernels::KernelPointer kernel_;
};

// A sum serves few points best; many may drown what one of its terms alone would tell.
std::unique_ptr<KernelRegressor> fit_process(const Training& training) {
  if (training.points.size() < kFewestToChooseKernel) return fit_kernel(training, kSum);
  const VectorXd& targets = training.scale.standardised();
  const auto left_out = [&](const KernelKind& kind) {
    const Training::System system = training.system_of(kind);
    return system->solve(targets, system->best_penalty(targets)).left_out.squaredNorm();
  };
  return fit_kernel(training, left_out(kRbf) < left_out(kSum) ? kRbf : kSum);
}

Honest honest(const Training& training, const KernelRegressor& process) {
  const std::vector<Index>& chosen_on = training.hyperparameters_of(process.kind()).rows;
  Honest all;
  for (Index row = 0; row < training.points.size(); ++row) {
    const Index of_whole = training.rows.empty() ? row : training.rows[static_cast<size_t>(row)];
    if (!std::binary_search(chosen_on.begin(), chosen_on.end(), of_whole)) all.rows.push_back(row);
  }
  all.predicted = process.left_out().mean(all.rows);
  if (2 * static_cast<Index>(all.rows.size()) >= training.points.size()) return all;
  return Nested(training).run();
}

// w of the header.
double best_share(const VectorXd& targets, const VectorXd& process, const VectorXd& trees) {
  if (targets.size() == 0) return 0.5;
  const VectorXd error = targets - trees, apart = process - trees;
  const double noise = std::min(error.squaredNorm(), (targets - process).squaredNorm()) /
                       static_cast<double>(targets.size());
  const double prior = noise / (kSharePrior * kSharePrior);
  const double norm = apart.squaredNorm() + prior;
  return norm > 0 ? std::clamp((apart.dot(error) + prior / 2) / norm, 0.0, 1.0) : 0.5;
}

class Combined : public Regressor {
 public:
  Combined(std::unique_ptr<KernelRegressor> process, Boosting trees, double share)
      : process_(std::move(process)), trees_(std::move(trees)), share_(share) {}

  Moments predict(const kernels::Points& points, const PredictSettings& settings) const override {
    Moments process = process_->predict(points, settings);
    return mixed(process, trees_.predict(points.features, settings.threads));
  }
  Moments left_out() const override { return left_out_; }
  double spread() const override { return spread_; }
  std::vector<std::pair<std::string, double>> hyperparameters() const override {
    auto list = process_->hyperparameters();
    list.insert(list.begin(), {"share", share_});
    return list;
  }
  std::vector<std::string> report() const override {
    char text[80];
    std::snprintf(text, sizeof text, "shares: process %.2f, boosted trees %.2f", share_,
                  1 - share_);
    auto lines = process_->report();
    lines.emplace_back(text);
    return lines;
  }
  nlohmann::json state() const override {
    return {{"process", process_->state()},
            {"kernel", process_->kind().name},
            {"boosting", trees_.state()},
            {"share", share_},
            {"spread", spread_},
            {"deviation_scale", scale_}};
  }

  void set_left_out(const VectorXd& targets, const Honest& honest) {
    Moments process = process_->left_out();
    process.mean(honest.rows) = honest.predicted;
    left_out_ = mixed(process, trees_.left_out());
    const VectorXd error = targets - left_out_.mean;
    spread_ = std::sqrt(error.squaredNorm() / static_cast<double>(error.size()));
    const double claimed = left_out_.deviation.squaredNorm();
    if (claimed > 0) scale_ = std::sqrt(error.squaredNorm() / claimed);
    left_out_.deviation *= scale_;
  }
  void set_spread(double spread, double scale) {
    spread_ = spread;
    scale_ = scale;
  }

 private:
  Moments mixed(const Moments& process, const VectorXd& trees) const {
    Moments both{share_ * process.mean + (1 - share_) * trees, {}};
    if (process.deviation.size() == 0) return both;
    const VectorXd apart = process.mean - trees;
    both.deviation = scale_ * (process.deviation.array().square() +
                               share_ * (1 - share_) * apart.array().square())
                                  .sqrt();
    return both;
  }

  std::unique_ptr<KernelRegressor> process_;
  Boosting trees_;
  double share_, spread_ = 1, scale_ = 1;
  Moments left_out_;
};

// Of models before version 3: the mean of a process and a forest, in equal shares, both in the unit
// of the targets.
class ProcessAndForest : public Regressor {
 public:
  ProcessAndForest(const Training& training, std::unique_ptr<KernelRegressor> process, double scale)
      : process_(std::move(process)),
        scale_(training.scale),
        forest_(training.points.features, training.targets, {}, training.settings.seed,
                training.settings.threads),
        deviation_scale_(scale) {}
  Moments predict(const kernels::Points& points, const PredictSettings& settings) const override {
    Moments prediction = process_->predict(points, settings);
    const VectorXd process = scale_.restored(Moments{prediction.mean, {}}).mean;
    const VectorXd forest = forest_.predict(points.features, settings.threads);
    prediction.mean = scale_.standardised((process + forest) / 2);
    prediction.deviation *= deviation_scale_;
    return prediction;
  }
  std::vector<std::pair<std::string, double>> hyperparameters() const override {
    return process_->hyperparameters();
  }
  nlohmann::json state() const override {
    return {{"process", process_->state()}, {"scale", deviation_scale_}};
  }

 private:
  std::unique_ptr<KernelRegressor> process_;
  TargetScale scale_;
  Forest forest_;
  double deviation_scale_;
};

}  // namespace

std::unique_ptr<Regressor> fit_combined(const Training& training) {
  auto process = fit_process(training);
  Boosting trees = grow(training);
  const Honest left_out = honest(training, *process);
  const VectorXd& targets = training.scale.standardised();
  const double share =
      best_share(targets(left_out.rows), left_out.predicted, trees.left_out()(left_out.rows));
  auto combined = std::make_unique<Combined>(std::move(process), std::move(trees), share);
  combined->set_left_out(targets, left_out);
  return combined;
}

std::unique_ptr<Regressor> restore_combined(const Training& training, const nlohmann::json& state) {
  const bool is_rbf = state.contains("kernel") && text_at(state, "kernel") == kRbf.name;
  auto process = restore_kernel(training, is_rbf ? kRbf : kSum, value_at(state, "process"));
  if (!state.contains("share"))
    return std::make_unique<ProcessAndForest>(training, std::move(process),
                                              number_at(state, "scale"));
  auto combined = std::make_unique<Combined>(
      std::move(process),
      state.contains("boosting") ? Boosting(state["boosting"], training.points.features.cols())
                                 : grow(training),
      number_at(state, "share"));
  combined->set_spread(number_at(state, "spread"), number_at(state, "deviation_scale"));
  return combined;
}

}  // namespace metaqnn::predict
