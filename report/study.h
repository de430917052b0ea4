// One consistent state of a study, as a report tells of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metaqnn/search/q_values.h"
#include "metaqnn/search/search.h"
#include "search/screen.h"
#include "search/stopping.h"

namespace metaqnn::report {

struct ReportedStudy {
  search::StudyInfo info;
  search::Configuration configuration;
  search::Counts counts;
  std::vector<search::Trial> trials;  // by number, with curves
  std::vector<search::Sample> samples;
  std::vector<search::Trial> best;  // at most ten complete ones, the best first
  search::EpochsTrained epochs;
  std::vector<search::QValue> q_values;  // of an agent that learns them
  std::vector<search::ScreenPlan> screenings;

  // Its schedule is done, and nothing is in training.
  bool is_over() const;
  bool learns_q_values() const { return configuration.strategy.kind == "q_learning"; }
  bool by_agent() const { return search::heeds_epsilon(configuration.strategy.kind); }
  // What the study searches for, and in which words.
  datasets::Measure measure() const;
  bool has_accuracies() const;
  bool has_fractions() const;
  bool has_rewards() const;  // from 0 to 1, which Q-values are learned from
  bool is_better(double a, double b) const;
  std::string axis_name() const;   // "validation accuracy", or the measure's name
  std::string value_name() const;  // "Accuracy", or the measure's name
  std::string noun() const;        // "accuracy" or "value"
  std::string a_value() const;     // "an accuracy" or "a value"
};

ReportedStudy read_study(search::Study& study);

// The value of a network that counts as a model: complete, or at chance because it did not
// learn. None for other failures, and for what has not finished.
std::optional<double> value_of(const search::Trial& trial);

}  // namespace metaqnn::report
