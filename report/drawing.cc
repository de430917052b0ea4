#include "report/drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/numbers.h"
#include "metaqnn/base/random.h"

namespace metaqnn::report {
namespace {

using search::Trial;
using search::TrialState;

Axis accuracy_axis(const std::vector<double>& accuracies) {
  const auto [low, high] = std::minmax_element(accuracies.begin(), accuracies.end());
  // Marks do not lie on the frame, and equal accuracies look equal.
  const double room = std::max(0.005, (*high - *low) / 50);
  return linear_axis("validation accuracy", std::max(0.0, *low - room),
                     std::min(1.0, *high + room));
}

}  // namespace

Groups::Groups(const ReportedStudy& study) {
  for (const Trial& trial : study.trials) {
    if (!value_of(trial)) continue;
    Trials& group = trial.state == TrialState::failed ? not_learning
                    : search::is_screened(trial)      ? screened
                                                      : searched;
    group.push_back(&trial);
  }
}

std::vector<Point> points_of(const Trials& trials, const OfTrial& x) {
  std::vector<Point> points;
  for (const Trial* trial : trials) points.push_back({x(*trial), *value_of(*trial)});
  return points;
}

Axis value_axis(const ReportedStudy& study, const std::vector<double>& values) {
  if (study.has_accuracies()) return accuracy_axis(values);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double room = (*high - *low) / 50;
  // What is never below 0 has no axis below it.
  return linear_axis(study.axis_name(), *low < 0 ? *low - room : std::max(0.0, *low - room),
                     *high + room);
}

std::vector<double> values_of(const ReportedStudy& study) {
  std::vector<double> accuracies;
  for (const Trial& trial : study.trials) {
    if (const auto accuracy = value_of(trial)) accuracies.push_back(*accuracy);
  }
  return accuracies;
}

int64_t count_if(const ReportedStudy& study, const std::function<bool(const Trial&)>& holds) {
  return std::count_if(study.trials.begin(), study.trials.end(), holds);
}

std::string of_chance(const ReportedStudy& study) {
  return study.has_accuracies() ? " One that did not learn counts with the accuracy of chance."
                                : "";
}

// What a figure of values cannot show; "" where that is nothing.
std::string left_out(const ReportedStudy& study) {
  const int64_t failed = count_if(study, [](const Trial& trial) {
    return trial.state == TrialState::failed && !value_of(trial);
  });
  const int64_t unfinished = count_if(study, [](const Trial& trial) { return !trial.finished(); });
  const int64_t stopped = count_if(study, [](const Trial& trial) { return trial.predicted; });
  std::string text;
  if (stopped > 0)
    text += fmt::format(" Left out: {} stopped early, whose value is a prediction.",
                        plural(stopped, "network"));
  if (failed > 0)
    text += fmt::format(" Left out: {} that failed without {}.", plural(failed, "network"),
                        study.a_value());
  if (unfinished > 0)
    text += fmt::format(" {} {} waiting or in training.", plural(unfinished, "network"),
                        unfinished == 1 ? "is" : "are");
  return text;
}

double dot_size(size_t count) { return count > 3000 ? 1.3 : count > 500 ? 1.8 : 2.8; }

void mark_groups(Chart& chart, const Groups& groups, const OfTrial& x) {
  const size_t count = groups.searched.size();
  chart.mark(Mark::cross, points_of(groups.not_learning, x), "failed", 3);
  chart.mark(Mark::dot, points_of(groups.searched, x), "searched", dot_size(count));
  chart.mark(Mark::diamond, points_of(groups.screened, x), "screened", 4.5);
  if (count > 0) chart.legend(Mark::dot, "found by the search", "searched");
  if (!groups.screened.empty()) chart.legend(Mark::diamond, "picked by screening", "screened");
  if (!groups.not_learning.empty()) chart.legend(Mark::cross, "did not learn", "failed");
}

std::string hint_of(const Trial& trial) {
  return fmt::format("trial {}: {}, {}", trial.number, measured(*trial.value), trial.architecture);
}

// Steps at each new best of the points, which are in the order of x.
std::vector<Point> running_best(const ReportedStudy& study, const std::vector<Point>& points,
                                double end) {
  std::vector<Point> steps;
  for (const Point& point : points) {
    if (!steps.empty() && !study.is_better(point.y, steps.back().y)) continue;
    if (!steps.empty()) steps.push_back({point.x, steps.back().y});
    steps.push_back(point);
  }
  if (!steps.empty()) steps.push_back({end, steps.back().y});
  return steps;
}

bool is_of_a_curve(const std::string& measure) {
  return measure == "training_loss" || measure == "training_accuracy" ||
         measure == "validation_loss";
}

Trials some_of(const Trials& trials, size_t most, const ReportedStudy& study, const char* purpose) {
  if (trials.size() <= most) return trials;
  std::vector<size_t> order(trials.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  Random random = Random::stream(study.info.seed, purpose);
  shuffle(order, random);
  order.resize(most);
  std::sort(order.begin(), order.end());
  Trials some;
  for (const size_t i : order) some.push_back(trials[i]);
  return some;
}

std::string panels(const Canvas& canvas, const std::string& name, size_t count,
                   const std::function<Chart(const Canvas&, size_t)>& chart) {
  constexpr size_t kInARow = 3;
  constexpr double kHeight = 270;
  const size_t columns = canvas.width < kWide.width ? 1 : std::min(count, kInARow);
  const Canvas part{canvas.width / static_cast<double>(columns), kHeight};
  std::vector<Chart> charts;
  for (size_t i = 0; i < count; ++i) charts.push_back(chart(part, i));
  return picture_of(part, name, columns, charts);
}

}  // namespace metaqnn::report
