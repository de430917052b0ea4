#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "base/numbers.h"
#include "base/parallel.h"
#include "metaqnn/predict/cross_validation.h"
#include "metaqnn/predict/model.h"
#include "predict/regressor.h"
#include "report/figures.h"
#include "report/networks.h"

namespace metaqnn::report {
namespace {

using search::Trial;

constexpr size_t kMostInFolds = 300;
constexpr size_t kFewestInFolds = 30;
constexpr int kFolds = 3;

// ---- Predicted and measured ----

std::vector<predict::MethodResult> results_of_folds(const ReportedStudy& study,
                                                    const Networks& networks) {
  predict::CrossValidationSettings settings;
  settings.encoding = networks.encoding;
  settings.fit.seed = study.info.seed;
  settings.fit.threads = available_cores();
  settings.keep_predictions = true;
  for (const std::string& name : predict::method_names()) {
    if (!predict::find_method(name).baseline()) settings.methods.push_back(name);
  }
  return predict::cross_validate(
      networks.samples,
      predict::fold_splits(static_cast<Eigen::Index>(networks.samples.size()), kFolds, 1,
                           study.info.seed),
      settings);
}

std::string figure_or_dash(const std::optional<double>& figure) {
  return figure ? fmt::format("{:.2f}", *figure) : "-";
}

// From the lower left to the upper right, where what is predicted is what is measured.
void diagonal(Chart& chart, const Axis& axis) {
  chart.line({{axis.from, axis.from}, {axis.to, axis.to}}, "curve");
}

Chart chart_of(const Canvas& canvas, const ReportedStudy& study, const Networks& networks,
               const predict::MethodResult& result) {
  const Eigen::VectorXd& targets = networks.samples.targets;
  const Axis axis = value_axis(study, {targets.begin(), targets.end()});
  Axis across = axis, up = axis;
  across.title = "measured";
  up.title = "predicted";
  const auto kept = [&](double value) { return std::clamp(value, axis.from, axis.to); };
  std::vector<Point> points;
  std::vector<Bar> whiskers;
  for (const predict::TestPrediction& one : result.predictions) {
    points.push_back({targets[one.row], kept(one.value)});
    const double deviation = one.deviation.value_or(0);
    whiskers.push_back({{targets[one.row], kept(one.value - deviation)},
                        {targets[one.row], kept(one.value + deviation)}});
  }
  Chart chart(canvas, result.method, across, up);
  chart.heading(fmt::format("{}: R2 {}, tau {}", result.method,
                            figure_or_dash(result.repeats[0].r2),
                            figure_or_dash(result.repeats[0].kendall_tau)));
  diagonal(chart, axis);
  chart.whiskers(whiskers, "searched");
  chart.mark(Mark::dot, points, "searched", 1.8);
  return chart;
}

// ---- Screened networks ----

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

std::string picture_of_screening(const Canvas& canvas, const std::string& title,
                                 const ReportedStudy& study) {
  const std::vector<Column> columns = columns_of(study);
  std::vector<std::string> labels;
  std::vector<Stretch> counts;
  for (const Column& column : columns) {
    const double place = static_cast<double>(labels.size());
    labels.push_back(column.label);
    counts.push_back(
        {place - 0.5, place + 0.5, grouped(static_cast<int64_t>(column.accuracies.size()))});
  }
  Chart chart(canvas, title, label_axis("where networks come from", labels),
              value_axis(study, values_of(study)));
  chart.stretches("networks", counts);
  for (size_t i = 0; i < columns.size(); ++i)
    draw_column(chart, columns[i], static_cast<double>(i));
  chart.legend_line("mean", "best");
  return chart.svg();
}

// ---- Promised and given ----

struct Promise {
  std::string method;
  std::vector<Point> points;  // promised, given
};

std::vector<Promise> promises_of(const ReportedStudy& study) {
  std::map<std::string, double> given;
  for (const Trial& trial : study.trials) {
    if (const auto value = value_of(trial)) given.emplace(trial.architecture, *value);
  }
  std::vector<Promise> promises;
  for (const search::ScreenPlan& plan : study.screenings) {
    for (const search::Shortlist& list : plan.shortlists) {
      auto promise = std::find_if(promises.begin(), promises.end(), [&](const Promise& known) {
        return known.method == list.method;
      });
      if (promise == promises.end()) promise = promises.insert(promise, Promise{list.method, {}});
      for (const search::Pick& pick : list.picks) {
        const auto found = given.find(pick.architecture);
        if (found != given.end()) promise->points.push_back({pick.prediction, found->second});
      }
    }
  }
  std::erase_if(promises, [](const Promise& promise) { return promise.points.empty(); });
  return promises;
}

std::string picture_of_promises(const Canvas& canvas, const std::string& title,
                                const ReportedStudy& study, const std::vector<Promise>& promises) {
  std::vector<double> values;
  for (const Promise& promise : promises) {
    for (const Point& point : promise.points) values.insert(values.end(), {point.x, point.y});
  }
  const Axis axis = value_axis(study, values);
  Axis across = axis, up = axis;
  across.title = "promised " + study.axis_name();
  up.title = "given";
  Chart chart(canvas, title, across, up);
  diagonal(chart, axis);
  for (size_t i = 0; i < promises.size(); ++i) {
    const std::string css_class = fmt::format("line{}", i % 6 + 1);
    chart.mark(Mark::dot, promises[i].points, css_class, 4);
    chart.legend(Mark::dot, promises[i].method, css_class);
  }
  return chart.svg();
}

// ---- Why it works ----

constexpr size_t kMostToLearnFrom = 400;
constexpr size_t kMostChanged = 150;

// Predicted values of some networks.
struct Band {
  double low = 0, mean = 0, high = 0;  // the tenth and the ninetieth percentile
};

Band band_of(std::vector<double> values) {
  Mean mean;
  for (const double value : values) mean.add(value);
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
  };
  return {at(0.1), mean.value(), at(0.9)};
}

// What is predicted where one thing of the networks has each of some values.
struct Effect {
  std::string title;
  std::vector<std::pair<std::string, Band>> bands;
};

using Labels = std::vector<std::string>;

Labels labels_of(const search::Space& space, const search::Walk& walk) {
  Labels labels;
  for (const search::Step& step : walk)
    labels.push_back(
        space.label(space.choices(step.position)[static_cast<size_t>(step.choice)].label));
  return labels;
}

// The architecture of these labels; none where the space does not allow it.
std::optional<std::string> text_of(const search::Space& space, const Labels& labels) {
  search::Walk walk;
  int32_t position = space.start();
  for (const std::string& label : labels) {
    if (position == search::Space::kEnd) return std::nullopt;
    const auto choices = space.choices(position);
    const auto found = std::find_if(
        choices.begin(), choices.end(),
        [&](const search::Choice& choice) { return space.label(choice.label) == label; });
    if (found == choices.end()) return std::nullopt;
    walk.push_back({position, static_cast<int32_t>(found - choices.begin())});
    position = found->target;
  }
  return position == search::Space::kEnd ? std::optional(space.text(walk)) : std::nullopt;
}

class Changes {
 public:
  Changes(const ReportedStudy& study, const Networks& networks)
      : space_(search::build_space(study.configuration)),
        model_(predict::Model::fit(networks.samples, networks.encoding,
                                   {.seed = study.info.seed, .threads = available_cores()})) {
    for (const Trial* trial : some_of(networks.trials, kMostChanged, study, "changed networks")) {
      const search::Space::Found found = space_.find(trial->architecture);
      if (found.walk) bases_.push_back(labels_of(space_, *found.walk));
    }
  }

