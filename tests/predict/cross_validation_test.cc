#include "metaqnn/predict/cross_validation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "tests/error_message.h"
#include "tests/predict/some_networks.h"
#include "tests/tolerances.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

VectorXd vector(std::initializer_list<double> values) {
  return Eigen::Map<const VectorXd>(values.begin(), static_cast<Index>(values.size()));
}

// Pairs (1,2) (1,3) (2,3): two agree, one does not: (2 - 1) / 3.
TEST(Kendall, CountsPairsInTheSameOrder) {
  EXPECT_DOUBLE_EQ(*kendall_tau(vector({1, 2, 3}), vector({1, 3, 2})), 1.0 / 3);
  EXPECT_DOUBLE_EQ(*kendall_tau(vector({1, 2, 3}), vector({3, 2, 1})), -1);
}

// Of 3 pairs one is tied in b: 2 agree; tau-b = 2 / sqrt(3 * 2).
TEST(Kendall, AccountsForTies) {
  EXPECT_DOUBLE_EQ(*kendall_tau(vector({1, 2, 3}), vector({1, 1, 2})), 2 / std::sqrt(6.0));
}

// All pairs, one by one.
std::optional<double> slow_kendall(const VectorXd& a, const VectorXd& b) {
  int64_t agree = 0, tied_a = 0, tied_b = 0, pairs = 0;
  for (Index i = 0; i < a.size(); ++i) {
    for (Index j = 0; j < i; ++j) {
      const int x = (a(i) > a(j)) - (a(i) < a(j)), y = (b(i) > b(j)) - (b(i) < b(j));
      agree += x * y;
      tied_a += x == 0;
      tied_b += y == 0;
      ++pairs;
    }
  }
  const double norm = std::sqrt(static_cast<double>(pairs - tied_a)) *
                      std::sqrt(static_cast<double>(pairs - tied_b));
  return norm > 0 ? std::optional(static_cast<double>(agree) / norm) : std::nullopt;
}

TEST(Kendall, IsToTheBitThatOfAllPairs) {
  Random random(11);
  for (int round = 0; round < 400; ++round) {
    const auto n = static_cast<Index>(random.below(40));
    const uint64_t values = 1 + random.below(20);  // few: many ties
    VectorXd a(n), b(n);
    for (Index i = 0; i < n; ++i) {
      a(i) = static_cast<double>(random.below(values));
      b(i) = static_cast<double>(random.below(values)) - 3;
    }
    EXPECT_EQ(kendall_tau(a, b), slow_kendall(a, b)) << n << " with " << values;
  }
  EXPECT_FALSE(kendall_tau(vector({1, std::nan(""), 3}), vector({1, 2, 3})));
}

TEST(Kendall, OfAConstantIsUndefined) {
  EXPECT_FALSE(kendall_tau(vector({1, 2, 3}), vector({5, 5, 5})));
}

// Ranks 0 1 2 and 0 2 1: 1 - 6 * (0 + 1 + 1) / (3 * 8) = 0.5.
TEST(Spearman, IsTheCorrelationOfRanks) {
  EXPECT_DOUBLE_EQ(*spearman(vector({1, 2, 3}), vector({10, 30, 20})), 0.5);
  EXPECT_FALSE(spearman(vector({1, 1}), vector({1, 2})));
  VectorXd some(200), with_none(200);
  for (Eigen::Index i = 0; i < 200; ++i) some(i) = with_none(i) = static_cast<double>(i * 37 % 101);
  with_none(117) = std::nan("");
  EXPECT_FALSE(spearman(some, with_none));
  EXPECT_FALSE(spearman(with_none, some));
}

// Errors 0, 0, 1: loss 1/3. Mean of the truth 2, squares 1 + 0 + 1: R2 = 1 - 1/2.
TEST(Measure, GivesLossAndR2ByHand) {
  const Figures figures = measure(vector({1, 2, 3}), vector({1, 2, 2}));
  EXPECT_DOUBLE_EQ(*figures.l2_loss, 1.0 / 3);
  EXPECT_DOUBLE_EQ(*figures.r2, 0.5);
}

// Predicted best are those with truths 0.1 to 1.0 but 1.1 and 1.2, which are predicted worst.
TEST(Measure, LooksAtTheTenPredictedBest) {
  VectorXd truth(12), predicted(12);
  for (Index i = 0; i < 12; ++i) truth(i) = predicted(i) = 0.1 * static_cast<double>(i + 1);
  predicted(10) = predicted(11) = 0;
  const Figures figures = measure(truth, predicted);
  EXPECT_NEAR(*figures.top10_mean, 0.55, tests::kRounding);
  EXPECT_EQ(*figures.top10_best_rank, 3);
  EXPECT_NEAR(*figures.top10_regret, 0.2, tests::kRounding);
}

TEST(Measure, OfAConstantPredictionHasNoOrderAndNoTopTen) {
  const Figures figures = measure(vector({1, 2, 3}), vector({2, 2, 2}));
  EXPECT_DOUBLE_EQ(*figures.r2, 0);
  EXPECT_FALSE(figures.kendall_tau || figures.spearman || figures.top10_mean);
}

TEST(Measure, OfConstantTargetsHasNoR2) {
  EXPECT_FALSE(measure(vector({1, 1}), vector({1, 2})).r2);
}

