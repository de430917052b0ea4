#include "cli/supervised_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <limits>

#include "base/foreign_text.h"
#include "base/names.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "search/evaluate/torch.h"

namespace metaqnn::cli {
namespace {

std::atomic<int> interrupts{0};

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

int64_t count_present(const std::vector<int64_t>& counts) {
  return static_cast<int64_t>(counts.size()) - std::count(counts.begin(), counts.end(), 0);
}

// "150 of each", "138 to 1,386 of each".
std::string span(std::vector<int64_t> counts) {
  std::erase(counts, 0);
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  return *least == *most ? grouped(*least) + " of each"
                         : grouped(*least) + " to " + grouped(*most) + " of each";
}

bool is_even(const std::vector<int64_t>& counts) {
  return std::adjacent_find(counts.begin(), counts.end(), std::not_equal_to<>()) == counts.end();
}

// "  bolt 269, gear 224, ...", in lines that fit a terminal.
void list_counts(const search::FoundImages& images) {
  constexpr size_t kWidth = 80, kMostClasses = 50;
  const size_t classes = images.class_names.size(), listed = std::min(classes, kMostClasses);
  std::string line = " ";
  for (size_t k = 0; k < listed; ++k) {
    std::string part = " " + shown(images.class_names[k]) + " " + grouped(images.training[k]);
    if (k + 1 < classes) part += k + 1 < listed ? "," : ", ...";
    if (line.size() + part.size() > kWidth) {
      say("{}\n", line);
      line = " ";
    }
    line += part;
  }
  say("{}\n", line);
}

void print_images(const std::string& name, const search::FoundImages& images) {
  say("{}: images {}; {} train, {} validate, {} test\n", name, to_string(images.shape),
      grouped(search::all_of(images.training)), grouped(search::all_of(images.validation)),
      grouped(search::all_of(images.test)));
  say("{} classes, {} to train\n", count_present(images.training), span(images.training));
  if (!is_even(images.training)) list_counts(images);
  for (const std::string& remark : images.remarks) say("{}\n", remark);
  for (const std::string& warning : images.warnings) say("warning: {}\n", warning);
}

void print_steps(const search::TrainingSettings& training, int64_t images) {
  const int64_t steps = (images + training.batch_size - 1) / training.batch_size;
  say("{} of {}, {} each\n", plural(training.epochs, "epoch"), plural(steps, "step"),
      plural(std::min<int64_t>(training.batch_size, images), "image"));
}

// How to go on after an interrupt.
std::string resumption(const SupervisedSearch& wanted) {
  return wanted.waiting_only
             ? "run the same command again to go on"
             : "resume with: metaqnn search --study " + search::shown_url(wanted.study);
}

}  // namespace

std::string Consent::allowed_command(const search::Configuration& stored) const {
  const std::string command = search::command_of(stored.evaluator);
  if (allow_command) return command;
  if (config.empty()) return "";
  const std::string own = search::command_of(search::read_configuration(config).evaluator);
  if (own == command) return command;
  throw UsageError(config + " has the command " + (own.empty() ? "of none" : own) + ", the study " +
                   (command.empty() ? "none" : command) +
                   "; give the configuration that the study was made with");
}

void add_consent(CLI::App& app, Consent& consent) {
  app.add_option("--config", consent.config,
                 "the study's configuration: its command, if it has one, may be run");
  app.add_flag("--allow-command", consent.allow_command,
               "run the command that the study names; read it first: metaqnn config --study URL");
}

void print_found(const search::Surroundings& found, const search::Configuration& configuration,
                 int workers) {
  for (const std::string& remark : found.remarks) say("{}\n", remark);
  if (configuration.evaluator.runs_command())
    say("{} on {}\n", plural(workers, "worker"), listed(found.devices));
  if (!found.images) return;
  print_images(configuration.data.name, *found.images);
  print_steps(configuration.evaluator.training, search::all_of(found.images->training));
  for (const std::string& device : found.devices) {
    say("device {}: {}, {}\n", device,
        search::resolve_precision(configuration.evaluator.training.precision, device),
        plural(workers, "worker"));
  }
}

void add_patience(CLI::App& app, std::chrono::seconds& patience) {
  constexpr int64_t kLongest = 86400;
  app.add_option_function<int64_t>(
         "--patience", [&patience](int64_t seconds) { patience = std::chrono::seconds(seconds); },
         "seconds to wait for the study where another program locks it, or its server is away")
      ->check(CLI::Range(int64_t{1}, kLongest))
      ->default_str(std::to_string(patience.count()));
}

void add_workers(CLI::App& app, std::optional<int>& workers) {
  app.add_option("--workers", workers, "worker processes for each device")
      ->check(count_up_to(kMostParallel));
}

search::SearchEnd run_supervised(const SupervisedSearch& wanted,
                                 const search::Configuration& configuration,
                                 std::optional<search::Surroundings> found) {
  search::check_allowed(configuration.evaluator, wanted.allowed_command);
  // Closed before workers want connections of their own.
  auto study = search::open_study_to_read(wanted.study, wanted.patience);
  const int64_t target = target_of(wanted, configuration, *study);
  if (study->counts().unique_models >= target) return search::SearchEnd::done;
  const auto best = study->best_trial(search::measure_of(configuration).direction);
  study.reset();
  if (!found) found = search::look_around(configuration, wanted.device);
  print_found(*found, configuration, wanted.workers);
  search::SupervisorOptions options;
  options.study_url = wanted.study;
  options.devices = found->devices;
  options.workers = wanted.workers;
  options.threads = wanted.threads;
  if (wanted.trials) options.limit = *wanted.trials;
  options.waiting_only = wanted.waiting_only;
  options.allowed_command = wanted.allowed_command;
  options.patience = wanted.patience;
  options.program = std::filesystem::read_symlink("/proc/self/exe").string();
  options.program_arguments = {"worker"};
  options.interrupts = &interrupts;
  on_interrupt([](int) {
    if (interrupts < 2) ++interrupts;
  });

  Progress progress(configuration, target, best ? best->value : std::nullopt);
  const search::SearchEnd end = search::Supervisor(options, progress).run();
  progress.finish();
  if (end == search::SearchEnd::stopped) {
    study = search::open_study_to_read(wanted.study, wanted.patience);
    throw InterruptedError(fmt::format("stopped with {} of {} models done; {}",
                                       study->counts().unique_models, target, resumption(wanted)));
  }
  return end;
}

}  // namespace metaqnn::cli
