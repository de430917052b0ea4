#include "metaqnn/search/search.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/blas_threads.h"
#include "base/foreign_text.h"
#include "metaqnn/base/error.h"
#include "search/evaluate/paused_trainings.h"
#include "search/evaluate/table.h"
#include "search/proposer.h"
#include "search/stopping.h"
#include "search/version.h"

namespace metaqnn::search {
namespace {

using namespace std::chrono_literals;

int64_t target(const StrategySettings& strategy, int64_t limit) {
  return std::min(limit, total_models(strategy.schedule));
}

// Why the space does not have it.
std::string refusal_of(const Space& space, const std::string& architecture) {
  try {
    return space.find(architecture).refusal;
  } catch (const UsageError& error) {
    return error.what();
  }
}

constexpr int kFailuresInARow = 50;
constexpr int kTooLargeInARow = 1000;  // costs no time, and Q-learning proposes what it likes

class SearchWorker {
 public:
  SearchWorker(Study& study, const WorkOptions& options)
      : study_(study), options_(options), configuration_(stored_configuration(study)) {}

  SearchEnd run() {
    const bool needed = options_.waiting_only ? has_waiting(study_)
                                              : has_work(study_, configuration_, options_.limit);
    if (!needed) return SearchEnd::done;
    check_allowed(configuration_.evaluator, options_.allowed_command);
    const BlasThreads blas(options_.resources.threads);
    Resources resources = options_.resources;
    resources.seed = study_.info().seed;
    resources.study = study_.url();
    // Before a trial is claimed: what the user must mend shall not cost one.
    evaluator_ = options_.make_evaluator(configuration_, resources);
    Space space = searched_space(configuration_, *evaluator_);
    if (configuration_.stopping.is_on()) begin_to_stop(space.input());
    proposer_.emplace(
        study_, configuration_, std::move(space),
        [this](const auto& text) { return evaluator_->keeps_limits(text); }, options_.stop);
    register_worker();
    const SearchEnd end = loop();
    transact(study_, [&](bool) { study_.remove_worker(worker_); });
    return end;
  }

 private:
  void begin_to_stop(const std::optional<Shape>& input) {
    const StoppingSettings& settings = configuration_.stopping;
    rule_.emplace(settings, measure_of(configuration_), input);
    const std::optional<std::filesystem::path> folder = study_.path_beside("stopped");
    if (!settings.pause || !folder) return;
    paused_ = PausedTrainings(*folder);
    evaluator_->pause_in(*folder);
  }

  void register_worker() {
    worker_ = transact(study_, [&](bool) { return study_.register_worker(this_process()); });
  }

  // A worker that was long cut off from its study may have been taken for dead.
  void stay_registered() {
    for (const Worker& worker : study_.workers()) {
      if (worker.id == worker_) return;
    }
    worker_ = study_.register_worker(this_process());
  }

  bool is_stopped() const { return options_.stop != nullptr && *options_.stop; }

  SearchEnd loop() {
    while (!is_stopped()) {
      Proposal proposal = propose();
      switch (proposal.kind) {
        case Proposal::Kind::trial:
          train(proposal.trial);
          break;
        case Proposal::Kind::known:
          break;
        case Proposal::Kind::wait:
          std::this_thread::sleep_for(200ms);
          release_dead_workers(study_);
          break;
        case Proposal::Kind::done:
          return SearchEnd::done;
        case Proposal::Kind::exhausted:
          return SearchEnd::exhausted;
      }
    }
    return SearchEnd::stopped;
  }

  void train(Trial& trial) {
    trial.detail.clear();  // why an earlier attempt broke off
    const bool to_its_end = trial.predicted || options_.waiting_only;
    const int64_t epochs_before = rule_ ? rule_->epochs_of(trial.number) : 0;
    if (trial.predicted && paused_.keeps()) recall_curve(trial);
    trial.forget_prediction();
    evaluator_->watch(after_epoch_of(trial, to_its_end));
    try {
      evaluator_->evaluate(trial);
      keep_limits(configuration_.evaluator.objective, trial);
    } catch (const DeviceFault& fault) {
      transact(study_, [&](bool) { study_.remark(trial.number, worker_, fault.text()); });
      throw DeviceFault(fault, trials_ > 0);
    }
    if (trial.state == TrialState::stopped) predict(trial);
    finish(trial, epochs_before - evaluator_->resumed_epochs());
    if (paused_.keeps() && (trial.state == TrialState::stopped || to_its_end)) tidy_paused();
    ++trials_;
    streak_.add(trial);
  }