  const search::Space& space() const { return space_; }
  const std::vector<Labels>& bases() const { return bases_; }

  // Each base with some of its labels changed; none where fewer than a fifth may be.
  std::optional<Band> changed(
      const std::function<std::string(const std::string&, size_t)>& change) const {
    std::vector<std::string> texts;
    for (Labels labels : bases_) {
      for (size_t i = 0; i < labels.size(); ++i) labels[i] = change(labels[i], i);
      if (auto text = text_of(space_, labels)) texts.push_back(std::move(*text));
    }
    return 5 * texts.size() < bases_.size() ? std::nullopt : predicted(texts);
  }

  // The bases as they are, by what is counted of them; groups of few left out.
  Effect grouped_by(const std::string& title,
                    const std::function<int(const Labels&)>& count) const {
    constexpr size_t kFew = 3;
    std::map<int, std::vector<std::string>> groups;
    for (const Labels& labels : bases_) groups[count(labels)].push_back(*text_of(space_, labels));
    Effect effect{title, {}};
    for (const auto& [number, texts] : groups) {
      if (texts.size() < kFew) continue;
      if (const auto band = predicted(texts))
        effect.bands.emplace_back(std::to_string(number), *band);
    }
    return effect;
  }

 private:
  std::optional<Band> predicted(std::vector<std::string> texts) const {
    std::erase_if(texts, [&](const std::string& text) { return !model_.problem(text).empty(); });
    if (texts.empty()) return std::nullopt;
    std::vector<double> values;
    for (const predict::Predicted& one : model_.predict(texts)) values.push_back(one.mean);
    return band_of(std::move(values));
  }

