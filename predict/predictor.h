// What people ask: fitted on architectures whose target is known, perhaps with others whose target
// is not, it says how well an architecture will do, how sure it is of that, and where it ranks.
//
//   value      the mean on the target's unit of what one regression, or two parts, say
//              (predict/form.h)
//   rank       by what was chosen for ranks, which may be another regression on another scale; as a
//              normal score among the training networks, so that scores of different forms, and of
//              the folds of one log, compare
//   deviation  of a measurement around the value. What the method claims is taken to the target's
//              unit; a forest learns from left-out errors how large they really are there
//              (predict/error_size.h)
//
//   Training training = make_training(encoding, samples, Failures::as_chance, unlabelled, {});
//   Predictor predictor = Predictor::fit(find_method("combined"), training);
//   Prediction prediction = predictor.predict(training.encoding->points(others), {});
#pragma once

#include <memory>
#include <optional>

#include "predict/error_size.h"
#include "predict/form.h"
#include "predict/regressor.h"

namespace metaqnn::predict {

struct Prediction {
  Eigen::VectorXd mean;       // m
  Eigen::VectorXd deviation;  // m, of a measured target around it; empty where there is none
  Eigen::VectorXd score;      // m, larger is better
};

// Owns all it needs, and predicts in several threads at once.
class Predictor {
 public:
  static Predictor fit(const Method& method, const Training& training);
  // The same predictor again, from the state it gave. Throws DataError naming the key at fault.
  static Predictor restore(const Method& method, const Training& training,
                           const nlohmann::json& state);

  Prediction predict(const kernels::Points& points, const PredictSettings& settings) const;
  std::vector<std::pair<std::string, double>> hyperparameters() const;
  std::vector<std::string> report() const;
  nlohmann::json state() const;

 private:
  // A regression and its scale.
  struct Part {
    TargetScale scale;
    std::unique_ptr<Regressor> regressor;

    static Part fit(const Method& method, const Training& training);
    static Part restore(const Method& method, const Training& training,
                        const nlohmann::json& state);
    nlohmann::json state() const;
    // In the unit of the targets, by deviations as large as the left-out errors.
    Eigen::VectorXd mean(const Moments& on_scale) const;
    Eigen::VectorXd deviation(const Moments& on_scale) const;
  };
  // Of what the parts say: the mean, what is claimed of the deviation, and the score.
  Prediction combine(const Moments& first, const Moments& second) const;
  void learn_error_size(const Training& training);
  void learn_ranks(const Training& training);

  bool two_parts_ = false;
  double chance_ = 0;
  // One regression for values, and another for ranks where its scale is another; or whether a network
  // trains, and how well.
  Part first_;
  std::optional<Part> second_;
  std::optional<ErrorSize> error_size_;
  Eigen::VectorXd known_scores_;  // of the training networks, ascending, each once; may be empty
  std::vector<std::string> report_;
};

}  // namespace metaqnn::predict
