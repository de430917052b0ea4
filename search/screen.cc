#include "search/screen.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_set>

#include "base/foreign_text.h"
#include "base/names.h"
#include "base/nesting.h"
#include "kernels/pareto.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/search.h"
#include "search/front.h"

namespace metaqnn::search {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kScreenOrigin = "screen";
constexpr const char* kNotePrefix = "screen ";

// How many walks in a row may find no new candidate, and how many different architectures may be
// over a limit, before it is said that there are no more.
constexpr DrawPatience kPatienceOfDraws{200'000, 1'000'000};

// What a study knew at one moment.
struct Known {
  datasets::Log log;
  std::unordered_set<std::string> seen;
  std::vector<SequencedSample> samples;
  uint64_t seed;
};

Known read(Study& study, const Objective& objective) {
  const Snapshot snapshot(study);
  Known known{to_log(study, measure_of(objective)),
              {},
              study.sequenced_samples_after(0, objective.has_several()),
              study.info().seed};
  for (const datasets::LogRow& row : known.log.rows) known.seen.insert(row.architecture);
  return known;
}

std::vector<std::string> draw_candidates(Known& known, const Configuration& configuration,
                                         const Space& space, const ScreenSettings& settings,
                                         ScreenPlan& plan) {
  DistinctWalks walks(
      space, within(limits_of(configuration, settings.limits), space.input(), settings.memory),
      std::move(known.seen), kPatienceOfDraws);
  std::vector<std::string> drawn;
  Random random = Random::stream(settings.fit.seed, "screen");
  if (settings.draw != Draw::uniform) {
    const auto strategy = make_strategy(configuration, space, known.seed);
    for (const SequencedSample& sample : known.samples) strategy->observe(sample);
    const Situation situation{settings.epsilon, {}};
    strategy->prepare(situation.pending);
    const int64_t share =
        settings.draw == Draw::policy ? settings.candidates : settings.candidates / 2;
    drawn = walks.next(share, [&] { return strategy->propose(situation, random); });
  }
  if (settings.draw != Draw::policy) {
    const int64_t missing = settings.candidates - static_cast<int64_t>(drawn.size());
    const auto uniform = walks.next(missing, [&] { return space.uniform_walk(random); });
    drawn.insert(drawn.end(), uniform.begin(), uniform.end());
  }
  plan.candidates = static_cast<int64_t>(drawn.size());
  plan.over_limit = walks.refused();
  plan.exhausted = plan.candidates < settings.candidates;
  if (plan.candidates == 0) {
    throw FailureError(
        plan.over_limit > 0
            ? fmt::format("no architecture is left to screen: {} that the study has not seen are "
                          "all over a limit; raise it",
                          plan.over_limit)
            : "no architecture is left to screen: the study has seen all that walks find; another "
              "--draw, or a larger space in a new study, has more");
  }
  return drawn;
}

StudyFigures figures_of(const datasets::Log& log, const predict::Samples& samples) {
  StudyFigures figures;
  figures.results = static_cast<int64_t>(samples.size());
  std::vector<double> sorted(samples.targets.begin(), samples.targets.end());  // the best last
  std::sort(sorted.begin(), sorted.end(), [&](double a, double b) {
    return datasets::is_better(b, a, samples.measure.direction);
  });
  figures.mean = samples.targets.mean();
  figures.percentile_90 = sorted[(9 * sorted.size() + 9) / 10 - 1];
  figures.best = sorted.back();
  double sum = 0;
  int count = 0;
  for (const datasets::LogRow& row : log.rows) {
    if (row.epsilon != 1.0 || !row.value) continue;
    sum += *row.value;
    ++count;
  }
  if (count > 0) figures.exploration_mean = sum / count;
  return figures;
}

Shortlist shortlist(const std::string& method, const predict::Prediction& prediction,
                    const std::vector<std::string>& candidates, int64_t top) {
  std::vector<size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto score = [&](size_t i) { return prediction.score(static_cast<Eigen::Index>(i)); };
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return score(a) > score(b); });
  order.resize(std::min(order.size(), static_cast<size_t>(top)));
  Shortlist list{method, {}};
  for (size_t i : order)
    list.picks.push_back({candidates[i], prediction.mean(static_cast<Eigen::Index>(i))});
  return list;
}

