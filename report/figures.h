// Which pictures tell how a search went? The figures of a report as functions of the study alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metaqnn/search/search.h"
#include "search/stopping.h"

namespace metaqnn::report {

// One consistent state of a study.
struct ReportedStudy {
  search::StudyInfo info;
  search::Configuration configuration;
  search::Counts counts;
  std::vector<search::Trial> trials;  // by number, with curves
  std::vector<search::Sample> samples;
  std::vector<search::Trial> best;  // at most ten complete ones, the best first
  search::EpochsTrained epochs;

  bool by_agent() const { return search::heeds_epsilon(configuration.strategy.kind); }
  // What the study searches for, and in which words.
  datasets::Measure measure() const;
  bool has_accuracies() const;
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

struct Figure {
  std::string name;  // in the page's addresses
  std::string title;
  std::string
      svg;  // "" where the study does not hold what it shows; the caption says what is missing
  std::string caption;  // plain text
};

// In the order of the page. That of screened networks is there only where there are any.
std::vector<Figure> make_figures(const ReportedStudy& study);

}  // namespace metaqnn::report