  // Of a stopped trial: its training may go on from there.
  void recall_curve(Trial& trial) {
    for (Trial& known : study_.trials(true)) {
      if (known.number == trial.number) trial.curve = std::move(known.curve);
    }
  }

  void tidy_paused() {
    paused_.tidy(study_.trials(false), measure_of(configuration_).direction,
                 configuration_.stopping.max_checkpoints_bytes);
  }

  // A table answers at once: nobody waits for its epochs.
  AfterEpoch after_epoch_of(const Trial& trial, bool to_its_end) {
    const bool may_stop = rule_ && !to_its_end;
    const bool shows = !configuration_.evaluator.looks_up();
    if (!may_stop && !shows) return {};
    return [this, may_stop, shows, &trial](const std::vector<EpochResult>& curve) {
      if (shows) show(trial, curve);
      if (!may_stop) return true;
      rule_->look(study_);
      return !rule_->is_hopeless(trial, curve);
    };
  }

  // For those who look at the study, once in a while; where it is away, they wait.
  void show(const Trial& trial, const std::vector<EpochResult>& curve) {
    constexpr std::chrono::seconds kBetween{2};
    const auto now = std::chrono::steady_clock::now();
    if (shown_at_ && now - *shown_at_ < kBetween) return;
    shown_at_ = now;
    Trial running = trial;
    running.curve = curve;
    try {
      transact(study_, [&](bool) { study_.store_epochs(running, worker_); });
    } catch (const Error&) {
    }
  }

  // What a stopped trial is taken to be worth.
  void predict(Trial& trial) {
    const std::optional<predict::Forecast> forecast = rule_->forecast(trial, trial.curve);
    METAQNN_ASSERT(forecast, trial.architecture + " was stopped without a forecast");
    trial.predicted = true;
    if (configuration_.evaluator.objective.is_accuracy()) {
      trial.validation_accuracy = std::clamp(forecast->mean, 0.0, 1.0);
    } else {
      trial.value = forecast->mean;
    }
  }

  // Nothing happens where the trial is not ours any more; its result is then thrown away, and found
  // again by whoever has it.
  void finish(const Trial& trial, int64_t epochs_again) {
    transact(study_, [&](bool) {
      if (study_.finish_trial(trial, worker_) && epochs_again > 0)
        add_to_note(study_, kEpochsAgain, epochs_again);
    });
  }

  Proposal propose() {
    if (rule_) rule_->look(study_);
    if (!options_.waiting_only) proposer_->prepare();
    if (is_stopped()) return {Proposal::Kind::known};
    return transact(study_, [&](bool again) -> Proposal {
      stay_registered();
      if (again) {
        if (auto held = study_.held_trial(worker_)) return {Proposal::Kind::trial, *held};
      }
      if (options_.waiting_only) return claim();
      return proposer_->propose({.worker = worker_}, options_.limit,
                                rule_ ? rule_->promising() : std::nullopt);
    });
  }

  Proposal claim() {
    std::optional<Trial> waiting = study_.claim_waiting_trial(worker_);
    if (!waiting) return {Proposal::Kind::done};
    return {Proposal::Kind::trial, std::move(*waiting)};
  }

