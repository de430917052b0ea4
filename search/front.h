// Which networks of a study with several measures does no other beat, and how much is that worth? The front of the
// complete trials, and the hypervolume between it and a reference, in the product of the measures' units
// (kernels/pareto.h). With one measure the front is the best trial.
//
//   const Front front = front_of(study->trials(false), objective);
//   front.trials, front.hypervolume, front.reference
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

struct Front {
  std::vector<Trial> trials;  // the best of the first measure first
  std::vector<datasets::Measure> measures;
  std::vector<double> reference;  // a value of each measure; {} where no trial is complete
  double hypervolume = 0;

  // In the order of the measures.
  std::vector<std::pair<std::string, double>> named_reference() const;
};

// `trials`: by number. Those that lack one of the measures are left out.
Front front_of(const std::vector<Trial>& trials, const Objective& objective);

}  // namespace metaqnn::search
