#include "search/agent/evolution.h"

#include <Eigen/Core>

#include "kernels/pareto.h"
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
  Member member{std::move(*found.walk), *sample.reward};
  if (!measures_.empty()) {
    const auto first = sample.measures.find(measures_.front().name);
    if (first == sample.measures.end()) return;
    auto goals = goals_of(measures_, first->second, sample.measures);
    if (!goals) return;
    member.goals = std::move(*goals);
  }
  population_.push_back(std::move(member));
  if (population_.size() > most_members_) population_.pop_front();
  if (!measures_.empty() && population_.size() == most_members_) sort_population();
}

void RegularizedEvolution::aim(const Objective& objective) {
  if (objective.has_several()) measures_ = measures_of(objective);
}

bool RegularizedEvolution::is_better(const Member& a, const Member& b) {
  if (a.goals.empty()) return a.reward > b.reward;
  return a.front != b.front ? a.front < b.front : a.crowding > b.crowding;
}

void RegularizedEvolution::sort_population() {
  Eigen::MatrixXd goals(population_.size(), measures_.size());
  for (size_t i = 0; i < population_.size(); ++i) {
    goals.row(static_cast<Eigen::Index>(i)) = Eigen::Map<const Eigen::RowVectorXd>(
        population_[i].goals.data(), static_cast<Eigen::Index>(measures_.size()));
  }
  const std::vector<int> fronts = kernels::front_numbers(goals);
  const Eigen::VectorXd crowding = kernels::crowding(goals, fronts);
  for (size_t i = 0; i < population_.size(); ++i) {
    population_[i].front = fronts[i];
    population_[i].crowding = crowding(static_cast<Eigen::Index>(i));
  }
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
    if (is_better(other, *best)) best = &other;
  }
  return mutate(space_, best->walk, random);
}

}  // namespace metaqnn::search
