// What comes after the search, as far as it needs no LibTorch: files, choices, figures.
#include "search/evaluate/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "architecture/error.h"
#include "search/evaluate/classification.h"
#include "search/final_models.h"
#include "tests/folder.h"

namespace metaqnn::search {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// [SM(2)] on 1x2x2: 8 weights and 2 biases.
Checkpoint small_checkpoint() {
  Checkpoint checkpoint;
  checkpoint.architecture = "[SM(2)]";
  checkpoint.image = {1, 1, 2};
  checkpoint.input = {1, 2, 2};
  checkpoint.classes = 2;
  checkpoint.data_set = "mnist";
  checkpoint.class_names = {"cat", "dog \"x\""};
  checkpoint.preprocessing = datasets::Preprocessing::standardize;
  checkpoint.normalization = {{1, 2, 3, 4}, {5, 6, 7, 8}};
  checkpoint.parameters = {0.5F, -1, 2, 3, 4, 5, 6, 7, 8, 9};
  checkpoint.facts.origin = "finetune";
  checkpoint.facts.configuration = "seed = 1\n";
  checkpoint.facts.trial = 42;
  checkpoint.facts.search_accuracy = 0.75;
  checkpoint.facts.seed = std::numeric_limits<uint64_t>::max();
  checkpoint.facts.epochs = 3;
  checkpoint.facts.best_epoch = 2;
  checkpoint.facts.test_error = 0.1;
  checkpoint.facts.curve = {{1, 0.5, kNan, kNan}, {0.5, 0.75, kNan, kNan}};
  return checkpoint;
}

class CheckpointFile : public testing::Test {
 protected:
  fs::path file(const std::string& name = "a.checkpoint") const { return folder_ / name; }
  std::string text() const {
    std::ifstream in(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& text) const { std::ofstream(file(), std::ios::binary) << text; }
  std::string refusal() const {
    try {
      read_finished_checkpoint(file());
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("a.checkpoint: "));
      return error.what();
    }
    return "accepted";
  }

