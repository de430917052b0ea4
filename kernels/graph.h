// Which points lie next to each other, and how rough is a function on them?
//
//   neighbour_graph   W, n x n: W_ij = W_ji = 1 where j is among the k nearest of i or i among those
//                     of j, else 0; W_ii = 0. Ties go to the smaller index.
//   laplacian         L = I - D^-1/2 W D^-1/2, normalised, D the diagonal matrix of W's row sums;
//                     f' L f = 1/2 sum_ij W_ij (f_i / sqrt(D_ii) - f_j / sqrt(D_jj))^2. A point
//                     without neighbours has a row of zeros.
//
// Distances come in blocks of rows, so that n^2 of them are never held at once: `distances(first,
// count)` gives rows first to first + count - 1 as a count x n matrix. Cost: n^2 distances and n^2
// comparisons; memory 256 x n distances per thread.
// Source: Belkin, Niyogi, Sindhwani, "Manifold regularization", JMLR 7 (2006), section 2; Chung,
// "Spectral graph theory" (1997), section 1.2.
//
//   auto graph = neighbour_graph(n, 10, [&](Eigen::Index first, Eigen::Index count) {
//     return squared_distances(x.middleRows(first, count), x); });
//   double roughness = f.dot(laplacian(graph) * f);
#pragma once

#include <Eigen/Core>
#include <Eigen/SparseCore>
#include <functional>

namespace metaqnn::kernels {

using DistanceRows = std::function<Eigen::MatrixXd(Eigen::Index first, Eigen::Index count)>;

// Throws UsageError for k < 1; k >= n joins all points.
Eigen::SparseMatrix<double> neighbour_graph(Eigen::Index n, int k, const DistanceRows& distances,
                                            int threads = 1);

Eigen::SparseMatrix<double> laplacian(const Eigen::SparseMatrix<double>& graph);

}  // namespace metaqnn::kernels
