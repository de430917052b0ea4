// What every predictor is: fitted on architectures whose accuracy is known, perhaps with others
// whose accuracy is not, it says how well an architecture will do and how sure it is.
//
//   lls        linear least squares on features                 predict/kernel_predictor.h
//   rbf-ls     kernel least squares, RBF kernel on features
//   ed-ls      kernel least squares, edit-distance kernel
//   rbf-mr     manifold regularisation, RBF kernel              predict/manifold.h
//   ed-mr      manifold regularisation, edit-distance kernel
//   combined   the mean of a Gaussian process with a sum of kernels and a forest of randomised
//              trees                                            predict/combined.h
//
// and the baselines mean, depth, log-parameters, nearest (predict/baselines.h).
//
//   Training training = make_training(encoding, samples, Failures::as_chance, unlabelled, {});
//   auto predictor = fit(find_method("combined"), training);
//   Prediction prediction = predictor->predict(training.encoding->points(others), {});
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kernels/kernel.h"
#include "metaqnn/predict/samples.h"
#include "predict/encoding.h"
#include "predict/hyperparameters.h"

namespace metaqnn::predict {

struct TwoParts;

// Hyper-parameters by the name of their kernel, each chosen once: by the thread that needs them
// first, while others that need the same wait.
class SharedHyperparameters {
 public:
  // Refers to this.
  const Hyperparameters& get(const std::string& kernel,
                             const std::function<Hyperparameters()>& choose);

 private:
  struct Entry {
    std::mutex mutex;
    std::optional<Hyperparameters> chosen;
  };
  std::mutex mutex_;  // of the map
  std::map<std::string, Entry> entries_;
};

// What predictors are fitted on. Several threads may fit on one at once. Predictors keep what they
// need of it.
struct Training {
  std::shared_ptr<const Encoding> encoding;
  std::vector<std::string> architectures;             // canonical, different from each other
  kernels::Points points;                             // of these
  Eigen::VectorXd targets;                            // n, fractions
  std::vector<std::string> unlabelled_architectures;  // canonical, none of the others
  kernels::Points unlabelled;                         // of these; may be empty
  FitSettings settings;
  // With Failures::model, where some networks failed and at least two did not; else null.
  std::shared_ptr<const TwoParts> parts;
  // Hyper-parameters that several methods share.
  std::shared_ptr<SharedHyperparameters> hyperparameters =
      std::make_shared<SharedHyperparameters>();
};

// The prediction is p a + (1 - p) chance: `trains` has the shares of trained networks as targets,
// `accuracy` those that trained and how well they did.
struct TwoParts {
  Training trains, accuracy;
  double chance;
};

// Throws UsageError for fewer than 2 samples, and where check() of them does.
Training make_training(const EncodingSettings& encoding, const Samples& samples, Failures failures,
                       const std::vector<std::string>& unlabelled, const FitSettings& settings);

struct Prediction {
  Eigen::VectorXd mean;       // m
  Eigen::VectorXd deviation;  // m, of a measured accuracy around it; empty where there is none
};

struct PredictSettings {
  bool deviation = false;  // costs n^2 for each architecture
  int threads = 1;
};

// Owns all it needs, and predicts in several threads at once.
class Predictor {
 public:
  virtual ~Predictor() = default;
  virtual Prediction predict(const kernels::Points& points,
                             const PredictSettings& settings) const = 0;
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
  bool baseline;
  std::unique_ptr<Predictor> (*fit)(const Training&);
  std::unique_ptr<Predictor> (*restore)(const Training&, const nlohmann::json& state);
};

// In the order of the tables that people read.
const std::vector<Method>& methods();
// Throws UsageError with the nearest valid name.
const Method& find_method(const std::string& name);

// Fits the method, or both parts of it.
std::unique_ptr<Predictor> fit(const Method& method, const Training& training);
// The same predictor again, from the state it gave. Throws DataError naming the key at fault.
std::unique_ptr<Predictor> restore(const Method& method, const Training& training,
                                   const nlohmann::json& state);

}  // namespace metaqnn::predict
