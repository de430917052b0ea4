#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "metaqnn/search/search.h"
#include "search/screen.h"

namespace metaqnn::cli {

Progress::Progress(const search::Configuration& configuration, int64_t target,
                   std::optional<double> best)
    : schedule_(configuration.strategy.schedule),
      shows_epsilon_(search::heeds_epsilon(configuration.strategy.kind)),
      target_(target),
      start_(std::chrono::steady_clock::now()),
      direction_(search::measure_of(configuration).direction),
      best_(best) {}

void Progress::trial_finished(const search::Trial& trial) {
  const bool is_complete = trial.state == search::TrialState::complete && trial.value;
  if (is_complete && (!best_ || datasets::is_better(*trial.value, *best_, direction_)))
    best_ = trial.value;
  if (line_.is_live()) return;
  say("trial {}  {}  {}{}  {}\n", trial.number,
      trial.predicted ? "stopped, ~" + measured(*trial.value)
      : is_complete   ? measured(*trial.value)
                      : "failed: " + trial.reason(),
      shows_epsilon_ && !search::is_screened(trial) ? fmt::format("epsilon {:.1f}  ", trial.epsilon)
                                                    : "",
      duration(trial.seconds.value_or(0)), trial.architecture);
}

void Progress::worker_died(const std::string& how, const search::Trial* held) {
  clear_line();
  say("a worker died ({}){}\n", how,
      held == nullptr ? ", with no network in hand"
                      : fmt::format(" while it trained trial {}, {}, for the {}. time",
                                    held->number, held->architecture, held->attempts));
}

void Progress::device_left(const std::string& device, const std::string& fault) {
  clear_line();
  say("device {} is left: it faults with every network ({})\n", device, fault);
}

void Progress::worker_given_up(int left) {
  clear_line();
  if (left > 0)
    say("none is started in its place; the search goes on with {}\n", plural(left, "worker"));
}

void Progress::tick(const search::Counts& counts) {
  if (!models_at_start_) models_at_start_ = counts.unique_models;
  if (!line_.is_live()) return;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const auto done = static_cast<double>(counts.unique_models - *models_at_start_);
  std::string line = fmt::format("{}/{} models", counts.unique_models, target_);
  const auto epsilon = search::epsilon_at(schedule_, counts.unique_models + counts.reserved - 1);
  if (shows_epsilon_ && epsilon) line += fmt::format("  epsilon {:.1f}", *epsilon);
  line += "  best " + (best_ ? measured(*best_) : "-");
  if (done > 0) {
    line += fmt::format("  {:.0f}/h", done / seconds * 3600);
    line +=
        "  left " + duration(static_cast<double>(target_ - counts.unique_models) * seconds / done);
  }
  line_.show(line);
}

void Progress::clear_line() {
  if (line_.is_shown()) line_.clear();
}

void Progress::finish() const {
  if (line_.is_shown()) say("\n");
}

}  // namespace metaqnn::cli
