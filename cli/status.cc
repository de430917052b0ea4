#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "search/search.h"

namespace metaqnn::cli {
namespace {

using search::TrialState;

struct StatusOptions {
  std::string study, format = "table";
};

constexpr TrialState kStates[] = {TrialState::complete, TrialState::failed, TrialState::running,
                                  TrialState::waiting, TrialState::stopped};

// By the trials' own seconds and the workers that are alive: none while nobody works. Failures that
// do not count take time too, but are no models.
struct Pace {
  std::optional<double> models_per_hour;
  int64_t workers = 0;
};

Pace pace(search::Study& study, const std::vector<search::Trial>& trials) {
  Pace pace;
  for (const search::Worker& worker : study.workers())
    if (search::may_be_alive(study, worker)) ++pace.workers;
  constexpr int kRecent = 50;
  double seconds = 0;
  int models = 0;
  for (auto trial = trials.rbegin(); trial != trials.rend() && models < kRecent; ++trial) {
    if (!trial->finished() || !trial->seconds) continue;
    seconds += *trial->seconds;
    if (trial->counts()) ++models;
  }
  if (pace.workers > 0 && models > 0 && seconds > 0.001 * models)  // a table answers at once
    pace.models_per_hour = 3600.0 * models / seconds * static_cast<double>(pace.workers);
  return pace;
}

ExitStatus run(const StatusOptions& options) {
  const auto study = search::open_study_to_read(options.study);
  const search::Configuration configuration = search::stored_configuration(*study);
  const search::Counts counts = study->counts();
  const auto best = study->best_trial();
  const std::vector<search::Trial> trials = study->trials(false);
  const int64_t target = search::total_models(configuration.strategy.schedule);
  const auto epsilon =
      search::epsilon_at(configuration.strategy.schedule, counts.unique_models + counts.reserved);
  const Pace speed = pace(*study, trials);
  const int64_t left = std::max<int64_t>(0, target - counts.unique_models);
  std::optional<double> seconds_left;
  if (left == 0) {
    seconds_left = 0;
  } else if (speed.models_per_hour) {
    seconds_left = static_cast<double>(left) / *speed.models_per_hour * 3600;
  }

  if (options.format == "json") {
    Json json;
    for (TrialState state : kStates) json["states"][search::to_string(state)] = counts.in(state);
    json["unique_models"] = counts.unique_models;
    json["samples"] = counts.samples;
    json["schedule_models"] = target;
    json["epsilon"] = or_null(epsilon);
    json["best"] = nullptr;
    if (best) {
      json["best"] = {{"architecture", best->architecture},
                      {"validation_accuracy", best->validation_accuracy.value()}};
    }
    json["workers"] = speed.workers;
    json["models_per_hour"] = or_null(speed.models_per_hour);
    json["seconds_left"] = or_null(seconds_left);
    print_document(json);
    return ExitStatus::done;
  }
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
  if (search::heeds_epsilon(configuration.strategy.kind))
    print("epsilon   {}\n", epsilon ? fixed(epsilon, 1) : "the schedule is done");
  if (best) print("best      {}  {}\n", fixed(best->validation_accuracy, 4), best->architecture);
  if (speed.models_per_hour)
    print("rate      {:.0f} models an hour with {}\n", *speed.models_per_hour,
          plural(speed.workers, "worker"));
  if (left > 0 && seconds_left) print("left      {}\n", duration(*seconds_left));
  if (speed.workers == 0 && left > 0)
    print("\nNobody works on it; resume with: metaqnn search --study {}\n", study->url());
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_status(CLI::App& app) {
  auto options = std::make_shared<StatusOptions>();
  app.add_option("--study", options->study, "the study")->required();
  add_format(app, options->format, {"table", "json"});
  return [options] { return run(*options); };
}

}  // namespace

const Command status_command{"status", "How far is a search?",
                             "metaqnn status --study sqlite:///quick.db", set_up_status};

}  // namespace metaqnn::cli
