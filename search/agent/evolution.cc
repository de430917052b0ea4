#include "search/agent/evolution.h"

#include "metaqnn/base/error.h"
#include "search/agent/admission.h"
#include "search/agent/mutation.h"

namespace metaqnn::search {

RegularizedEvolution::RegularizedEvolution(const StrategySettings& settings, const Space& space,
                                           Admission admits)
    : most_members_(static_cast<size_t>(settings.population)),
      tournament_(static_cast<size_t>(settings.tournament)),
      space_(space),
      admits_(std::move(admits)) {
  if (settings.population < 1) {
    throw UsageError("strategy.population = " + std::to_string(settings.population) +
                     " must be at least 1");
  }
  if (settings.tournament < 1) {
    throw UsageError("strategy.tournament = " + std::to_string(settings.tournament) +
                     " must be at least 1");
  }
}

void RegularizedEvolution::observe(const SequencedSample& sample) {
  if (!sample.reward) return;
  Space::Found found = space_.find(sample.architecture);
  if (!found.walk) return;
  population_.push_back({std::move(*found.walk), *sample.reward});
  if (population_.size() > most_members_) population_.pop_front();
}

Walk RegularizedEvolution::propose(const Situation&, Random& random) {
  if (population_.size() == most_members_) {
    std::optional<Walk> walk =
        first_admitted(admits_, space_, kMostRefusedChildren, [&] { return child(random); });
    if (walk) return std::move(*walk);
  }
  return admitted_walk(admits_, space_, random);
}

Walk RegularizedEvolution::child(Random& random) const {
  const Member* best = &population_[random.below(population_.size())];
  for (size_t i = 1; i < tournament_; ++i) {
    const Member& other = population_[random.below(population_.size())];
    if (other.reward > best->reward) best = &other;
  }
  return mutate(space_, best->walk, random);
}

}  // namespace metaqnn::search
