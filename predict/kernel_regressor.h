// The predictors that are one Gaussian process (predict/gaussian_process.h) on standardised targets
// (predict/target_scale.h): kernel least squares (lls, rbf-ls, ed-ls), and the process in combined.
// The deviation is that of a measurement, and none where the targets are equal.
#pragma once

#include <memory>

#include "predict/gaussian_process.h"
#include "predict/predictor.h"
#include "predict/target_scale.h"

namespace metaqnn::predict {

class KernelPredictor : public Predictor {
 public:
  KernelPredictor(GaussianProcess process, const TargetScale& scale,
                  std::vector<std::string> report = {});

  Prediction predict(const kernels::Points& points, const PredictSettings& settings) const override;
  std::vector<std::pair<std::string, double>> hyperparameters() const override;
  std::vector<std::string> report() const override { return report_; }
  nlohmann::json state() const override;

  const GaussianProcess& process() const { return process_; }
  const TargetScale& scale() const { return scale_; }

 private:
  GaussianProcess process_;
  TargetScale scale_;
  std::vector<std::string> report_;
};

// Penalty and kernel parameters by name, as people read them.
std::vector<std::pair<std::string, double>> named_hyperparameters(const Expansion& expansion,
                                                                  double penalty);
// What Expansion and penalty are read from again.
nlohmann::json expansion_state(const Expansion& expansion, double penalty);
// Throws DataError naming what is not in the bounds of the kernel, or of the wrong size.
Expansion expansion_from(const nlohmann::json& state, kernels::KernelPointer kernel,
                         kernels::Points centres);
double penalty_from(const nlohmann::json& state);

// The kernel's hyper-parameters as chosen for these training points: once for each name.
const Hyperparameters& hyperparameters_for(const Training& training, const char* name,
                                           const kernels::Kernel& kernel);

// Fits with these hyper-parameters.
std::unique_ptr<KernelPredictor> fit_least_squares(const Training& training,
                                                   kernels::KernelPointer kernel,
                                                   const Hyperparameters& hyperparameters);
std::unique_ptr<KernelPredictor> restore_least_squares(const Training& training,
                                                       kernels::KernelPointer kernel,
                                                       const nlohmann::json& state);

// The kernels of the methods, by what the encoding has to offer.
kernels::KernelPointer linear_kernel(const Encoding& encoding);
kernels::KernelPointer rbf_kernel(const Encoding& encoding);
kernels::KernelPointer edit_kernel(const Encoding& encoding);

std::string describe(const HyperparameterReport& report);

std::unique_ptr<Predictor> fit_lls(const Training& training);
std::unique_ptr<Predictor> fit_rbf_ls(const Training& training);
std::unique_ptr<Predictor> fit_ed_ls(const Training& training);
std::unique_ptr<Predictor> restore_lls(const Training& training, const nlohmann::json& state);
std::unique_ptr<Predictor> restore_rbf_ls(const Training& training, const nlohmann::json& state);
std::unique_ptr<Predictor> restore_ed_ls(const Training& training, const nlohmann::json& state);

}  // namespace metaqnn::predict
