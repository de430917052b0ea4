#include "report/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/numbers.h"
#include "report/svg.h"
#include "search/screen.h"

namespace metaqnn::report {
namespace {

using search::Sample;
using search::Trial;
using search::TrialState;

constexpr size_t kBest = 10;
constexpr size_t kMostBins = 60;
// Of more epsilons in a row than this, a picture shows none.
constexpr size_t kMostStretches = 60;
// Means are written beside as many points as have room for them.
constexpr size_t kMostWrittenMeans = 16;

const char kNoResult[] = "No network has a result yet.";

// ---- What a figure draws ----

struct Mean {
  double sum = 0;
  int64_t count = 0;

  void add(double value) {
    sum += value;
    ++count;
  }
  double value() const { return sum / static_cast<double>(count); }
};

// The networks with an accuracy, apart by how they are drawn.
struct Groups {
  std::vector<const Trial*> searched, screened, not_learning;

  explicit Groups(const ReportedStudy& study) {
    for (const Trial& trial : study.trials) {
      if (!value_of(trial)) continue;
      std::vector<const Trial*>& group = trial.state == TrialState::failed ? not_learning
                                         : search::is_screened(trial)      ? screened
                                                                           : searched;
      group.push_back(&trial);
    }
  }
  int64_t size() const {
    return static_cast<int64_t>(searched.size() + screened.size() + not_learning.size());
  }
};

std::vector<Point> points_of(const std::vector<const Trial*>& trials,
                             const std::function<double(const Trial&)>& x) {
  std::vector<Point> points;
  for (const Trial* trial : trials) points.push_back({x(*trial), *value_of(*trial)});
  return points;
}

Axis accuracy_axis(const std::vector<double>& accuracies) {
  const auto [low, high] = std::minmax_element(accuracies.begin(), accuracies.end());
  // Marks do not lie on the frame, and equal accuracies look equal.
  const double room = std::max(0.005, (*high - *low) / 50);
  return linear_axis("validation accuracy", std::max(0.0, *low - room),
                     std::min(1.0, *high + room));
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

void mark_groups(Chart& chart, const Groups& groups, const std::function<double(const Trial&)>& x) {
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

// ---- 1: each trial in order ----

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

Figure trials_in_order(const ReportedStudy& study) {
  Figure figure{"trials", study.value_name() + " of each trial", "", kNoResult + left_out(study)};
  const Groups groups(study);
  if (groups.size() == 0) return figure;
  const auto number = [](const Trial& trial) { return static_cast<double>(trial.number); };
  Chart chart(figure.title,
              whole_axis("trial, in the order of proposal", 1, study.trials.back().number),
              value_axis(study, values_of(study)));
  std::string of_epsilon;
  if (study.by_agent()) {
    const std::vector<Stretch> stretches = epsilon_stretches(study);
    if (stretches.size() <= kMostStretches) {
      chart.stretches("epsilon", stretches);
      of_epsilon =
          " Above: the epsilon at which the agent proposed them, the share of random steps.";
    } else {
      of_epsilon =
          fmt::format(" Epsilon changes too often to be marked: {} times.", stretches.size() - 1);
    }
  }
  mark_groups(chart, groups, number);
  std::vector<Point> complete;
  for (const Trial& trial : study.trials) {
    if (trial.state == TrialState::complete && value_of(trial))
      complete.push_back({number(trial), *value_of(trial)});
  }
  chart.line(running_best(study, complete, number(study.trials.back())), "best");
  if (!complete.empty()) chart.legend_line("the best so far", "best");
  figure.svg = chart.svg();
  figure.caption = fmt::format("{} with {}.{}{}", plural(groups.size(), "network"), study.a_value(),
                               of_epsilon, left_out(study));
  return figure;
}

// ---- 2: what the agent samples ----

const Trial& trial_of(const ReportedStudy& study, const Sample& sample) {
  return study.trials.at(static_cast<size_t>(sample.trial) - 1);
}

// An import knows for each network the epsilon of one sample alone.
bool is_epsilon_of_first_samples(const ReportedStudy& study) {
  return study.samples.size() > study.trials.size() &&
         std::all_of(study.samples.begin(), study.samples.end(), [&](const Sample& sample) {
           return sample.epsilon == trial_of(study, sample).epsilon;
         });
}

// What the agent sampled at each epsilon, the largest first.
struct SampledValues {
  std::map<double, Mean, std::greater<>> means;
  int64_t without = 0;  // samples whose network has no accuracy
};

SampledValues sampled_values(const ReportedStudy& study) {
  SampledValues sampled;
  for (const Sample& sample : study.samples) {
    const Trial& trial = trial_of(study, sample);
    if (!search::is_walk(sample, trial)) continue;
    if (const auto accuracy = value_of(trial)) {
      sampled.means[sample.epsilon].add(*accuracy);
    } else {
      ++sampled.without;
    }
  }
  return sampled;
}

std::string picture_of_means(const std::string& title, const ReportedStudy& study,
                             const SampledValues& sampled) {
  std::vector<std::string> labels;
  std::vector<Point> points;
  std::vector<Stretch> counts;
  for (const auto& [epsilon, mean] : sampled.means) {
    const double place = static_cast<double>(points.size());
    labels.push_back(fmt::format("{:g}", epsilon));
    points.push_back({place, mean.value()});
    counts.push_back({place - 0.5, place + 0.5, grouped(mean.count)});
  }
  const auto [low, high] = std::minmax_element(
      points.begin(), points.end(), [](const Point& a, const Point& b) { return a.y < b.y; });
  const double least = study.has_accuracies() ? 0.001 : 0;
  const double room = std::max(least, (high->y - low->y) / 8);  // for the written means
  Chart chart(title, label_axis("epsilon", labels),
              linear_axis("mean " + study.axis_name(), low->y, high->y + room));
  chart.stretches("samples", counts);
  chart.line(points, "searched");
  chart.mark(Mark::dot, points, "searched", 4);
  for (const Point& point : points) {
    if (points.size() <= kMostWrittenMeans)
      chart.text(point, measured(point.y), "middle halo", 0, -11);
  }
  return chart.svg();
}

Figure means_by_epsilon(const ReportedStudy& study) {
  Figure figure{"epsilon", "What the agent samples as epsilon falls", "", ""};
  if (!study.by_agent()) {
    figure.caption =
        fmt::format("Not here: the strategy {} has no epsilon.", study.configuration.strategy.kind);
    return figure;
  }
  const SampledValues sampled = sampled_values(study);
  if (sampled.means.empty()) {
    figure.caption = "No sample of the agent has a result yet.";
  } else if (sampled.means.size() == 1) {
    const auto& [epsilon, mean] = *sampled.means.begin();
    figure.caption = fmt::format(
        "Nothing to compare: every sample with a result is of epsilon {:g}; the mean of {} is "
        "{}.",
        epsilon, grouped(mean.count), measured(mean.value()));
  } else {
    figure.svg = picture_of_means(figure.title, study, sampled);
    figure.caption = "A network counts as often as the agent sampled it." + of_chance(study);
  }
  if (sampled.without > 0)
    figure.caption += fmt::format(" Left out: {} whose network has no {}.",
                                  plural(sampled.without, "sample"), study.noun());
  if (sampled.means.size() > 1 && is_epsilon_of_first_samples(study))
    figure.caption +=
        " Each sample has the epsilon of its network's first one, as an imported log gives it: "
        "samples of a network that was met again are counted there.";
  return figure;
}

// ---- 3: histogram ----

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
  std::vector<Bar> stack(const std::vector<const Trial*>& trials) {
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

Figure histogram(const ReportedStudy& study) {
  Figure figure{"histogram",
                study.has_accuracies() ? "How the accuracies are spread"
                                       : "How " + study.axis_name() + " is spread",
                "", kNoResult + left_out(study)};
  const Groups groups(study);
  if (groups.size() == 0) return figure;
  Bins bins(values_of(study), study.has_accuracies());
  Chart chart(figure.title, linear_axis(study.axis_name(), bins.begin(), bins.end()),
              count_axis("networks", bins.highest()));
  const auto add = [&](const std::vector<const Trial*>& trials, const std::string& legend,
                       const std::string& css_class) {
    if (trials.empty()) return;
    chart.bars(bins.stack(trials), css_class);
    chart.legend(Mark::dot, legend, css_class);
  };
  add(groups.searched, "found by the search", "searched");
  add(groups.screened, "picked by screening", "screened");
  add(groups.not_learning, "did not learn", "failed");
  figure.svg = chart.svg();
  figure.caption = fmt::format("{} in bins of {:g}.{}", plural(groups.size(), "network"),
                               bins.width(), left_out(study));
  return figure;
}

// ---- 4: accuracy against size ----

bool has_size(const Trial& trial) { return trial.parameters && *trial.parameters > 0; }

// Complete networks whose size is known, the smallest first.
std::vector<const Trial*> sized_networks(const ReportedStudy& study) {
  std::vector<const Trial*> sized;
  for (const Trial& trial : study.trials) {
    if (trial.state == TrialState::complete && value_of(trial) && has_size(trial))
      sized.push_back(&trial);
  }
  std::stable_sort(sized.begin(), sized.end(),
                   [](const Trial* a, const Trial* b) { return *a->parameters < *b->parameters; });
  return sized;
}

std::string picture_of_sizes(const std::string& title, const ReportedStudy& study,
                             const std::vector<const Trial*>& sized) {
  const auto size = [](const Trial& trial) { return static_cast<double>(*trial.parameters); };
  Groups groups(study);
  groups.not_learning.clear();
  for (auto* group : {&groups.searched, &groups.screened})
    std::erase_if(*group, [](const Trial* trial) { return !has_size(*trial); });
  std::vector<double> accuracies;
  for (const Trial* trial : sized) accuracies.push_back(*value_of(*trial));
  const Axis x = logarithmic_axis("trainable parameters (logarithmic)", size(*sized.front()),
                                  size(*sized.back()));
  Chart chart(title, x, value_axis(study, accuracies));
  mark_groups(chart, groups, size);
  chart.line(running_best(study, points_of(sized, size), x.to), "best");
  chart.legend_line("the best up to a size", "best");
  std::vector<const Trial*> best;
  for (const Trial& trial : study.best) {
    if (has_size(trial)) best.push_back(&trial);
  }
  chart.mark(Mark::ring, points_of(best, size), "best", 5.5);
  if (!best.empty())
    chart.legend(Mark::ring,
                 best.size() == 1 ? "the best" : fmt::format("the best {}", best.size()), "best");
  for (const Trial* trial : best) chart.hint({size(*trial), *value_of(*trial)}, hint_of(*trial));
  return chart.svg();
}

Figure accuracy_by_size(const ReportedStudy& study) {
  Figure figure{"size", study.value_name() + " against size", "", ""};
  const std::vector<const Trial*> sized = sized_networks(study);
  const int64_t complete =
      count_if(study, [](const Trial& trial) { return trial.state == TrialState::complete; });
  if (sized.empty()) {
    figure.caption = complete == 0 ? "No network is complete."
                                   : "Not here: the study knows no numbers of parameters.";
    return figure;
  }
  figure.svg = picture_of_sizes(figure.title, study, sized);
  figure.caption = fmt::format("{}.", plural(static_cast<int64_t>(sized.size()), "network"));
  const int64_t failed =
      count_if(study, [](const Trial& trial) { return trial.state == TrialState::failed; });
  if (failed > 0)
    figure.caption += fmt::format(" Left out: {} that failed.", plural(failed, "network"));
  if (const auto unknown = complete - static_cast<int64_t>(sized.size()); unknown > 0)
    figure.caption += fmt::format(" Left out: {} of unknown size.", plural(unknown, "network"));
  return figure;
}

// ---- 5: learning curves ----

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

Figure learning_curves(const ReportedStudy& study) {
  Figure figure{"curves", "How the best networks learned", "", ""};
  const std::vector<Curve> curves = best_curves(study);
  if (curves.empty()) {
    figure.caption = study.best.empty() ? "No network is complete."
                                        : "Not here: the study holds no learning curves.";
    return figure;
  }
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
  Chart chart(figure.title, whole_axis("epoch", 1, epochs), value_axis(study, values));
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
  figure.svg = chart.svg();
  figure.caption = "After each epoch; a network's result is the best of its epochs.";
  if (curves.size() < study.best.size())
    figure.caption += fmt::format(" Of {} of the best {} the study holds no curve.",
                                  study.best.size() - curves.size(), study.best.size());
  return figure;
}

// ---- 6: screened networks ----

struct Column {
  std::string label, css_class;
  std::vector<double> accuracies;
};

// What there is to compare screened networks with.
std::vector<Column> columns_of(const ReportedStudy& study) {
  Column uniform{"search, epsilon 1", "searched", {}};
  Column later{study.by_agent() ? "search, epsilon below 1" : "search", "searched", {}};
  Column screened{"screening", "screened", {}};
  for (const Trial& trial : study.trials) {
    if (!value_of(trial)) continue;
    Column& column = search::is_screened(trial)               ? screened
                     : study.by_agent() && trial.epsilon == 1 ? uniform
                                                              : later;
    column.accuracies.push_back(*value_of(trial));
  }
  std::vector<Column> columns{uniform, later, screened};
  std::erase_if(columns, [](const Column& column) { return column.accuracies.empty(); });
  return columns;
}

void draw_column(Chart& chart, const Column& column, double place) {
  std::vector<Point> points;
  Mean mean;
  for (double accuracy : column.accuracies) {
    // Side by side, so that equal accuracies stay apart: multiples of the golden ratio modulo 1
    // leave no large gap.
    const double spread = std::fmod(0.6180339887 * static_cast<double>(points.size()), 1.0);
    points.push_back({place - 0.28 + 0.5 * spread, accuracy});
    mean.add(accuracy);
  }
  const bool screened = column.css_class == "screened";
  chart.mark(screened ? Mark::diamond : Mark::dot, points, column.css_class,
             screened ? 4.5 : dot_size(points.size()));
  chart.line({{place - 0.32, mean.value()}, {place + 0.26, mean.value()}}, "best");
  chart.text({place + 0.28, mean.value()}, measured(mean.value()), "halo", 0, 4.5);
}

std::string picture_of_screening(const std::string& title, const ReportedStudy& study) {
  const std::vector<Column> columns = columns_of(study);
  std::vector<std::string> labels;
  std::vector<Stretch> counts;
  for (const Column& column : columns) {
    const double place = static_cast<double>(labels.size());
    labels.push_back(column.label);
    counts.push_back(
        {place - 0.5, place + 0.5, grouped(static_cast<int64_t>(column.accuracies.size()))});
  }
  Chart chart(title, label_axis("where networks come from", labels),
              value_axis(study, values_of(study)));
  chart.stretches("networks", counts);
  for (size_t i = 0; i < columns.size(); ++i)
    draw_column(chart, columns[i], static_cast<double>(i));
  chart.legend_line("mean", "best");
  return chart.svg();
}

Figure screened_networks(const ReportedStudy& study) {
  Figure figure{"screened", "Screened networks beside those of the search", "", ""};
  const int64_t screened = count_if(study, search::is_screened);
  const int64_t with_accuracy = count_if(
      study, [](const Trial& trial) { return search::is_screened(trial) && value_of(trial); });
  figure.caption =
      fmt::format("Of {} picked by screening, {} {} {}.", plural(screened, "network"),
                  grouped(with_accuracy), with_accuracy == 1 ? "has" : "have", study.a_value());
  if (with_accuracy == 0) return figure;
  figure.svg = picture_of_screening(figure.title, study);
  figure.caption += of_chance(study) + " Places within a column mean nothing.";
  if (study.by_agent()) figure.caption += " Networks of epsilon 1 were drawn uniformly.";
  return figure;
}

}  // namespace

ReportedStudy read_study(search::Study& study) {
  const search::Snapshot snapshot(study);
  ReportedStudy read{study.info(),
                     search::stored_configuration(study),
                     study.counts(),
                     study.trials(true),
                     study.samples(),
                     {},
                     {}};
  read.epochs = search::epochs_trained(study, read.trials);
  for (const Trial& trial : read.trials) {
    if (trial.state == TrialState::complete && value_of(trial)) read.best.push_back(trial);
  }
  std::stable_sort(read.best.begin(), read.best.end(), [&](const Trial& a, const Trial& b) {
    return read.is_better(*a.value, *b.value);
  });
  if (read.best.size() > kBest) read.best.resize(kBest);
  return read;
}

datasets::Measure ReportedStudy::measure() const { return search::measure_of(configuration); }

bool ReportedStudy::has_accuracies() const {
  return configuration.evaluator.objective.is_accuracy();
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

std::vector<Figure> make_figures(const ReportedStudy& study) {
  std::vector<Figure> figures{trials_in_order(study), means_by_epsilon(study), histogram(study),
                              accuracy_by_size(study), learning_curves(study)};
  if (count_if(study, search::is_screened) > 0) figures.push_back(screened_networks(study));
  return figures;
}

}  // namespace metaqnn::report
