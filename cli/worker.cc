#include <signal.h>

#include <atomic>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/progress.h"
#include "search/evaluate/torch.h"
#include "search/search.h"
#include "search/supervisor.h"

namespace metaqnn::cli {
namespace {

struct Options {
  std::string study, device = "auto";
  std::optional<int64_t> trials;
  int threads = 0;
  bool supervised = false;
};

std::atomic<bool> stop{false};
std::atomic<int> interrupts{0};

// The process that works.
ExitStatus work(const Options& options) {
  search::become_supervised_worker();
  struct sigaction action{};
  action.sa_handler = [](int) { stop = true; };
  sigaction(SIGTERM, &action, nullptr);

  auto study = search::open_study(options.study);
  const search::Durability durability =
      search::durability(search::stored_configuration(*study));
  study = search::open_study(options.study, durability);
  search::WorkOptions work_options;
  work_options.resources.device = options.device;
  work_options.resources.threads = options.threads;
  if (options.trials) work_options.limit = *options.trials;
  work_options.stop = &stop;
  const search::SearchEnd end = search::work(*study, work_options);
  return end == search::SearchEnd::exhausted ? static_cast<ExitStatus>(search::kExhaustedStatus)
                                             : ExitStatus::done;
}

// The process that looks after one that works, for each device.
ExitStatus supervise(const Options& options) {
  const search::Configuration configuration =
      search::stored_configuration(*search::open_study(options.study));
  search::SupervisorOptions supervisor;
  supervisor.study_url = options.study;
  if (configuration.evaluator.kind == "train")
    supervisor.devices = search::resolve_devices(options.device);
  supervisor.threads = options.threads;
  if (options.trials) supervisor.limit = *options.trials;
  supervisor.program = std::filesystem::read_symlink("/proc/self/exe").string();
  supervisor.program_arguments = {"worker"};
  supervisor.interrupts = &interrupts;
  struct sigaction action{};
  action.sa_handler = [](int) {
    if (interrupts < 2) ++interrupts;
  };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  Progress progress(configuration,
                    std::min(supervisor.limit, search::total_models(configuration.strategy.schedule)));
  const search::SearchEnd end = search::Supervisor(supervisor, progress).run();
  progress.finish();
  if (end == search::SearchEnd::stopped)
    throw InterruptedError("stopped; the trial in hand is stored or waits for another worker");
  return ExitStatus::done;
}

std::function<ExitStatus()> setup(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--study", options->study, "an existing study")->required();
  app.add_option("--device", options->device, "auto, cpu, cuda or cuda:0,cuda:1")
      ->capture_default_str();
  app.add_option("--trials", options->trials, "stop after so many unique finished models in all")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", options->threads, "of the worker (default: all cores)")
      ->check(CLI::Range(1, 1024));
  app.add_flag("--supervised", options->supervised)->group("");  // set by the supervisor itself
  return [options] { return options->supervised ? work(*options) : supervise(*options); };
}

}  // namespace

const Command worker_command{"worker", "One more worker for an existing study",
                             "metaqnn worker --study sqlite:///quick.db --device cpu", setup};

}  // namespace metaqnn::cli
