#include "metaqnn/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

namespace metaqnn {
namespace {

std::vector<uint64_t> first(Random random, int count) {
  std::vector<uint64_t> values;
  for (int i = 0; i < count; ++i) values.push_back(random());
  return values;
}

TEST(Random, IsXoshiro256StarStarSeededBySplitMix64) {
  // The values that Rust's rand_xoshiro gives for Xoshiro256StarStar::seed_from_u64(0).
  EXPECT_EQ(first(Random(0), 4),
            (std::vector<uint64_t>{11091344671253066420u, 13793997310169335082u,
                                   1900383378846508768u, 7684712102626143532u}));
}

TEST(Random, KeepsItsStreamsFromReleaseToRelease) {
  EXPECT_EQ(stable_hash(""), 14087677454934409008u);
  EXPECT_EQ(stable_hash("walk"), 13522686301979917766u);
  EXPECT_EQ(
      first(Random::stream(1, "walk", 0), 3),
      (std::vector<uint64_t>{4328285236007073814u, 17836273019435652847u, 4766838207630377620u}));
  EXPECT_EQ(
      first(Random::stream(1, "walk", 1), 3),
      (std::vector<uint64_t>{18368786445753513757u, 624310026388802548u, 16639908860492398050u}));
  Random random = Random::stream(1, "walk");
  std::vector<uint64_t> below;
  for (int i = 0; i < 8; ++i) below.push_back(random.below(6));
  EXPECT_EQ(below, (std::vector<uint64_t>{1, 5, 1, 3, 2, 5, 1, 0}));
}

TEST(Random, GivesEverySeedPurposeAndIndexAStreamOfItsOwn) {
  std::set<uint64_t> firsts;
  size_t streams = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (const char* purpose : {"", "walk", "wall", "replay", "weights", "kl", "klaw"}) {
      for (uint64_t index = 0; index < 50; ++index) {
        firsts.insert(Random::stream(seed, purpose, index)());
        ++streams;
      }
    }
  }
  EXPECT_EQ(firsts.size(), streams);
}

TEST(Random, StreamsDoNotDependOnWhatAnotherStreamTook) {
  Random walk = Random::stream(7, "walk", 3);
  Random replay = Random::stream(7, "replay", 3);
  const std::vector<uint64_t> alone = first(walk, 10);
  for (int i = 0; i < 100; ++i) replay();
  EXPECT_EQ(first(Random::stream(7, "walk", 3), 10), alone);
}

TEST(Random, StreamsOfNeighbouringIndicesAreUncorrelated) {
  // Mean of (u - 1/2)(v - 1/2) over 20,000 pairs: expected 0, standard deviation 1/12 / sqrt(20000)
  // = 0.00059.
  double sum = 0;
  for (uint64_t index = 0; index < 20000; ++index) {
    const double u = Random::stream(1, "walk", index).uniform();
    const double v = Random::stream(1, "walk", index + 1).uniform();
    sum += (u - 0.5) * (v - 0.5);
  }
  EXPECT_NEAR(sum / 20000, 0, 5 * 0.00059);
}

TEST(Random, DrawsEachNumberBelowABoundEquallyOften) {
  for (const uint64_t bound : {1, 2, 3, 6, 7, 10}) {
    Random random = Random::stream(1, "below", bound);
    std::map<uint64_t, int> counts;
    const int draws = 60000;
    for (int i = 0; i < draws; ++i) ++counts[random.below(bound)];
    ASSERT_EQ(counts.size(), bound);
    EXPECT_LT(counts.rbegin()->first, bound);
    // A count is binomial: five standard deviations.
    const double p = 1.0 / static_cast<double>(bound);
    const double tolerance = 5 * std::sqrt(draws * p * (1 - p));
    for (const auto& [value, count] : counts) EXPECT_NEAR(count, draws * p, tolerance) << value;
  }
}

TEST(Random, IsUnbiasedForABoundNearTheLargest) {
  // Below 3/4 of 2^64 the naive product would give multiples of three twice as often as the rest.
  const uint64_t bound = 3ull << 62;
  Random random = Random::stream(1, "large bound");
  int low = 0;
  std::map<uint64_t, int> remainders;
  for (int i = 0; i < 30000; ++i) {
    const uint64_t value = random.below(bound);
    ASSERT_LT(value, bound);
    low += value < bound / 2 ? 1 : 0;
    ++remainders[value % 3];
  }
  EXPECT_NEAR(low, 15000, 5 * std::sqrt(30000 * 0.25));
  for (const auto& [remainder, count] : remainders)
    EXPECT_NEAR(count, 10000, 5 * std::sqrt(30000 * 2.0 / 9)) << remainder;
}

TEST(Random, RefusesABoundOfZero) { EXPECT_THROW(Random(1).below(0), std::logic_error); }

TEST(Random, DrawsUniformNumbersFromZeroToOne) {
  Random random = Random::stream(1, "uniform");
  double sum = 0, squares = 0;
  for (int i = 0; i < 100000; ++i) {
    const double value = random.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
    squares += value * value;
  }
  // Mean 1/2 with standard deviation sqrt(1/12/100000) = 0.00091; mean square 1/3 with
  // sqrt(4/45/100000) = 0.00094.
  EXPECT_NEAR(sum / 100000, 0.5, 5 * 0.00091);
  EXPECT_NEAR(squares / 100000, 1.0 / 3, 5 * 0.00094);
}

TEST(Random, ShufflesIntoEveryOrderEquallyOften) {
  Random random = Random::stream(1, "shuffle");
  std::map<std::vector<int>, int> orders;
  for (int i = 0; i < 12000; ++i) {
    std::vector<int> values{1, 2, 3};
    shuffle(values, random);
    ++orders[values];
  }
  // 3! = 6 orders, 2000 each, standard deviation sqrt(12000 * 1/6 * 5/6) = 40.8.
  ASSERT_EQ(orders.size(), 6u);
  for (const auto& [order, count] : orders) EXPECT_NEAR(count, 2000, 5 * 40.8);
  std::vector<int> none;
  shuffle(none, random);
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace metaqnn
