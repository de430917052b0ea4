#include "search/evaluate/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "metaqnn/base/error.h"
#include "metaqnn/search/configuration.h"

namespace metaqnn::search {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class TableEvaluator : public testing::Test {
 protected:
  TableEvaluator()
      : folder_(fs::path(testing::TempDir()) / ("metaqnn_table_test_" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~TableEvaluator() override { fs::remove_all(folder_); }

  TableSettings table(const std::string& text) const {
    TableSettings settings;
    settings.file = folder_ / "table.csv";
    std::ofstream(settings.file, std::ios::binary) << text;
    return settings;
  }

  static Trial evaluate(const TableSettings& settings, const std::string& architecture) {
    Trial trial;
    trial.architecture = architecture;
    trial.state = TrialState::running;
    make_table_evaluator(settings)->evaluate(trial);
    return trial;
  }

  template <typename Exception>
  static std::string error(const TableSettings& settings) {
    try {
      make_table_evaluator(settings);
    } catch (const Exception& error) {
      return error.what();
    }
    return "accepted";
  }

  fs::path folder_;
};

TEST_F(TableEvaluator, GivesTheAccuracyOfTheNamedColumn) {
  TableSettings settings = table("cell,valid,test\nx~y,0.25,0.5\ny~x,0.75,1\n");
  settings.architecture_column = "cell";
  settings.target = "valid";
  Trial trial = evaluate(settings, "y~x");
  EXPECT_EQ(trial.state, TrialState::complete);
  EXPECT_EQ(trial.failure, Failure::none);
  EXPECT_EQ(trial.validation_accuracy, 0.75);
  settings.target = "test";
  EXPECT_EQ(evaluate(settings, "x~y").validation_accuracy, 0.5);
}

TEST_F(TableEvaluator, GivesCurveParametersAndLearningRateWhereTheTableHasThem) {
  const Trial trial = evaluate(
      table(
          "net,num_params,lr,acc_1,acc_2,acc_3\n\"[C(64,3,1), SM(10)]\",1234,0.001,0.3,0.6,0.5\n"),
      "[C(64,3,1), SM(10)]");
  EXPECT_EQ(trial.state, TrialState::complete);
  EXPECT_EQ(trial.validation_accuracy, 0.6);
  EXPECT_EQ(trial.parameters, 1234);
  EXPECT_EQ(trial.learning_rate, 0.001);
  ASSERT_EQ(trial.curve.size(), 3u);
  EXPECT_EQ(trial.curve[2].validation_accuracy, 0.5);
}

TEST_F(TableEvaluator, FindsAnArchitectureWhateverItsSpacesAndDropout) {
  TableSettings settings = table("net,acc\n\"[C(64,3,1),D(1,1),SM(10)]\",0.5\n");
  settings.target = "acc";
  EXPECT_EQ(evaluate(settings, "[C(64,3,1), SM(10)]").validation_accuracy, 0.5);
}

TEST_F(TableEvaluator, GivesTheMeanOfSeveralResultsAndSaysThatTheyDiffer) {
  TableSettings settings = table("architecture,acc\nx,0.25\nx,0.75\ny,0.5\ny,0.5\nz,0.1\n");
  settings.target = "acc";
  EXPECT_EQ(evaluate(settings, "x").validation_accuracy, 0.5);
  EXPECT_EQ(evaluate(settings, "y").validation_accuracy, 0.5);
  EXPECT_THAT(make_table_evaluator(settings)->remarks(),
              ::testing::ElementsAre(::testing::HasSubstr(
                  "2 rows repeat 2 networks, whose results differ in 1: the mean counts")));
}

TEST_F(TableEvaluator, TakesAResultRatherThanAFailureWithoutOne) {
  const TableSettings settings = table(
      "architecture,state,reason,validation_accuracy\n"
      "x,failed,out of memory,\nx,complete,,0.5\ny,complete,,0.25\ny,failed,crashed,\n");
  EXPECT_EQ(evaluate(settings, "x").validation_accuracy, 0.5);
  EXPECT_EQ(evaluate(settings, "x").state, TrialState::complete);
  EXPECT_EQ(evaluate(settings, "y").state, TrialState::complete);
}

TEST_F(TableEvaluator, KeepsTheReasonOfARowThatFailed) {
  const TableSettings settings = table(
      "architecture,state,reason,validation_accuracy\n"
      "x,failed,not learning,0.1\ny,failed,out of memory,\nz,complete,,0.5\n");
  const Trial not_learning = evaluate(settings, "x");
  EXPECT_EQ(not_learning.state, TrialState::failed);
  EXPECT_EQ(not_learning.failure, Failure::not_learning);
  EXPECT_EQ(not_learning.validation_accuracy, 0.1);
  EXPECT_TRUE(not_learning.counts());
  const Trial out_of_memory = evaluate(settings, "y");
  EXPECT_EQ(out_of_memory.state, TrialState::failed);
  EXPECT_EQ(out_of_memory.failure, Failure::out_of_memory);
  EXPECT_EQ(out_of_memory.validation_accuracy, std::nullopt);
  EXPECT_FALSE(out_of_memory.counts());
  EXPECT_EQ(evaluate(settings, "z").state, TrialState::complete);
}

TEST_F(TableEvaluator, FailsWhatItDoesNotHoldWithoutCountingIt) {
  const TableSettings settings =
      table("architecture,state,reason,validation_accuracy\nx,complete,,0.5\ny,waiting,,\n");
  for (const char* missing : {"z", "y"}) {
    const Trial trial = evaluate(settings, missing);
    EXPECT_EQ(trial.state, TrialState::failed);
    EXPECT_EQ(trial.failure, Failure::error);
    EXPECT_EQ(trial.reason(), "error (not in the table " + settings.file.string() + ")");
    EXPECT_EQ(trial.validation_accuracy, std::nullopt);
    EXPECT_FALSE(trial.counts());
  }
}

TEST_F(TableEvaluator, WaitsAndReportsTheSecondsOfATrial) {
  TableSettings settings = table("architecture,acc\nx,0.25\n");
  settings.target = "acc";
  settings.seconds_per_trial = 0.05;
  EXPECT_GE(evaluate(settings, "x").seconds.value(), 0.05);
  EXPECT_GE(evaluate(settings, "missing").seconds.value(), 0.05);
}

TEST_F(TableEvaluator, NeedsAFile) {
  EXPECT_THAT(error<UsageError>({}), HasSubstr("evaluator.file is missing"));
  TableSettings settings;
  settings.file = folder_ / "none.csv";
  EXPECT_THAT(error<DataError>(settings), HasSubstr("none.csv: there is no such file"));
}

TEST_F(TableEvaluator, NamesTheNearestOfAMissingColumn) {
  TableSettings settings = table("architecture,cifar10_valid,cifar10_test\nx,0.25,0.5\n");
  settings.target = "cifar10_vaild";
  EXPECT_THAT(error<UsageError>(settings), HasSubstr("did you mean 'cifar10_valid'?"));
  settings.target = "cifar10_valid";
  settings.architecture_column = "architectrue";
  EXPECT_THAT(error<UsageError>(settings), HasSubstr("did you mean 'architecture'?"));
}

TEST_F(TableEvaluator, NeedsATargetWhereTheTableHasNoneOfItsOwn) {
  EXPECT_THAT(error<UsageError>(table("architecture,valid,test\nx,0.5,0.6\n")),
              HasSubstr("name the target column"));
}

TEST_F(TableEvaluator, NeedsAUsableRow) {
  TableSettings settings = table("architecture,acc\n,0.5\n");
  settings.target = "acc";
  const std::string message = error<DataError>(settings);
  EXPECT_THAT(message, HasSubstr("no usable row; the first problem: "));
  EXPECT_THAT(message, HasSubstr("the architecture is missing"));
  settings = table("architecture,acc\nx,80.5\ny,70.1\n");
  EXPECT_THAT(error<UsageError>(settings), HasSubstr("looks like per cent"));
}

TEST_F(TableEvaluator, IsMadeFromAConfiguration) {
  table("architecture,acc\nx,0.25\n");
  const Configuration configuration = parse_configuration(
      "[evaluator]\nkind = \"table\"\nfile = \"table.csv\"\ntarget = \"acc\"\n", "test", folder_);
  const auto evaluator = make_evaluator(configuration.evaluator, configuration.data, {});
  Trial trial;
  trial.architecture = "x";
  evaluator->evaluate(trial);
  EXPECT_EQ(trial.validation_accuracy, 0.25);
}

}  // namespace
}  // namespace metaqnn::search
