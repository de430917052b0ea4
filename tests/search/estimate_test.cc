#include "search/estimate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "search/evaluate/timing.h"
#include "tests/tolerances.h"

namespace metaqnn::search {
namespace {

using testing::ElementsAre;
using testing::Pair;
using tests::kRounding;

// ---- Steps on a made-up machine ----

// Seconds of a step: `fixed` and `each` for every image; the first call costs `once` more.
struct Machine {
  double fixed = 0, each = 0, once = 0;
  std::vector<std::pair<int64_t, int64_t>> calls = {};

  BatchTime time(int64_t batch_size, double seconds) {
    return time_batches(batch_size, seconds, [this](int64_t images, int64_t steps) {
      calls.emplace_back(images, steps);
      const double taken =
          static_cast<double>(steps) * (fixed + each * static_cast<double>(images));
      return calls.size() == 1 ? taken + once : taken;
    });
  }
};

// A step of 128 images takes 0.128 s. Counted: 1 + 1 + 2 + 4 of them, then 8 s / 0.128 s is reached
// no sooner than the second that a steady rate takes.
TEST(TimeBatches, GrowsToTheWholeBatchAndStopsWhereTheRateIsSteady) {
  Machine machine{.each = 0.001};
  const BatchTime time = machine.time(128, 10);
  EXPECT_THAT(machine.calls,
              ElementsAre(Pair(2, 1), Pair(2, 1), Pair(8, 1), Pair(8, 1), Pair(32, 1), Pair(32, 1),
                          Pair(128, 1), Pair(128, 1), Pair(128, 1), Pair(128, 2), Pair(128, 4)));
  EXPECT_EQ(time.batch_size, 128);
  EXPECT_NEAR(time.seconds_per_image, 0.001, kRounding);
}

TEST(TimeBatches, DoesNotCountWhatHappensOnce) {
  Machine machine{.each = 0.001, .once = 5};
  const BatchTime time = machine.time(128, 10);
  EXPECT_EQ(time.batch_size, 128);
  EXPECT_NEAR(time.seconds_per_image, 0.001, kRounding);
}

// 0.2 s an image: two of 2 take 0.8 s, two of 8 would take 3.2 s, which fits the 9.2 s that are
// left, two of 32 would take 12.8 s.
TEST(TimeBatches, TakesFewerImagesWhereAWholeBatchTakesTooLong) {
  Machine machine{.each = 0.2};
  const BatchTime time = machine.time(128, 10);
  EXPECT_EQ(time.batch_size, 8);
  EXPECT_NEAR(time.seconds_per_image, 0.2, kRounding);
  double total = 0;
  for (const auto& [images, steps] : machine.calls)
    total += 0.2 * static_cast<double>(images * steps);
  EXPECT_LE(total, 10);
}

TEST(TimeBatches, OfADeviceTooSlowForAnythingIsStillAFigure) {
  Machine machine{.each = 100};
  const BatchTime time = machine.time(128, 10);
  EXPECT_THAT(machine.calls, ElementsAre(Pair(2, 1), Pair(2, 1)));
  EXPECT_NEAR(time.seconds_per_image, 100, kRounding);
}

TEST(TimeBatches, OfASmallBatchBeginsWithIt) {
  Machine machine{.each = 0.5};
  EXPECT_EQ(machine.time(1, 10).batch_size, 1);
  EXPECT_EQ(machine.calls.front().first, 1);
}

// ---- The cost, by hand ----

CostBasis basis() {
  CostBasis basis;
  basis.networks = {{1e6, 10}, {3e6, 30}};  // 10 s an epoch for each 1e6 MACs
  basis.mean_macs = 2e6;
  basis.models = 360;
  basis.uniform_models = 360;
  basis.epochs = 20;
  basis.learning_rates = 5;
  return basis;
}

// (1 - 0.16) (20 + 0.06) + 0.16 * 5 = 17.6504
TEST(SearchCost, EpochsOfAModelFollowFromRestarts) {
  EXPECT_NEAR(epochs_per_model(20, 5, kExpectedRestarts), 17.6504, kRounding);
  EXPECT_NEAR(epochs_per_model(20, 5, {0, 0}), 20, kRounding);
  EXPECT_NEAR(epochs_per_model(20, 5, {1, 0}), 5, kRounding);
  EXPECT_NEAR(epochs_per_model(20, 5, {0, 1.5}), 21.5, kRounding);
  // With one rate nothing begins again.
  EXPECT_NEAR(epochs_per_model(20, 1, {0, 1.5}), 20, kRounding);
}

// 20 s an epoch in the mean, so 353.008 s a model and 360 of them 35.3008 h.
TEST(SearchCost, IsModelsTimesEpochsTimesSecondsOfAnEpoch) {
  const SearchCost cost = cost_of(basis());
  EXPECT_NEAR(cost.seconds_per_model.value(), 353.008, 1e-9);
  EXPECT_NEAR(cost.hours.value(), 35.3008, 1e-9);
}

TEST(SearchCost, HalvesWithTwoAtATimeAndDoublesWithTheModels) {
  CostBasis twice = basis();
  twice.parallel = 2;
  EXPECT_NEAR(cost_of(twice).hours.value(), 35.3008 / 2, 1e-9);
  twice.models = twice.uniform_models = 1440;
  EXPECT_NEAR(cost_of(twice).hours.value(), 35.3008 * 2, 1e-9);
}

// The sample is of small networks: the walks have 4e6 MACs in the mean, so 40 s an epoch.
TEST(SearchCost, IsThatOfAllWalksNotOfTheSample) {
  CostBasis larger = basis();
  larger.mean_macs = 4e6;
  EXPECT_NEAR(cost_of(larger).seconds_per_model.value(), 2 * 353.008, 1e-9);
}

// Seconds follow the MACs exactly, so nothing is uncertain but restarts: 0.54 * 20 + 0.46 * 5 =
// 13.1 and 21.4 epochs of 20 s.
TEST(SearchCost, RangesOverRestartsWhereTheSampleIsCertain) {
  const SearchCost cost = cost_of(basis());
  EXPECT_NEAR(cost.standard_error.value(), 0, 1e-9);
  EXPECT_NEAR(cost.hours_low.value(), 13.1 * 20 / 10, 1e-9);
  EXPECT_NEAR(cost.hours_high.value(), 21.4 * 20 / 10, 1e-9);
}

// Half of the models follow what was learned: (0.5 + 0.5 * 0.9) and (0.5 + 0.5 * 2) of the above.
TEST(SearchCost, RangesOverWhatAStrategyMayLearn) {
  CostBasis half = basis();
  half.uniform_models = 180;
  const SearchCost cost = cost_of(half);
  EXPECT_NEAR(cost.hours.value(), 35.3008, 1e-9);
  EXPECT_NEAR(cost.hours_low.value(), 0.95 * 13.1 * 20 / 10, 1e-9);
  EXPECT_NEAR(cost.hours_high.value(), 1.5 * 21.4 * 20 / 10, 1e-9);
}

// Both networks have 1e6 MACs and take 10 and 30 s an epoch, 176.504 and 529.512 s in all. Their
// mean is 353.008, the residuals +-176.504, and sqrt(2 * 176.504^2 / (2 * 1)) = 176.504, half the
// mean. Restarts at their ends are 13.1 and 21.4 epochs, as above.
TEST(SearchCost, HasTheStandardErrorOfARatio) {
  CostBasis noisy = basis();
  noisy.networks = {{1e6, 10}, {1e6, 30}};
  noisy.mean_macs = 1e6;
  const SearchCost cost = cost_of(noisy);
  EXPECT_NEAR(cost.seconds_per_model.value(), 353.008, 1e-9);
  EXPECT_NEAR(cost.standard_error.value(), 176.504, 1e-9);
  EXPECT_NEAR(cost.hours_low.value(), 13.1 * 20 / 10 / std::exp(1), 1e-9);
  EXPECT_NEAR(cost.hours_high.value(), 21.4 * 20 / 10 * std::exp(1), 1e-9);
}

// 10 s an epoch take 176.504 s in all; 30 s take 529.512, are cut off at 300 and do not count:
// 476.504 s for one model.
TEST(SearchCost, CountsNetworksThatRunOutOfTimeAndPaysForThem) {
  CostBasis limited = basis();
  limited.max_seconds = 300;
  const SearchCost cost = cost_of(limited);
  EXPECT_EQ(cost.timeouts, 1);
  EXPECT_NEAR(cost.seconds_per_model.value(), 476.504, 1e-9);
}

TEST(SearchCost, IsUnknownWhereNothingWouldFinish) {
  CostBasis limited = basis();
  limited.max_seconds = 1;
  EXPECT_EQ(cost_of(limited).timeouts, 2);
  EXPECT_FALSE(cost_of(limited).hours);
  limited.networks.clear();
  EXPECT_FALSE(cost_of(limited).hours);
}

TEST(SearchCost, OfOneNetworkHasNoErrorAndNoRange) {
  CostBasis single = basis();
  single.networks.resize(1);
  EXPECT_TRUE(cost_of(single).hours);
  EXPECT_FALSE(cost_of(single).standard_error);
  EXPECT_FALSE(cost_of(single).hours_low);
}

TEST(UniformModels, AreThoseBeforeAStrategyLearns) {
  StrategySettings strategy;
  EXPECT_EQ(uniform_models(strategy, 2700), 1500);
  EXPECT_EQ(uniform_models(strategy, 40), 40);
  strategy.kind = "random";
  EXPECT_EQ(uniform_models(strategy, 2700), 2700);
  strategy.kind = "regularized_evolution";
  EXPECT_EQ(uniform_models(strategy, 2700), strategy.population);
  strategy.kind = "guided";
  EXPECT_EQ(uniform_models(strategy, 2700), strategy.initial_models);
  EXPECT_EQ(uniform_models(strategy, 3), 3);
}

}  // namespace
}  // namespace metaqnn::search
