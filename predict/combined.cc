#include "predict/combined.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "predict/forest.h"
#include "predict/kernel_predictor.h"
#include "predict/state.h"

namespace metaqnn::predict {
namespace {

using Eigen::VectorXd;

kernels::KernelPointer sum_kernel(const Encoding& encoding) {
  std::vector<std::string> names{"linear", "rbf"};
  std::vector<kernels::KernelPointer> terms{linear_kernel(encoding), rbf_kernel(encoding)};
  if (encoding.settings().has_strings()) {
    names.push_back("edit");
    terms.push_back(kernels::make_edit(encoding.costs()));
  }
  return kernels::make_sum(std::move(names), std::move(terms));
}

Forest grow(const Training& training) {
  return Forest(training.points.features, training.targets, {}, training.settings.seed,
                training.settings.threads);
}

class Combined : public Predictor {
 public:
  Combined(std::unique_ptr<KernelPredictor> process, Forest forest, double scale)
      : process_(std::move(process)), forest_(std::move(forest)), scale_(scale) {}

  Prediction predict(const kernels::Points& points,
                     const PredictSettings& settings) const override {
    Prediction prediction = process_->predict(points, settings);
    prediction.mean = (prediction.mean + forest_.predict(points.features, settings.threads)) / 2;
    prediction.deviation *= scale_;
    return prediction;
  }
  std::vector<std::pair<std::string, double>> hyperparameters() const override {
    return process_->hyperparameters();
  }
  std::vector<std::string> report() const override { return process_->report(); }
  nlohmann::json state() const override {
    return {{"process", process_->state()}, {"scale", scale_}};
  }

 private:
  std::unique_ptr<KernelPredictor> process_;
  Forest forest_;
  double scale_;
};

// The deviation's factor that gives left-out errors their size.
double calibrate(const VectorXd& targets, const KernelPredictor& predictor, const Forest& forest) {
  const GaussianProcess::LeftOut& left_out = predictor.process().left_out();
  const double deviation = predictor.scale().deviation();
  const VectorXd predicted = targets - deviation * left_out.residuals;
  const VectorXd error = targets - (predicted + forest.left_out()) / 2;
  const double claimed = (deviation * left_out.deviations).squaredNorm();
  return claimed > 0 ? std::sqrt(error.squaredNorm() / claimed) : 1;
}

}  // namespace

std::unique_ptr<Predictor> fit_combined(const Training& training) {
  const kernels::KernelPointer kernel = sum_kernel(*training.encoding);
  auto process = fit_least_squares(training, kernel, hyperparameters_for(training, "sum", *kernel));
  Forest forest = grow(training);
  const double scale = calibrate(training.targets, *process, forest);
  return std::make_unique<Combined>(std::move(process), std::move(forest), scale);
}

std::unique_ptr<Predictor> restore_combined(const Training& training, const nlohmann::json& state) {
  return std::make_unique<Combined>(
      restore_least_squares(training, sum_kernel(*training.encoding), value_at(state, "process")),
      grow(training), number_at(state, "scale"));
}

}  // namespace metaqnn::predict
