#include <algorithm>

#include "base/foreign_text.h"
#include "datasets/logs/csv.h"
#include "datasets/logs/fields.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

std::optional<double> measured_of(const Trial& trial, const std::string& name) {
  if (const auto found = trial.measures.find(name); found != trial.measures.end())
    return found->second;
  if (name == datasets::Measure().name) return trial.validation_accuracy;
  const std::string field_name = name == "memory" ? "memory_bytes" : name;
  std::optional<double> measured;
  datasets::for_each_field(trial, [&](const char* field, const auto& value) {
    if constexpr (requires { static_cast<double>(*value); }) {
      if (field == field_name && value) measured = static_cast<double>(*value);
    }
  });
  return measured;
}

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
  if (objective.reward_range && objective.has_several()) {
    throw UsageError(
        "objective.reward_range is that of one measure; with several a reward is a share of "
        "networks that are worse (docs/objectives.md): leave it out");
  }
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

bool Objective::names(const std::string& name) const {
  const auto is = [&](const datasets::Measure& other) { return other.name == name; };
  return measure == name || limits.contains(name) || std::any_of(others.begin(), others.end(), is);
}

std::vector<datasets::Measure> measures_of(const Objective& objective) {
  std::vector<datasets::Measure> measures{measure_of(objective)};
  measures.insert(measures.end(), objective.others.begin(), objective.others.end());
  return measures;
}

std::optional<std::vector<double>> goals_of(const std::vector<datasets::Measure>& measures,
                                            const std::optional<double>& value,
                                            const std::map<std::string, double>& measured) {
  if (!value) return std::nullopt;
  std::vector<double> goals;
  for (const datasets::Measure& measure : measures) {
    const auto found = measured.find(measure.name);
    if (!goals.empty() && found == measured.end()) return std::nullopt;
    goals.push_back(datasets::sign_of(measure.direction) *
                    (goals.empty() ? *value : found->second));
  }
  return goals;
}

std::vector<double> reference_of(const Objective& objective,
                                 const std::vector<std::vector<double>>& goals) {
  constexpr size_t kFirst = 20;
  const std::vector<datasets::Measure> measures = measures_of(objective);
  std::vector<double> reference;
  for (size_t j = 0; j < measures.size(); ++j) {
    const double sign = datasets::sign_of(measures[j].direction);
    const auto limit = objective.limits.find(measures[j].name);
    if (!objective.reference.empty()) {
      reference.push_back(sign * objective.reference[j]);
    } else if (limit != objective.limits.end() && sign < 0) {
      reference.push_back(sign * limit->second);
    } else {
      std::vector<double> first;
      for (size_t i = 0; i < std::min(goals.size(), kFirst); ++i) first.push_back(goals[i][j]);
      const auto quartile = first.begin() + static_cast<std::ptrdiff_t>((first.size() - 1) / 4);
      std::nth_element(first.begin(), quartile, first.end());
      reference.push_back(*quartile);
    }
  }
  return reference;
}

void fail_above_limit(const std::string& name, double measured, double limit, Trial& trial) {
  trial.state = TrialState::failed;
  trial.failure = Failure::too_large;
  trial.detail =
      name + " " + datasets::csv_number(measured) + ", limit " + datasets::csv_number(limit);
}

void keep_limits(const Objective& objective, Trial& trial) {
  const auto fail_without = [&](const std::string& name, const char* why) {
    trial.state = TrialState::failed;
    trial.failure = Failure::error;
    trial.detail = "no " + name + " was measured, which " + why;
  };
  for (const datasets::Measure& measure : objective.others) {
    if (const auto measured = measured_of(trial, measure.name)) {
      trial.measures[measure.name] = *measured;
    } else if (trial.state == TrialState::complete) {
      fail_without(measure.name, "is searched for");
    }
  }
  for (const auto& [name, limit] : objective.limits) {
    if (trial.state != TrialState::complete) return;
    const std::optional<double> measured = measured_of(trial, name);
    if (!measured) {
      fail_without(name, "has a limit");
    } else if (*measured > limit) {
      fail_above_limit(name, *measured, limit, trial);
    }
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