TEST(TestSplits, FoldsPartThePointsAndTrainOnTheRest) {
  const TestSplits splits = fold_splits(11, 3, 2, 7);
  ASSERT_EQ(splits.size(), 2U);
  for (const auto& folds : splits) {
    std::vector<Index> tested;
    for (const TestSplit& split : folds) {
      EXPECT_EQ(split.train.size() + split.test.size(), 11U);
      for (Index row : split.test) {
        EXPECT_EQ(std::count(split.train.begin(), split.train.end(), row), 0);
        tested.push_back(row);
      }
    }
    std::sort(tested.begin(), tested.end());
    for (size_t i = 0; i < tested.size(); ++i) EXPECT_EQ(tested[i], static_cast<Index>(i));
  }
  EXPECT_NE(splits[0][0].test, splits[1][0].test);
}

TEST(TestSplits, RandomOnesHaveTheSizeAskedFor) {
  const TestSplits splits = random_splits(10, 4, 3, 0);
  ASSERT_EQ(splits.size(), 3U);
  EXPECT_EQ(splits[0][0].train.size(), 4U);
  EXPECT_EQ(splits[0][0].test.size(), 6U);
}

TEST(TestSplits, ThatCannotBeAreAnErrorWithTheRange) {
  EXPECT_THROW(fold_splits(10, 1, 1, 0), UsageError);
  EXPECT_THROW(fold_splits(10, 11, 1, 0), UsageError);
  try {
    random_splits(10, 10, 1, 0);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "a training set of 10 from 10 architectures: give from 2 to 9");
  }
}

// What each says of the others is all the lower the better the one left out is: tau would be -1.
TEST(Evaluation, RefusesSplitsOfOtherSamples) {
  const Samples samples = tests::some_networks(12, 3);
  const auto refused = [&](const TestSplits& splits) {
    return tests::usage_error([&] { cross_validate(samples, splits, {.methods = {"mean"}}); });
  };
  EXPECT_EQ(refused({{{{0, 1, 12}, {2}}}}), "a split has row 12 of 12 samples; rows count from 0");
  EXPECT_EQ(refused({{{{0, 1}, {-1}}}}), "a split has row -1 of 12 samples; rows count from 0");
  EXPECT_EQ(refused({{{{0, 1, 2}, {}}}}),
            "a split has 3 rows to train on, 0 to test on; it needs 2 and 1");
  EXPECT_EQ(refused({{{{0}, {1}}}}),
            "a split has 1 rows to train on, 1 to test on; it needs 2 and 1");
  EXPECT_EQ(refused(TestSplits{{}}), "a repeat has no split; give one at least");
  EXPECT_EQ(refused({}), "there is no repeat of a split; give one at least");
  EXPECT_EQ(cross_validate(samples, {{{{0, 1, 2}, {3, 11}}}}, {.methods = {"mean"}}).size(), 1U);
}

TEST(Evaluation, OfAPredictorThatSaysTheSameOfAllHasNoOrder) {
  const Samples samples = tests::some_networks(12, 1);
  CrossValidationSettings settings;
  settings.methods = {"mean", "lls", "nearest"};
  for (int folds : {12, 4}) {
    const auto results = cross_validate(samples, fold_splits(12, folds, 2, 0), settings);
    for (const Figures& figures : results[0].repeats) {
      EXPECT_FALSE(figures.kendall_tau || figures.spearman || figures.top10_mean ||
                   figures.top10_best_rank || figures.top10_regret);
      EXPECT_LT(*figures.r2, 0);
      EXPECT_GT(*figures.l2_loss, 0);
    }
    for (size_t method : {1, 2}) {
      for (const Figures& figures : results[method].repeats)
        EXPECT_TRUE(figures.kendall_tau && figures.spearman && figures.top10_mean);
    }
  }
}

// Texts of one length have no column that depth or log-parameters could use, and equal tokens give
// the kernels nothing to tell them by.
TEST(Evaluation, OfPredictorsThatFellBackToTheMeanHasNoOrder) {
  Samples samples;
  samples.architectures = {"a|b", "b|a", "a|c", "c|a", "b|c", "c|b"};
  samples.targets = vector({0.1, 0.5, 0.3, 0.4, 0.2, 0.6});
  samples.trained_targets = samples.targets;
  samples.trained = VectorXd::Ones(6);
  CrossValidationSettings settings;
  settings.encoding.tokens = "|";
  settings.methods = {"depth", "log-parameters"};
  for (const MethodResult& result : cross_validate(samples, fold_splits(6, 6, 1, 0), settings)) {
    EXPECT_FALSE(result.repeats[0].kendall_tau) << result.method;
    EXPECT_TRUE(result.repeats[0].r2) << result.method;
  }
}

TEST(FoldPlan, HasMoreRepeatsTheFewerPointsThereAre) {
  EXPECT_FALSE(fold_plan(2));
  EXPECT_EQ(fold_plan(3)->folds, 3);
  EXPECT_EQ(fold_plan(40)->folds, 20);
  EXPECT_EQ(fold_plan(80)->folds, 10);
  EXPECT_GT(fold_plan(40)->repeats, fold_plan(250)->repeats);
  EXPECT_EQ(fold_plan(kMostForFolds)->repeats, 1);
  EXPECT_FALSE(fold_plan(kMostForFolds + 1));
}

}  // namespace
}  // namespace metaqnn::predict