// Fitted for each measure of the study on its own results.
std::vector<Shortlist> shortlists_over_front(Study& study, const Objective& objective,
                                             const ScreenSettings& settings,
                                             const std::vector<std::string>& candidates) {
  const std::vector<datasets::Measure> measures = measures_of(objective);
  std::vector<Eigen::MatrixXd> predicted(settings.methods.size(),
                                         Eigen::MatrixXd(candidates.size(), measures.size()));
  for (size_t j = 0; j < measures.size(); ++j) {
    const predict::Samples samples =
        predict::make_samples(to_log(study, measures[j]), settings.encoding, settings.failures);
    const predict::Training training =
        predict::make_training(settings.encoding, samples, settings.failures, {}, settings.fit);
    const kernels::Points points = training.encoding->points(candidates);
    for (size_t m = 0; m < settings.methods.size(); ++m) {
      const auto predictor =
          predict::Predictor::fit(predict::find_method(settings.methods[m]), training);
      predicted[m].col(static_cast<Eigen::Index>(j)) =
          predictor.predict(points, {false, settings.fit.threads}).mean;
    }
  }
  const std::vector<double> reference = front_of(study.trials(false), objective).reference;
  Eigen::VectorXd signs(measures.size());
  for (size_t j = 0; j < measures.size(); ++j)
    signs(static_cast<Eigen::Index>(j)) = datasets::sign_of(measures[j].direction);
  const Eigen::VectorXd beyond =
      Eigen::Map<const Eigen::VectorXd>(reference.data(), signs.size()).cwiseProduct(signs);
  std::vector<Shortlist> lists;
  for (size_t m = 0; m < settings.methods.size(); ++m) {
    Shortlist list{settings.methods[m], {}};
    for (const Eigen::Index row : kernels::spread_over_front(
             predicted[m] * signs.asDiagonal(), beyond, static_cast<Eigen::Index>(settings.top)))
      list.picks.push_back({candidates[static_cast<size_t>(row)], predicted[m](row, 0)});
    lists.push_back(std::move(list));
  }
  return lists;
}

// The name of a plan in its study.
std::string note_name(const ScreenSettings& settings) {
  return fmt::format(
      "{}seed {} candidates {} top {} methods {} draw {} epsilon {} parameters {} macs {} "
      "memory {} failures {}",
      kNotePrefix, settings.fit.seed, settings.candidates, settings.top,
      fmt::join(settings.methods, ","), to_string(settings.draw),
      settings.draw == Draw::uniform ? 1.0 : settings.epsilon, settings.limits.parameters,
      settings.limits.macs, settings.limits.memory_bytes,
      predict::to_string(settings.failures) + (settings.front ? " front" : ""));
}

std::string to_text(const ScreenPlan& plan) {
  const StudyFigures& study = plan.study;
  Json json{{"results", study.results},
            {"mean", study.mean},
            {"percentile_90", study.percentile_90},
            {"best", study.best},
            {"exploration_mean", study.exploration_mean ? Json(*study.exploration_mean) : Json()},
            {"candidates", plan.candidates},
            {"over_limit", plan.over_limit},
            {"exhausted", plan.exhausted},
            {"shortlists", Json::array()}};
  for (const Shortlist& list : plan.shortlists) {
    Json picks = Json::array();
    for (const Pick& pick : list.picks) picks.push_back({pick.architecture, pick.prediction});
    json["shortlists"].push_back({{"method", list.method}, {"picks", picks}});
  }
  return json.dump();
}

ScreenPlan parse_plan(const std::string& text, const std::string& url) {
  try {
    if (line_nested_deeper_than(kDeepestNesting, text))
      throw DataError(
          "study " + url +
          " holds a plan of a screening that no program of this name has written; screen "
          "with another seed");
    const Json json = Json::parse(text);
    ScreenPlan plan;
    plan.study = {json.at("results"), json.at("mean"), json.at("percentile_90"), json.at("best"),
                  std::nullopt};
    if (!json.at("exploration_mean").is_null())
      plan.study.exploration_mean = json.at("exploration_mean").get<double>();
    plan.candidates = json.at("candidates");
    plan.over_limit = json.at("over_limit");
    plan.exhausted = json.at("exhausted");
    for (const Json& list : json.at("shortlists")) {
      Shortlist shortlist{list.at("method"), {}};
      for (const Json& pick : list.at("picks")) shortlist.picks.push_back({pick.at(0), pick.at(1)});
      plan.shortlists.push_back(std::move(shortlist));
    }
    return plan;
  } catch (const Json::exception& error) {
    throw DataError("study " + url + " holds a plan of a screening that cannot be read (" +
                    error.what() + "); screen with another seed");
  }
}

}  // namespace

Draw parse_draw(const std::string& name) {
  for (Draw draw : {Draw::uniform, Draw::policy, Draw::mixture}) {
    if (to_string(draw) == name) return draw;
  }
  throw UsageError("there is no way " + shown(name) + " to draw candidates; did you mean " +
                   nearest_name(name, {"uniform", "policy", "mixture"}) + "?");
}

