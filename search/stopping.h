// Is this training worth its rest? And which of those that were ended early is?
//
// A training ends after an epoch when the chance of being among the best falls below `chance`:
//
//   P(value better than t) < chance      t: the `top`th best value of the other networks
//
// with the value as the curve predictor foretells it (predict/curve_predictor.h), and the others'
// values measured where they are finished and predicted where they were stopped. It never ends before
// `after` epochs, among the first `initial` networks, or before so many are finished. A stopped network
// whose chance has risen above twice `chance` is trained to its end; the gap between the two keeps
// networks from going to and fro.
//
// All of it is a function of the study: a rule that has just been made says the same.
//
//   StoppingRule rule(settings, measure, space.input());
//   rule.look(study);                       // costs nothing where nothing was finished
//   if (rule.is_hopeless(trial, curve)) ... // its forecast: rule.forecast(trial, curve)
//   if (auto number = rule.promising()) ... // of a stopped trial
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "metaqnn/search/configuration.h"
#include "metaqnn/search/study/study.h"
#include "predict/curve_predictor.h"

namespace metaqnn::search {

class StoppingRule {
 public:
  using Curve = std::vector<EpochResult>;

  // `input`: of the networks, where the space has one.
  StoppingRule(const StoppingSettings& settings, const datasets::Measure& measure,
               const std::optional<Shape>& input);

  // What the study holds by now.
  void look(Study& study);

  // Of a trial that is in training.
  bool is_hopeless(const Trial& trial, const Curve& curve);
  std::optional<predict::Forecast> forecast(const Trial& trial, const Curve& curve);

  // The stopped trial with the best chance, where that is a real one.
  std::optional<int64_t> promising() const;
  // That a trial's prediction came from; 0 where it has none.
  int64_t epochs_of(int64_t trial) const;

 private:
  // A network with a value; one that was stopped with a forecast.
  struct Standing {
    int64_t trial = 0;
    predict::Forecast forecast;
    bool is_stopped = false;
    int64_t epochs = 0;  // that the forecast came from
  };

  void fit(const std::vector<Trial>& trials);
  std::optional<double> threshold_for(int64_t trial) const;

  StoppingSettings settings_;
  datasets::Measure measure_;
  std::optional<Shape> input_;
  std::optional<std::tuple<int64_t, int64_t, int64_t>>
      seen_;            // of the study, when it was looked at
  int64_t fitted_ = 0;  // complete networks
  std::optional<predict::CurvePredictor> predictor_;
  std::vector<Standing> standings_;  // best first
};

// What stopping has saved.
struct EpochsTrained {
  int64_t trained = 0;  // those of stopped networks included
  int64_t again = 0;    // of these the ones that were trained twice, and are in no curve
  int64_t whole = 0;    // had every training gone on to its end
};
// `trials`: with curves. The end of a stopped one is that of the longest complete one.
EpochsTrained epochs_trained(Study& study, const std::vector<Trial>& trials);

// Whether a stopped trial is to be trained to its end before the search is done.
bool has_promising(Study& study, const Configuration& configuration);

}  // namespace metaqnn::search
