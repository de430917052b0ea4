// What is each choice worth, given everything sampled so far?
//
// After each sample, K = settings.replay draws, uniform with replacement, from all samples so far;
// each draw updates its whole walk from the last choice to the first:
//
//   Q(s, u) <- (1 - alpha) Q(s, u) + alpha r                             for the last choice
//   Q(s, u) <- (1 - alpha) Q(s, u) + alpha gamma max over u' of Q(s', u')   for the others
//
// with s' the next state of the walk, u' its choices and r the sample's reward (best validation
// accuracy; 1/classes for a network that does not learn). Baker et al., ICLR 2017, equation 3 and
// Algorithms 1 to 3. The draws after the i-th sample come from the random stream (seed, "replay",
// i), so the table is a pure function of (ordered samples, settings, seed).
//
// Cost: K x depth x (choices per state) per sample; a study of 2,700 models folds in about 0.03 s
// (docs/performance.md).
#pragma once

#include <vector>

#include "metaqnn/search/agent/strategy.h"

namespace metaqnn::search {

class QLearning : public Strategy {
 public:
  QLearning(const StrategySettings& settings, const Space& space, uint64_t seed);

  void observe(const SequencedSample& sample) override;
  // Each step greedy with probability 1 - epsilon, ties broken at random; uniform otherwise.
  Walk propose(const Situation& situation, Random& random) override;

  // Q-values of the choices at a position, in the order of space.choices(position).
  std::vector<double> values(int32_t position) const;

 private:
  struct Transition {
    int32_t value;       // index of Q(s, u)
    int32_t next_begin;  // the values of s'; empty after the last choice
    int32_t next_end;
  };
  struct Episode {
    int32_t begin, end;  // in transitions_
    double reward;
  };

  void replay(const Episode& episode);

  StrategySettings settings_;
  const Space& space_;
  uint64_t seed_;
  std::vector<double> q_;
  std::vector<Transition> transitions_;  // of all episodes
  std::vector<Episode> episodes_;
};

}  // namespace metaqnn::search