std::string to_string(Draw draw) {
  switch (draw) {
    case Draw::uniform:
      return "uniform";
    case Draw::policy:
      return "policy";
    case Draw::mixture:
      return "mixture";
  }
  return "";
}

std::vector<std::string> ScreenPlan::architectures() const {
  std::vector<std::string> all;
  std::unordered_set<std::string> known;
  for (const Shortlist& list : shortlists) {
    for (const Pick& pick : list.picks) {
      if (known.insert(pick.architecture).second) all.push_back(pick.architecture);
    }
  }
  return all;
}

ScreenPlan plan_screen(Study& study, const Configuration& configuration,
                       const ScreenSettings& settings) {
  for (const std::string& name : settings.methods) predict::find_method(name);
  const Objective& objective = configuration.evaluator.objective;
  if (settings.front && !objective.has_several()) {
    throw UsageError("the study " + study.url() +
                     " searches for one measure, so there is no front to spread over; "
                     "objective.measures names several when a study is made");
  }
  const Space space = searched_space(configuration);
  Known known = read(study, configuration.evaluator.objective);
  const predict::Samples samples =
      predict::make_samples(known.log, settings.encoding, settings.failures);
  if (static_cast<int64_t>(samples.size()) < kFewestScreenResults) {
    throw UsageError(fmt::format(
        "screen fits on the results of a study, and {} has {}; it takes {}: go on with metaqnn "
        "search --study {}, or metaqnn import the results of a log",
        study.url(), samples.size(), kFewestScreenResults, study.url()));
  }
  ScreenPlan plan;
  plan.study = figures_of(known.log, samples);
  const std::vector<std::string> candidates =
      draw_candidates(known, configuration, space, settings, plan);
  if (settings.front) {
    plan.shortlists = shortlists_over_front(study, objective, settings, candidates);
    return plan;
  }
  const predict::Training training =
      predict::make_training(settings.encoding, samples, settings.failures, {}, settings.fit);
  const kernels::Points points = training.encoding->points(candidates);
  for (const std::string& name : settings.methods) {
    const auto predictor = predict::Predictor::fit(predict::find_method(name), training);
    const predict::Prediction prediction = predictor.predict(points, {false, settings.fit.threads});
    plan.shortlists.push_back(shortlist(name, prediction, candidates, settings.top));
  }
  return plan;
}

std::optional<ScreenPlan> stored_plan(Study& study, const ScreenSettings& settings) {
  const std::optional<std::string> text = study.note(note_name(settings));
  if (!text) return std::nullopt;
  return parse_plan(*text, study.url());
}

std::vector<ScreenPlan> stored_plans(Study& study) {
  std::vector<ScreenPlan> plans;
  for (const std::string& text : study.notes(kNotePrefix))
    plans.push_back(parse_plan(text, study.url()));
  return plans;
}

ScreenPlan store_plan(Study& study, const ScreenSettings& settings, const ScreenPlan& plan) {
  return transact(study, [&](bool) {
    if (auto stored = stored_plan(study, settings)) return *stored;
    for (const std::string& architecture : plan.architectures()) {
      if (study.find_trial(architecture)) continue;  // a worker has come to it since
      Trial trial;
      trial.architecture = architecture;
      trial.state = TrialState::waiting;
      trial.epsilon = 0;  // nothing of it was drawn at random for the sake of exploring
      trial.attempts = 1;
      trial.origin = kScreenOrigin;
      study.add_sample(study.add_trial(trial, 0), trial.epsilon);
    }
    study.set_note(note_name(settings), to_text(plan));
    return plan;
  });
}

ShortlistFigures assess(const Shortlist& shortlist, double study_mean, Study& study,
                        datasets::Direction direction) {
  ShortlistFigures figures;
  double squares = 0, constant_squares = 0, sum = 0;
  for (const Pick& pick : shortlist.picks) {
    const std::optional<Trial> trial = study.find_trial(pick.architecture);
    if (!trial || !trial->finished() || !trial->value || trial->predicted) continue;
    const double value = *trial->value;
    ++figures.results;
    squares += std::pow(value - pick.prediction, 2);
    constant_squares += std::pow(value - study_mean, 2);
    sum += value;
    if (!figures.best_accuracy || datasets::is_better(value, *figures.best_accuracy, direction))
      figures.best_accuracy = value;
  }
  if (figures.results == 0) return figures;
  const auto n = static_cast<double>(figures.results);
  figures.l2_loss = squares / n;
  figures.constant_l2_loss = constant_squares / n;
  figures.mean_accuracy = sum / n;
  return figures;
}

bool is_screened(const Trial& trial) { return trial.origin == kScreenOrigin; }

bool is_walk(const Sample& sample, const Trial& trial) {
  return !is_screened(trial) || sample.epsilon != trial.epsilon;
}

}  // namespace metaqnn::search
