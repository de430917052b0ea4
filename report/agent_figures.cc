#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "base/numbers.h"
#include "report/drawing.h"
#include "report/figures.h"
#include "search/screen.h"

namespace metaqnn::report {
namespace {

using search::QValue;
using search::Sample;
using search::Trial;

// Means are written beside as many points as have room for them.
constexpr size_t kMostWrittenMeans = 16;
constexpr size_t kMostRidges = 12;
constexpr int kRidgeBins = 50;
constexpr size_t kMostLines = 6;

// ---- What it samples ----

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
  std::map<double, std::vector<double>, std::greater<>> by_epsilon;
  int64_t without = 0;  // samples whose network has no accuracy
};

SampledValues sampled_values(const ReportedStudy& study) {
  SampledValues sampled;
  for (const Sample& sample : study.samples) {
    const Trial& trial = trial_of(study, sample);
    if (!search::is_walk(sample, trial)) continue;
    if (const auto accuracy = value_of(trial)) {
      sampled.by_epsilon[sample.epsilon].push_back(*accuracy);
    } else {
      ++sampled.without;
    }
  }
  return sampled;
}

double mean_of(const std::vector<double>& values) {
  Mean mean;
  for (const double value : values) mean.add(value);
  return mean.value();
}

std::string picture_of_means(const Canvas& canvas, const std::string& title,
                             const ReportedStudy& study, const SampledValues& sampled) {
  std::vector<std::string> labels;
  std::vector<Point> points;
  std::vector<Stretch> counts;
  for (const auto& [epsilon, values] : sampled.by_epsilon) {
    const double place = static_cast<double>(points.size());
    labels.push_back(fmt::format("{:g}", epsilon));
    points.push_back({place, mean_of(values)});
    counts.push_back({place - 0.5, place + 0.5, grouped(static_cast<int64_t>(values.size()))});
  }
  const auto [low, high] = std::minmax_element(
      points.begin(), points.end(), [](const Point& a, const Point& b) { return a.y < b.y; });
  const double least = study.has_accuracies() ? 0.001 : 0;
  const double room = std::max(least, (high->y - low->y) / 8);  // for the written means
  Chart chart(canvas, title, label_axis("epsilon", labels),
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

// At most so many of the epsilons, evenly among them, the first and the last included.
std::vector<std::pair<double, std::vector<double>>> ridges_of(const SampledValues& sampled) {
  const std::vector<std::pair<double, std::vector<double>>> all(sampled.by_epsilon.begin(),
                                                                sampled.by_epsilon.end());
  if (all.size() <= kMostRidges) return all;
  std::vector<std::pair<double, std::vector<double>>> some;
  for (size_t i = 0; i < kMostRidges; ++i)
    some.push_back(all[i * (all.size() - 1) / (kMostRidges - 1)]);
  return some;
}

std::vector<Bar> ridge(const std::vector<double>& values, double width, double row) {
  constexpr double kHeight = 0.85;
  std::map<int64_t, int64_t> counts;
  for (const double value : values)
    ++counts[static_cast<int64_t>(std::floor(value / width + 1e-9))];
  int64_t most = 0;
  for (const auto& [bin, count] : counts) most = std::max(most, count);
  std::vector<Bar> bars;
  for (const auto& [bin, count] : counts) {
    const double left = width * static_cast<double>(bin);
    bars.push_back(
        {{left, row},
         {left + width, row + kHeight * static_cast<double>(count) / static_cast<double>(most)}});
  }
  return bars;
}

std::string picture_of_ridges(const Canvas& canvas, const std::string& title,
                              const ReportedStudy& study, const SampledValues& sampled) {
  constexpr double kRow = 34, kAround = 124;
  const auto ridges = ridges_of(sampled);
  std::vector<double> all;
  for (const auto& [epsilon, values] : ridges) all.insert(all.end(), values.begin(), values.end());
  const auto [low, high] = std::minmax_element(all.begin(), all.end());
  const double width = round_step(std::max(1e-6, (*high - *low) / kRidgeBins));
  Axis rows{"epsilon", 0, static_cast<double>(ridges.size()), false, {}};
  for (size_t i = 0; i < ridges.size(); ++i)
    rows.ticks.push_back(
        {static_cast<double>(ridges.size() - 1 - i), fmt::format("{:g}", ridges[i].first)});
  const Canvas tall{canvas.width, kAround + kRow * static_cast<double>(ridges.size())};
  Chart chart(tall, title, linear_axis(study.axis_name(), *low, *high + width), rows);
  std::vector<Bar> means;
  for (size_t i = 0; i < ridges.size(); ++i) {
    const double row = static_cast<double>(ridges.size() - 1 - i), mean = mean_of(ridges[i].second);
    chart.bars(ridge(ridges[i].second, width, row), "searched");
    chart.line({{mean, row}, {mean, row + 0.9}}, "best");
  }
  chart.legend(Mark::dot, "samples", "searched");
  chart.legend_line("mean", "best");
  return chart.svg();
}

// ---- What it has come to value ----

// Means of Q-values by depth.
struct QLine {
  std::string name;
  std::map<int64_t, Mean> by_depth;
  int64_t visits = 0;
};

// One for each name, in the order in which values have them first; those without a name are left out.
std::vector<QLine> q_lines(const ReportedStudy& study,
                           const std::function<std::string(const QValue&)>& name) {
  std::vector<QLine> lines;
  for (const QValue& value : study.q_values) {
    const std::string wanted = name(value);
    if (wanted.empty()) continue;
    auto line = std::find_if(lines.begin(), lines.end(),
                             [&](const QLine& known) { return known.name == wanted; });
    if (line == lines.end()) line = lines.insert(lines.end(), QLine{wanted, {}, 0});
    line->by_depth[value.depth].add(value.q);
    line->visits += value.visits;
  }
  return lines;
}

std::string picture_of_lines(const Canvas& canvas, const std::string& title,
                             const std::string& depth, const std::vector<QLine>& lines) {
  std::vector<double> values;
  int64_t deepest = 1;
  for (const QLine& line : lines) {
    for (const auto& [at, mean] : line.by_depth) {
      values.push_back(mean.value());
      deepest = std::max(deepest, at);
    }
  }
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  Chart chart(canvas, title, whole_axis(depth, 1, deepest),
              linear_axis("mean Q-value", *low, *high));
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string css_class = fmt::format("line{}", i % kMostLines + 1);
    std::vector<Point> points;
    for (const auto& [at, mean] : lines[i].by_depth)
      points.push_back({static_cast<double>(at), mean.value()});
    chart.line(points, css_class);
    chart.mark(Mark::dot, points, css_class, 3);
    chart.legend(Mark::dot, lines[i].name, css_class);
  }
  return chart.svg();
}

void sort_as_in_networks(std::vector<QLine>& lines) {
  static const std::vector<std::string> kOrder = search::layer_types();
  const auto place = [](const QLine& line) {
    return std::find(kOrder.begin(), kOrder.end(), line.name) - kOrder.begin();
  };
  std::sort(lines.begin(), lines.end(),
            [&](const QLine& a, const QLine& b) { return place(a) < place(b); });
}

std::string no_q_values(const ReportedStudy& study) {
  if (!study.learns_q_values()) {
    return fmt::format("Not here: the strategy {} has no table of Q-values.",
                       study.configuration.strategy.kind);
  }
  if (!study.has_rewards())
    return "Not here: no reward_range says what a value is worth to the agent.";
  return "No sample has a result yet.";
}

// "C(64,3,1)" as "3 x 3"; "" for other layers.
std::string field_of(const QValue& value) {
  if (value.type != "convolution") return "";
  const size_t begin = value.choice.find(',') + 1;
  const std::string field = value.choice.substr(begin, value.choice.find(',', begin) - begin);
  return field + " x " + field;
}

constexpr const char* kEachOnce =
    " Means over the states that were visited, each choice of a state counted once, in the fold of "
    "all "
    "samples; metaqnn q-values lists them.";

}  // namespace

Figure means_by_epsilon(const ReportedStudy& study) {
  Figure figure{"epsilon", "What the agent samples as epsilon falls", {}, ""};
  if (!study.by_agent()) {
    figure.caption =
        fmt::format("Not here: the strategy {} has no epsilon.", study.configuration.strategy.kind);
    return figure;
  }
  const SampledValues sampled = sampled_values(study);
  if (sampled.by_epsilon.empty()) {
    figure.caption = "No sample of the agent has a result yet.";
  } else if (sampled.by_epsilon.size() == 1) {
    const auto& [epsilon, values] = *sampled.by_epsilon.begin();
    figure.caption = fmt::format(
        "Nothing to compare: every sample with a result is of epsilon {:g}; the mean of {} is "
        "{}.",
        epsilon, grouped(static_cast<int64_t>(values.size())), measured(mean_of(values)));
  } else {
    figure.draw = [&study, title = figure.title, sampled](const Canvas& canvas) {
      return picture_of_means(canvas, title, study, sampled);
    };
    figure.caption =
        "Does what the agent has learned lead to better networks? The less it leaves to chance, "
        "the "
        "better its samples should be. A network counts as often as the agent sampled it." +
        of_chance(study);
  }
  if (sampled.without > 0)
    figure.caption += fmt::format(" Left out: {} whose network has no {}.",
                                  plural(sampled.without, "sample"), study.noun());
  if (sampled.by_epsilon.size() > 1 && is_epsilon_of_first_samples(study))
    figure.caption +=
        " Each sample has the epsilon of its network's first one, as an imported log gives it: "
        "samples of a network that was met again are counted there.";
  return figure;
}

Figure spread_by_epsilon(const ReportedStudy& study) {
  Figure figure{"spread", "How samples are spread at each epsilon", {}, ""};
  const SampledValues sampled = sampled_values(study);
  if (!study.by_agent()) {
    figure.caption =
        fmt::format("Not here: the strategy {} has no epsilon.", study.configuration.strategy.kind);
  } else if (sampled.by_epsilon.empty()) {
    figure.caption = "No sample of the agent has a result yet.";
  } else {
    figure.draw = [&study, title = figure.title, sampled](const Canvas& canvas) {
      return picture_of_ridges(canvas, title, study, sampled);
    };
    figure.caption =
        "Do good networks become common, or is it only that bad ones become rare? A small "
        "histogram of "
        "the samples at each epsilon, each as high as the others.";
    if (sampled.by_epsilon.size() > kMostRidges)
      figure.caption += fmt::format(" {} of {} epsilons, evenly among them.", kMostRidges,
                                    sampled.by_epsilon.size());
  }
  return figure;
}

Figure q_values_by_type(const ReportedStudy& study) {
  const bool is_sequence = study.configuration.space.is_sequence();
  Figure figure{"q-values",
                is_sequence ? "What the agent has come to value in each slot"
                            : "What the agent has come to value at each depth",
                {},
                no_q_values(study)};
  std::vector<QLine> lines = q_lines(study, [](const QValue& value) { return value.type; });
  if (lines.empty()) return figure;
  if (!is_sequence) sort_as_in_networks(lines);
  figure.caption =
      fmt::format(
          "Which {} lead to good networks, and where? The higher, the better the networks that "
          "the agent expects of it.",
          is_sequence ? "tokens" : "types of layers") +
      kEachOnce;
  if (lines.size() > kMostLines) {
    std::stable_sort(lines.begin(), lines.end(),
                     [](const QLine& a, const QLine& b) { return a.visits > b.visits; });
    figure.caption += fmt::format(" The {} most visited of {}.", kMostLines, lines.size());
    lines.resize(kMostLines);
  }
  if (is_sequence) {
    std::sort(lines.begin(), lines.end(),
              [](const QLine& a, const QLine& b) { return a.name < b.name; });
  }
  figure.draw = [title = figure.title, lines, is_sequence](const Canvas& canvas) {
    return picture_of_lines(canvas, title, is_sequence ? "slot" : "depth of the layer", lines);
  };
  return figure;
}

Figure q_values_by_field(const ReportedStudy& study) {
  Figure figure{
      "q-fields", "Which receptive fields the agent has come to value", {}, no_q_values(study)};
  std::vector<QLine> lines = q_lines(study, field_of);
  if (lines.empty()) return figure;
  std::stable_sort(lines.begin(), lines.end(), [](const QLine& a, const QLine& b) {
    return a.name.size() != b.name.size() ? a.name.size() < b.name.size() : a.name < b.name;
  });
  figure.draw = [title = figure.title, lines](const Canvas& canvas) {
    return picture_of_lines(canvas, title, "depth of the convolution", lines);
  };
  figure.caption =
      std::string(
          "Small windows or large ones, early or late? Convolutions alone, by the size of their "
          "receptive field.") +
      kEachOnce;
  return figure;
}

}  // namespace metaqnn::report
