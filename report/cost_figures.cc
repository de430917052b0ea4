#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/numbers.h"
#include "datasets/logs/fields.h"
#include "kernels/pareto.h"
#include "report/drawing.h"
#include "report/figures.h"

namespace metaqnn::report {
namespace {

using search::Trial;
using search::TrialState;

constexpr size_t kMostCosts = 6;
constexpr size_t kMostOfFront = 60;

bool is_measured(const Trial& trial) {
  return trial.state == TrialState::complete && value_of(trial);
}

std::optional<double> seconds_of_epoch(const Trial& trial) {
  if (!trial.seconds || trial.curve.empty()) return std::nullopt;
  return *trial.seconds / static_cast<double>(trial.curve.size());
}

std::optional<double> number_of(const std::optional<int64_t>& count) {
  return count ? std::optional(static_cast<double>(*count)) : std::nullopt;
}

// The trials that have it, the least of it first.
Trials sorted_by(const ReportedStudy& study, const Cost& cost) {
  Trials trials;
  for (const Trial& trial : study.trials) {
    if (is_measured(trial) && cost.of(trial)) trials.push_back(&trial);
  }
  std::stable_sort(trials.begin(), trials.end(),
                   [&](const Trial* a, const Trial* b) { return *cost.of(*a) < *cost.of(*b); });
  return trials;
}

Cost measure_as_cost(const std::string& name, bool less_is_better) {
  return {name, less_is_better, [name](const Trial& trial) {
            const auto found = trial.measures.find(name);
            return found == trial.measures.end() ? std::nullopt : std::optional(found->second);
          }};
}

// As the study says, or the name.
bool is_less_better(const ReportedStudy& study, const std::string& name) {
  for (const datasets::Measure& other : study.configuration.evaluator.objective.others) {
    if (other.name == name) return other.direction == datasets::Direction::minimize;
  }
  return datasets::is_less_better(name);
}

// What the study holds of its networks.
std::vector<Cost> costs_of(const ReportedStudy& study) {
  std::vector<Cost> costs{
      {"parameters", true, [](const Trial& trial) { return number_of(trial.parameters); }},
      {"MACs", true, [](const Trial& trial) { return number_of(trial.macs); }},
      {"seconds an epoch", true, seconds_of_epoch}};
  for (const std::string& name : datasets::other_measures(study.trials, study.measure().name)) {
    if (is_of_a_curve(name)) continue;
    costs.push_back(measure_as_cost(name, is_less_better(study, name)));
  }
  std::erase_if(costs, [&](const Cost& cost) { return sorted_by(study, cost).empty(); });
  if (costs.size() > kMostCosts) costs.resize(kMostCosts);
  return costs;
}

Axis cost_axis(const std::string& name, double low, double high) {
  constexpr double kManyTimes = 10;
  if (low > 0 && high > kManyTimes * low)
    return logarithmic_axis(name + " (logarithmic)", low, high);
  const double room = low == high ? std::max(std::abs(low) / 2, 0.5) : 0;
  return linear_axis(name, low - room, high + room);
}

Chart chart_of(const Canvas& canvas, const ReportedStudy& study, const Cost& cost) {
  const Trials trials = sorted_by(study, cost);
  const OfTrial of = [&](const Trial& trial) { return *cost.of(trial); };
  std::vector<double> values;
  for (const Trial* trial : trials) values.push_back(*value_of(*trial));
  const Axis across = cost_axis(cost.name, of(*trials.front()), of(*trials.back()));
  Chart chart(canvas, cost.name, across, value_axis(study, values));
  Trials searched, screened, best;
  for (const Trial* trial : trials) {
    (search::is_screened(*trial) ? screened : searched).push_back(trial);
    const auto same = [&](const Trial& other) { return other.number == trial->number; };
    if (std::any_of(study.best.begin(), study.best.end(), same)) best.push_back(trial);
  }
  chart.mark(Mark::dot, points_of(searched, of), "searched", dot_size(searched.size()));
  chart.mark(Mark::diamond, points_of(screened, of), "screened", 4);
  if (cost.less_is_better)
    chart.line(running_best(study, points_of(trials, of), across.to), "best");
  chart.mark(Mark::ring, points_of(best, of), "best", 5.5);
  for (const Trial* trial : best) chart.hint({of(*trial), *value_of(*trial)}, hint_of(*trial));
  chart.legend(Mark::ring, best.size() == 1 ? "the best" : fmt::format("the best {}", best.size()),
               "best");
  if (cost.less_is_better) chart.legend_line("the front", "best");
  return chart;
}

std::vector<Cost> front_costs(const ReportedStudy& study) {
  std::vector<Cost> costs;
  for (const datasets::Measure& other : study.configuration.evaluator.objective.others)
    costs.push_back(measure_as_cost(other.name, other.direction == datasets::Direction::minimize));
  if (!costs.empty()) return costs;
  for (const Cost& cost : costs_of(study)) {
    if (cost.less_is_better) return {cost};
  }
  return {};
}

}  // namespace

Figure small_and_fast(const ReportedStudy& study) {
  Figure figure{"size", study.value_name() + " against size and time", {}, ""};
  const std::vector<Cost> costs = costs_of(study);
  if (costs.empty()) {
    figure.caption = study.best.empty()
                         ? "No network is complete."
                         : "Not here: the study knows neither sizes nor times, nor other measures.";
    return figure;
  }
  figure.draw = [&study, title = figure.title, costs](const Canvas& canvas) {
    if (costs.size() == 1) return chart_of(canvas, study, costs[0]).svg();
    return panels(canvas, title, costs.size(),
                  [&](const Canvas& part, size_t i) { return chart_of(part, study, costs[i]); });
  };
  figure.caption = fmt::format(
      "What does a better network cost? {}; the front is the best up to each size or time. Small "
      "and "
      "good is up and to the left.",
      plural(count_if(study, is_measured), "complete network"));
  if (study.measure().direction == datasets::Direction::minimize)
    figure.caption.replace(figure.caption.find("up and"), 2, "down");
  return figure;
}

Front pareto_front(const ReportedStudy& study) {
  Front front{front_costs(study), {}, 0};
  if (front.costs.empty()) return front;
  Trials trials = sorted_by(study, front.costs.front());
  std::erase_if(trials, [&](const Trial* trial) {
    return std::any_of(front.costs.begin(), front.costs.end(),
                       [&](const Cost& cost) { return !cost.of(*trial); });
  });
  Eigen::MatrixXd points(trials.size(), front.costs.size() + 1);
  for (size_t i = 0; i < trials.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    points(row, 0) = datasets::sign_of(study.measure().direction) * *value_of(*trials[i]);
    for (size_t j = 0; j < front.costs.size(); ++j) {
      const Cost& cost = front.costs[j];
      points(row, static_cast<Eigen::Index>(j) + 1) =
          (cost.less_is_better ? -1 : 1) * *cost.of(*trials[i]);
    }
  }
  for (const Eigen::Index row : kernels::non_dominated(points))
    front.trials.push_back(trials[static_cast<size_t>(row)]);
  front.length = front.trials.size();
  if (front.length > kMostOfFront) {
    for (size_t i = 0; i < kMostOfFront; ++i)
      front.trials[i] = front.trials[i * (front.length - 1) / (kMostOfFront - 1)];
    front.trials.resize(kMostOfFront);
  }
  return front;
}

}  // namespace metaqnn::report
