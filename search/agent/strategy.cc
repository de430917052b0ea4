#include "metaqnn/search/agent/strategy.h"

#include <algorithm>

#include "base/foreign_text.h"
#include "base/names.h"
#include "metaqnn/base/error.h"
#include "search/agent/admission.h"
#include "search/agent/evolution.h"
#include "search/agent/guided.h"
#include "search/agent/q_approximation.h"
#include "search/agent/q_learning.h"
#include "search/agent/rewards.h"

namespace metaqnn::search {
namespace {

// The baseline: every choice uniform, nothing learned.
class RandomStrategy : public Strategy {
 public:
  RandomStrategy(const Space& space, Admission admits)
      : space_(space), admits_(std::move(admits)) {}
  void observe(const SequencedSample&) override {}
  Walk propose(const Situation&, Random& random) override {
    return admitted_walk(admits_, space_, random);
  }

 private:
  const Space& space_;
  Admission admits_;
};

// What samples are worth, for a strategy of which larger is better.
class Rewarded : public Strategy {
 public:
  Rewarded(std::unique_ptr<Strategy> strategy, const Objective& objective)
      : strategy_(std::move(strategy)), rewards_(objective) {
    strategy_->aim(objective);
  }
  void observe(const SequencedSample& sample) override {
    SequencedSample rewarded = sample;
    rewarded.reward = rewards_.next(sample);
    strategy_->observe(rewarded);
  }
  void prepare(const std::vector<std::string>& pending) override { strategy_->prepare(pending); }
  Walk propose(const Situation& situation, Random& random) override {
    return strategy_->propose(situation, random);
  }
  void heed(const std::atomic<bool>* stop) override { strategy_->heed(stop); }

 private:
  std::unique_ptr<Strategy> strategy_;
  Rewards rewards_;
};

int64_t epsilon_1_models(const StrategySettings& settings, int64_t models) {
  int64_t uniform = 0;
  for (const auto& [epsilon, count] : settings.schedule) {
    const int64_t some = std::min(models, count);
    models -= some;
    if (epsilon == 1) uniform += some;
  }
  return uniform;
}

// In the order in which they are listed.
std::vector<StrategyKind>& strategies() {
  static std::vector<StrategyKind> kinds = {
      {"q_learning", true,
       [](const StrategySettings& settings, const Space& space, uint64_t seed, Admission) {
         return std::make_unique<QLearning>(settings, space, seed);
       },
       epsilon_1_models, true},
      {"q_approximation", true,
       [](const StrategySettings& settings, const Space& space, uint64_t, Admission) {
         return std::make_unique<QApproximation>(settings, space);
       },
       epsilon_1_models},
      {"random", false,
       [](const StrategySettings&, const Space& space, uint64_t, Admission admits) {
         return std::make_unique<RandomStrategy>(space, std::move(admits));
       },
       [](const StrategySettings&, int64_t models) { return models; }},
      {"regularized_evolution", false,
       [](const StrategySettings& settings, const Space& space, uint64_t, Admission admits) {
         return std::make_unique<RegularizedEvolution>(settings, space, std::move(admits));
       },
       [](const StrategySettings& settings, int64_t) { return int64_t{settings.population}; }},
      {"guided", false, make_guided,
       [](const StrategySettings& settings, int64_t) { return int64_t{settings.initial_models}; }},
  };
  return kinds;
}

const StrategyKind* find_strategy(const std::string& kind) {
  for (const StrategyKind& entry : strategies()) {
    if (entry.name == kind) return &entry;
  }
  return nullptr;
}

// So that the sum over a schedule fits 63 bits, whatever it holds.
constexpr int64_t kMostModels = 1'000'000'000;

void check_schedule(const Schedule& schedule) {
  if (schedule.empty())
    throw UsageError("strategy.schedule is empty; give pairs of epsilon and number of models");
  for (const auto& [epsilon, models] : schedule) {
    if (!(epsilon >= 0 && epsilon <= 1) || models < 1 || models > kMostModels) {
      throw UsageError("strategy.schedule: [" + std::to_string(epsilon) + ", " +
                       std::to_string(models) +
                       "] must be an epsilon from 0 to 1 and a number of models from 1 to " +
                       std::to_string(kMostModels));
    }
  }
}

}  // namespace

Schedule paper_schedule() {
  return {{1.0, 1500}, {0.9, 100}, {0.8, 100}, {0.7, 100}, {0.6, 150},
          {0.5, 150},  {0.4, 150}, {0.3, 150}, {0.2, 150}, {0.1, 150}};
}

int64_t total_models(const Schedule& schedule) {
  int64_t total = 0;
  for (const auto& [epsilon, models] : schedule) total += models;
  return total;
}

std::optional<double> epsilon_at(const Schedule& schedule, int64_t models) {
  for (const auto& [epsilon, count] : schedule) {
    if (models < count) return epsilon;
    models -= count;
  }
  return std::nullopt;
}

void add_strategy(StrategyKind kind) {
  if (find_strategy(kind.name) != nullptr)
    throw UsageError("there is a strategy \"" + shown(kind.name) + "\" already");
  strategies().push_back(std::move(kind));
}

std::unique_ptr<Strategy> make_strategy(const StrategySettings& settings, const Space& space,
                                        uint64_t seed, Admission admits,
                                        const Objective& objective) {
  check_schedule(settings.schedule);
  if (const StrategyKind* entry = find_strategy(settings.kind)) {
    const datasets::Measure measure = measure_of(objective);
    if (entry->wants_fractions && !objective.has_several() && !objective.is_fraction() &&
        !objective.reward_range) {
      throw UsageError(
          "objective.reward_range is missing: " + settings.kind +
          " learns from rewards from 0 to 1; give the worst and the best value of '" +
          shown(measure.name) + "', such as reward_range = " +
          (measure.direction == datasets::Direction::minimize ? "[20.0, 5.0]" : "[5.0, 20.0]"));
    }
    auto strategy = entry->make(settings, space, seed, std::move(admits));
    return std::make_unique<Rewarded>(std::move(strategy), objective);
  }
  throw UsageError("strategy.kind = \"" + shown(settings.kind) +
                   "\" is not known; did you mean \"" +
                   nearest_name(settings.kind, strategy_kinds()) + "\"?");
}

std::vector<std::string> strategy_kinds() {
  std::vector<std::string> kinds;
  for (const StrategyKind& entry : strategies()) kinds.push_back(entry.name);
  return kinds;
}

bool heeds_epsilon(const std::string& kind) {
  const StrategyKind* entry = find_strategy(kind);
  return entry != nullptr && entry->heeds_epsilon;
}

int64_t uniform_models(const StrategySettings& settings, int64_t models) {
  const StrategyKind* entry = find_strategy(settings.kind);
  if (entry == nullptr || !entry->uniform_models) return 0;
  return std::min(models, entry->uniform_models(settings, models));
}

}  // namespace metaqnn::search
