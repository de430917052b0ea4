#include "cli/supervised_search.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <limits>

#include "cli/progress.h"
#include "datasets/images/data_set.h"
#include "search/evaluate/torch.h"

namespace metaqnn::cli {
namespace {

std::atomic<int> interrupts{0};

void count_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) {
    if (interrupts < 2) ++interrupts;
  };
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

// How many models there will be.
int64_t target_of(const SupervisedSearch& wanted, const search::Configuration& configuration,
                  search::Study& study) {
  if (wanted.waiting_only) {
    const search::Counts counts = study.counts();
    return counts.unique_models + counts.reserved;
  }
  return std::min(wanted.trials.value_or(std::numeric_limits<int64_t>::max()),
                  search::total_models(configuration.strategy.schedule));
}

// How to go on after an interrupt.
std::string resumption(const SupervisedSearch& wanted) {
  return wanted.waiting_only
             ? "run the same command again to go on"
             : "resume with: metaqnn search --study " + search::shown_url(wanted.study);
}

}  // namespace

void check_evaluator(const search::Configuration& configuration) {
  if (configuration.evaluator.kind == "train") {
    search::require_torch();
    search::resolve_devices(configuration.device);
    datasets::load_data_set(configuration.data.name, configuration.data.path);
  } else {
    search::make_evaluator(configuration.evaluator, configuration.data, {});
  }
}

search::SearchEnd run_supervised(const SupervisedSearch& wanted,
                                 const search::Configuration& configuration) {
  search::SupervisorOptions options;
  options.study_url = wanted.study;
  if (configuration.evaluator.kind == "train")
    options.devices =
        search::resolve_devices(wanted.device.empty() ? configuration.device : wanted.device);
  options.workers = wanted.workers;
  options.threads = wanted.threads;
  if (wanted.trials) options.limit = *wanted.trials;
  options.waiting_only = wanted.waiting_only;
  options.program = std::filesystem::read_symlink("/proc/self/exe").string();
  options.program_arguments = {"worker"};
  options.interrupts = &interrupts;
  count_interrupts();

  const auto study = search::open_study(wanted.study);
  const int64_t target = target_of(wanted, configuration, *study);
  const auto best = study->best_trial();
  Progress progress(configuration, target, best ? best->validation_accuracy : std::nullopt);
  const search::SearchEnd end = search::Supervisor(options, progress).run();
  progress.finish();
  if (end == search::SearchEnd::stopped) {
    throw InterruptedError(fmt::format("stopped with {} of {} models done; {}",
                                       study->counts().unique_models, target, resumption(wanted)));
  }
  return end;
}

}  // namespace metaqnn::cli
