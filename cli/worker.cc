#include <signal.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "cli/command.h"
#include "cli/supervised_search.h"
#include "metaqnn/search/search.h"
#include "search/supervisor.h"

namespace metaqnn::cli {
namespace {

struct WorkerOptions {
  std::string study, device, allowed_command;
  Consent consent;
  std::optional<int64_t> trials;
  bool waiting_only = false;
  int threads = 0;
  int supervisor = 0;  // process id; 0 where the user starts it
  std::chrono::seconds patience = search::kPatience;
};

std::atomic<bool> told_to_stop{false};

// The supervisor has just used the study, so that a server which does not let us in is away.
std::unique_ptr<search::Study> open_patiently(const WorkerOptions& options,
                                              search::Durability durability) {
  const auto end = std::chrono::steady_clock::now() + options.patience;
  for (;;) {
    try {
      return search::open_study(options.study, durability, options.patience);
    } catch (const search::StudyAwayError&) {
      if (told_to_stop || std::chrono::steady_clock::now() > end) throw;
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

search::SearchEnd train(const WorkerOptions& options) {
  auto study = open_patiently(options, search::Durability::power_loss);
  const search::Durability durability = search::durability(search::stored_configuration(*study));
  study.reset();  // two connections at a time would be one too many
  study = open_patiently(options, durability);
  search::WorkOptions work_options;
  work_options.resources.device = options.device;
  work_options.resources.threads = options.threads;
  if (options.trials) work_options.limit = *options.trials;
  work_options.waiting_only = options.waiting_only;
  work_options.allowed_command = options.allowed_command;
  work_options.stop = &told_to_stop;
  return search::work(*study, work_options);
}

// The process that works.
ExitStatus work(const WorkerOptions& options) {
  search::become_supervised_worker(options.supervisor);
  struct sigaction action {};
  action.sa_handler = [](int) { told_to_stop = true; };
  sigaction(SIGTERM, &action, nullptr);
  return search::run_supervised_worker([&] { return train(options); });
}

// The process that looks after one that works, for each device.
ExitStatus supervise(const WorkerOptions& options) {
  const search::Configuration configuration =
      search::stored_configuration(*search::open_study_to_read(options.study, options.patience));
  run_supervised({.study = options.study,
                  .device = options.device,
                  .threads = options.threads,
                  .trials = options.trials,
                  .waiting_only = options.waiting_only,
                  .allowed_command = options.consent.allowed_command(configuration),
                  .patience = options.patience},
                 configuration);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_worker(CLI::App& app) {
  auto options = std::make_shared<WorkerOptions>();
  app.add_option("--study", options->study, "an existing study")->required();
  app.add_option("--device", options->device,
                 "auto, cpu, cuda or cuda:0,cuda:1 (default: the study's)");
  app.add_option("--trials", options->trials, "stop after so many unique finished models in all")
      ->check(at_least_one());
  app.add_flag("--waiting-only", options->waiting_only,
               "only train what waits, such as the picks of a screening");
  add_threads(app, options->threads, "of the worker (default: all cores)");
  add_patience(app, options->patience);
  add_consent(app, options->consent);
  app.add_option("--allowed-command", options->allowed_command)->group("");  // as the next
  app.add_option("--supervised", options->supervisor)->group("");  // set by the supervisor itself
  return [options] { return options->supervisor != 0 ? work(*options) : supervise(*options); };
}

}  // namespace

const Command worker_command{"worker", "One more worker for an existing study",
                             "metaqnn worker --study sqlite:///quick.db --device cpu",
                             set_up_worker, true};

}  // namespace metaqnn::cli
