// How can a similarity that is no kernel be used as one?
//
// exp(-d/h) of an edit distance d is not positive definite: on real architectures about a fifth of
// the eigenvalues of its Gram matrix are negative, and least squares with it explodes. The repair
// drops them:
//
//   K = V diag(w) V'        symmetric, n x n, of the training points
//   K+ = V diag(max(w, 0)) V'
//   k+(x) = P k(x),  P = V+ V+'       V+ the eigenvectors of positive w
//
// Training and prediction then use one kernel: for a training point x, P k(x) is its row of K+.
// Prediction needs no extra work, because k+(x)' alpha = k(x)' (P alpha): the coefficients are
// projected once. Where K is positive definite already, nothing changes.
//
// Source: spectrum clip of Chen, Garcia, Gupta, Rahimi, Cazzanti, "Similarity-based classification",
// JMLR 10 (2009), section 3. Cost: n^3, one decomposition by LAPACK's divide and conquer.
//
//   const Spectrum spectrum = decompose(gram);
//   report(spectrum).negative;                    // how many were dropped
//   spectrum.clipped();                           // the eigenvalues of K+
#pragma once

#include <Eigen/Core>

namespace metaqnn::kernels {

struct Spectrum {
  Eigen::VectorXd values;   // n, ascending, as they are
  Eigen::MatrixXd vectors;  // n x n, columns

  // max(values, 0); those within rounding of 0 are 0.
  Eigen::VectorXd clipped() const;
};

// Throws UsageError unless `matrix` is square, symmetric to rounding, and finite.
Spectrum decompose(const Eigen::MatrixXd& matrix);

struct RepairReport {
  Eigen::Index size = 0, negative = 0;  // eigenvalues in all, below zero beyond rounding
  double most_negative = 0;             // the smallest eigenvalue, 0 if none is negative
  double negative_share = 0;            // sum of |negative| over sum of |all|
};
RepairReport report(const Spectrum& spectrum);

}  // namespace metaqnn::kernels