  tests::Folder folder_;
};

TEST_F(CheckpointFile, ReadsBackWhatWasWritten) {
  const Checkpoint written = small_checkpoint();
  write_checkpoint(written, file());
  const Checkpoint read = read_finished_checkpoint(file());
  EXPECT_EQ(read.architecture, written.architecture);
  EXPECT_EQ(read.image, written.image);
  EXPECT_EQ(read.input, written.input);
  EXPECT_EQ(read.classes, 2);
  EXPECT_EQ(read.class_names, written.class_names);
  EXPECT_EQ(read.preprocessing, written.preprocessing);
  EXPECT_EQ(read.normalization.scale, written.normalization.scale);
  EXPECT_EQ(read.normalization.shift, written.normalization.shift);
  EXPECT_EQ(read.parameters, written.parameters);
  EXPECT_EQ(read.facts.trial, 42);
  EXPECT_EQ(read.facts.seed, written.facts.seed);
  EXPECT_EQ(read.facts.search_accuracy, 0.75);
  EXPECT_EQ(read.facts.validation_accuracy, std::nullopt);
  EXPECT_EQ(read.facts.test_error, 0.1);
  ASSERT_EQ(read.facts.curve.size(), 2u);
  EXPECT_EQ(read.facts.curve[1].training_accuracy, 0.75);
  EXPECT_TRUE(std::isnan(read.facts.curve[1].validation_loss));
  EXPECT_FALSE(fs::exists(file("a.checkpoint.draft")));
}

TEST_F(CheckpointFile, KeepsWhatAnUnfinishedTrainingNeedsAndIsNotUsedBeforeItsEnd) {
  Checkpoint checkpoint = small_checkpoint();
  checkpoint.unfinished = {checkpoint.parameters, {1, 2}, std::string("\0\n\xff", 3)};
  write_checkpoint(checkpoint, file());
  const Checkpoint read = read_checkpoint(file());
  ASSERT_TRUE(read.unfinished);
  EXPECT_EQ(read.unfinished->parameters, checkpoint.parameters);
  EXPECT_THAT(read.unfinished->running_statistics, ElementsAre(1, 2));
  EXPECT_EQ(read.unfinished->optimizer, checkpoint.unfinished->optimizer);
  EXPECT_THAT(refusal(), HasSubstr("its training stands at epoch 2 of 3"));
}

TEST_F(CheckpointFile, CutAtAnyByteOrWithAnyByteChangedIsRefused) {
  write_checkpoint(small_checkpoint(), file());
  const std::string whole = text();
  for (size_t i = 0; i < whole.size(); ++i) {
    write(whole.substr(0, i));
    EXPECT_NE(refusal(), "accepted") << "cut at " << i;
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    write(changed);
    EXPECT_NE(refusal(), "accepted") << "changed at " << i;
  }
  write(whole + "x");
  EXPECT_THAT(refusal(), HasSubstr("checksum"));
  write("PK\x03\x04");
  EXPECT_THAT(refusal(), HasSubstr("it is not a checkpoint of metaqnn"));
}

TEST_F(CheckpointFile, OfANewerVersionIsRefusedAsSuch) {
  write_checkpoint(small_checkpoint(), file());
  std::string changed = text();
  changed.replace(changed.find("\"version\":1"), 11, "\"version\":2");
  write(changed);
  EXPECT_THAT(refusal(), HasSubstr("its version is 2, this program reads up to 1"));
}

TEST_F(CheckpointFile, WithOtherWeightsThanItsArchitectureIsRefused) {
  Checkpoint checkpoint = small_checkpoint();
  checkpoint.parameters.pop_back();
  EXPECT_THROW(write_checkpoint(checkpoint, file()), DataError);
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(CheckpointFile, ThatIsMissingOrCannotBeWrittenIsNamed) {
  EXPECT_THAT(refusal(), HasSubstr("cannot be read; make it with metaqnn finetune"));
  try {
    write_checkpoint(small_checkpoint(), folder_ / "no/where.checkpoint");
    ADD_FAILURE();
  } catch (const FailureError& error) {
    EXPECT_THAT(error.what(), HasSubstr("where.checkpoint: cannot be written (No such file"));
  }
}

TEST_F(CheckpointFile, RanksModelsByValidationAndNeverByTestError) {
  Checkpoint checkpoint = small_checkpoint();
  const auto write_model = [&](const std::string& name, std::optional<double> validation,
                               double search, double test_error) {
    checkpoint.facts.validation_accuracy = validation;
    checkpoint.facts.search_accuracy = search;
    checkpoint.facts.test_error = test_error;
    write_checkpoint(checkpoint, file(name + ".checkpoint"));
  };
  write_model("a", 0.8, 0.9, 0.01);
  write_model("b", 0.9, 0.1, 0.50);
  write_model("c", std::nullopt, 0.85, 0.30);
  checkpoint.unfinished.emplace();
  write_model("d", 0.99, 0.99, 0.0);
  std::vector<std::string> unfinished;
  const std::vector<FinalModel> models = read_models(folder_.path(), unfinished);
  ASSERT_EQ(models.size(), 3u);
  EXPECT_EQ(models[0].name + models[1].name + models[2].name, "bca");
  EXPECT_THAT(unfinished, ElementsAre("d"));
  EXPECT_THROW(read_models(folder_ / "none", unfinished), DataError);
}

TEST(FinalSettings, ScaledScheduleKeepsAtLeastOneEpochOfEachStep) {
  FinalSettings settings;
  scale_epochs(settings, 0.02);
  using Step = std::pair<double, int>;
  // 40, 40, 160 and 60 epochs times 0.02.
  EXPECT_THAT(settings.schedule,
              ElementsAre(Step{0.025, 1}, Step{0.0125, 1}, Step{1e-4, 3}, Step{1e-5, 1}));
}

TEST(FinalSettings, TakeTheImagesOfTheSearchWithTheirOwnSizes) {
  DataSettings data{.name = "svhn", .path = "/x", .preprocessing = "mean", .mirror = true};
  FinalSettings settings;
  settings.extra_images = true;
  settings.training_images = 7;
  DataSettings changed = final_data(data, settings);
  EXPECT_EQ(changed.name, "svhn_extra");
  EXPECT_EQ(changed.preprocessing, "mean");
  EXPECT_EQ(changed.training_images, 7);
  EXPECT_EQ(changed.validation_images, 0);
  EXPECT_EQ(changed.translation, 5);
  EXPECT_TRUE(changed.mirror);
  settings.preprocessing = "local_contrast";
  EXPECT_EQ(final_data(data, settings).preprocessing, "local_contrast");
  data.name = "mnist";
  EXPECT_THROW(final_data(data, settings), UsageError);
}

TEST(Transfer, GivesTheLastLayersTheClassesOfTheNewImages) {
  EXPECT_EQ(with_classes("[C(8,3,1), FC(10), SM(10)]", 100), "[C(8,3,1), FC(10), SM(100)]");
  EXPECT_EQ(with_classes("[C(8,3,1), GAP(10), SM(10)]", 100), "[C(8,3,1), GAP(100), SM(100)]");
}

TEST(Classification, CountsWhatIsTakenForWhat) {
  Eigen::MatrixXd probabilities(5, 3);
  probabilities << 0.8, 0.1, 0.1,  // 0 as 0
      0.2, 0.5, 0.3,               // 0 as 1
      0.4, 0.4, 0.2,               // 1 as 0, the first of equals
      0.1, 0.7, 0.2,               // 1 as 1
      0.0, 0.6, 0.4;               // 1 as 1
  const Classification result = classify(probabilities, {0, 0, 1, 1, 1});
  Eigen::Matrix<int64_t, 3, 3> expected;
  expected << 1, 1, 0, 1, 2, 0, 0, 0, 0;
  EXPECT_EQ(result.confusion, expected);
  EXPECT_DOUBLE_EQ(result.error(), 2.0 / 5);
  EXPECT_DOUBLE_EQ(result.class_error(0), 1.0 / 2);
  EXPECT_DOUBLE_EQ(result.class_error(1), 1.0 / 3);
  EXPECT_TRUE(std::isnan(result.class_error(2)));
}

TEST(Classification, OfACommitteeIsThatOfTheMean) {
  Eigen::MatrixXd sure(1, 2), doubtful(1, 2);
  sure << 0.9, 0.1;
  doubtful << 0.4, 0.6;
  const Eigen::MatrixXd mean = mean_probabilities({sure, doubtful});
  EXPECT_DOUBLE_EQ(mean(0, 0), 0.65);
  EXPECT_EQ(classify(mean, {0}).error(), 0);
  EXPECT_EQ(classify(doubtful, {0}).error(), 1);
}

}  // namespace
}  // namespace metaqnn::search
