// What every method is: fitted on a scale of the targets (predict/target_scale.h), it says where on
// it an architecture lies, and how sure it is. What becomes of that is the matter of the Predictor
// (predict/predictor.h).
//
//   lls        linear least squares on features                 predict/kernel_regressor.h
//   rbf-ls     kernel least squares, RBF kernel on features
//   ed-ls      kernel least squares, edit-distance kernel
//   rbf-mr     manifold regularisation, RBF kernel              predict/manifold.h
//   ed-mr      manifold regularisation, edit-distance kernel
//   combined   a Gaussian process with a sum of kernels, and boosted trees
//                                                               predict/combined.h
//
// and the baselines mean, depth, log-parameters, nearest (predict/baselines.h).
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "predict/training.h"

namespace metaqnn::predict {

struct PredictSettings {
  bool deviation = false;  // costs n^2 for each architecture
  int threads = 1;
};

// Owns all it needs, and predicts in several threads at once.
class Regressor {
 public:
  virtual ~Regressor() = default;
  // On the scale; deviations are those of a measurement, empty where they are not asked for or not
  // known.
  virtual Moments predict(const kernels::Points& points, const PredictSettings& settings) const = 0;
  // For each training point, by what never saw it; empty where the method does not know, or was
  // restored.
  virtual Moments left_out() const { return {}; }
  // Root of the mean squared left-out residual; 1, which is that of the mean, where nobody knows.
  virtual double spread() const { return 1; }
  // Hyper-parameters by name, as people read them (widths, not their logarithms).
  virtual std::vector<std::pair<std::string, double>> hyperparameters() const { return {}; }
  // One line each: how the hyper-parameters were chosen, what was repaired or approximated.
  virtual std::vector<std::string> report() const { return {}; }
  // All that `restore` needs beside the training data to predict the same to the last bit.
  virtual nlohmann::json state() const = 0;
};

struct Method {
  std::string name;
  std::string summary;
  const KernelKind* kernel;  // which chooses the scale; null for baselines
  std::unique_ptr<Regressor> (*fit)(const Training&);
  std::unique_ptr<Regressor> (*restore)(const Training&, const nlohmann::json& state);

  bool baseline() const { return kernel == nullptr; }
};

// In the order of the tables that people read.
const std::vector<Method>& methods();
// Throws UsageError with the nearest valid name.
const Method& find_method(const std::string& name);

}  // namespace metaqnn::predict
