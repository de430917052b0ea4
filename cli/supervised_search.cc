#include "cli/supervised_search.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "cli/progress.h"
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

}  // namespace

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
  options.program = std::filesystem::read_symlink("/proc/self/exe").string();
  options.program_arguments = {"worker"};
  options.interrupts = &interrupts;
  count_interrupts();

  const auto study = search::open_study(wanted.study);
  const int64_t target =
      std::min(options.limit, search::total_models(configuration.strategy.schedule));
  const auto best = study->best_trial();
  Progress progress(configuration, target, best ? best->validation_accuracy : std::nullopt);
  const search::SearchEnd end = search::Supervisor(options, progress).run();
  progress.finish();
  if (end == search::SearchEnd::stopped) {
    throw InterruptedError(
        fmt::format("stopped with {} of {} models done; resume with: metaqnn search --study {}",
                    study->counts().unique_models, target, wanted.study));
  }
  return end;
}

}  // namespace metaqnn::cli
