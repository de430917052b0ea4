#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>

#include "base/foreign_text.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "metaqnn/search/search.h"
#include "search/front.h"
#include "search/stopping.h"

namespace metaqnn::cli {
namespace {

using search::TrialState;

struct StatusOptions {
  std::string study, format = "table";
  uint64_t watch = 0;
};

constexpr TrialState kStates[] = {TrialState::complete, TrialState::failed, TrialState::running,
                                  TrialState::waiting, TrialState::stopped};

struct Standing {
  search::Counts counts;
  std::optional<search::Trial> best;
  datasets::Measure measure;
  int64_t target = 0;             // models of the schedule
  std::optional<double> epsilon;  // none where the schedule is done
  int64_t workers = 0;            // that are alive
  std::optional<double> models_per_hour;
  std::optional<search::EpochsTrained> epochs;  // where trainings are stopped early
  std::vector<search::Trial> running;           // with their curves so far
  std::optional<search::Front> front;           // of several measures

  int64_t left() const { return std::max<int64_t>(0, target - counts.unique_models); }
  std::optional<double> seconds_left() const {
    if (left() == 0) return 0;
    if (!models_per_hour) return std::nullopt;
    return static_cast<double>(left()) / *models_per_hour * 3600;
  }
};

// By the trials' own seconds: none while nobody works. Failures that do not count take time too, but
// are no models.
std::optional<double> models_per_hour(const std::vector<search::Trial>& trials, int64_t workers) {
  constexpr int kRecent = 50;
  double seconds = 0;
  int models = 0;
  for (auto trial = trials.rbegin(); trial != trials.rend() && models < kRecent; ++trial) {
    if (!trial->finished() || !trial->seconds) continue;
    seconds += *trial->seconds;
    if (trial->counts()) ++models;
  }
  if (workers == 0 || models == 0) return std::nullopt;
  if (seconds <= 0.001 * models) return std::nullopt;  // a table answers at once
  return 3600.0 * models / seconds * static_cast<double>(workers);
}

Standing standing_of(search::Study& study, const search::Configuration& configuration) {
  const search::Schedule& schedule = configuration.strategy.schedule;
  const datasets::Measure measure = search::measure_of(configuration);
  Standing standing{study.counts(),
                    study.best_trial(measure.direction),
                    measure,
                    search::total_models(schedule),
                    {},
                    0,
                    {},
                    {},
                    {},
                    {}};
  standing.epsilon =
      search::epsilon_at(schedule, standing.counts.unique_models + standing.counts.reserved);
  for (const search::Worker& worker : study.workers())
    if (search::may_be_alive(study, worker)) ++standing.workers;
  const bool has_curves =
      standing.counts.in(TrialState::stopped) > 0 || standing.counts.in(TrialState::running) > 0;
  const std::vector<search::Trial> trials = study.trials(has_curves);
  if (standing.counts.in(TrialState::stopped) > 0)
    standing.epochs = search::epochs_trained(study, trials);
  std::copy_if(trials.begin(), trials.end(), std::back_inserter(standing.running),
               [](const search::Trial& trial) { return trial.state == TrialState::running; });
  if (configuration.evaluator.objective.has_several())
    standing.front = search::front_of(trials, configuration.evaluator.objective);
  standing.models_per_hour = models_per_hour(trials, standing.workers);
  return standing;
}

// What its last epoch came to.
std::optional<double> last_value(const search::Trial& trial) {
  if (trial.curve.empty()) return std::nullopt;
  const search::EpochResult& last = trial.curve.back();
  const double value = std::isnan(last.value) ? last.validation_accuracy : last.value;
  return std::isnan(value) ? std::nullopt : std::optional(value);
}

void print_json(const Standing& standing) {
  Json json;
  for (TrialState state : kStates)
    json["states"][search::to_string(state)] = standing.counts.in(state);
  json["unique_models"] = standing.counts.unique_models;
  json["samples"] = standing.counts.samples;
  json["schedule_models"] = standing.target;
  json["epsilon"] = or_null(standing.epsilon);
  json["best"] = nullptr;
  if (standing.best) {
    json["best"] = {{"architecture", standing.best->architecture},
                    {"validation_accuracy", or_null(standing.best->validation_accuracy)},
                    {"value", or_null(standing.best->value)},
                    {"measure", standing.measure.name},
                    {"direction", datasets::to_string(standing.measure.direction)}};
  }
  json["hypervolume"] = json["reference"] = nullptr;
  if (standing.front && !standing.front->trials.empty()) {
    json["hypervolume"] = standing.front->hypervolume;
    for (const auto& [name, value] : standing.front->named_reference())
      json["reference"][name] = value;
    json["front"] = standing.front->trials.size();
  }
  if (const auto& epochs = standing.epochs)
    json["epochs"] = {
        {"trained", epochs->trained}, {"again", epochs->again}, {"whole", epochs->whole}};
  json["running"] = Json::array();
  for (const search::Trial& trial : standing.running) {
    json["running"].push_back({{"trial", trial.number},
                               {"architecture", trial.architecture},
                               {"epochs", trial.curve.size()},
                               {"value", or_null(last_value(trial))}});
  }
  json["workers"] = standing.workers;
  json["models_per_hour"] = or_null(standing.models_per_hour);
  json["seconds_left"] = or_null(standing.seconds_left());
  print_document(json);
}

void print_counts(const search::Counts& counts, int64_t target) {
  // Screening trains models that the schedule did not ask for.
  if (counts.unique_models > target) {
    print("models    {}; the {} of the schedule are done\n", counts.unique_models, target);
  } else {
    print("models    {} of {}\n", counts.unique_models, target);
  }
  std::string states;
  for (TrialState state : kStates)
    if (state != TrialState::stopped || counts.in(state) > 0)
      states += fmt::format("{}{} {}", states.empty() ? "" : ", ", counts.in(state),
                            search::to_string(state));
  print("trials    {}\n", states);
  print("samples   {}\n", counts.samples);
}

void print_table(const Standing& standing, const search::Configuration& configuration,
                 const std::string& url) {
  print_counts(standing.counts, standing.target);
  if (const auto& epochs = standing.epochs)
    print("epochs    {} of {}; the rest was not worth it\n", epochs->trained, epochs->whole);
  if (search::heeds_epsilon(configuration.strategy.kind))
    print("epsilon   {}\n", standing.epsilon ? fixed(standing.epsilon, 1) : "the schedule is done");
  if (const auto& best = standing.best)
    print("best      {}  {}\n", measured(*best->value), best->architecture);
  if (const auto& front = standing.front; front && !front->trials.empty()) {
    std::string reference;
    for (const auto& [name, value] : front->named_reference())
      reference +=
          fmt::format("{}{} {}", reference.empty() ? "" : ", ", shown(name), measured(value));
    print("front     {}; hypervolume {} beyond {}\n",
          plural(static_cast<int64_t>(front->trials.size()), "network"),
          measured(front->hypervolume), reference);
  }
  for (const search::Trial& trial : standing.running) {
    const auto value = last_value(trial);
    print(
        "running   {}{}{}\n", value ? fmt::format("{}  ", measured(*value)) : "",
        trial.curve.empty()
            ? ""
            : fmt::format("after {}  ", plural(static_cast<int64_t>(trial.curve.size()), "epoch")),
        trial.architecture);
  }
  if (standing.models_per_hour)
    print("rate      {:.0f} models an hour with {}\n", *standing.models_per_hour,
          plural(standing.workers, "worker"));
  if (standing.left() == 0) return;
  if (const auto seconds = standing.seconds_left()) print("left      {}\n", duration(*seconds));
  if (configuration.evaluator.is_told()) {
    print("\nResults are told; reserve networks with: metaqnn ask --study {}\n", url);
  } else if (standing.workers == 0) {
    print("\nNobody works on it; resume with: metaqnn search --study {}\n", url);
  }
}

// False where all is done.
bool look(search::Study& study, const StatusOptions& options) {
  const search::Configuration configuration = search::stored_configuration(study);
  const Standing standing = standing_of(study, configuration);
  if (options.watch > 0 && terminal_width() > 0) clear_screen();
  options.format == "json" ? print_json(standing)
                           : print_table(standing, configuration, study.url());
  return standing.left() > 0 || standing.counts.reserved > 0;
}

ExitStatus run(const StatusOptions& options) {
  const auto study = search::open_study_to_read(options.study);
  if (options.watch == 0) {
    look(*study, options);
  } else {
    watch(options.watch, [&] { return look(*study, options); });
  }
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_status(CLI::App& app) {
  auto options = std::make_shared<StatusOptions>();
  app.add_option("--study", options->study, "the study")->required();
  add_format(app, options->format, {"table", "json"});
  add_watch(app, options->watch, "look again every so many seconds, until all is done");
  return [options] { return run(*options); };
}

}  // namespace

const Command status_command{"status", "How far is a search?",
                             "metaqnn status --study sqlite:///quick.db", set_up_status};

}  // namespace metaqnn::cli
