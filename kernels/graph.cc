#include "kernels/graph.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "metaqnn/base/error.h"

namespace metaqnn::kernels {
namespace {

constexpr Eigen::Index kPointBlock = 256;

using Indices = std::vector<Eigen::Index>;

// The k nearest of point `self` by its row of distances.
Indices nearest(const Eigen::VectorXd& distances, Eigen::Index self, Eigen::Index k) {
  Indices order(static_cast<size_t>(distances.size()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  order.erase(order.begin() + self);
  const auto closer = [&](Eigen::Index a, Eigen::Index b) {
    return distances(a) != distances(b) ? distances(a) < distances(b) : a < b;
  };
  if (k < static_cast<Eigen::Index>(order.size())) {
    std::nth_element(order.begin(), order.begin() + k, order.end(), closer);
    order.resize(static_cast<size_t>(k));
  }
  return order;
}

}  // namespace

Eigen::SparseMatrix<double> neighbour_graph(Eigen::Index n, int k, const DistanceRows& distances,
                                            int threads) {
  if (k < 1) throw UsageError("a graph needs at least 1 neighbour, not " + std::to_string(k));
  std::vector<Indices> neighbours(static_cast<size_t>(n));
  parallel_for((n + kPointBlock - 1) / kPointBlock, threads, [&](Eigen::Index block) {
    const Eigen::Index first = block * kPointBlock, count = std::min(kPointBlock, n - first);
    const Eigen::MatrixXd rows = distances(first, count);
    if (!rows.allFinite()) {
      throw UsageError("a distance from points " + std::to_string(first) + " to " +
                       std::to_string(first + count - 1) + " is infinite or no number");
    }
    for (Eigen::Index i = 0; i < count; ++i)
      neighbours[static_cast<size_t>(first + i)] = nearest(rows.row(i), first + i, k);
  });
  std::vector<Eigen::Triplet<double>> edges;
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j : neighbours[static_cast<size_t>(i)]) {
      edges.emplace_back(i, j, 1.0);
      edges.emplace_back(j, i, 1.0);
    }
  }
  Eigen::SparseMatrix<double> graph(n, n);
  graph.setFromTriplets(edges.begin(), edges.end(), [](double, double) { return 1.0; });
  return graph;
}

Eigen::SparseMatrix<double> laplacian(const Eigen::SparseMatrix<double>& graph) {
  const Eigen::VectorXd degree = graph * Eigen::VectorXd::Ones(graph.cols());
  const Eigen::VectorXd scale =
      degree.unaryExpr([](double d) { return d > 0 ? 1 / std::sqrt(d) : 0.0; });
  Eigen::SparseMatrix<double> diagonal(graph.rows(), graph.cols());
  diagonal.reserve(Eigen::VectorXi::Ones(graph.cols()));
  for (Eigen::Index i = 0; i < degree.size(); ++i)
    diagonal.insert(i, i) = degree(i) * scale(i) * scale(i);
  return diagonal - Eigen::SparseMatrix<double>(scale.asDiagonal() * graph * scale.asDiagonal());
}

}  // namespace metaqnn::kernels
