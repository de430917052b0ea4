#include "search/evaluate/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/search/configuration.h"
#include "metaqnn/search/import.h"
#include "metaqnn/search/results.h"
#include "metaqnn/search/search.h"
#include "tests/error_message.h"

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

// ---- Other measures ----

using datasets::Direction;

TEST_F(TableEvaluator, GivesAnyColumnInItsOwnUnit) {
  TableSettings settings =
      table("architecture,acc,latency_ms\nx,0.9,12.5\ny,0.8,3\nz,0.7,\nw,0.6,inf\n");
  settings.target = "acc";
  const Objective latency{"latency_ms", Direction::minimize, {}};
  const auto evaluator = make_table_evaluator(settings, latency);
  Trial trial;
  trial.architecture = "x";
  evaluator->evaluate(trial);
  EXPECT_EQ(trial.state, TrialState::complete);
  EXPECT_EQ(trial.value, 12.5);
  EXPECT_EQ(trial.validation_accuracy, std::nullopt);
  EXPECT_EQ(trial.measures, (std::map<std::string, double>{{"acc", 0.9}, {"latency_ms", 12.5}}));
  EXPECT_THAT(*evaluator->architectures(), ::testing::ElementsAre("x", "y"));
  EXPECT_THAT(evaluator->remarks(),
              ::testing::ElementsAre(HasSubstr("2 networks, minimize latency_ms"),
                                     HasSubstr("2 with a value, 1 infinite, 1 no value")));
}

TEST_F(TableEvaluator, SearchesForItsTargetWhereTheObjectiveNamesNone) {
  TableSettings settings =
      table("architecture,acc,percent,val_loss,score\nx,0.9,90,0.3,1.5\ny,0.8,80,0.4,0.5\n");
  settings.target = "acc";
  EXPECT_EQ(table_objective(settings, {}), Objective());
  EXPECT_EQ(table_objective(settings, {"", Direction::maximize, {}}),
            (Objective{"acc", Direction::maximize, {}}));
  settings.target = "percent";
  EXPECT_EQ(table_objective(settings, {}), (Objective{"percent", Direction::maximize, {}}));
  settings.target = "score";
  EXPECT_EQ(table_objective(settings, {}), (Objective{"score", Direction::maximize, {}}))
      << "one of them above 1";
  settings.target = "val_loss";
  EXPECT_THAT(tests::usage_error([&] { table_objective(settings, {}); }),
              HasSubstr("direction = \"minimize\" or \"maximize\" in the section [objective]"));
  EXPECT_EQ(table_objective(settings, {"", Direction::minimize, std::pair(1.0, 0.0)}),
            (Objective{"val_loss", Direction::minimize, std::pair(1.0, 0.0)}));
  // Another name for the target.
  EXPECT_EQ(table_objective(settings, {"quality", Direction::minimize, {}}),
            (Objective{"quality", Direction::minimize, {}}));
  settings.target = "";
  EXPECT_THAT(tests::usage_error([&] {
                table_objective(settings, {"quality", {}, {}});
              }),
              HasSubstr("has no column 'quality'"));
}

TEST_F(TableEvaluator, OfAFormOfAccuraciesSearchesForTheValidationAccuracy) {
  const TableSettings settings = table(
      "net,accuracy_best_val,iter_best_val\n\"[C(64,3,1), SM(10)]\",0.5,3\n\"[SM(10)]\",0.1,0\n");
  EXPECT_EQ(table_objective(settings, {}), Objective());
  EXPECT_EQ(evaluate(settings, "[C(64,3,1), SM(10)]").validation_accuracy, 0.5);
  EXPECT_EQ(evaluate(settings, "[SM(10)]").failure, Failure::not_learning);
}

TEST_F(TableEvaluator, LooksUpWhatColumnsDescribe) {
  TableSettings settings = table("lr,opt,f1\n0.010,adam,0.5\n0.1,sgd,0.75\n0.1,adam,0.25\n");
  settings.target = "f1";
  settings.features = {"lr", "opt"};
  EXPECT_EQ(evaluate(settings, R"({"lr":0.1,"opt":"sgd"})").validation_accuracy, 0.75);
  settings = table("architecture,width,f1\nx,1,0.5\nx,2,0.75\n");
  settings.target = "f1";
  settings.features = {"width"};
  EXPECT_EQ(evaluate(settings, R"(["x",{"width":2}])").validation_accuracy, 0.75);
}

TEST_F(TableEvaluator, TellsTheFirstOfTheRowsThatItLeavesOut) {
  std::string text = "architecture,acc\n";
  for (int i = 0; i < 100; ++i) text += "x" + std::to_string(i) + ",0.5\n";
  TableSettings settings = table(text + ",0.1\n,0.2\n,0.3\n,0.4\n,0.5\n");
  settings.target = "acc";
  EXPECT_THAT(make_table_evaluator(settings)->remarks(),
              ::testing::ElementsAre(HasSubstr("100 networks"), HasSubstr("table.csv:102: "),
                                     HasSubstr("table.csv:103: "), HasSubstr("table.csv:104: "),
                                     HasSubstr("2 more rows left out")));
}

class TableSearch : public TableEvaluator {
 protected:
  // All of two slots of four letters, but those that hold an x; the value of a string is ten for each
  // of its letters' places in the alphabet.
  Configuration configuration(const std::string& kind, const std::string& objective) const {
    std::string text = "architecture,latency_ms\n";
    for (const char* first : {"a", "b", "c"}) {
      for (const char* second : {"a", "b", "c"}) {
        text += std::string(first) + second + "," +
                std::to_string(10 * (first[0] - 'a' + 3 * (second[0] - 'a'))) + "\n";
      }
    }
    table(text);
    return settled(parse_configuration(
        "[space]\nkind = \"sequence\"\ntemplate = \"{}{}\"\nalphabet = [\"c\", \"x\", \"b\", "
        "\"a\"]\n[strategy]\nkind = \"" +
            kind +
            "\"\npopulation = 4\ninitial_models = 4\nschedule = [[1.0, 5], [0.1, 100]]\n"
            "[evaluator]\nkind = \"table\"\nfile = \"table.csv\"\ntarget = \"latency_ms\"\n"
            "[objective]\n" +
            objective,
        "test", folder_));
  }

