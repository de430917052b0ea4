// May this architecture be proposed? What an evaluator would refuse for its size before it trains
// anything (max_parameters, max_memory) is a wasted proposal, so `random`, `regularized_evolution`
// and `guided` draw again. `q_learning` does not ask: there a network that is too large is a walk
// of the agent like any other, and fails by the rules of the paper's search.
//
//   Walk walk = admitted_walk(space, admits, random);
//
// Cost: one check for each draw, which is the time of parsing the string and counting its
// parameters.
#pragma once

#include <functional>
#include <optional>

#include "metaqnn/base/random.h"
#include "metaqnn/search/space/distinct_walks.h"

namespace metaqnn::search {

// How many draws in a row may be refused.
constexpr int kMostRefusedChildren = 1000, kMostRefusedWalks = 100'000;

inline bool admitted(const Admission& admits, const Space& space, const Walk& walk) {
  return !admits || admits(space.text(walk));
}

// The first of `tries` draws that is admitted; nothing where none is.
std::optional<Walk> first_admitted(const Admission& admits, const Space& space, int tries,
                                   const std::function<Walk()>& draw);

// A uniform walk among those that are admitted. Throws FailureError after kMostRefusedWalks.
Walk admitted_walk(const Admission& admits, const Space& space, Random& random);

}  // namespace metaqnn::search
