#include <unordered_map>

#include "datasets/logs/fields.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

namespace {

// What was measured of it under this name. A trial without names has the value of its study alone.
std::optional<double> value_of(const Trial& trial, const datasets::Measure& measure) {
  if (trial.predicted) return std::nullopt;
  if (measure.is_accuracy()) return trial.counts() ? trial.validation_accuracy : std::nullopt;
  if (trial.state != TrialState::complete) return std::nullopt;
  if (trial.measures.empty()) return trial.value;
  const auto own = trial.measures.find(measure.name);
  return own != trial.measures.end() ? std::optional(own->second) : std::nullopt;
}

}  // namespace

datasets::Log to_log(Study& study, const datasets::Measure& measure) {
  const Snapshot snapshot(study);
  std::unordered_map<int64_t, std::vector<int64_t>> sequences;
  for (const Sample& sample : study.samples()) {
    if (sample.sequence) sequences[sample.trial].push_back(*sample.sequence);
  }
  datasets::Log log;
  log.source = study.url();
  log.measure = measure;
  log.holds_accuracies = measure.is_accuracy();
  for (Trial& trial : study.trials(true)) {
    datasets::LogRow row;
    row.architecture = trial.architecture;
    row.state = to_string(trial.state);
    row.reason = trial.reason();
    row.value = value_of(trial, measure);
    if (trial.state == TrialState::stopped)
      row.prediction = measure.is_accuracy() ? trial.validation_accuracy : trial.value;
    row.measures = std::move(trial.measures);
    row.curve = std::move(trial.curve);
    datasets::copy_fields(trial, row);
    row.samples = std::move(sequences[trial.number]);
    log.rows.push_back(std::move(row));
  }
  return log;
}

}  // namespace metaqnn::search
