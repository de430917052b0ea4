// Matrices of numbers uniform in [-1, 1), a function of the seed.
#pragma once

#include <Eigen/Core>

#include "architecture/random.h"

namespace metaqnn::tests {

inline Eigen::MatrixXd random_matrix(Eigen::Index rows, Eigen::Index columns, uint64_t seed) {
  Random random(seed);
  Eigen::MatrixXd x(rows, columns);
  for (double& value : x.reshaped()) value = 2 * random.uniform() - 1;
  return x;
}

}  // namespace metaqnn::tests