  search::Space space_;
  predict::Model model_;
  std::vector<Labels> bases_;
};

bool is_convolution(const std::string& label) { return label.starts_with("C("); }

// The numbers between the parentheses.
std::vector<std::string> numbers_of(const std::string& label) {
  std::vector<std::string> numbers{""};
  for (size_t i = label.find('(') + 1; i < label.size() && label[i] != ')'; ++i) {
    if (label[i] == ',') {
      numbers.emplace_back();
    } else {
      numbers.back() += label[i];
    }
  }
  return numbers;
}

// All convolutions with one of their numbers replaced by each that the space has there.
Effect effect_on_convolutions(const Changes& changes, const std::string& title, size_t which) {
  std::set<int> values;
  for (const Labels& labels : changes.bases()) {
    for (const std::string& label : labels) {
      if (is_convolution(label)) values.insert(std::stoi(numbers_of(label)[which]));
    }
  }
  Effect effect{title, {}};
  for (const int value : values) {
    const auto band = changes.changed([&](const std::string& label, size_t) {
      if (!is_convolution(label)) return label;
      std::vector<std::string> numbers = numbers_of(label);
      numbers[which] = std::to_string(value);
      return fmt::format("C({})", fmt::join(numbers, ","));
    });
    if (band) effect.bands.emplace_back(std::to_string(value), *band);
  }
  return effect;
}

int count_of(const Labels& labels, const std::string& beginning) {
  return static_cast<int>(
      std::count_if(labels.begin(), labels.end(),
                    [&](const std::string& label) { return label.starts_with(beginning); }));
}

std::vector<Effect> effects_of_layers(const Changes& changes) {
  std::vector<Effect> effects{
      effect_on_convolutions(changes, "field of all convolutions", 1),
      effect_on_convolutions(changes, "filters of all convolutions", 0),
      changes.grouped_by("layers, the last one aside",
                         [](const Labels& labels) { return static_cast<int>(labels.size()) - 1; }),
      changes.grouped_by("convolutions",
                         [](const Labels& labels) { return count_of(labels, "C("); }),
      changes.grouped_by("pooling layers",
                         [](const Labels& labels) { return count_of(labels, "P("); }),
      changes.grouped_by("fully connected layers",
                         [](const Labels& labels) { return count_of(labels, "FC("); })};
  std::erase_if(effects, [](const Effect& effect) { return effect.bands.size() < 2; });
  return effects;
}

// Each token in each slot of all networks. One effect for each token, its bands by slot.
std::vector<Effect> effects_of_tokens(const Changes& changes) {
  std::vector<Effect> effects;
  std::set<std::string> tokens;
  for (const Labels& labels : changes.bases()) tokens.insert(labels.begin(), labels.end());
  for (const std::string& token : tokens) {
    Effect effect{token, {}};
    for (size_t slot = 0; slot < changes.bases()[0].size(); ++slot) {
      const auto band = changes.changed(
          [&](const std::string& label, size_t at) { return at == slot ? token : label; });
      if (band) effect.bands.emplace_back(std::to_string(slot + 1), *band);
    }
    effects.push_back(std::move(effect));
  }
  return effects;
}

Axis axis_of(const ReportedStudy& study, const std::vector<Effect>& effects) {
  std::vector<double> values;
  for (const Effect& effect : effects) {
    for (const auto& [name, band] : effect.bands)
      values.insert(values.end(), {band.low, band.high});
  }
  Axis axis = value_axis(study, values);
  axis.title = "predicted";
  return axis;
}

Chart chart_of(const Canvas& canvas, const Effect& effect, const Axis& up) {
  Labels names;
  std::vector<Point> means, low, high;
  for (const auto& [name, band] : effect.bands) {
    const double place = static_cast<double>(names.size());
    names.push_back(name);
    means.push_back({place, band.mean});
    low.push_back({place, band.low});
    high.push_back({place, band.high});
  }
  Chart chart(canvas, effect.title, label_axis(effect.title, names), up);
  chart.band(low, high, "searched");
  chart.line(means, "searched");
  chart.mark(Mark::dot, means, "searched", 3);
  return chart;
}

std::string picture_of_tokens(const Canvas& canvas, const std::string& title,
                              const std::vector<Effect>& effects, const Axis& up) {
  constexpr size_t kMostTokens = 6;
  std::vector<std::string> slots;
  for (const Effect& effect : effects) {
    for (const auto& [slot, band] : effect.bands) {
      if (std::find(slots.begin(), slots.end(), slot) == slots.end()) slots.push_back(slot);
    }
  }
  std::sort(slots.begin(), slots.end(),
            [](const std::string& a, const std::string& b) { return std::stoi(a) < std::stoi(b); });
  Chart chart(canvas, title, label_axis("slot", slots), up);
  const size_t count = std::min(effects.size(), kMostTokens);
  for (size_t i = 0; i < count; ++i) {
    const std::string css_class = fmt::format("line{}", i + 1);
    std::vector<Point> points;
    std::vector<Bar> whiskers;
    for (const auto& [slot, band] : effects[i].bands) {
      const double place =
          static_cast<double>(std::find(slots.begin(), slots.end(), slot) - slots.begin()) +
          0.8 * ((static_cast<double>(i) + 0.5) / static_cast<double>(count) - 0.5);
      points.push_back({place, band.mean});
      whiskers.push_back({{place, band.low}, {place, band.high}});
    }
    chart.whiskers(whiskers, css_class);
    chart.mark(Mark::dot, points, css_class, 4);
    chart.legend(Mark::dot, effects[i].title, css_class);
  }
  return chart.svg();
}

}  // namespace

