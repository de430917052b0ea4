#include "report/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/numbers.h"
#include "report/drawing.h"

namespace metaqnn::report {
namespace {

using search::Trial;
using search::TrialState;

constexpr size_t kMostBins = 60;
// Of more epsilons in a row than this, a picture shows none.
constexpr size_t kMostStretches = 60;

// Trials that the search proposed at the same epsilon, one after another.
std::vector<Stretch> epsilon_stretches(const ReportedStudy& study) {
  std::vector<Stretch> stretches;
  std::optional<double> epsilon;
  for (const Trial& trial : study.trials) {
    if (search::is_screened(trial) || trial.epsilon == epsilon) continue;
    const double from = static_cast<double>(trial.number);
    if (!stretches.empty()) stretches.back().to = from;
    stretches.push_back({from, from, fmt::format("{:g}", trial.epsilon)});
    epsilon = trial.epsilon;
  }
  if (stretches.empty()) return stretches;
  // One trial alone has an axis of its own up to the next.
  const double last = static_cast<double>(study.trials.back().number);
  stretches.back().to = std::max(last, stretches.front().from + 1);
  return stretches;
}

// Values in bins of equal width; bin i begins at i times the width. Those of fractions end at 0 and 1.
class Bins {
 public:
  Bins(const std::vector<double>& values, bool are_fractions) : are_fractions_(are_fractions) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    const double least =
        are_fractions ? 0.001 : 1e-6 * std::max({std::abs(*low), std::abs(*high), 1e-6});
    width_ = round_step(std::max(least, (*high - *low) / kMostBins));
    for (double value : values) ++heights_[bin_of(value)];
  }

  double width() const { return width_; }
  // Around all bins; where they are few, with room for more, so that none fills the plot.
  double begin() const {
    const double begin = edge(heights_.begin()->first - room());
    return are_fractions_ ? std::max(0.0, begin) : begin;
  }
  double end() const {
    const double end = edge(heights_.rbegin()->first + 1 + room());
    return are_fractions_ ? std::min(1.0, end) : end;
  }
  int64_t highest() const {
    return std::max_element(heights_.begin(), heights_.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; })
        ->second;
  }

  // Of some of the values, on top of those that were drawn before.
  std::vector<Bar> stack(const Trials& trials) {
    std::map<int64_t, int64_t> counts;
    for (const Trial* trial : trials) ++counts[bin_of(*value_of(*trial))];
    std::vector<Bar> bars;
    for (const auto& [bin, count] : counts) {
      const auto below = static_cast<double>(drawn_[bin]);
      drawn_[bin] += count;
      bars.push_back({{edge(bin), below}, {edge(bin + 1), static_cast<double>(drawn_[bin])}});
    }
    return bars;
  }

 private:
  // 0.58 / 0.02 is a little less than 29. The last bin holds 1 as well.
  int64_t bin_of(double value) const {
    const auto bin = static_cast<int64_t>(std::floor(value / width_ + 1e-9));
    return are_fractions_ ? std::min(bin, static_cast<int64_t>(std::llround(1 / width_)) - 1) : bin;
  }
  double edge(int64_t bin) const { return width_ * static_cast<double>(bin); }
  int64_t room() const {
    constexpr int64_t kFewest = 9;
    const int64_t bins = heights_.rbegin()->first - heights_.begin()->first + 1;
    return std::max<int64_t>(0, (kFewest - bins) / 2);
  }

  bool are_fractions_;
  double width_;
  std::map<int64_t, int64_t> heights_, drawn_;
};

struct Curve {
  size_t rank;
  std::vector<Point> points;
};

std::vector<Point> curve_of(const ReportedStudy& study, const Trial& trial) {
  std::vector<Point> points;
  double epoch = 0;
  for (const search::EpochResult& result : trial.curve) {
    ++epoch;
    const double value = study.has_accuracies() ? result.validation_accuracy : result.value;
    if (std::isfinite(value)) points.push_back({epoch, value});
  }
  return points;
}

std::vector<Curve> best_curves(const ReportedStudy& study) {
  std::vector<Curve> curves;
  for (size_t i = 0; i < study.best.size(); ++i) {
    Curve curve{i + 1, curve_of(study, study.best[i])};
    if (!curve.points.empty()) curves.push_back(curve);
  }
  return curves;
}

// Of networks that were stopped early, at most so many, evenly among them.
std::vector<std::vector<Point>> stopped_curves(const ReportedStudy& study) {
  constexpr size_t kMost = 100;
  std::vector<std::vector<Point>> all, some;
  for (const Trial& trial : study.trials) {
    if (trial.state != TrialState::stopped) continue;
    all.push_back(curve_of(study, trial));
    if (all.back().empty()) all.pop_back();
  }
  const size_t count = std::min(all.size(), kMost);
  for (size_t i = 0; i < count; ++i) some.push_back(all[i * all.size() / count]);
  return some;
}

