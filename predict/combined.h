// The best single predictor made from the pieces:
//
//   f(x) = (g(x) + t(x)) / 2
//
//   g   the Gaussian process with kernel  a_1 linear + a_2 rbf + a_3 edit  and all their parameters
//       (predict/kernel_predictor.h)
//   t   a forest of extremely randomised trees on the same features (predict/forest.h)
//
// A kernel and trees err differently, so that the mean of both is better than either. Equal shares
// do better than shares fitted to what both predict for points left out: the process has chosen its
// hyper-parameters on these (docs/methods/combined.md). The deviation is that of g, scaled so that
// the left-out errors of f have the size it claims.
#pragma once

#include "predict/predictor.h"

namespace metaqnn::predict {

std::unique_ptr<Predictor> fit_combined(const Training& training);
std::unique_ptr<Predictor> restore_combined(const Training& training, const nlohmann::json& state);

}  // namespace metaqnn::predict
