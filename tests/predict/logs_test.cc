// The predictors on real search logs: nothing explodes, whatever the size of the training set.
#include <gtest/gtest.h>

#include <filesystem>

#include "metaqnn/predict/cross_validation.h"
#include "predict/predictor.h"

namespace metaqnn::predict {
namespace {

namespace fs = std::filesystem;

struct RealLog {
  const char* name;
  fs::path file;
  Shape input;
};

const RealLog kLogs[] = {
    {"cifar10", fs::path(METAQNN_SHARED_DATA) / "logs/metaqnn_cifar10.csv", {3, 32, 32}},
    {"svhn", fs::path(METAQNN_SHARED_DATA) / "logs/metaqnn_svhn.csv", {3, 32, 32}},
    {"svhn_replay", fs::path(METAQNN_SHARED_DATA) / "logs/metaqnn_svhn_replay.csv", {3, 32, 32}},
    {"fashion_mnist",
     fs::path(METAQNN_SOURCE_DIR) / "experiments/results/fashion_mnist_log.csv",
     {1, 28, 28}},
};

class OnRealLogs : public testing::TestWithParam<RealLog> {
 protected:
  void SetUp() override {
    if (!fs::exists(GetParam().file)) GTEST_SKIP() << GetParam().file << " is not here";
    settings_.encoding.input = GetParam().input;
    settings_.fit.threads = 2;
    for (const Method& method : methods()) settings_.methods.push_back(method.name);
    samples_ =
        make_samples(datasets::read_log(GetParam().file), settings_.encoding, Failures::as_chance);
  }
  // The smallest R2 of each method that is no baseline.
  void expect_no_explosion(const TestSplits& splits, double bound) {
    for (const MethodResult& result : cross_validate(samples_, splits, settings_)) {
      if (result.baseline) continue;
      for (const Figures& figures : result.repeats)
        EXPECT_GE(*figures.r2, bound) << result.method << " on " << GetParam().name;
    }
  }
  CrossValidationSettings settings_;
  Samples samples_;
};
INSTANTIATE_TEST_SUITE_P(Logs, OnRealLogs, testing::ValuesIn(kLogs),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(OnRealLogs, NoPredictorExplodesAt20And50Points) {
  const auto n = static_cast<Eigen::Index>(samples_.size());
  expect_no_explosion(random_splits(n, 20, 20, 1), -0.5);
  expect_no_explosion(random_splits(n, 50, 10, 1), -0.5);
}

TEST_P(OnRealLogs, NoPredictorExplodesAt100PointsAndMore) {
  const auto n = static_cast<Eigen::Index>(samples_.size());
  expect_no_explosion(random_splits(n, 100, 4, 1), -0.2);
  expect_no_explosion(random_splits(n, 300, 1, 1), -0.2);
  expect_no_explosion(random_splits(n, n * 4 / 5, 1, 1), -0.2);
}

}  // namespace
}  // namespace metaqnn::predict
