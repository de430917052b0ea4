#include "kernels/graph.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kernels/rbf.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "tests/error_message.h"
#include "tests/tolerances.h"

namespace metaqnn::kernels {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using tests::kRounding;
using Graph = Eigen::SparseMatrix<double>;

DistanceRows rows_of(const MatrixXd& distances) {
  return [distances](Index first, Index count) -> MatrixXd {
    return distances.middleRows(first, count);
  };
}

MatrixXd random_distances(Index n, uint64_t seed) {
  Random random(seed);
  MatrixXd x(n, 2);
  for (double& value : x.reshaped()) value = random.uniform();
  return squared_distances(x, x);
}

VectorXd random_function(Index n, uint64_t seed) {
  Random random(seed);
  VectorXd f(n);
  for (double& value : f) value = 2 * random.uniform() - 1;
  return f;
}

Graph random_graph(Index n, int k, uint64_t seed) {
  return neighbour_graph(n, k, rows_of(random_distances(n, seed)));
}

Graph graph_of(Index n, const std::vector<std::pair<Index, Index>>& edges) {
  MatrixXd graph = MatrixXd::Zero(n, n);
  for (auto [i, j] : edges) graph(i, j) = graph(j, i) = 1;
  return graph.sparseView();
}

// Points at 0, 1, 3 and 7: each one's nearest is the one before it, and that of the first is the
// second, so that the graph is the path 0 - 1 - 2 - 3.
MatrixXd distances_on_a_line() {
  MatrixXd distances(4, 4);
  distances << 0, 1, 3, 7, 1, 0, 2, 6, 3, 2, 0, 4, 7, 6, 4, 0;
  return distances;
}

Graph path() { return graph_of(4, {{0, 1}, {1, 2}, {2, 3}}); }

// Sorts everything.
Graph slow_graph(const MatrixXd& distances, Index k) {
  std::vector<std::pair<Index, Index>> edges;
  for (Index i = 0; i < distances.rows(); ++i) {
    std::vector<std::pair<double, Index>> others;
    for (Index j = 0; j < distances.cols(); ++j)
      if (j != i) others.emplace_back(distances(i, j), j);
    std::sort(others.begin(), others.end());
    for (Index j = 0; j < k; ++j) edges.emplace_back(i, others[static_cast<size_t>(j)].second);
  }
  return graph_of(distances.rows(), edges);
}

void expect_equal(const Graph& a, const Graph& b) {
  ASSERT_EQ(a.rows(), b.rows());
  ASSERT_EQ(a.cols(), b.cols());
  EXPECT_EQ((MatrixXd(a) - MatrixXd(b)).cwiseAbs().maxCoeff(), 0);
}

std::string refusal(int k) {
  return tests::usage_error([&] { neighbour_graph(4, k, rows_of(distances_on_a_line())); });
}

TEST(NeighbourGraph, OfPointsOnALineIsAPath) {
  expect_equal(neighbour_graph(4, 1, rows_of(distances_on_a_line())), path());
}

// The second nearest: of 0 it is 2, of 1 it is 2, of 2 it is 0, of 3 it is 1. All but 0 - 3.
TEST(NeighbourGraph, OfTwoNeighboursOnALineWorkedByHand) {
  expect_equal(neighbour_graph(4, 2, rows_of(distances_on_a_line())),
               graph_of(4, {{0, 1}, {0, 2}, {1, 2}, {1, 3}, {2, 3}}));
}

// 300 points are more than one block of rows.
TEST(NeighbourGraph, EqualsThatOfSortingAllDistances) {
  const MatrixXd distances = random_distances(300, 1);
  for (int k : {1, 2, 7, 299})
    expect_equal(neighbour_graph(300, k, rows_of(distances)), slow_graph(distances, k));
}

TEST(NeighbourGraph, IsSymmetricOfOnesWithoutLoops) {
  const MatrixXd graph = random_graph(100, 5, 2);
  EXPECT_EQ(graph, graph.transpose());
  EXPECT_TRUE((graph.array() == 0 || graph.array() == 1).all());
  EXPECT_EQ(graph.diagonal(), VectorXd::Zero(100));
  EXPECT_GE(graph.rowwise().sum().minCoeff(), 5);
}

TEST(NeighbourGraph, OfAPointThatComesTwiceJoinsTheTwoAndNeitherToItself) {
  MatrixXd distances(3, 3);
  distances << 0, 0, 5, 0, 0, 5, 5, 5, 0;
  expect_equal(neighbour_graph(3, 1, rows_of(distances)), graph_of(3, {{0, 1}, {0, 2}}));
}

TEST(NeighbourGraph, OfManyNeighboursIsComplete) {
  const Graph complete = graph_of(4, {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}});
  for (int k : {3, 4, 1000})
    expect_equal(neighbour_graph(4, k, rows_of(distances_on_a_line())), complete);
}

// All at one distance: one neighbour makes 0 the nearest of all others and 1 that of 0; with two,
// only 2 and 3 do not choose each other.
TEST(NeighbourGraph, BreaksTiesToTheSmallerIndex) {
  const MatrixXd equal = MatrixXd::Ones(4, 4);
  expect_equal(neighbour_graph(4, 1, rows_of(equal)), graph_of(4, {{0, 1}, {0, 2}, {0, 3}}));
  expect_equal(neighbour_graph(4, 2, rows_of(equal)),
               graph_of(4, {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}}));
}

