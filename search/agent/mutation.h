// An architecture that is like this one, and one the space allows.
//
// One edit at a random step: another choice there, or, where walks may differ in length, a choice
// put in or a layer left out. What follows keeps its labels as far as they are legal, leaves out
// those that are not, and goes on with random choices where the walk would not have ended.
//
//   Walk child = mutate(space, parent, random);
//
// Source: the mutations of Real, Aggarwal, Huang, Le, "Regularized evolution for image classifier
// architecture search", AAAI 2019, carried over to a space of walks.
#pragma once

#include "metaqnn/base/random.h"
#include "metaqnn/search/space/space.h"

namespace metaqnn::search {

// Different from `walk` wherever the space has more than one walk (else it is `walk`).
Walk mutate(const Space& space, const Walk& walk, Random& random);

}  // namespace metaqnn::search
