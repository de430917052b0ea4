// Matrices for tests: random ones, small ones, repaired ones, and how far two are apart.
#pragma once

#include <Eigen/Core>
#include <initializer_list>

#include "kernels/positive_definite.h"
#include "metaqnn/base/random.h"

namespace metaqnn::tests {

// Numbers uniform in [-1, 1), a function of the seed.
inline Eigen::MatrixXd random_matrix(Eigen::Index rows, Eigen::Index columns, uint64_t seed) {
  Random random(seed);
  Eigen::MatrixXd x(rows, columns);
  for (double& value : x.reshaped()) value = 2 * random.uniform() - 1;
  return x;
}

inline Eigen::VectorXd vector(std::initializer_list<double> values) {
  return Eigen::Map<const Eigen::VectorXd>(values.begin(),
                                           static_cast<Eigen::Index>(values.size()));
}

inline double largest_difference(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  return a.size() == 0 ? 0 : (a - b).cwiseAbs().maxCoeff();
}

// K+ of kernels/positive_definite.h.
inline Eigen::MatrixXd repaired(const kernels::Spectrum& spectrum) {
  return spectrum.vectors * spectrum.clipped().asDiagonal() * spectrum.vectors.transpose();
}

}  // namespace metaqnn::tests
