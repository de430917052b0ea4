#include "search/stopping.h"

#include <algorithm>

#include "metaqnn/predict/samples.h"
#include "metaqnn/search/search.h"

namespace metaqnn::search {
namespace {

// Times the chance at which trainings end: where one is taken up again.
constexpr double kRisen = 2;

// Networks whose trainings the predictor learns from.
datasets::Log finished_log(const std::vector<Trial>& trials, const datasets::Measure& measure) {
  datasets::Log log;
  log.measure = measure;
  for (const Trial& trial : trials) {
    if (trial.state != TrialState::complete || !trial.value) continue;
    datasets::LogRow row;
    row.architecture = trial.architecture;
    row.value = trial.value;
    row.curve = trial.curve;
    log.rows.push_back(std::move(row));
  }
  return log;
}

}  // namespace

StoppingRule::StoppingRule(const StoppingSettings& settings, const datasets::Measure& measure,
                           const std::optional<Shape>& input)
    : settings_(settings), measure_(measure), input_(input) {}

void StoppingRule::look(Study& study) {
  const Counts counts = study.counts();
  // Not how many samples there are: most of a long search lead to networks that are known.
  const auto state = std::tuple(counts.in(TrialState::complete), counts.in(TrialState::stopped),
                                counts.in(TrialState::failed));
  if (seen_ == state) return;
  if (counts.in(TrialState::complete) >= settings_.initial) fit(study.trials(true));
  seen_ = state;
}

void StoppingRule::fit(const std::vector<Trial>& trials) {
  const datasets::Log log = finished_log(trials, measure_);
  const auto finished = static_cast<int64_t>(log.rows.size());
  if (finished != fitted_) predictor_.emplace(log, predict::encoding_for(log, "", input_));
  fitted_ = finished;
  standings_.clear();
  for (const Trial& trial : trials) {
    if (!trial.value || (trial.state != TrialState::complete && !trial.predicted)) continue;
    Standing standing{trial.number, {.mean = *trial.value}, trial.state == TrialState::stopped};
    if (trial.predicted) {
      standing.epochs = static_cast<int64_t>(trial.curve.size());
      if (const auto now = forecast(trial, trial.curve)) standing.forecast = *now;
    }
    standings_.push_back(standing);
  }
  std::stable_sort(standings_.begin(), standings_.end(), [&](const Standing& a, const Standing& b) {
    return datasets::is_better(a.forecast.mean, b.forecast.mean, measure_.direction);
  });
}

std::optional<double> StoppingRule::threshold_for(int64_t trial) const {
  int better = 0;
  for (const Standing& standing : standings_) {
    if (standing.trial != trial && ++better == settings_.top) return standing.forecast.mean;
  }
  return std::nullopt;
}

std::optional<predict::Forecast> StoppingRule::forecast(const Trial& trial, const Curve& curve) {
  if (!predictor_) return std::nullopt;
  return predictor_->predict(trial.architecture, curve);
}

bool StoppingRule::is_hopeless(const Trial& trial, const Curve& curve) {
  if (static_cast<int>(curve.size()) < settings_.after || trial.number <= settings_.initial ||
      fitted_ < settings_.initial)
    return false;
  const std::optional<double> threshold = threshold_for(trial.number);
  if (!threshold) return false;
  const auto expected = forecast(trial, curve);
  return expected && expected->chance_to_beat(*threshold, measure_.direction) < settings_.chance;
}

std::optional<int64_t> StoppingRule::promising() const {
  std::optional<int64_t> best;
  double chance = kRisen * settings_.chance;
  for (const Standing& standing : standings_) {
    if (!standing.is_stopped) continue;
    const std::optional<double> threshold = threshold_for(standing.trial);
    if (!threshold) continue;
    const double own = standing.forecast.chance_to_beat(*threshold, measure_.direction);
    if (own <= chance) continue;
    best = standing.trial;
    chance = own;
  }
  return best;
}

int64_t StoppingRule::epochs_of(int64_t trial) const {
  const auto found =
      std::find_if(standings_.begin(), standings_.end(),
                   [&](const Standing& standing) { return standing.trial == trial; });
  return found == standings_.end() ? 0 : found->epochs;
}

EpochsTrained epochs_trained(Study& study, const std::vector<Trial>& trials) {
  EpochsTrained epochs;
  epochs.again = number_in_note(study, kEpochsAgain);
  epochs.trained = epochs.again;
  int64_t longest = 0;
  for (const Trial& trial : trials) {
    if (trial.state == TrialState::complete)
      longest = std::max(longest, static_cast<int64_t>(trial.curve.size()));
  }
  for (const Trial& trial : trials) {
    const auto own = static_cast<int64_t>(trial.curve.size());
    epochs.trained += own;
    epochs.whole += trial.predicted ? std::max(own, longest) : own;
  }
  return epochs;
}

bool has_promising(Study& study, const Configuration& configuration) {
  if (!configuration.stopping.is_on() || study.counts().in(TrialState::stopped) == 0) return false;
  StoppingRule rule(configuration.stopping, measure_of(configuration),
                    build_space(configuration).input());
  rule.look(study);
  return rule.promising().has_value();
}

}  // namespace metaqnn::search
