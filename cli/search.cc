#include "search/search.h"

#include <fmt/format.h>

#include <limits>
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
  bool estimate = false;
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

// Everything that a worker would stumble over is looked at before there is a study.
void check_before_creating(const search::Configuration& configuration) {
  search::build_space(configuration);
  search::make_strategy(configuration.strategy, search::build_space(configuration), 0);
  check_evaluator(configuration);
}

// What decides a result must be what the study was made with; workers, device and what happens
// after the search may differ.
void check_same(search::Configuration requested, const search::Configuration& stored) {
  requested.workers = stored.workers;
  requested.device = stored.device;
  requested.final_training = stored.final_training;
  const auto lines = search::first_difference(search::to_toml(stored), search::to_toml(requested));
  if (!lines) return;
  throw UsageError(
      fmt::format("the study was made with {} but the configuration says {}; leave --config out to "
                  "resume it, or name a new study",
                  lines->first, lines->second));
}

search::Configuration open_or_create(const SearchOptions& options) {
  if (!search::study_exists(options.study)) {
    if (options.config.empty())
      throw UsageError("there is no study " + search::shown_url(options.study) +
                       " yet; give --config FILE to make it");
    const search::Configuration configuration = requested_configuration(options);
    check_before_creating(configuration);
    search::create_study(options.study, search::describe_study(configuration));
    return configuration;
  }
  const search::Configuration stored =
      search::stored_configuration(*search::open_study(options.study));
  if (options.config.empty()) {
    if (options.seed && *options.seed != stored.seed)
      throw UsageError(
          fmt::format("the study's seed is {}; leave --seed out to resume it", stored.seed));
    if (!options.precision.empty() && options.precision != stored.evaluator.training.precision)
      throw UsageError(
          fmt::format("the study's precision is {}; leave --precision out to resume it",
                      stored.evaluator.training.precision));
    return stored;
  }
  const search::Configuration requested = requested_configuration(options);
  check_same(requested, stored);
  return requested;
}

ExitStatus estimate(const SearchOptions& options) {
  if (options.config.empty())
    throw UsageError("search --estimate: give the --config FILE whose search is meant");
  const search::Configuration configuration = requested_configuration(options);
  return print_estimate(configuration, {.sample = options.sample,
                                        .trials = options.trials,
                                        .workers = options.workers.value_or(configuration.workers),
                                        .format = options.format});
}

ExitStatus run(const SearchOptions& options) {
  if (options.estimate) return estimate(options);
  if (options.study.empty())
    throw UsageError("search: --study is required; only --estimate does without a study");
  const search::Configuration configuration = open_or_create(options);
  const search::SearchEnd end =
      run_supervised({.study = options.study,
                      .device = options.device,
                      .workers = options.workers.value_or(configuration.workers),
                      .trials = options.trials},
                     configuration);
  const auto study = search::open_study(options.study);
  if (end == search::SearchEnd::exhausted)
    say("the space is exhausted: no new architecture was found\n");
  say("{} models done\n", study->counts().unique_models);
  if (const auto best = study->best_trial())
    print("best {} {}\n", fixed(best->validation_accuracy, 4), best->architecture);
  return ExitStatus::done;
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
  app.add_option("--workers", options->workers, "worker processes for each device")
      ->check(count_up_to(kMostParallel));
  app.add_option("--device", options->device, "auto, cpu, cuda or cuda:0,cuda:1");
  app.add_option("--precision", options->precision, "of a new study: auto, float32 or bfloat16")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16"}));
  app.add_option("--seed", options->seed, "of a new study")->check(whole_number(0, kLargest));
  CLI::Option* estimate =
      app.add_flag("--estimate", options->estimate,
                   "make no study: train a few networks for some seconds each and print the hours "
                   "that the search would take")
          ->excludes(study);
  app.add_option("--sample", options->sample, "of --estimate: networks, up to 10 s each")
      ->needs(estimate)
      ->check(count_up_to(kMostCounted))
      ->capture_default_str();
  app.add_option("--format", options->format, "of --estimate: table or json")
      ->needs(estimate)
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  return [options] { return run(*options); };
}

}  // namespace

const Command search_command{"search", "Search: create a study or resume it",
                             "metaqnn search --config experiments/fashion_mnist_quick.toml \\\n"
                             "      --study sqlite:///quick.db",
                             set_up_search, true};

}  // namespace metaqnn::cli
