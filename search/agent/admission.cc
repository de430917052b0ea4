#include "search/agent/admission.h"

#include "metaqnn/base/error.h"

namespace metaqnn::search {

std::optional<Walk> first_admitted(const Admission& admits, const Space& space, int tries,
                                   const std::function<Walk()>& draw) {
  for (int i = 0; i < tries; ++i) {
    Walk walk = draw();
    if (admitted(admits, space, walk)) return walk;
  }
  return std::nullopt;
}

Walk admitted_walk(const Admission& admits, const Space& space, Random& random) {
  std::optional<Walk> walk =
      first_admitted(admits, space, kMostRefusedWalks, [&] { return space.uniform_walk(random); });
  if (walk) return std::move(*walk);
  throw FailureError(
      "none of " + std::to_string(kMostRefusedWalks) +
      " networks in a row keeps evaluator.max_parameters and evaluator.max_memory; make a study "
      "with higher limits, or with smaller layers in its space");
}

}  // namespace metaqnn::search