std::string picture_of_curves(const Canvas& canvas, const std::string& title,
                              const ReportedStudy& study, const std::vector<Curve>& curves) {
  std::vector<double> values;
  int64_t epochs = 1;
  for (const Curve& curve : curves) {
    for (const Point& point : curve.points) values.push_back(point.y);
    epochs = std::max(epochs, static_cast<int64_t>(curve.points.back().x));
  }
  const std::vector<std::vector<Point>> stopped = stopped_curves(study);
  for (const std::vector<Point>& points : stopped) {
    for (const Point& point : points) values.push_back(point.y);
  }
  Chart chart(canvas, title, whole_axis("epoch", 1, epochs), value_axis(study, values));
  chart.leave_room(2);  // letters of a rank
  for (const std::vector<Point>& points : stopped) {
    chart.line(points, "failed");
    chart.mark(Mark::dot, {points.back()}, "failed", 2);
  }
  for (auto curve = curves.rbegin(); curve != curves.rend(); ++curve) {
    const std::string css_class = curve->rank == 1 ? "best" : "curve";
    chart.line(curve->points, css_class);
    chart.mark(Mark::dot, curve->points, css_class, 2.5);
  }
  std::vector<NamedEnd> ends;
  for (const Curve& curve : curves)
    ends.push_back(
        {curve.points.back(), std::to_string(curve.rank), curve.rank == 1 ? "strong" : ""});
  chart.name_lines(std::move(ends));
  if (curves.front().rank == 1) chart.legend_line("the best network", "best");
  if (curves.back().rank > 1) chart.legend_line("the others, by rank", "curve");
  if (!stopped.empty()) chart.legend_line("stopped early", "failed");
  return chart.svg();
}

}  // namespace

Figure trials_in_order(const ReportedStudy& study) {
  Figure figure{"trials", study.value_name() + " of each trial", {}, kNoResult + left_out(study)};
  const Groups groups(study);
  if (groups.size() == 0) return figure;
  std::vector<Stretch> stretches;
  std::string of_epsilon;
  if (study.by_agent()) {
    stretches = epsilon_stretches(study);
    if (stretches.size() <= kMostStretches) {
      of_epsilon =
          " Above: the epsilon at which the agent proposed them, the share of random steps.";
    } else {
      of_epsilon =
          fmt::format(" Epsilon changes too often to be marked: {} times.", stretches.size() - 1);
      stretches.clear();
    }
  }
  figure.draw = [&study, title = figure.title, groups, stretches](const Canvas& canvas) {
    const auto number = [](const Trial& trial) { return static_cast<double>(trial.number); };
    Chart chart(canvas, title,
                whole_axis("trial, in the order of proposal", 1, study.trials.back().number),
                value_axis(study, values_of(study)));
    if (!stretches.empty()) chart.stretches("epsilon", stretches);
    mark_groups(chart, groups, number);
    std::vector<Point> complete;
    for (const Trial& trial : study.trials) {
      if (trial.state == TrialState::complete && value_of(trial))
        complete.push_back({number(trial), *value_of(trial)});
    }
    chart.line(running_best(study, complete, number(study.trials.back())), "best");
    if (!complete.empty()) chart.legend_line("the best so far", "best");
    return chart.svg();
  };
  figure.caption =
      fmt::format("Does the search get better? One mark for each network, {} with {}.{}{}",
                  plural(groups.size(), "network"), study.a_value(), of_epsilon, left_out(study));
  return figure;
}

Figure value_histogram(const ReportedStudy& study) {
  Figure figure{"histogram",
                study.has_accuracies() ? "How the accuracies are spread"
                                       : "How " + study.axis_name() + " is spread",
                {},
                kNoResult + left_out(study)};
  const Groups groups(study);
  if (groups.size() == 0) return figure;
  const Bins all(values_of(study), study.has_fractions());
  figure.draw = [&study, title = figure.title, groups, all](const Canvas& canvas) {
    Bins bins = all;
    Chart chart(canvas, title, linear_axis(study.axis_name(), bins.begin(), bins.end()),
                count_axis("networks", bins.highest()));
    const auto add = [&](const Trials& trials, const std::string& legend,
                         const std::string& css_class) {
      if (trials.empty()) return;
      chart.bars(bins.stack(trials), css_class);
      chart.legend(Mark::dot, legend, css_class);
    };
    add(groups.searched, "found by the search", "searched");
    add(groups.screened, "picked by screening", "screened");
    add(groups.not_learning, "did not learn", "failed");
    return chart.svg();
  };
  figure.caption = fmt::format("How many networks are how good? {} in bins of {:g}.{}",
                               plural(groups.size(), "network"), all.width(), left_out(study));
  return figure;
}

Figure learning_curves(const ReportedStudy& study) {
  Figure figure{"curves", "How the best networks learned", {}, ""};
  const std::vector<Curve> curves = best_curves(study);
  if (curves.empty()) {
    figure.caption = study.best.empty() ? "No network is complete."
                                        : "Not here: the study holds no learning curves.";
    return figure;
  }
  figure.draw = [&study, title = figure.title, curves](const Canvas& canvas) {
    return picture_of_curves(canvas, title, study, curves);
  };
  figure.caption =
      "Did training end too early, or too late? The curve of each of the best, named by its rank; "
      "a "
      "network's result is the best of its epochs.";
  if (curves.size() < study.best.size())
    figure.caption += fmt::format(" Of {} of the best {} the study holds no curve.",
                                  study.best.size() - curves.size(), study.best.size());
  return figure;
}

std::vector<Figure> make_figures(const ReportedStudy& study) {
  std::vector<Figure> figures{trials_in_order(study), means_by_epsilon(study),
                              spread_by_epsilon(study), value_histogram(study),
                              q_values_by_type(study)};
  if (!study.configuration.space.is_sequence()) figures.push_back(q_values_by_field(study));
  figures.insert(figures.end(),
                 {map_of_architectures(study), why_it_works(study), predicted_and_measured(study),
                  small_and_fast(study), learning_curves(study)});
  if (count_if(study, search::is_screened) > 0) figures.push_back(screened_networks(study));
  if (!study.screenings.empty()) figures.push_back(promised_and_given(study));
  return figures;
}

}  // namespace metaqnn::report
