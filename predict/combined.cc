#include "predict/combined.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "predict/forest.h"
#include "predict/kernel_predictor.h"
#include "predict/state.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

kernels::KernelPointer sum_kernel(const Encoding& encoding) {
  return kernels::make_sum({"linear", "rbf", "edit"},
                           {linear_kernel(encoding), rbf_kernel(encoding), edit_kernel(encoding)});
}

Forest grow(const Training& training) {
  return Forest(training.points.features, training.targets, {}, training.settings.seed,
                training.settings.threads);
}

// v of the header.
double share_of(const VectorXd& process, const VectorXd& forest, const VectorXd& targets) {
  const VectorXd apart = process - forest;
  const double squares = apart.squaredNorm();
  if (squares < 1e-12) return 0.5;
  return std::clamp(apart.dot(targets - forest) / squares, 0.0, 1.0);
}

class Combined : public Predictor {
 public:
  Combined(std::unique_ptr<KernelPredictor> process, Forest forest, double share, double scale,
           std::vector<std::string> report = {})
      : process_(std::move(process)),
        forest_(std::move(forest)),
        share_(share),
        scale_(scale),
        report_(std::move(report)) {}

  Prediction predict(const kernels::Points& points,
                     const PredictSettings& settings) const override {
    const Prediction process = process_->predict(points, settings);
    const Forest::Prediction forest = forest_.predict(points.features, settings.threads);
    Prediction prediction;
    prediction.mean = share_ * process.mean + (1 - share_) * forest.mean;
    if (process.deviation.size() > 0)
      prediction.deviation = scale_ * (share_ * process.deviation + (1 - share_) * forest.spread);
    return prediction;
  }

  std::vector<std::pair<std::string, double>> hyperparameters() const override {
    auto list = process_->hyperparameters();
    list.emplace_back("share_of_kernel", share_);
    return list;
  }
  std::vector<std::string> report() const override { return report_; }
  nlohmann::json state() const override {
    return {{"process", process_->state()}, {"share", share_}, {"scale", scale_}};
  }

 private:
  std::unique_ptr<KernelPredictor> process_;
  Forest forest_;
  double share_, scale_;
  std::vector<std::string> report_;
};

// The deviation's factor that gives left-out errors their size.
double calibrate(const Training& training, const KernelPredictor& process, const Forest& forest,
                 double share) {
  const VectorXd error =
      training.targets - share * process.left_out - (1 - share) * forest.left_out();
  const Prediction inside = process.predict(training.points, {true, training.settings.threads});
  const VectorXd spread =
      forest.predict(training.points.features, training.settings.threads).spread;
  const VectorXd claimed = share * inside.deviation + (1 - share) * spread;
  const double mean = claimed.squaredNorm();
  return mean > 0 ? std::sqrt(error.squaredNorm() / mean) : 1;
}

}  // namespace

std::unique_ptr<Predictor> fit_combined(const Training& training) {
  const kernels::KernelPointer kernel = sum_kernel(*training.encoding);
  auto process = fit_least_squares(training, kernel, choice_for(training, "sum", *kernel));
  Forest forest = grow(training);
  const double share = share_of(process->left_out, forest.left_out(), training.targets);
  const double scale = calibrate(training, *process, forest, share);
  std::vector<std::string> report = process->report();
  return std::make_unique<Combined>(std::move(process), std::move(forest), share, scale,
                                    std::move(report));
}

std::unique_ptr<Predictor> restore_combined(const Training& training, const nlohmann::json& state) {
  return std::make_unique<Combined>(
      restore_least_squares(training, sum_kernel(*training.encoding), value_at(state, "process")),
      grow(training), number_at(state, "share"), number_at(state, "scale"));
}

}  // namespace metaqnn::predict
