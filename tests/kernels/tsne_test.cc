#include "kernels/tsne.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "metaqnn/base/random.h"
#include "tests/error_message.h"

namespace metaqnn::kernels {
namespace {

using testing::HasSubstr;

// Three heaps of twenty points in five dimensions, far from each other.
Eigen::MatrixXd three_heaps() {
  Random random = Random::stream(1, "heaps");
  Eigen::MatrixXd points(60, 5);
  for (Eigen::Index i = 0; i < 60; ++i) {
    for (Eigen::Index k = 0; k < 5; ++k) points(i, k) = random.uniform() + (k == i % 3 ? 20 : 0);
  }
  Eigen::MatrixXd distances(60, 60);
  for (Eigen::Index i = 0; i < 60; ++i)
    distances.col(i) = (points.rowwise() - points.row(i)).rowwise().norm();
  return distances;
}

TEST(Tsne, KeepsHeapsTogetherAndApart) {
  const Eigen::MatrixXd distances = three_heaps();
  const Eigen::MatrixX2d places = tsne(distances, {.perplexity = 5});
  ASSERT_TRUE(places.allFinite());
  for (Eigen::Index i = 0; i < 60; ++i) {
    for (Eigen::Index own = i % 3; own < 60; own += 3) {
      for (Eigen::Index other = (i + 1) % 3; other < 60; other += 3)
        EXPECT_LT((places.row(i) - places.row(own)).norm(),
                  (places.row(i) - places.row(other)).norm());
    }
  }
  EXPECT_GT(kept_neighbours(distances, places), 0.6) << "ten of nineteen by chance: 0.53";
  EXPECT_LT(places.colwise().mean().norm(), 1e-9);
}

TEST(Tsne, DoesNotDependOnTheThreads) {
  const Eigen::MatrixXd distances = three_heaps();
  EXPECT_EQ(tsne(distances, {.threads = 1}), tsne(distances, {.threads = 2}));
}

TEST(Tsne, PlacesPointsThatAreAllAlike) {
  EXPECT_TRUE(tsne(Eigen::MatrixXd::Zero(50, 50)).allFinite());
  for (const Eigen::Index n : {0, 1, 2, 3, 4}) {
    const Eigen::MatrixX2d places =
        tsne(Eigen::MatrixXd::Ones(n, n) - Eigen::MatrixXd::Identity(n, n));
    EXPECT_EQ(places.rows(), n);
    EXPECT_TRUE(places.allFinite());
  }
}

TEST(Tsne, RefusesWhatIsNoMap) {
  EXPECT_THAT(tests::usage_error([] { tsne(Eigen::MatrixXd::Zero(3, 4)); }), HasSubstr("3 x 4"));
  EXPECT_THAT(tests::usage_error([] { tsne(Eigen::MatrixXd::Zero(3, 3), {.perplexity = 1}); }),
              HasSubstr("perplexity"));
}

// Points on a line at 0, 1, 2 and 4, which the map has at 0, 3, 1 and 2.2.
TEST(KeptNeighbours, CountsTiesOfTheLast) {
  const Eigen::Vector4d x(0, 1, 2, 4), on_map(0, 3, 1, 2.2);
  Eigen::MatrixXd distances(4, 4);
  for (Eigen::Index i = 0; i < 4; ++i) distances.col(i) = (x.array() - x[i]).abs();
  Eigen::MatrixX2d places = Eigen::MatrixX2d::Zero(4, 2);
  places.col(0) = on_map;
  // 0: nearest on the map is 2, wrong; 1: 4, wrong; 2: 0 (1 away), wrong; 4: 1 (0.8 away), wrong.
  EXPECT_EQ(kept_neighbours(distances, places, 1), 0);
  // Of two: {1, 2}, {0, 2}, {0, 1, 4 at 2 as well}, {2, 1}; on the map {2, 4}, {4, 2}, {0, 4}, {1, 2}.
  EXPECT_EQ(kept_neighbours(distances, places, 2), (0.5 + 0.5 + 1 + 1) / 4);
  EXPECT_TRUE(std::isnan(kept_neighbours(distances, places, 4)));
}

}  // namespace
}  // namespace metaqnn::kernels
