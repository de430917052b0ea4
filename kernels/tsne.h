// Where would points lie on a map, of which only the distances are known, so that near ones stay near?
//
// t-distributed stochastic neighbour embedding: places y_i that minimise the divergence of
//
//   q_ij = w_ij / sum over k != l of w_kl,   w_ij = 1 / (1 + |y_i - y_j|^2)
//
// from p_ij = (p_j|i + p_i|j) / 2n, where p_j|i falls as exp(-b_i d_ij^4) over the 3 * perplexity
// nearest points of i, with b_i such that the entropy of p_.|i is log(perplexity). By gradient
// descent with momentum and gains, the p_ij enlarged at first, from the two main axes of the
// distances. The places have no unit.
//
// Perplexity is about the number of neighbours that are to stay. The fourth power, where the source
// has the second, is for edit distances, which are small whole numbers with many ties: it kept more
// of the ten nearest on every log tried (docs/report.md).
//
// A function of the distances and the settings; not of the threads. Cost: n^2 for each iteration.
// Source: van der Maaten and Hinton, "Visualizing data using t-SNE", Journal of Machine Learning
// Research 9 (2008); the sparse p and the enlarged start as in van der Maaten, ibid. 15 (2014). The
// repulsion is exact here.
//
//   Eigen::MatrixX2d places = tsne(edit_distances(sequences, costs));
//   kept_neighbours(edit_distances(sequences, costs), places);   // 0.6
#pragma once

#include <Eigen/Core>

namespace metaqnn::kernels {

struct TsneSettings {
  double perplexity = 30;  // above 1; of a third of the other points at most
  int iterations = 750;
  int threads = 1;
};

// `distances`: n x n, symmetric, >= 0 and finite. n x 2, centred at 0. Throws UsageError for a
// matrix that is not square, and settings outside their range.
Eigen::MatrixX2d tsne(const Eigen::MatrixXd& distances, const TsneSettings& settings = {});

// The share of a point's `count` nearest on the map that are among its `count` nearest by the
// distances, where all count that are as near as the last of them; the mean over the points. NaN for
// no more than `count` points.
double kept_neighbours(const Eigen::MatrixXd& distances, const Eigen::MatrixX2d& places,
                       int count = 10, int threads = 1);

}  // namespace metaqnn::kernels
