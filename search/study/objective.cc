#include <algorithm>

#include "base/foreign_text.h"
#include "datasets/logs/csv.h"
#include "datasets/logs/fields.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {
namespace {

std::optional<double> measured_of(const Trial& trial, const std::string& name) {
  if (const auto found = trial.measures.find(name); found != trial.measures.end())
    return found->second;
  if (name == datasets::Measure().name) return trial.validation_accuracy;
  std::optional<double> measured;
  datasets::for_each_field(trial, [&](const char* field, const auto& value) {
    if constexpr (requires { static_cast<double>(*value); }) {
      if (field == name && value) measured = static_cast<double>(*value);
    }
  });
  return measured;
}

}  // namespace

std::optional<datasets::Direction> Objective::told_direction() const {
  if (direction || !reward_range) return direction;
  return reward_range->second > reward_range->first ? datasets::Direction::maximize
                                                    : datasets::Direction::minimize;
}

datasets::Measure measure_of(const Objective& objective) {
  const std::optional<datasets::Direction> direction = objective.told_direction();
  datasets::Measure measure;
  if (!objective.is_accuracy()) {
    measure.name = objective.measure;
    if (!direction && datasets::is_less_better(measure.name)) {
      throw UsageError("objective.direction is missing: is less or more of '" +
                       shown(measure.name) +
                       "' better? Give direction = \"minimize\" or \"maximize\"");
    }
  } else if (direction == datasets::Direction::minimize) {
    throw UsageError(
        "objective: more of the validation accuracy is better, and the direction or the "
        "reward_range "
        "says less; name another objective.measure");
  }
  measure.direction = direction.value_or(datasets::Direction::maximize);
  if (objective.reward_range) {
    const auto [worst, best] = *objective.reward_range;
    if (!datasets::is_better(best, worst, measure.direction)) {
      throw UsageError("objective.reward_range: the worst value comes first, then the best, and " +
                       to_string(measure.direction) + " says that " +
                       (measure.direction == datasets::Direction::minimize ? "less" : "more") +
                       " is better");
    }
  }
  return measure;
}

void keep_limits(const Objective& objective, Trial& trial) {
  if (trial.state != TrialState::complete) return;
  for (const auto& [name, limit] : objective.limits) {
    const std::optional<double> measured = measured_of(trial, name);
    if (measured && *measured <= limit) continue;
    trial.state = TrialState::failed;
    trial.failure = measured ? Failure::too_large : Failure::error;
    trial.detail = measured ? name + " " + datasets::csv_number(*measured) + ", limit " +
                                  datasets::csv_number(limit)
                            : "no " + name + " was measured, which has a limit";
    return;
  }
}

std::optional<double> reward_of(const Objective& objective, const SequencedSample& sample) {
  if (!objective.reward_range) {
    if (!sample.reward) return std::nullopt;
    return datasets::sign_of(measure_of(objective).direction) * *sample.reward;
  }
  if (!sample.reward) return sample.not_learning ? std::optional(0.0) : std::nullopt;
  const auto [worst, best] = *objective.reward_range;
  return std::clamp((*sample.reward - worst) / (best - worst), 0.0, 1.0);
}

}  // namespace metaqnn::search
