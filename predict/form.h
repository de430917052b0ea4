// On which scale of the targets is a value predicted, on which is a ranking made, and are networks
// that failed modelled apart?
//
// What is left out decides, by the process with the method's own kernel, whose left-out predictions
// on every scale cost n^2 once its Gram matrix is decomposed:
//
//   values    the least squared error in the unit of the targets
//   ranks     the largest mean of Kendall's tau among all and among the better half, so that the top
//             weighs as well
//
// A second scale has to gain kWorthAFit on that of the other, since it costs another fit.
//
//   one regression   value: mean on its scale; rank: that on its own
//   two parts        where networks failed: p, whether one trains, on the plain scale; a, how well,
//                    on the normal scores of those that trained. Value: p mean(a) + (1 - p) chance,
//                    rank: z(a) + kSure p, z(a) being a on its scale
//
// Two parts are taken where they are told to be, or where R2 and the criterion of ranks, left out,
// have the larger sum.
#pragma once

#include <string>
#include <vector>

#include "predict/regressor.h"

namespace metaqnn::predict {

// Deviations that a network sure to train stands above one sure to fail, in a ranking.
constexpr double kSure = 1.5;
constexpr double kWorthAFit = 0.003;

struct Form {
  bool two_parts = false;
  Warp value = Warp::none, rank = Warp::none;  // of one regression
  std::vector<std::string> report{};           // what was compared, one line each
};

// Once for each kernel; refers to the training.
const Form& choose_form(const Training& training, const KernelKind& kind);

// The mean of two parts, and what ranks them.
struct Mixture {
  Eigen::VectorXd mean, score;
};
// `trains`: predicted shares; `accuracy`: mean predicted accuracy; `scores`: the same on its scale,
// larger being better.
Mixture mixture(const Eigen::VectorXd& trains, const Eigen::VectorXd& accuracy,
                const Eigen::VectorXd& scores, double chance);

}  // namespace metaqnn::predict
