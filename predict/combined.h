// The best single predictor made from the pieces:
//
//   f(x) = v g(x) + (1 - v) t(x)
//
//   g   the Gaussian process with kernel  a_1 linear + a_2 rbf + a_3 edit,  whose widths and costs
//       start where rbf-ls and ed-ls found theirs (predict/kernel_predictor.h)
//   t   a forest of extremely randomised trees on the same features (predict/forest.h)
//   v   in [0, 1], least squares on what both predict for training points they did not see
//
// A kernel and trees err differently, so that the mean of both is better than either. The deviation
// is that of g and the spread of t, weighed alike, and scaled so that the left-out errors of f have
// it on average.
#pragma once

#include "predict/predictor.h"

namespace metaqnn::predict {

std::unique_ptr<Predictor> fit_combined(const Training& training);
std::unique_ptr<Predictor> restore_combined(const Training& training, const nlohmann::json& state);

}  // namespace metaqnn::predict
