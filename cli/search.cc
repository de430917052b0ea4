#include "metaqnn/search/search.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "cli/command.h"
#include "cli/estimate.h"
#include "cli/output.h"
#include "cli/supervised_search.h"

namespace metaqnn::cli {
namespace {

struct SearchOptions {
  std::string config, study, device, precision;
  std::optional<int64_t> trials;
  std::optional<int> workers;
  std::optional<uint64_t> seed;
  std::chrono::seconds patience = search::kPatience;
  bool estimate = false, create_only = false, allow_command = false;
  int64_t sample = EstimateRequest{}.sample;
  std::string format = "table";
};

search::Configuration requested_configuration(const SearchOptions& options) {
  search::Configuration configuration = search::read_configuration(options.config);
  if (options.seed) configuration.seed = *options.seed;
  if (!options.device.empty()) configuration.device = options.device;
  if (!options.precision.empty()) configuration.evaluator.training.precision = options.precision;
  return configuration;
}

// A configuration that is given is the user's own; resume() sees to it that it is the study's.
std::string allowed_command(const SearchOptions& options,
                            const search::Configuration& configuration) {
  const bool is_allowed = options.allow_command || !options.config.empty();
  return is_allowed ? search::command_of(configuration.evaluator) : "";
}

// Everything that a worker would stumble over is looked at before there is a study.
search::Surroundings check_before_creating(const SearchOptions& options,
                                           const search::Configuration& configuration) {
  search::make_strategy(configuration, search::build_space(configuration), 0);
  if (!options.create_only)
    search::check_allowed(configuration.evaluator, allowed_command(options, configuration));
  return search::look_around(configuration, options.device);
}

// What decides a result must be what the study was made with; workers, device and what happens
// after the search may differ, and one schedule may go on where the other ends: the longer counts.
void check_same(search::Configuration requested, const search::Configuration& stored) {
  requested.workers = stored.workers;
  requested.device = stored.device;
  requested.final_training = stored.final_training;
  if (search::is_longer(requested.strategy.schedule, stored.strategy.schedule) ||
      search::is_longer(stored.strategy.schedule, requested.strategy.schedule))
    requested.strategy.schedule = stored.strategy.schedule;
  const auto lines = search::first_difference(search::to_toml(stored), search::to_toml(requested));
  if (!lines) return;
  throw UsageError(
      fmt::format("the study was made with {} but the configuration says {}; leave --config out to "
                  "resume it, or name a new study",
                  lines->first, lines->second));
}

void check_options(const SearchOptions& options, const search::Configuration& stored) {
  if (options.seed && *options.seed != stored.seed)
    throw UsageError(
        fmt::format("the study's seed is {}; leave --seed out to resume it", stored.seed));
  if (!options.precision.empty() && options.precision != stored.evaluator.training.precision)
    throw UsageError(fmt::format("the study's precision is {}; leave --precision out to resume it",
                                 stored.evaluator.training.precision));
}

// Of a configuration whose schedule goes on after the stored one, or of --trials beyond a schedule
// that is done, the study keeps the longer schedule.
search::Schedule wanted_schedule(const SearchOptions& options, const search::Schedule& requested,
                                 search::Study& study) {
  const int64_t models = search::total_models(requested);
  const int64_t wanted = options.trials.value_or(0);
  const bool is_done = study.counts().unique_models >= models;
  return is_done && wanted > models ? search::extended(requested, wanted - models) : requested;
}

search::Configuration resume(const SearchOptions& options) {
  const auto study =
      search::open_study(options.study, search::Durability::power_loss, options.patience);
  search::Configuration stored = search::stored_configuration(*study);
  search::Configuration requested = stored;
  if (options.config.empty()) {
    check_options(options, stored);
  } else {
    requested = search::settled_as(requested_configuration(options), stored);
    check_same(requested, stored);
    if (!search::is_longer(requested.strategy.schedule, stored.strategy.schedule))
      requested.strategy.schedule = stored.strategy.schedule;
  }
  if (!options.create_only)
    search::check_allowed(stored.evaluator, allowed_command(options, stored));
  requested.strategy.schedule = wanted_schedule(options, requested.strategy.schedule, *study);
  if (search::extend(*study, requested.strategy.schedule)) {
    say("the schedule has {} now\n",
        plural(search::total_models(requested.strategy.schedule), "model"));
  }
  return requested;
}

// Of several that start at once the others resume what one has made. `found`: what was looked at
// for it.
search::Configuration open_or_create(const SearchOptions& options,
                                     std::optional<search::Surroundings>& found) {
  if (search::study_exists(options.study)) return resume(options);
  if (options.config.empty()) throw no_study_yet(options.study);
  const search::Configuration configuration = search::settled(requested_configuration(options));
  found = check_before_creating(options, configuration);
  try {
    search::create_study(options.study, search::describe_study(configuration));
    return configuration;
  } catch (const search::StudyExistsError&) {
    return resume(options);
  }
}

ExitStatus estimate(const SearchOptions& options) {
  if (options.config.empty())
    throw UsageError("search --estimate: give the --config FILE whose search is meant");
  const search::Configuration configuration = search::settled(requested_configuration(options));
  return print_estimate(configuration, {.sample = options.sample,
                                        .trials = options.trials,
                                        .workers = options.workers.value_or(configuration.workers),
                                        .format = options.format});
}

// A search that has found no network at all has failed, whatever the reason.
ExitStatus print_end(search::Study& study, datasets::Direction direction, search::SearchEnd end) {
  const search::Counts counts = study.counts();
  if (end == search::SearchEnd::exhausted)
    say("the space is exhausted: no new architecture was found\n");
  say("{} models done\n", counts.unique_models);
  if (counts.in(search::TrialState::complete) + counts.in(search::TrialState::stopped) == 0) {
    throw FailureError(fmt::format(
        "no network was found that learns: all {} failed; look at metaqnn trials --study {} "
        "--state failed for the reasons",
        counts.in(search::TrialState::failed), study.url()));
  }
  if (const auto best = study.best_trial(direction))
    print("best {} {}\n", measured(*best->value), best->architecture);
  return ExitStatus::done;
}

ExitStatus run(const SearchOptions& options) {
  if (options.estimate) return estimate(options);
  if (options.study.empty())
    throw UsageError("search: --study is required; only --estimate does without a study");
  std::optional<search::Surroundings> found;
  const search::Configuration configuration = open_or_create(options, found);
  if (options.create_only) {
    if (found) print_found(*found, configuration, options.workers.value_or(configuration.workers));
    print("{} is there; {}\n", search::shown_url(options.study),
          configuration.evaluator.is_told()
              ? "metaqnn ask --study reserves its networks, tell stores their results"
              : "metaqnn search or worker --study trains in it");
    return ExitStatus::done;
  }
  const search::SearchEnd end =
      run_supervised({.study = options.study,
                      .device = options.device,
                      .workers = options.workers.value_or(configuration.workers),
                      .trials = options.trials,
                      .allowed_command = allowed_command(options, configuration),
                      .patience = options.patience},
                     configuration, std::move(found));
  return print_end(*search::open_study_to_read(options.study, options.patience),
                   search::measure_of(configuration).direction, end);
}

std::function<ExitStatus()> set_up_search(CLI::App& app) {
  auto options = std::make_shared<SearchOptions>();
  app.add_option("--config", options->config,
                 "configuration file (TOML); may be left out to resume");
  CLI::Option* study = app.add_option(
      "--study", options->study,
      "sqlite:///relative.db, sqlite:////absolute.db or postgresql://user@host/database");
  app.add_option("--trials", options->trials, "stop after so many unique finished models in all")
      ->check(count_up_to(1'000'000'000));
  add_workers(app, options->workers);
  app.add_option("--device", options->device, "auto, cpu, cuda or cuda:0,cuda:1");
  app.add_option("--precision", options->precision, "of a new study: auto, float32 or bfloat16")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16"}));
  add_seed(app, options->seed, "of a new study", kLargest);
  add_patience(app, options->patience);
  app.add_flag("--create-only", options->create_only,
               "make the study and train nothing; where it is there, see that it fits");
  app.add_flag("--allow-command", options->allow_command,
               "without --config: run the command that the study names");
  CLI::Option* estimate =
      app.add_flag("--estimate", options->estimate,
                   "make no study: train a few networks for some seconds each and print the hours "
                   "that the search would take")
          ->excludes(study);
  add_count(app, "--sample", options->sample, "of --estimate: networks, up to 10 s each")
      ->needs(estimate);
  add_format(app, options->format, {"table", "json"}, "of --estimate: table or json")
      ->needs(estimate);
  return [options] { return run(*options); };
}

}  // namespace

void make_or_check_study(const std::string& config, const std::string& url,
                         std::chrono::seconds patience) {
  SearchOptions options;
  options.config = config;
  options.study = url;
  options.patience = patience;
  options.create_only = true;
  std::optional<search::Surroundings> found;
  open_or_create(options, found);
}

const Command search_command{"search", "Search: create a study or resume it",
                             "metaqnn search --config experiments/fashion_mnist_quick.toml \\\n"
                             "      --study sqlite:///quick.db",
                             set_up_search, true};

}  // namespace metaqnn::cli
