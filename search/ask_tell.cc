#include "metaqnn/search/ask_tell.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/foreign_text.h"
#include "datasets/logs/csv.h"
#include "metaqnn/architecture/shapes.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/search.h"
#include "search/limits.h"
#include "search/proposer.h"

namespace metaqnn::search {
namespace {

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The reservation whose lease ends just then, which is nobody else's.
std::optional<Trial> reserved_until(Study& study, double leased_until) {
  for (Trial& trial : study.trials(false)) {
    if (trial.state == TrialState::running && trial.leased_until == leased_until)
      return std::move(trial);
  }
  return std::nullopt;
}

Proposal reserve_next(Study& study, Proposer& proposer, std::chrono::seconds lease) {
  proposer.prepare();
  const double leased_until = seconds_since_1970() + static_cast<double>(lease.count());
  return transact(study, [&](bool again) -> Proposal {
    if (again) {
      if (auto reserved = reserved_until(study, leased_until))
        return {Proposal::Kind::trial, std::move(*reserved)};
    }
    return proposer.propose({.leased_until = leased_until});
  });
}

bool has(const std::vector<Trial>& trials, const Trial& trial) {
  return std::any_of(trials.begin(), trials.end(),
                     [&](const Trial& other) { return other.number == trial.number; });
}

// ---- What is told ----

void check_number(const std::string& name, double value, bool is_fraction) {
  if (!std::isfinite(value)) throw UsageError(shown(name) + " is no finite number");
  if (!is_fraction || (value >= 0 && value <= 1)) return;
  throw UsageError(shown(name) + " is " + datasets::csv_number(value) +
                   ", not within [0, 1]: tell a fraction; another measure is named under "
                   "[objective] when the study is made");
}

void check_curve(const std::vector<EpochResult>& curve, bool is_fraction) {
  const auto check = [](size_t epoch, const char* name, double value, bool fraction) {
    if (std::isnan(value)) return;  // not known
    check_number(std::string(name) + " of epoch " + std::to_string(epoch), value, fraction);
  };
  for (size_t i = 0; i < curve.size(); ++i) {
    check(i + 1, "training_loss", curve[i].training_loss, false);
    check(i + 1, "training_accuracy", curve[i].training_accuracy, true);
    check(i + 1, "validation_loss", curve[i].validation_loss, false);
    check(i + 1, "validation_accuracy", curve[i].validation_accuracy, true);
    check(i + 1, "the measure", curve[i].value, is_fraction);
  }
}

void check_told(const Told& told, const datasets::Measure& measure) {
  if (told.value.has_value() == told.failure.has_value())
    throw UsageError("tell either the value or why there is none");
  if (told.value) check_number(measure.name, *told.value, measure.is_fraction());
  for (const auto& [name, value] : told.measures) {
    check_number(name, value, name == datasets::Measure().name);
    if (name != measure.name || value == told.value) continue;
    throw UsageError("the measures say " + shown(name) + " " + datasets::csv_number(value) +
                     " beside " +
                     (told.value ? "the value " + datasets::csv_number(*told.value) : "a failure") +
                     "; it is what the study searches for, tell it once");
  }
  check_curve(told.curve, measure.is_fraction());
}

// What the string says of a convolutional network, and chance where that is its worth.
void add_costs(const Configuration& configuration, Trial& trial) {
  if (configuration.space.is_sequence()) return;
  const Space space = build_space(configuration);
  const Analysis analysis = analyse(parse_architecture(trial.architecture), *space.input());
  trial.parameters = analysis.parameters;
  trial.macs = analysis.macs;
  if (trial.failure == Failure::not_learning && configuration.evaluator.objective.is_accuracy())
    trial.validation_accuracy = 1.0 / space.classes();
}

Trial with_result(Trial trial, const Told& told, const Configuration& configuration) {
  const Objective& objective = configuration.evaluator.objective;
  trial.state = TrialState::complete;
  trial.failure = Failure::none;
  trial.detail.clear();  // why an earlier attempt broke off
  trial.measures = told.measures;
  trial.curve = told.curve;
  if (told.failure) trial.fail(*told.failure);
  if (objective.is_accuracy()) {
    trial.validation_accuracy = told.value;
  } else if (told.value) {
    trial.value = told.value;
    trial.measures[measure_of(objective).name] = *told.value;
  }
  add_costs(configuration, trial);
  if (trial.validation_accuracy)  // as it is stored
    trial.measures[datasets::Measure().name] = *trial.validation_accuracy;
  keep_limits(objective, trial);
  return trial;
}

std::string name_of(const Trial& trial) {
  return "trial " + std::to_string(trial.number) + ", " + shown(trial.architecture) + ",";
}

// Of a trial that has no place for a result.
[[noreturn]] void refuse(const Trial& trial, const datasets::Measure& measure) {
  if (!trial.finished()) {
    throw UsageError(name_of(trial) + " is in training by worker " + std::to_string(trial.worker) +
                     " of this study, which stores its result; tell what metaqnn ask reserves");
  }
  std::string result = to_string(trial.state);
  if (trial.failure != Failure::none) result += " (" + shown(trial.reason()) + ")";
  if (trial.value) result += ", " + shown(measure.name) + " " + datasets::csv_number(*trial.value);
  throw UsageError(name_of(trial) + " has its result since " + trial.finished_at + ": " + result +
                   "; the first that is told stays, and nothing was changed");
}

Trial existing_trial(Study& study, int64_t number) {
  if (std::optional<Trial> trial = study.trial(number)) return std::move(*trial);
  throw UsageError("study " + study.url() + " has no trial " + std::to_string(number) +
                   "; metaqnn trials --study URL --state running lists what is reserved");
}

bool is_same_result(const Trial& a, const Trial& b) {
  return a.state == b.state && a.failure == b.failure && a.detail == b.detail &&
         a.measures == b.measures;
}

}  // namespace

std::vector<Trial> ask(Study& study, int64_t count, std::chrono::seconds lease,
                       const std::atomic<bool>* stop) {
  const Configuration configuration = stored_configuration(study);
  Space space = searched_space(configuration);
  Admission admits = admission_of(configuration, space.input());
  release_dead_workers(study);  // what they held is given out first
  Proposer proposer(study, configuration, std::move(space), std::move(admits), stop);
  std::vector<Trial> reserved;
  while (static_cast<int64_t>(reserved.size()) < count && !(stop != nullptr && *stop)) {
    Proposal proposal = reserve_next(study, proposer, lease);
    if (proposal.kind == Proposal::Kind::trial) {
      if (has(reserved, proposal.trial)) break;  // its lease has ended meanwhile
      reserved.push_back(std::move(proposal.trial));
    } else if (proposal.kind != Proposal::Kind::known) {
      break;
    }
  }
  return reserved;
}

int64_t give_back(Study& study, const std::vector<Trial>& reserved) {
  return transact(study, [&](bool) {
    int64_t released = 0;
    for (const Trial& given : reserved) {
      const std::optional<Trial> trial = study.trial(given.number);
      if (!trial || trial->state != TrialState::running || trial->worker != 0 ||
          trial->leased_until != given.leased_until)
        continue;
      study.release_trial(trial->number, trial->attempts);
      ++released;
    }
    return released;
  });
}

EpochResult epoch_of(const std::map<std::string, double>& figures, const std::string& measure) {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  EpochResult epoch{kUnknown, kUnknown, kUnknown, kUnknown};
  std::map<std::string, double*> known{{"training_loss", &epoch.training_loss},
                                       {"training_accuracy", &epoch.training_accuracy},
                                       {"validation_loss", &epoch.validation_loss},
                                       {"validation_accuracy", &epoch.validation_accuracy}};
  const bool is_another = known.try_emplace(measure, &epoch.value).second;
  for (const auto& [name, figure] : figures) {
    const auto found = known.find(name);
    if (found == known.end()) {
      throw UsageError("'" + shown(name) +
                       "' is no figure of an epoch; there are training_loss, training_accuracy, "
                       "validation_loss, validation_accuracy" +
                       (is_another ? " and " + shown(measure) : ""));
    }
    *found->second = figure;
  }
  return epoch;
}

Trial tell(Study& study, int64_t number, const Told& told) {
  const Configuration configuration = stored_configuration(study);
  const datasets::Measure measure = measure_of(configuration);
  check_told(told, measure);
  return transact(study, [&](bool again) {
    const Trial trial = existing_trial(study, number);
    const Trial result = with_result(trial, told, configuration);
    if (!study.finish_trial(result, 0) && !(again && is_same_result(trial, result)))
      refuse(trial, measure);
    return existing_trial(study, number);
  });
}

}  // namespace metaqnn::search