Figure predicted_and_measured(const ReportedStudy& study) {
  Figure figure{"predicted", "Predicted against measured", {}, ""};
  const auto networks = std::make_shared<const Networks>(networks_of(study, kMostInFolds));
  if (networks->samples.size() < kFewestInFolds) {
    figure.caption = fmt::format("Not here: predictors are judged on {} networks with {} at least.",
                                 kFewestInFolds, study.a_value());
    return figure;
  }
  const auto results = std::make_shared<const std::vector<predict::MethodResult>>(
      results_of_folds(study, *networks));
  figure.draw = [&study, title = figure.title, networks, results](const Canvas& canvas) {
    return panels(canvas, title, results->size(), [&](const Canvas& part, size_t i) {
      return chart_of(part, study, *networks, (*results)[i]);
    });
  };
  figure.caption = fmt::format(
      "Could these networks have been told apart before they were trained? Each was predicted by "
      "predictors fitted on the other {} of {} parts; on the line a prediction is right. Upright "
      "lines: "
      "a standard deviation to each side, where the method knows one.{}",
      kFolds - 1, kFolds, drawn(study, *networks));
  return figure;
}

Figure screened_networks(const ReportedStudy& study) {
  Figure figure{"screened", "Screened networks beside those of the search", {}, ""};
  const int64_t screened = count_if(study, search::is_screened);
  const int64_t with_accuracy = count_if(
      study, [](const Trial& trial) { return search::is_screened(trial) && value_of(trial); });
  figure.caption =
      fmt::format("Of {} picked by screening, {} {} {}.", plural(screened, "network"),
                  grouped(with_accuracy), with_accuracy == 1 ? "has" : "have", study.a_value());
  if (with_accuracy == 0) return figure;
  figure.draw = [&study, title = figure.title](const Canvas& canvas) {
    return picture_of_screening(canvas, title, study);
  };
  figure.caption +=
      of_chance(study) +
      " Are they better than what the search found? Places within a column mean nothing.";
  if (study.by_agent()) figure.caption += " Networks of epsilon 1 were drawn uniformly.";
  return figure;
}

