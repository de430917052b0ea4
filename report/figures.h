// Which pictures tell how a search went? The figures of a report as functions of the study alone.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "report/study.h"
#include "report/svg.h"

namespace metaqnn::report {

struct Figure {
  std::string name;  // in the page's addresses, and of its file
  std::string title;
  // On kWide or kNarrow; not set where the study does not hold what it shows, and the caption says
  // what is missing.
  std::function<std::string(const Canvas&)> draw;
  std::string caption;  // plain text
};

// In the order of the page. That of screened networks is there only where there are any.
std::vector<Figure> make_figures(const ReportedStudy& study);

// ---- One by one; `study` must outlive them ----

Figure trials_in_order(const ReportedStudy& study);
Figure value_histogram(const ReportedStudy& study);
Figure learning_curves(const ReportedStudy& study);
// report/agent_figures.cc
Figure means_by_epsilon(const ReportedStudy& study);
Figure spread_by_epsilon(const ReportedStudy& study);
Figure q_values_by_type(const ReportedStudy& study);
Figure q_values_by_field(const ReportedStudy& study);
// report/map_figure.cc
Figure map_of_architectures(const ReportedStudy& study);
// report/prediction_figures.cc
Figure predicted_and_measured(const ReportedStudy& study);
Figure screened_networks(const ReportedStudy& study);
Figure promised_and_given(const ReportedStudy& study);
Figure why_it_works(const ReportedStudy& study);
// report/cost_figures.cc
Figure small_and_fast(const ReportedStudy& study);

// What is set against the value of networks.
struct Cost {
  std::string name;
  bool less_is_better;
  std::function<std::optional<double>(const search::Trial&)> of;
};

// The networks that no other beats in the value and all costs, those with the least of the first cost first. The
// costs are the other measures of a study that searches for several; of one that does not the first that it knows of
// parameters, MACs, time, and measures of which less is better; {} where it knows none.
struct Front {
  std::vector<Cost> costs;
  std::vector<const search::Trial*> trials;  // of very many some, evenly among them
  size_t length = 0;                         // of the whole
};
Front pareto_front(const ReportedStudy& study);

}  // namespace metaqnn::report
