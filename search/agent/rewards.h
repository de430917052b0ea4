// What is a sample worth to an agent that learns from one number? With one measure what the objective says
// (reward_of). With several the mean over the measures of the share of samples, this one and those before it, that
// it is better than in that measure, equal ones counting half: from 0 to 1 whatever the units, and a function of
// the samples in their order. A network that does not learn is the worst in what it lacks.
#pragma once

#include <optional>
#include <vector>

#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

class Rewards {
 public:
  explicit Rewards(Objective objective);
  // Of the next sample in the order of sequence; none where there is nothing to learn from.
  std::optional<double> next(const SequencedSample& sample);

 private:
  Objective objective_;
  std::vector<datasets::Measure> measures_;
  std::vector<std::vector<double>>
      known_;  // of each measure what samples had of it, the worst first
};

}  // namespace metaqnn::search
