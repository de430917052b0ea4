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
//
// Of several measures the best of a tournament is the one on the first front of the population's, and of
// these the one that others crowd least (kernels/pareto.h), as in NSGA-II.
#pragma once

#include <deque>
#include <vector>

#include "metaqnn/search/agent/strategy.h"
#include "search/agent/admission.h"

namespace metaqnn::search {

class RegularizedEvolution : public Strategy {
 public:
  RegularizedEvolution(const StrategySettings& settings, const Space& space, Admission admits = {});

  void aim(const Objective& objective) override;
  void observe(const SequencedSample& sample) override;
  Walk propose(const Situation& situation, Random& random) override;

 private:
  struct Member {
    Walk walk;
    double reward;
    std::vector<double> goals{};  // of several measures
    int front = 0;
    double crowding = 0;
  };

  static bool is_better(const Member& a, const Member& b);
  void sort_population();
  Walk child(Random& random) const;

  size_t most_members_, tournament_;
  const Space& space_;
  Admission admits_;
  std::vector<datasets::Measure> measures_;  // where there are several
  std::deque<Member> population_;            // the oldest first
};

}  // namespace metaqnn::search
