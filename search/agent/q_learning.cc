#include "search/agent/q_learning.h"

#include <algorithm>
#include <cmath>

#include "metaqnn/base/error.h"

namespace metaqnn::search {
namespace {

void check_fraction(const char* key, double value) {
  if (!(value >= 0 && value <= 1)) {
    throw UsageError("strategy." + std::string(key) + " = " + std::to_string(value) +
                     " must be from 0 to 1");
  }
}

}  // namespace

QLearning::QLearning(const StrategySettings& settings, const Space& space, uint64_t seed)
    : settings_(settings),
      space_(space),
      seed_(seed),
      q_(static_cast<size_t>(space.transitions()), settings.initial_q) {
  check_fraction("alpha", settings.alpha);
  check_fraction("gamma", settings.gamma);
  if (!std::isfinite(settings.initial_q)) {
    throw UsageError("strategy.initial_q = " + std::to_string(settings.initial_q) +
                     " must be a finite number");
  }
  if (settings.replay < 0) {
    throw UsageError("strategy.replay = " + std::to_string(settings.replay) +
                     " must be at least 0");
  }
}

void QLearning::observe(const SequencedSample& sample) {
  if (!sample.reward) return;
  const Space::Found found = space_.find(sample.architecture);
  if (!found.walk) return;
  const Walk& walk = *found.walk;
  const auto begin = static_cast<int32_t>(transitions_.size());
  for (size_t i = 0; i < walk.size(); ++i) {
    const int32_t value = space_.q_index(walk[i]);
    if (i + 1 == walk.size()) {
      transitions_.push_back({value, 0, 0});
    } else {
      const int32_t next = space_.state(walk[i + 1].position);
      const int32_t next_begin = space_.q_begin(next);
      transitions_.push_back({value, next_begin, next_begin + space_.choice_count(next)});
    }
  }
  episodes_.push_back({begin, static_cast<int32_t>(transitions_.size()), *sample.reward});

  Random random = Random::stream(seed_, "replay", static_cast<uint64_t>(sample.sequence));
  for (int draw = 0; draw < settings_.replay; ++draw)
    replay(episodes_[random.below(episodes_.size())]);
}

void QLearning::replay(const Episode& episode) {
  for (int32_t i = episode.end - 1; i >= episode.begin; --i) {
    const Transition& transition = transitions_[static_cast<size_t>(i)];
    double target = episode.reward;
    if (transition.next_begin != transition.next_end) {
      target = settings_.gamma * *std::max_element(q_.begin() + transition.next_begin,
                                                   q_.begin() + transition.next_end);
    }
    double& value = q_[static_cast<size_t>(transition.value)];
    value += settings_.alpha * (target - value);
  }
}

Walk QLearning::propose(const Situation& situation, Random& random) {
  Walk walk;
  for (int32_t position = space_.start(); position != Space::kEnd;) {
    const std::span<const Choice> choices = space_.choices(position);
    uint64_t choice = 0;
    if (random.uniform() < situation.epsilon) {
      choice = random.below(choices.size());
    } else {
      const std::vector<double> q = values(position);
      const double best = *std::max_element(q.begin(), q.end());
      // The n-th of the equally good ones.
      uint64_t n = random.below(static_cast<uint64_t>(std::count(q.begin(), q.end(), best)));
      while (q[choice] != best || n-- > 0) ++choice;
    }
    walk.push_back({position, static_cast<int32_t>(choice)});
    position = choices[choice].target;
  }
  return walk;
}

std::vector<double> QLearning::values(int32_t position) const {
  std::vector<double> values;
  const auto choices = static_cast<int32_t>(space_.choices(position).size());
  for (int32_t choice = 0; choice < choices; ++choice)
    values.push_back(q_[static_cast<size_t>(space_.q_index({position, choice}))]);
  return values;
}

}  // namespace metaqnn::search
