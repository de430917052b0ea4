// Where will this training end, and how surely, given the network and its curve so far?
//
// For each number e of epochs seen a ridge regression, fitted on the finished trainings that are longer:
//
//   value = b + w' x        x: the e measurements of what is searched for and the best of them,
//                              what else the curves hold of the e epochs: losses, accuracies,
//                              the features of the architecture (predict/encoding.h)
//
// Columns are standardised. Leave-one-out chooses the penalty, which of the last two groups of
// columns help, and how much the architecture weighs; its columns are few, and there are at least two
// trainings for each. Where no finished value lies below the best of its curve, predictions do not
// either.
//
// The deviation is local: that of the left-out residuals of a quarter of the trainings, at least
// kFewestNeighbours, whose left-out predictions are nearest. Networks that will be good are mostly
// predicted far better than those that will not.
//
// Cost: n p^2 + p^3 for n trainings and p columns, once for each e that is asked for: milliseconds for
// hundreds of trainings. Belongs to one thread.
//
//   CurvePredictor predictor(log, encoding_for(log));
//   const auto forecast = predictor.predict(architecture, curve_of_six_epochs);
//   forecast->mean, forecast->deviation
//
// Source: Baker, Gupta, Raskar, Naik, "Accelerating neural architecture search using performance
// prediction" (2017), whose features are the values, their differences and the architecture; their
// second differences and their support vector regression are left out, since a ridge over all values
// spans the former and does as well as the latter (experiments/stopping/results.md).
#pragma once

#include <Eigen/Core>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/datasets/logs/log.h"
#include "metaqnn/predict/options.h"

namespace metaqnn::predict {

class Encoding;

// In the unit of the values. They are taken as normal.
struct Forecast {
  double mean = 0, deviation = 0;

  // That the value is better than this one.
  double chance_to_beat(double value, datasets::Direction direction) const;
};

class CurvePredictor {
 public:
  using Curve = std::vector<datasets::EpochResult>;

  // Fitted on the complete rows that have a curve and a value.
  CurvePredictor(const datasets::Log& log, const EncodingSettings& encoding);
  ~CurvePredictor();
  CurvePredictor(CurvePredictor&&) noexcept;
  CurvePredictor& operator=(CurvePredictor&&) noexcept;

  // Nothing where fewer than kFewestTrainings finished ones are longer than the curve, where the curve
  // is empty or lacks a measurement, and where the architecture cannot be encoded.
  std::optional<Forecast> predict(const std::string& architecture, const Curve& curve);

  static constexpr int kFewestTrainings = 10;
  static constexpr Eigen::Index kFewestNeighbours = 15;

 private:
  struct Finished {
    std::string architecture;
    Curve curve;
    double value;
    Eigen::RowVectorXd features;  // of the architecture
  };
  struct Regression;

  struct Columns;
  class Ridge;
  double sign() const { return datasets::sign_of(measure_.direction); }
  std::vector<const Finished*> longer_than(size_t epochs) const;
  Regression fit(const std::vector<const Finished*>& trainings, size_t epochs,
                 const Columns& columns) const;
  const Regression* regression(size_t epochs);
  std::optional<Eigen::RowVectorXd> features_of(const std::string& architecture) const;

  datasets::Measure measure_;
  std::vector<Finished> finished_;
  std::unique_ptr<Encoding> encoding_;  // null where the architectures cannot be encoded
  std::vector<Eigen::Index> columns_;   // of its features, that are looked at
  bool ends_at_its_best_ = false;
  std::map<size_t, std::unique_ptr<Regression>> regressions_;  // by epochs seen; null: too few
};

}  // namespace metaqnn::predict
