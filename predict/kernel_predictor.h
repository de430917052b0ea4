// The predictors that are one expansion over centres:
//
//   f(x) = y_mean + y_deviation (sum_j k(x, c_j) beta_j + b), drawn into the range of the targets
//
// kernel least squares (lls, rbf-ls, ed-ls, the Gaussian process in combined): the centres are the
// training points; manifold regularisation: training points and others (predict/manifold.h).
//
// The deviation is that of the Gaussian process with this kernel whose noise is the penalty and
// whose scale makes the leave-one-out residuals fit their variances (Rasmussen and Williams,
// "Gaussian processes for machine learning" (2006), equations 2.26 and 5.12):
//
//   var(x) = s^2 (k(x,x) - k(x)' H k(x) + lambda),  s^2 = mean_i(r_i^2 C_ii),  H = (K + lambda I)^-1
//
// It costs n^2 for each x and holds n^2 numbers from the first call on.
#pragma once

#include <memory>
#include <mutex>

#include "predict/predictor.h"

namespace metaqnn::predict {

// Means and deviations that were taken out of the targets.
struct Standardised {
  double mean = 0, deviation = 1;
  Eigen::VectorXd values;
};
Standardised standardise(const Eigen::VectorXd& targets);

struct Expansion {
  kernels::KernelPointer kernel;
  Eigen::VectorXd parameters;
  double penalty = 1;
  kernels::Points centres;
  Eigen::VectorXd coefficients;  // one per centre
  double intercept = 0;
  double scale = 0;  // s^2; 0 = no deviation
  double target_mean = 0, target_deviation = 1;
  Range range;
};

class KernelPredictor : public Predictor {
 public:
  explicit KernelPredictor(Expansion expansion, std::vector<std::string> report = {});

  Prediction predict(const kernels::Points& points, const PredictSettings& settings) const override;
  std::vector<std::pair<std::string, double>> hyperparameters() const override;
  std::vector<std::string> report() const override { return report_; }
  nlohmann::json state() const override;

  const Expansion& expansion() const { return expansion_; }
  // For the training points, each left out, in the units of the targets; empty after restore.
  const Prediction& left_out() const { return left_out_; }
  void set_left_out(Prediction left_out) { left_out_ = std::move(left_out); }

 private:
  Eigen::VectorXd explained(const kernels::Points& points, int threads) const;

  Expansion expansion_;
  std::vector<std::string> report_;
  Prediction left_out_;
  // For deviations: made when first asked for.
  mutable std::mutex mutex_;
  mutable std::unique_ptr<LeastSquares> system_;
};

// The kernel's hyper-parameters as chosen for these training points: once for each name.
const Choice& choice_for(const Training& training, const char* name, const kernels::Kernel& kernel);

// Fits with these hyper-parameters.
std::unique_ptr<KernelPredictor> fit_least_squares(const Training& training,
                                                   kernels::KernelPointer kernel,
                                                   const Choice& choice);
// Of a state, in the bounds of the kernel; DataError naming what is not.
Eigen::VectorXd parameters_at(const nlohmann::json& state, const kernels::Kernel& kernel);
double penalty_at(const nlohmann::json& state);
std::unique_ptr<KernelPredictor> restore_least_squares(const Training& training,
                                                       kernels::KernelPointer kernel,
                                                       const nlohmann::json& state);

// The kernels of the methods, by what the encoding has to offer.
kernels::KernelPointer linear_kernel(const Encoding& encoding);
kernels::KernelPointer rbf_kernel(const Encoding& encoding);
kernels::KernelPointer edit_kernel(const Encoding& encoding);

std::string describe(const ChoiceReport& report);

std::unique_ptr<Predictor> fit_lls(const Training& training);
std::unique_ptr<Predictor> fit_rbf_ls(const Training& training);
std::unique_ptr<Predictor> fit_ed_ls(const Training& training);
std::unique_ptr<Predictor> restore_lls(const Training& training, const nlohmann::json& state);
std::unique_ptr<Predictor> restore_rbf_ls(const Training& training, const nlohmann::json& state);
std::unique_ptr<Predictor> restore_ed_ls(const Training& training, const nlohmann::json& state);

}  // namespace metaqnn::predict
