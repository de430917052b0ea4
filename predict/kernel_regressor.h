// The methods that are one Gaussian process (predict/gaussian_process.h) on the scale of the
// targets: kernel least squares (lls, rbf-ls, ed-ls), and the process in combined. The deviation is
// that of a measurement, and none where the targets are equal.
#pragma once

#include <memory>

#include "predict/gaussian_process.h"
#include "predict/regressor.h"

namespace metaqnn::predict {

class KernelRegressor : public Regressor {
 public:
  // `targets`: on the scale; none where it is restored.
  KernelRegressor(const KernelKind& kind, GaussianProcess process, double spread,
                  const Eigen::VectorXd& targets = {}, std::vector<std::string> report = {});

  Moments predict(const kernels::Points& points, const PredictSettings& settings) const override;
  Moments left_out() const override { return left_out_; }
  double spread() const override { return spread_; }
  std::vector<std::pair<std::string, double>> hyperparameters() const override;
  std::vector<std::string> report() const override { return report_; }
  nlohmann::json state() const override;

  const KernelKind& kind() const { return *kind_; }
  const GaussianProcess& process() const { return process_; }

 private:
  const KernelKind* kind_;
  GaussianProcess process_;
  Moments left_out_;
  double spread_;
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

// With the hyper-parameters of the kernel; the penalty by leave-one-out.
std::unique_ptr<KernelRegressor> fit_kernel(const Training& training, const KernelKind& kind);
std::unique_ptr<KernelRegressor> restore_kernel(const Training& training, const KernelKind& kind,
                                                const nlohmann::json& state);

kernels::KernelPointer linear_kernel(const Encoding& encoding);
kernels::KernelPointer rbf_kernel(const Encoding& encoding);
kernels::KernelPointer edit_kernel(const Encoding& encoding);
// Linear, RBF, and the edit distance where there are strings.
kernels::KernelPointer sum_kernel(const Encoding& encoding);

inline const KernelKind kLinear{"linear", linear_kernel}, kRbf{"rbf", rbf_kernel},
    kEdit{"edit", edit_kernel}, kSum{"sum", sum_kernel};

// How the hyper-parameters were chosen and what of the Gram matrix was repaired, in a line.
std::string describe(const Training& training, const KernelKind& kind);

template <const KernelKind& kind>
std::unique_ptr<Regressor> fit_least_squares(const Training& training) {
  return fit_kernel(training, kind);
}
template <const KernelKind& kind>
std::unique_ptr<Regressor> restore_least_squares(const Training& training,
                                                 const nlohmann::json& state) {
  return restore_kernel(training, kind, state);
}

}  // namespace metaqnn::predict