TEST(NeighbourGraph, IsTheSameWithAnyNumberOfThreads) {
  const MatrixXd distances = random_distances(600, 3);
  expect_equal(neighbour_graph(600, 4, rows_of(distances), 3),
               neighbour_graph(600, 4, rows_of(distances), 1));
}

TEST(NeighbourGraph, AsksForEachRowOnceAndForFewAtATime) {
  const MatrixXd distances = random_distances(600, 4);
  std::mutex mutex;
  std::vector<int> asked(600);
  neighbour_graph(
      600, 4,
      [&](Index first, Index count) -> MatrixXd {
        const std::lock_guard lock(mutex);
        EXPECT_LE(count, 256);
        for (Index i = first; i < first + count; ++i) ++asked[static_cast<size_t>(i)];
        return distances.middleRows(first, count);
      },
      2);
  EXPECT_EQ(asked, std::vector<int>(600, 1));
}

TEST(NeighbourGraph, OfOnePointOrNoneHasNoEdges) {
  EXPECT_EQ(neighbour_graph(1, 3, rows_of(MatrixXd::Zero(1, 1))).nonZeros(), 0);
  EXPECT_EQ(neighbour_graph(0, 3, rows_of(MatrixXd(0, 0))).nonZeros(), 0);
}

TEST(NeighbourGraph, NeedsANeighbour) {
  EXPECT_EQ(refusal(0), "a graph needs at least 1 neighbour, not 0");
  EXPECT_EQ(refusal(-3), "a graph needs at least 1 neighbour, not -3");
}

TEST(NeighbourGraph, RefusesDistancesThatAreNoNumbers) {
  const DistanceRows rows = [](Index, Index count) -> MatrixXd {
    MatrixXd distances = MatrixXd::Ones(count, 4);
    distances(count - 1, 2) = NAN;
    return distances;
  };
  EXPECT_THROW(neighbour_graph(4, 1, rows, 1), UsageError);
}

// -1 / sqrt(degree_i degree_j) beside the diagonal: 1/sqrt(2), 1/2, 1/sqrt(2).
TEST(Laplacian, OfAPathWorkedByHand) {
  const double r = std::sqrt(0.5);
  MatrixXd expected(4, 4);
  expected << 1, -r, 0, 0, -r, 1, -0.5, 0, 0, -0.5, 1, -r, 0, 0, -r, 1;
  EXPECT_LT((MatrixXd(laplacian(path())) - expected).cwiseAbs().maxCoeff(), kRounding);
}

TEST(Laplacian, OfTheRootsOfTheDegreesIsZero) {
  const Graph graph = random_graph(100, 5, 6);
  const VectorXd roots = (graph * VectorXd::Ones(100)).cwiseSqrt();
  EXPECT_LT((laplacian(graph) * roots).cwiseAbs().maxCoeff(), kRounding);
}

// f' L f = 1/2 sum_ij W_ij (f_i / sqrt(degree_i) - f_j / sqrt(degree_j))^2.
TEST(Laplacian, MeasuresTheRoughnessOfAFunction) {
  const Graph graph = random_graph(100, 5, 7);
  const VectorXd degrees = graph * VectorXd::Ones(100);
  const auto roughness = [&](const VectorXd& f) {
    double sum = 0;
    for (Index i = 0; i < 100; ++i)
      for (Index j = 0; j < 100; ++j) sum += graph.coeff(i, j) * std::pow(f(i) - f(j), 2);
    return sum / 2;
  };
  const Graph l = laplacian(graph);
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const VectorXd f = random_function(100, seed);
    EXPECT_NEAR(f.dot(l * f) / roughness(f.cwiseQuotient(degrees.cwiseSqrt())), 1, kRounding);
  }
}

// 2 is the largest just where the graph falls into two sides, as a path does.
TEST(Laplacian, HasEigenvaluesFromZeroToTwo) {
  const auto eigenvalues = [](const Graph& graph) -> VectorXd {
    return Eigen::SelfAdjointEigenSolver<MatrixXd>(MatrixXd(laplacian(graph))).eigenvalues();
  };
  const VectorXd many = eigenvalues(random_graph(100, 3, 8));
  EXPECT_NEAR(many(0), 0, kRounding);
  EXPECT_LT(many(99), 2 + kRounding);
  EXPECT_NEAR(eigenvalues(path())(3), 2, kRounding);
}

TEST(Laplacian, OfAnIsolatedPointIsARowOfZeros) {
  MatrixXd expected(3, 3);
  expected << 1, 0, -1, 0, 0, 0, -1, 0, 1;
  expect_equal(laplacian(graph_of(3, {{0, 2}})), expected.sparseView());
}

TEST(Laplacian, TakesWeights) {
  const Graph graph = 4 * graph_of(2, {{0, 1}});
  MatrixXd expected(2, 2);
  expected << 1, -1, -1, 1;
  expect_equal(laplacian(graph), expected.sparseView());
}

}  // namespace
}  // namespace metaqnn::kernels
