#include "kernels/pareto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "metaqnn/base/random.h"
#include "tests/reference/pareto.h"
#include "tests/tolerances.h"

namespace metaqnn::kernels {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::Vector2d;
using Eigen::Vector3d;
using Eigen::VectorXd;
using testing::ElementsAre;

// Of few different values, so that many are equal.
MatrixXd random_points(Random& random, Index rows, Index columns) {
  MatrixXd points(rows, columns);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) points(i, j) = static_cast<double>(random.below(9)) - 2;
  }
  return points;
}

// (1,3) and (2,2) beat (1,1) and (1,2); (2,2) is there twice.
TEST(Front, IsWhatNoOtherDominatesAndOfEqualPointsTheFirst) {
  MatrixXd points(5, 2);
  points << 1, 1, 2, 2, 1, 3, 2, 2, 1, 2;
  EXPECT_THAT(non_dominated(points), ElementsAre(1, 2));
  EXPECT_THAT(front_numbers(points), ElementsAre(2, 0, 0, 0, 1));
  EXPECT_THAT(non_dominated(MatrixXd(0, 2)), ElementsAre());
}

TEST(Front, CountsWhatIsNoNumberAsTheWorst) {
  MatrixXd points(2, 2);
  points << std::numeric_limits<double>::quiet_NaN(), 3, 1, 3;
  EXPECT_THAT(non_dominated(points), ElementsAre(1));
}

TEST(Front, AgreesWithItsSlowTwin) {
  Random random(1);
  for (int i = 0; i < 60; ++i) {
    const MatrixXd points =
        random_points(random, 1 + static_cast<Index>(random.below(25)), 1 + i % 4);
    const std::vector<int> numbers = front_numbers(points);
    EXPECT_EQ(numbers, reference::front_numbers(points)) << points;
    const std::vector<Index> front = non_dominated(points);
    for (size_t a = 0; a < front.size(); ++a) {
      EXPECT_EQ(numbers[static_cast<size_t>(front[a])], 0);
      for (size_t b = 0; b < a; ++b) EXPECT_NE(points.row(front[a]), points.row(front[b]));
    }
    for (Index row = 0; row < points.rows(); ++row) {  // whatever is missing has its equal there
      const bool is_there = std::any_of(front.begin(), front.end(), [&](Index other) {
        return points.row(other) == points.row(row);
      });
      EXPECT_EQ(is_there, numbers[static_cast<size_t>(row)] == 0);
    }
  }
}

// On the front (0,4), (1,3), (4,0): the middle one has (4-0)/4 + (4-0)/4. (0,0) is alone behind it.
TEST(Crowding, IsTheWayBetweenTheNeighboursOnAFront) {
  MatrixXd points(4, 2);
  points << 4, 0, 0, 4, 1, 3, 0, 0;
  const VectorXd distances = crowding(points, front_numbers(points));
  EXPECT_EQ(distances(2), 2);
  for (const Index end : {0, 1, 3}) EXPECT_TRUE(std::isinf(distances(end)));
}

TEST(Hypervolume, IsTheVolumeThatAFrontCovers) {
  MatrixXd points(3, 2);
  points << 1, 3, 2, 2, 1, 1;
  EXPECT_EQ(hypervolume(points, Vector2d(0, 0)), 5);  // 1 * 3 + 1 * 2
  EXPECT_EQ(hypervolume(points, Vector2d(1, 0)), 2);  // (1,3) is not beyond it
  EXPECT_EQ(hypervolume(points, Vector2d(3, 3)), 0);
  MatrixXd corners(2, 3);
  corners << 1, 2, 3, 3, 2, 1;
  EXPECT_EQ(hypervolume(corners, Vector3d(0, 0, 0)), 10);  // 6 + 6, of which 1 * 2 * 1 twice
}

TEST(Hypervolume, AgreesWithItsSlowTwin) {
  Random random(2);
  for (int i = 0; i < 80; ++i) {
    const Index d = 1 + i % 4;
    const MatrixXd points = random_points(random, static_cast<Index>(random.below(12)), d);
    const VectorXd reference = VectorXd::Constant(d, static_cast<double>(random.below(3)) - 1);
    EXPECT_NEAR(hypervolume(points, reference), reference::hypervolume(points, reference),
                tests::kRounding * 1e4)
        << points;
  }
}

TEST(Hypervolume, GrowsByTheGainOfEachPoint) {
  Random random(3);
  for (int i = 0; i < 40; ++i) {
    const Index d = 2 + i % 3;
    const MatrixXd points = random_points(random, 12, d);
    const VectorXd reference = VectorXd::Zero(d);
    HypervolumeFront front(reference);
    for (Index row = 0; row < points.rows(); ++row) {
      const double before = hypervolume(points.topRows(row), reference);
      const double after = hypervolume(points.topRows(row + 1), reference);
      EXPECT_NEAR(front.gain(points.row(row)), after - before, tests::kRounding * 1e4);
      front.add(points.row(row));
      EXPECT_EQ(front.gain(points.row(row)), 0);
    }
  }
}

// Alone (2,2) covers 4, (4,0.5) 2 and (0.5,4) 2; then the others add 1 each.
TEST(MostHypervolume, TakesWhatAddsMostUntilNothingAddsAnything) {
  MatrixXd points(5, 2);
  points << 0.5, 4, 2, 2, 1, 1, 4, 0.5, -1, 9;
  EXPECT_THAT(most_hypervolume(points, Vector2d(0, 0), 2), ElementsAre(1, 0));
  EXPECT_THAT(most_hypervolume(points, Vector2d(0, 0), 9), ElementsAre(1, 0, 3));
  EXPECT_THAT(most_hypervolume(points, Vector2d(9, 9), 9), ElementsAre());
}

TEST(SpreadOverFront, GoesOnBehindTheFrontUntilThereAreEnough) {
  MatrixXd points(5, 2);
  points << 0.5, 4, 2, 2, 1, 1, 4, 0.5, -1, 9;
  EXPECT_THAT(spread_over_front(points, Vector2d(0, 0), 4), ElementsAre(1, 0, 3, 2));
  EXPECT_THAT(spread_over_front(points, Vector2d(0, 0), 9), ElementsAre(1, 0, 3, 2, 4));
  EXPECT_THAT(spread_over_front(points, Vector2d(9, 9), 3), ElementsAre(0, 1, 3));
}

}  // namespace
}  // namespace metaqnn::kernels
