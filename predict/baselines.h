// How well does the obvious do? What every evaluation prints beside the predictors.
//
//   mean            the mean of the training targets
//   depth           a straight line in the number of layers (tokens, for texts)
//   log-parameters  a straight line in log2 of the parameters; mean where there is no such column
//   nearest         the target of the nearest training point by edit distance under the costs that
//                   nobody has tuned; the mean of several equally near
#pragma once

#include "predict/regressor.h"

namespace metaqnn::predict {

std::unique_ptr<Regressor> fit_mean(const Training& training);
std::unique_ptr<Regressor> fit_depth(const Training& training);
std::unique_ptr<Regressor> fit_log_parameters(const Training& training);
std::unique_ptr<Regressor> fit_nearest(const Training& training);
// A baseline has no hyper-parameters and no state: it is fitted again.
template <std::unique_ptr<Regressor> (*fit)(const Training&)>
std::unique_ptr<Regressor> restore_baseline(const Training& training, const nlohmann::json&) {
  return fit(training);
}

}  // namespace metaqnn::predict
