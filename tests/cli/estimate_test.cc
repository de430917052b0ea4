// `search --estimate`: what a search would take, and that asking leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/run_program.h"

namespace metaqnn::tests {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kImages = "/usr/share/datasets/fashion-mnist";

// Small networks on 300 images, 40 models, 25 of them uniform.
std::string recipe() {
  return "seed = 4\ndevice = \"cpu\"\n"
         "[data]\nname = \"fashion_mnist\"\ntraining_images = 200\nvalidation_images = 100\n"
         "[space]\nkind = \"cnn\"\ndepth_limit = 3\nconvolution_filters = [2, 4]\n"
         "fully_connected_neurons = [8]\n"
         "[strategy]\nschedule = [[1.0, 25], [0.5, 15]]\n"
         "[evaluator]\nepochs = 20\nbatch_size = 50\n";
}

class Estimate : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kImages)) GTEST_SKIP() << "no Fashion-MNIST in " << kImages;
  }

  json estimate(const std::string& toml, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{
        "search",     "--config", folder_.write("toy.toml", toml).string(),
        "--estimate", "--format", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.error;
    EXPECT_EQ(result.error, "");
    return json::parse(result.output, nullptr, false);
  }

  Folder folder_;
};

TEST_F(Estimate, SaysWhatItMeasuredAndWhatFollowsAndLeavesNothingBehind) {
  const json document = estimate(recipe(), {"--sample", "2", "--workers", "1"});
  EXPECT_EQ(document["evaluator"], "train");
  EXPECT_EQ(document["models"], 40);
  EXPECT_EQ(document["uniform_models"], 25);
  EXPECT_EQ(document["devices"], json::array({"cpu"}));
  EXPECT_EQ(document["parallel"], 1);
  EXPECT_EQ(document["walks"], 40);
  EXPECT_EQ(document["over_limit"], 0);
  EXPECT_EQ(document["failed"], 0);
  ASSERT_EQ(document["sample"].size(), 2u);
  for (const json& network : document["sample"]) {
    EXPECT_EQ(network["state"], "timed");
    EXPECT_EQ(network["batch_size"], 50);
    EXPECT_GT(network["parameters"], 0);
    EXPECT_GT(network["images_per_second"], 0);
    // 17.6504 epochs of a model: see SearchCost.EpochsOfAModelFollowFromRestarts.
    EXPECT_NEAR(network["seconds"].get<double>(),
                17.6504 * network["seconds_per_epoch"].get<double>(), 1e-9);
  }
  EXPECT_GT(document["standard_error"], 0);
  EXPECT_NEAR(document["hours"].get<double>(),
              40 * document["seconds_per_model"].get<double>() / 3600, 1e-12);
  EXPECT_LE(document["hours_low"], document["hours"]);
  EXPECT_GE(document["hours_high"], document["hours"]);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "."), {}), 1);  // the recipe
}

TEST_F(Estimate, IsATableThatFits80Columns) {
  const std::string config = folder_.write("toy.toml", recipe()).string();
  const Result result = run({"search", "--config", config, "--estimate", "--sample", "1"});
  ASSERT_EQ(result.status, 0) << result.error;
  for (const char* part : {"images/s", "s/epoch", "each model", "whole search", "40 models",
                           "assumed", "Not included"})
    EXPECT_THAT(result.output, HasSubstr(part));
  for (const std::string& line : lines_of(result.output)) EXPECT_LE(line.size(), 80u) << line;
}

TEST(EstimateUsage, NeedsARecipeAndNoStudy) {
  const Folder folder;
  const std::string config = folder.write("toy.toml", recipe()).string();
  const auto error = [](const std::vector<std::string>& arguments) {
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(count_lines(result.error), 1);
    return result.error;
  };
  EXPECT_THAT(error({"search", "--estimate"}), HasSubstr("--config"));
  EXPECT_THAT(
      error({"search", "--config", config, "--estimate", "--study", folder.url("study.db")}),
      HasSubstr("--study"));
  EXPECT_THAT(error({"search", "--config", config, "--sample", "2"}), HasSubstr("--estimate"));
  EXPECT_THAT(error({"search", "--config", config, "--estimate", "--sample", "0"}),
              HasSubstr("--sample"));
}

TEST(EstimateUsage, OfLimitsThatNoNetworkKeepsIsAnErrorThatNamesThem) {
  if (!fs::exists(kImages)) GTEST_SKIP() << "no Fashion-MNIST in " << kImages;
  const Folder folder;
  const std::string config = folder.write("toy.toml", recipe() + "max_parameters = 1\n").string();
  const Result result = run({"search", "--config", config, "--estimate"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.error, HasSubstr("evaluator.max_parameters"));
}

TEST(EstimateUsage, OfImagesThatAreNotThereSaysWhatIsMissing) {
  const Folder folder;
  const std::string config =
      folder.write("toy.toml", "device = \"cpu\"\n[data]\nname = \"cifar10\"\npath = \"nowhere\"\n")
          .string();
  const Result result = run({"search", "--config", config, "--estimate"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.error, HasSubstr("nowhere"));
}

}  // namespace
}  // namespace metaqnn::tests
