// The best single predictor made from the pieces:
//
//   f(x) = w g(x) + (1 - w) t(x)
//
//   g   the Gaussian process with kernel  a_1 linear + a_2 rbf + a_3 edit  and all their parameters
//       (predict/kernel_regressor.h); from kFewestToChooseKernel points on with rbf alone, if that has
//       the smaller left-out errors
//   t   boosted trees on the same features (predict/boosting.h)
//
// A kernel and trees err differently, so that a mean of both is better than either. The share w is
// that with the least squared error on what both predict for points left out, drawn towards 1/2 as
// far as these are noisy:
//
//   minimise  sum_i (y_i - w g_i - (1 - w) t_i)^2 + (w - 1/2)^2 v / s^2      0 <= w <= 1
//
// v being the smaller of both mean squared errors and s = 0.2. What g predicts for a point left out
// is by hyper-parameters that were chosen without it, since those chosen with it would flatter g:
// where they are chosen on a part of the points, the others tell; with fewer points they are chosen
// again for each fold. The deviation is that of g and what g and t disagree by, scaled so that
// left-out errors have the size it claims. Figures: docs/methods/combined.md.
#pragma once

#include "predict/regressor.h"

namespace metaqnn::predict {

constexpr Eigen::Index kFewestToChooseKernel = 1500;

std::unique_ptr<Regressor> fit_combined(const Training& training);
std::unique_ptr<Regressor> restore_combined(const Training& training, const nlohmann::json& state);

}  // namespace metaqnn::predict
