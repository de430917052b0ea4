// Estimates that train: which networks, and what is counted.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "search/estimate.h"

namespace metaqnn::search {
namespace {

class SearchEstimateOfImages : public testing::Test {
 protected:
  void SetUp() override {
    const std::string images = "/usr/share/datasets/fashion-mnist";
    if (!std::filesystem::exists(images)) GTEST_SKIP() << "no Fashion-MNIST in " << images;
    configuration_.data.name = "fashion_mnist";
    configuration_.data.training_images = 200;
    configuration_.data.validation_images = 100;
    configuration_.space.cnn.depth_limit = 3;
    configuration_.space.cnn.convolution_filters = {2, 4};
    configuration_.space.cnn.fully_connected_neurons = {8};
    configuration_.strategy.schedule = {{1.0, 25}, {0.5, 15}};
  }

  SearchEstimate estimate(int64_t sample) const {
    EstimateOptions options;
    options.sample = sample;
    options.seconds = 0.01;
    options.resources = {"cpu", 1, configuration_.seed};
    return estimate_search(configuration_, options);
  }

  static std::vector<std::string> architectures(const SearchEstimate& estimate) {
    std::vector<std::string> texts;
    for (const TimedEpoch& timed : estimate.sample) texts.push_back(timed.trial.architecture);
    return texts;
  }

  Configuration configuration_;
};

TEST_F(SearchEstimateOfImages, DrawsTheSampleOfTheSeed) {
  const std::vector<std::string> first = architectures(estimate(6));
  EXPECT_EQ(first.size(), 6u);
  EXPECT_EQ(architectures(estimate(6)), first);
  configuration_.seed = 5;
  EXPECT_NE(architectures(estimate(6)), first);
}

TEST_F(SearchEstimateOfImages, WalksAsOftenAsTheScheduleHasModels) {
  const SearchEstimate all = estimate(1);
  EXPECT_EQ(all.walks, 40);
  EXPECT_EQ(all.over_limit, 0);
  EXPECT_EQ(all.basis.models, 40);
  EXPECT_EQ(all.basis.uniform_models, 25);
  EXPECT_EQ(all.basis.networks.size(), 1u);
  EXPECT_GT(all.cost.hours.value(), 0);
}

// A space of few networks: the sample is all of them.
TEST_F(SearchEstimateOfImages, OfASmallSpaceTakesWhatThereIs) {
  configuration_.space.cnn.depth_limit = 1;
  const SearchEstimate all = estimate(50);
  EXPECT_LT(all.walks, 40);
  EXPECT_EQ(static_cast<int64_t>(all.sample.size()), all.walks);
}

TEST_F(SearchEstimateOfImages, CountsNetworksOverALimitAndTimesNone) {
  configuration_.evaluator.training.max_parameters = 3000;
  const SearchEstimate limited = estimate(6);
  EXPECT_GT(limited.over_limit, 0);
  EXPECT_EQ(limited.walks, 40);
  for (const TimedEpoch& timed : limited.sample) EXPECT_LE(timed.trial.parameters.value(), 3000);
}

TEST_F(SearchEstimateOfImages, OfTrainingsThatWouldNotFinishIsUnknown) {
  configuration_.evaluator.training.max_seconds = 1e-6;
  const SearchEstimate hopeless = estimate(2);
  EXPECT_EQ(hopeless.cost.timeouts, 2);
  EXPECT_FALSE(hopeless.cost.hours);
}

}  // namespace
}  // namespace metaqnn::search