Figure promised_and_given(const ReportedStudy& study) {
  Figure figure{"promised", "What screening promised, and what training gave", {}, ""};
  const std::vector<Promise> promises = promises_of(study);
  if (promises.empty()) {
    figure.caption = fmt::format("No pick of a screening has {} yet.", study.a_value());
    return figure;
  }
  figure.draw = [&study, title = figure.title, promises](const Canvas& canvas) {
    return picture_of_promises(canvas, title, study, promises);
  };
  figure.caption =
      "Do predictors promise too much? On the line a pick gave what was promised, below it less. "
      "The "
      "best of many predictions are those whose errors are in their favour, so most lie below it.";
  return figure;
}

Figure why_it_works(const ReportedStudy& study) {
  Figure figure{"why", "What goes with good networks", {}, ""};
  const Networks networks = networks_of(study, kMostToLearnFrom);
  if (networks.samples.size() < kFewestInFolds) {
    figure.caption = fmt::format("Not here: it is learned from {} networks with {} at least.",
                                 kFewestInFolds, study.a_value());
    return figure;
  }
  const Changes changes(study, networks);
  const bool is_sequence = study.configuration.space.is_sequence();
  const std::vector<Effect> effects = changes.bases().empty() ? std::vector<Effect>{}
                                      : is_sequence           ? effects_of_tokens(changes)
                                                              : effects_of_layers(changes);
  if (effects.empty()) {
    figure.caption = "Not here: the networks differ in nothing that can be changed one by one.";
    return figure;
  }
  figure.draw = [title = figure.title, effects, is_sequence,
                 up = axis_of(study, effects)](const Canvas& canvas) {
    if (is_sequence) return picture_of_tokens(canvas, title, effects, up);
    return panels(canvas, title, effects.size(),
                  [&](const Canvas& part, size_t i) { return chart_of(part, effects[i], up); });
  };
  const std::string learned = plural(static_cast<int64_t>(networks.samples.size()), "network");
  const size_t changed = changes.bases().size();
  figure.caption =
      is_sequence
          ? fmt::format(
                "Which token is worth what, and where? The mean {} that combined, fitted on {}, "
                "predicts "
                "where all networks hold a token in a slot and all else stays (partial "
                "dependence); "
                "eight of ten of {} lie on the upright line.",
                study.noun(), learned, changed)
          : fmt::format(
                "What should a network look like? The mean {} that combined, fitted on {}, "
                "predicts. "
                "Fields and filters are changed in all convolutions while all else stays (partial "
                "dependence), numbers of layers are of the networks as they are. Eight of ten of "
                "{} "
                "lie in the band.",
                study.noun(), learned, changed);
  return figure;
}

}  // namespace metaqnn::report
