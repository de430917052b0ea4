// Edit costs of 1 for every insertion, deletion and substitution: Levenshtein's distance.
#pragma once

#include "kernels/edit_distance.h"

namespace metaqnn::tests {

inline kernels::EditCosts unit_costs(int alphabet) {
  kernels::EditCosts costs{Eigen::MatrixXd::Ones(alphabet, alphabet),
                           Eigen::VectorXd::Ones(alphabet), Eigen::VectorXd::Ones(alphabet)};
  costs.substitution.diagonal().setZero();
  return costs;
}

}  // namespace metaqnn::tests
