#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "datasets/images/data_set.h"
#include "search/evaluate/torch.h"
#include "search/search.h"
#include "search/supervisor.h"

namespace metaqnn::cli {
namespace {

struct Options {
  std::string config, study, device;
  std::optional<int64_t> trials;
  std::optional<int> workers;
  std::optional<uint64_t> seed;
};

std::atomic<int> interrupts{0};

void on_interrupt(int) {
  if (interrupts < 2) ++interrupts;
}

std::string this_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

search::Configuration requested_configuration(const Options& options) {
  search::Configuration configuration = search::read_configuration(options.config);
  if (options.seed) configuration.seed = *options.seed;
  return configuration;
}

// Everything that a worker would stumble over is looked at before there is a study.
void check_before_creating(const search::Configuration& configuration) {
  search::build_space(configuration);
  search::make_strategy(configuration.strategy, search::build_space(configuration), 0);
  if (configuration.evaluator.kind == "train") {
    datasets::load_data_set(configuration.data.name, configuration.data.path);
  } else {
    search::make_evaluator(configuration.evaluator, configuration.data, {});
  }
}

// What decides a result must be what the study was made with; workers and device may differ.
void check_same(search::Configuration requested, const search::Configuration& stored) {
  requested.workers = stored.workers;
  requested.device = stored.device;
  const std::string a = search::to_toml(requested), b = search::to_toml(stored);
  if (a == b) return;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const size_t end_a = a.find('\n', i), end_b = b.find('\n', j);
    const std::string line_a = a.substr(i, end_a - i), line_b = b.substr(j, end_b - j);
    if (line_a != line_b) {
      throw UsageError(fmt::format("the study was made with {} but the configuration says {}; leave "
                                   "--config out to resume it, or name a new study",
                                   line_b, line_a));
    }
    i = end_a + 1;
    j = end_b + 1;
  }
}

search::Configuration open_or_create(const Options& options) {
  if (!search::study_exists(options.study)) {
    if (options.config.empty())
      throw UsageError("there is no study " + options.study + " yet; give --config FILE to make it");
    const search::Configuration configuration = requested_configuration(options);
    check_before_creating(configuration);
    search::create_study(options.study, search::describe_study(configuration));
    return configuration;
  }
  const search::Configuration stored =
      search::stored_configuration(*search::open_study(options.study));
  if (options.config.empty()) {
    if (options.seed && *options.seed != stored.seed)
      throw UsageError(fmt::format("the study's seed is {}; leave --seed out to resume it", stored.seed));
    return stored;
  }
  const search::Configuration requested = requested_configuration(options);
  check_same(requested, stored);
  return requested;
}

ExitStatus run(const Options& options) {
  const search::Configuration configuration = open_or_create(options);
  const std::string device = options.device.empty() ? configuration.device : options.device;
  search::SupervisorOptions supervisor;
  supervisor.study_url = options.study;
  if (configuration.evaluator.kind == "train")
    supervisor.devices = search::resolve_devices(device);
  supervisor.workers = options.workers.value_or(configuration.workers);
  if (options.trials) supervisor.limit = *options.trials;
  supervisor.program = this_program();
  supervisor.program_arguments = {"worker"};
  supervisor.interrupts = &interrupts;

  struct sigaction action{};
  action.sa_handler = on_interrupt;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);

  const int64_t target =
      std::min(supervisor.limit, search::total_models(configuration.strategy.schedule));
  Progress progress(configuration, target);
  const search::SearchEnd end = search::Supervisor(supervisor, progress).run();
  progress.finish();
  const auto study = search::open_study(options.study);
  const auto best = study->best_trial();
  const int64_t models = study->counts().unique_models;
  if (end == search::SearchEnd::stopped) {
    throw InterruptedError(fmt::format("stopped with {} of {} models done; resume with: metaqnn search --study {}",
                                       models, target, options.study));
  }
  if (end == search::SearchEnd::exhausted)
    fmt::print(stderr, "the space is exhausted: no new architecture was found\n");
  fmt::print(stderr, "{} models done\n", models);
  if (best)
    fmt::print("best {} {}\n", fixed(best->validation_accuracy, 4), best->architecture);
  return ExitStatus::done;
}

std::function<ExitStatus()> setup(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--config", options->config, "configuration file (TOML); may be left out to resume");
  app.add_option("--study", options->study, "sqlite:///relative.db or sqlite:////absolute.db")->required();
  app.add_option("--trials", options->trials, "stop after so many unique finished models in all")
      ->check(CLI::PositiveNumber);
  app.add_option("--workers", options->workers, "worker processes for each device")
      ->check(CLI::Range(1, 1024));
  app.add_option("--device", options->device, "auto, cpu, cuda or cuda:0,cuda:1");
  app.add_option("--seed", options->seed, "of a new study");
  return [options] { return run(*options); };
}

}  // namespace

const Command search_command{
    "search", "Search: create a study or resume it",
    "metaqnn search --config experiments/fashion_mnist_quick.toml --study sqlite:///quick.db", setup};

}  // namespace metaqnn::cli
