#include "search/agent/rewards.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace metaqnn::search {

Rewards::Rewards(Objective objective)
    : objective_(std::move(objective)),
      measures_(measures_of(objective_)),
      known_(measures_.size()) {}

std::optional<double> Rewards::next(const SequencedSample& sample) {
  if (!objective_.has_several()) return reward_of(objective_, sample);
  if (!sample.reward && !sample.not_learning) return std::nullopt;
  double sum = 0;
  for (size_t j = 0; j < measures_.size(); ++j) {
    const auto found = sample.measures.find(measures_[j].name);
    const std::optional<double> measured =
        found != sample.measures.end() ? std::optional(found->second) : std::nullopt;
    const double goal = measured ? datasets::sign_of(measures_[j].direction) * *measured
                                 : -std::numeric_limits<double>::infinity();
    std::vector<double>& known = known_[j];
    const auto [first, last] = std::equal_range(known.begin(), known.end(), goal);
    const auto worse = static_cast<double>(first - known.begin());
    const auto equal = static_cast<double>(last - first) + 1;
    known.insert(last, goal);
    sum += (worse + equal / 2) / static_cast<double>(known.size());
  }
  return sum / static_cast<double>(measures_.size());
}

}  // namespace metaqnn::search