  Study& study_;
  const WorkOptions& options_;
  Configuration configuration_;
  std::unique_ptr<Evaluator> evaluator_;
  std::optional<Proposer> proposer_;
  std::optional<StoppingRule> rule_;  // where the configuration has one
  PausedTrainings paused_;            // where they are kept
  int64_t worker_ = 0;
  int64_t trials_ = 0;  // that this worker has finished
  std::optional<std::chrono::steady_clock::time_point> shown_at_;
  FailureStreak streak_;
};

}  // namespace

StudyInfo describe_study(const Configuration& configuration) {
  StudyInfo info;
  info.configuration = to_toml(configuration);
  info.seed = configuration.seed;
  info.program_version = program_version();
  info.library_versions = library_versions(configuration.evaluator.trains());
  return info;
}

Configuration stored_configuration(Study& study) {
  return parse_configuration(study.info().configuration, "configuration in " + study.url(), "/");
}

datasets::Measure measure_of(const Configuration& configuration) {
  return measure_of(configuration.evaluator.objective);
}

Space searched_space(const Configuration& configuration, const Evaluator& evaluator) {
  Space space = build_space(configuration);
  const std::optional<std::vector<std::string>> answers = evaluator.architectures();
  if (!answers) return space;
  Space searched = space.restricted(*answers, "not in the table");
  if (searched.architecture_count() == 0) {
    throw UsageError("no network of the table " + configuration.evaluator.table.file.string() +
                     " is in the space; its first, '" + shown(answers->front()) +
                     "': " + refusal_of(space, answers->front()));
  }
  return searched;
}

Space searched_space(const Configuration& configuration) {
  const EvaluatorSettings& evaluator = configuration.evaluator;
  if (!evaluator.looks_up() || !is_there(evaluator.table)) return build_space(configuration);
  return searched_space(configuration, *make_evaluator(evaluator, configuration.data, {}));
}

std::unique_ptr<Strategy> make_strategy(const Configuration& configuration, const Space& space,
                                        uint64_t seed, Admission admits) {
  return make_strategy(configuration.strategy, space, seed, std::move(admits),
                       configuration.evaluator.objective);
}

bool is_longer(const Schedule& schedule, const Schedule& other) {
  if (schedule.size() < other.size() || total_models(schedule) <= total_models(other)) return false;
  const auto end = schedule.begin() + static_cast<std::ptrdiff_t>(other.size()) - 1;
  return std::equal(schedule.begin(), end, other.begin()) && end->first == other.back().first &&
         end->second >= other.back().second;
}

Schedule extended(Schedule schedule, int64_t models) {
  schedule.back().second += models;
  return schedule;
}

bool extend(Study& study, const Schedule& schedule) {
  const auto is_wanted = [&](const Configuration& stored) {
    return is_longer(schedule, stored.strategy.schedule);
  };
  if (!is_wanted(stored_configuration(study))) return false;
  bool extended = false;
  transact(study, [&](bool again) {
    Configuration stored = stored_configuration(study);
    const bool wanted = is_wanted(stored);
    extended = wanted || (again && extended);  // it may be our own that is there
    if (!wanted) return;
    stored.strategy.schedule = schedule;
    study.set_configuration(to_toml(stored));
  });
  return extended;
}

Durability durability(const Configuration& configuration) {
  return configuration.evaluator.looks_up() ? Durability::process : Durability::power_loss;
}

int release_dead_workers(Study& study) {
  return transact(study, [&](bool) {
    for (const Worker& worker : study.workers()) {
      if (!may_be_alive(study, worker)) study.remove_worker(worker.id);
    }
    return release_orphans(study);
  });
}

void FailureStreak::add(const Trial& trial) {
  if (trial.counts()) {
    failures_ = too_large_ = 0;
  } else {
    ++(trial.failure == Failure::too_large ? too_large_ : failures_);
  }
  if (failures_ < kFailuresInARow && too_large_ < kTooLargeInARow) return;
  throw FailureError(std::to_string(failures_ + too_large_) +
                     " architectures in a row failed; the last: " + trial.architecture + ", " +
                     trial.reason() +
                     "; look at metaqnn trials --state failed, mend the cause (memory that other "
                     "programs use, the limits of [evaluator]) and run the same command again");
}

bool has_work(Study& study, const Configuration& configuration, int64_t limit) {
  return study.counts().unique_models < target(configuration.strategy, limit) ||
         has_promising(study, configuration);
}

bool has_waiting(Study& study) { return study.counts().in(TrialState::waiting) > 0; }

SearchEnd work(Study& study, const WorkOptions& options) {
  return SearchWorker(study, options).run();
}

}  // namespace metaqnn::search
