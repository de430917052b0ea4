#include "report/study.h"

#include <algorithm>

#include "base/parallel.h"
#include "metaqnn/architecture/shapes.h"

namespace metaqnn::report {
namespace {

constexpr size_t kBest = 10;

// What strings say of networks, where a log did not.
void fill_in_costs(ReportedStudy& read) {
  const std::optional<Shape> input = search::build_space(read.configuration).input();
  if (!input) return;
  parallel_for(static_cast<int64_t>(read.trials.size()), available_cores(), [&](int64_t i) {
    search::Trial& trial = read.trials[static_cast<size_t>(i)];
    if (trial.parameters && trial.macs) return;
    const Analysis analysis = analyse(parse_architecture(trial.architecture), *input);
    trial.parameters = analysis.parameters;
    trial.macs = analysis.macs;
  });
}

}  // namespace

using search::Trial;
using search::TrialState;

ReportedStudy read_study(search::Study& study) {
  const search::Snapshot snapshot(study);
  ReportedStudy read{study.info(),
                     search::stored_configuration(study),
                     study.counts(),
                     study.trials(true),
                     study.samples(),
                     {},
                     {},
                     {},
                     search::stored_plans(study)};
  if (read.learns_q_values() && read.has_rewards()) read.q_values = search::q_values(study);
  read.epochs = search::epochs_trained(study, read.trials);
  fill_in_costs(read);
  for (const Trial& trial : read.trials) {
    if (trial.state == TrialState::complete && value_of(trial)) read.best.push_back(trial);
  }
  std::stable_sort(read.best.begin(), read.best.end(), [&](const Trial& a, const Trial& b) {
    return read.is_better(*a.value, *b.value);
  });
  if (read.best.size() > kBest) read.best.resize(kBest);
  return read;
}

bool ReportedStudy::is_over() const {
  return counts.reserved == 0 &&
         counts.unique_models >= search::total_models(configuration.strategy.schedule);
}

datasets::Measure ReportedStudy::measure() const { return search::measure_of(configuration); }

bool ReportedStudy::has_accuracies() const {
  return configuration.evaluator.objective.is_accuracy();
}

bool ReportedStudy::has_fractions() const {
  return configuration.evaluator.objective.is_fraction();
}

bool ReportedStudy::has_rewards() const {
  const search::Objective& objective = configuration.evaluator.objective;
  return objective.has_several() || objective.is_fraction() || objective.reward_range.has_value();
}

bool ReportedStudy::is_better(double a, double b) const {
  return datasets::is_better(a, b, measure().direction);
}

std::string ReportedStudy::axis_name() const {
  return has_accuracies() ? "validation accuracy" : measure().name;
}

std::string ReportedStudy::value_name() const {
  return has_accuracies() ? "Accuracy" : measure().name;
}

std::string ReportedStudy::noun() const { return has_accuracies() ? "accuracy" : "value"; }

std::string ReportedStudy::a_value() const { return has_accuracies() ? "an accuracy" : "a value"; }

std::optional<double> value_of(const Trial& trial) {
  return trial.counts() && !trial.predicted ? trial.value : std::nullopt;
}

}  // namespace metaqnn::report