  std::unique_ptr<Study> search(const Configuration& configuration) const {
    const std::string url = "sqlite:///" + (folder_ / "study.db").string();
    fs::remove(folder_ / "study.db");
    auto study = create_study(url, describe_study(configuration));
    EXPECT_EQ(work(*study, {}), SearchEnd::exhausted);
    return study;
  }
};

TEST_F(TableSearch, ProposesAllOfThePartThatIsThereAndNothingElse) {
  for (const std::string& kind : strategy_kinds()) {
    for (const bool least : {true, false}) {
      const auto study =
          search(configuration(kind, least ? "direction = \"minimize\"\nreward_range = [80, 0]\n"
                                           : "direction = \"maximize\"\nreward_range = [0, 80]\n"));
      const Counts counts = study->counts();
      EXPECT_EQ(counts.in(TrialState::complete), 9) << kind;
      EXPECT_EQ(counts.in(TrialState::failed), 0) << kind;
      const Direction direction = measure_of(stored_configuration(*study)).direction;
      EXPECT_EQ(direction, least ? Direction::minimize : Direction::maximize);
      EXPECT_EQ(study->best_trial(direction)->architecture, least ? "aa" : "cc") << kind;
    }
  }
}

TEST_F(TableSearch, IsWholeWhereTheStudyIsExportedAndImportedAgain) {
  const Configuration searched =
      configuration("q_learning", "direction = \"minimize\"\nreward_range = [80, 0]\n");
  const auto study = search(searched);
  const datasets::Measure measure = measure_of(searched);
  std::ofstream out(folder_ / "export.csv");
  datasets::write_log_csv(to_log(*study, measure), out);
  out.close();
  const datasets::Log log = datasets::read_log(folder_ / "export.csv");
  EXPECT_EQ(log.measure, measure);
  auto copy = create_study("sqlite:///" + (folder_ / "copy.db").string(), describe_study(searched));
  const ImportReport report = import_log(log, build_space(searched), *copy, measure);
  EXPECT_TRUE(report.problems.empty());
  const auto samples = study->sequenced_samples_after(0), copies = copy->sequenced_samples_after(0);
  ASSERT_EQ(samples.size(), copies.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i].architecture, copies[i].architecture);
    EXPECT_EQ(samples[i].reward, copies[i].reward);
  }
  EXPECT_EQ(copy->trial(1)->measures, study->trial(1)->measures);
  EXPECT_THAT(
      tests::usage_error([&] {
        import_log(log, build_space(searched), *copy, {"latency_ms", Direction::maximize, ""});
      }),
      HasSubstr("less is better, and the study searches for the largest latency_ms"));
}

TEST_F(TableSearch, IsALogOfEachOfItsMeasures) {
  table("architecture,acc,val_loss\naa,0.9,1.5\nab,0.8,2.5\nba,0.7,0.5\n");
  const Configuration configuration = settled(parse_configuration(
      "[space]\nkind = \"sequence\"\ntemplate = \"{}{}\"\nalphabet = [\"a\", \"b\"]\n"
      "[strategy]\nkind = \"random\"\nschedule = [[1.0, 3]]\n"
      "[evaluator]\nkind = \"table\"\nfile = \"table.csv\"\ntarget = \"acc\"\n"
      "[objective]\nmeasure = \"val_loss\"\ndirection = \"minimize\"\n",
      "test", folder_));
  const std::string url = "sqlite:///" + (folder_ / "study.db").string();
  work(*create_study(url, describe_study(configuration)), {});
  const auto values = [](const datasets::Log& log) {
    std::map<std::string, double> found;
    for (const datasets::LogRow& row : log.rows) found[row.architecture] = row.value.value();
    return found;
  };
  const datasets::Log own = read_results(url).log;
  EXPECT_EQ(own.measure, (datasets::Measure{"val_loss", Direction::minimize, ""}));
  EXPECT_EQ(values(own), (std::map<std::string, double>{{"aa", 1.5}, {"ab", 2.5}, {"ba", 0.5}}));
  datasets::LogOptions options;
  options.target = "acc";
  const datasets::Log other = read_results(url, options).log;
  EXPECT_EQ(other.measure, (datasets::Measure{"acc", Direction::maximize, ""}));
  EXPECT_EQ(values(other), (std::map<std::string, double>{{"aa", 0.9}, {"ab", 0.8}, {"ba", 0.7}}));
  options.target = "f1";
  EXPECT_THAT(tests::usage_error([&] { read_results(url, options); }),
              HasSubstr("has no measure 'f1' for the target; it has: acc, val_loss"));
  options.target = "test_error";
  EXPECT_THAT(tests::usage_error([&] { read_results(url, options); }),
              HasSubstr("is less or more of 'test_error' better?"));
  options = {};
  options.features = {"lr"};
  EXPECT_THAT(tests::usage_error([&] { read_results(url, options); }),
              HasSubstr("a study knows its networks by their strings"));
}

TEST_F(TableSearch, NeedsANetworkOfTheSpace) {
  Configuration other = configuration("random", "direction = \"minimize\"\n");
  other.space.sequence.alphabets = {{"x", "y"}};
  EXPECT_THAT(tests::usage_error([&] { searched_space(other); }),
              HasSubstr("table.csv is in the space; its first, 'aa': "));
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
