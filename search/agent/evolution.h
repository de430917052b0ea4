// Regularized evolution: the best of a few members of the population has a child that differs in
// one layer; the oldest member dies, however good it is.
//
//   population   the last `population` rewarded samples
//   child        of the best of `tournament` members, drawn uniformly with replacement
//
// Until the population is full walks are uniform. A child that is known already is a sample like
// any other and joins the population again. A child that may not be proposed (admission.h) is drawn
// again, tournament included; where that goes on for long, the next is a uniform walk. Source:
// Real, Aggarwal, Huang, Le, AAAI 2019, algorithm 1.
#pragma once

#include <deque>

#include "metaqnn/search/agent/strategy.h"
#include "search/agent/admission.h"

namespace metaqnn::search {

class RegularizedEvolution : public Strategy {
 public:
  RegularizedEvolution(const StrategySettings& settings, const Space& space, Admission admits = {});

  void observe(const SequencedSample& sample) override;
  Walk propose(const Situation& situation, Random& random) override;

 private:
  struct Member {
    Walk walk;
    double reward;
  };

  Walk child(Random& random) const;

  size_t most_members_, tournament_;
  const Space& space_;
  Admission admits_;
  std::deque<Member> population_;  // the oldest first
};

}  // namespace metaqnn::search
