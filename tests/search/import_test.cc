#include "metaqnn/search/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "metaqnn/search/search.h"

namespace metaqnn::search {
namespace {

namespace fs = std::filesystem;
using datasets::Log;
using datasets::LogRow;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A sequence space of 125 strings, a table for it that also fails, and studies that search it.
class Import : public testing::Test {
 protected:
  Import()
      : folder_(fs::path(testing::TempDir()) /
                ("metaqnn_import_test_" + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    write_table();
    configuration_ = parse_configuration(
        "seed = 5\n"
        "[space]\nkind = \"sequence\"\ntemplate = \"{}+{}+{}\"\n"
        "alphabet = [\"a\", \"b\", \"c\", \"d\", \"e\"]\n"
        "[strategy]\nalpha = 0.1\nreplay = 20\n"
        "schedule = [[1.0, 30], [0.5, 20], [0.1, 20]]\n"
        "[evaluator]\nkind = \"table\"\nfile = \"table.csv\"\n",
        "test", folder_);
  }
  ~Import() override { fs::remove_all(folder_); }

  // Our own form: some rows do not learn, some fail without counting, all others have a curve.
  void write_table() const {
    std::ofstream out(folder_ / "table.csv");
    out << "architecture,state,reason,validation_accuracy,parameters,learning_rate,"
           "val_acc_1,val_acc_2,training_loss_1\n";
    const std::string tokens = "abcde";
    for (char first : tokens) {
      for (char second : tokens) {
        for (char third : tokens) {
          const std::string text = {first, '+', second, '+', third};
          const uint64_t hash = stable_hash(text);
          const double accuracy = 0.2 + static_cast<double>(hash % 700) / 1000;
          out << text;
          if (hash % 11 == 0) {
            out << ",failed,not learning,0.1,,,,,\n";
          } else if (hash % 11 == 1) {
            out << ",failed,out of memory,,,,,,\n";
          } else {
            out << ",complete,," << accuracy << "," << hash % 1000 << ",0.001," << accuracy / 2
                << "," << accuracy << ",1.5\n";
          }
        }
      }
    }
  }

  std::string url(const std::string& name) const {
    return "sqlite:///" + (folder_ / name).string();
  }

  std::unique_ptr<Study> make_study(const std::string& name) const {
    return create_study(url(name), describe_study(configuration_), Durability::process);
  }

  Space space() const { return build_space(configuration_); }

  static SearchEnd search(Study& study, int64_t limit) {
    return work(study, {.resources = {}, .limit = limit});
  }

  Log exported(Study& study) const {
    const fs::path file = folder_ / "export.csv";
    std::ofstream out(file, std::ios::binary);
    datasets::write_log_csv(to_log(study), out);
    out.close();
    return datasets::read_log(file);
  }

  fs::path folder_;
  Configuration configuration_;
};

// All that a study knows, but for clocks.
using TrialFacts =
    std::tuple<int64_t, std::string, TrialState, std::string, std::optional<double>, double, int,
               std::string, std::optional<int64_t>, std::optional<double>, std::vector<double>>;

std::vector<TrialFacts> trials_of(Study& study) {
  std::vector<TrialFacts> facts;
  for (const Trial& trial : study.trials(true)) {
    std::vector<double> curve;
    for (const EpochResult& epoch : trial.curve) curve.push_back(epoch.validation_accuracy);
    if (!trial.curve.empty()) curve.push_back(trial.curve[0].training_loss);
    facts.emplace_back(trial.number, trial.architecture, trial.state, trial.reason(),
                       trial.validation_accuracy, trial.epsilon, trial.attempts, trial.origin,
                       trial.parameters, trial.learning_rate, std::move(curve));
  }
  return facts;
}

// (number, trial, sequence). A log knows the epsilon of trials alone, so a sample of a known
// architecture takes that of its trial; nothing that is computed depends on it.
using SampleFacts = std::tuple<int64_t, int64_t, std::optional<int64_t>>;

std::vector<SampleFacts> samples_of(Study& study) {
  std::vector<SampleFacts> facts;
  for (const Sample& sample : study.samples())
    facts.emplace_back(sample.number, sample.trial, sample.sequence);
  return facts;
}

TEST_F(Import, OfAnExportEqualsTheStudy) {
  const auto original = make_study("original.db");
  ASSERT_EQ(search(*original, 50), SearchEnd::done);
  ASSERT_EQ(original->counts().unique_models, 50);
  ASSERT_GT(original->counts().samples, original->counts().unique_models);
  ASSERT_GT(original->trials(false).size(), 50u);  // some failed without counting
  const auto copy = make_study("copy.db");
  const ImportReport report = import_log(exported(*original), space(), *copy);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.trials, static_cast<int64_t>(original->trials(false).size()));
  EXPECT_EQ(report.samples, original->counts().samples);
  EXPECT_EQ(trials_of(*copy), trials_of(*original));
  EXPECT_EQ(samples_of(*copy), samples_of(*original));
  EXPECT_EQ(copy->counts().last_sequence, original->counts().last_sequence);
}

TEST_F(Import, ContinuesAsTheUninterruptedSearch) {
  const auto uninterrupted = make_study("uninterrupted.db");
  ASSERT_EQ(search(*uninterrupted, 70), SearchEnd::done);
  for (int stop : {1, 29, 45, 69}) {
    SCOPED_TRACE(stop);
    const auto first = make_study("first" + std::to_string(stop) + ".db");
    ASSERT_EQ(search(*first, stop), SearchEnd::done);
    const auto second = make_study("second" + std::to_string(stop) + ".db");
    ASSERT_THAT(import_log(exported(*first), space(), *second).problems, IsEmpty());
    ASSERT_EQ(search(*second, 70), SearchEnd::done);
    EXPECT_EQ(trials_of(*second), trials_of(*uninterrupted));
    EXPECT_EQ(samples_of(*second), samples_of(*uninterrupted));
  }
}

TEST_F(Import, DirectlyFromAStudyEqualsTheWayThroughAFile) {
  const auto original = make_study("original.db");
  search(*original, 40);
  const auto direct = make_study("direct.db"), through_file = make_study("through_file.db");
  import_log(to_log(*original), space(), *direct);
  import_log(exported(*original), space(), *through_file);
  EXPECT_EQ(trials_of(*direct), trials_of(*through_file));
  EXPECT_EQ(samples_of(*direct), samples_of(*through_file));
}

// ---- Rows by hand ----

LogRow row(const std::string& architecture, std::optional<double> accuracy,
           std::vector<int64_t> samples = {}) {
  LogRow row;
  row.line = 1;
  row.architecture = architecture;
  row.value = accuracy;
  row.samples = std::move(samples);
  return row;
}

LogRow unfinished(const std::string& architecture, const std::string& state) {
  LogRow result = row(architecture, std::nullopt);
  result.state = state;
  return result;
}

LogRow failed(const std::string& architecture, const std::string& reason,
              std::optional<double> accuracy = std::nullopt) {
  LogRow result = row(architecture, accuracy);
  result.state = "failed";
  result.reason = reason;
  return result;
}

Log log_of(std::vector<LogRow> rows) {
  Log log;
  log.source = "log.csv";
  for (size_t i = 0; i < rows.size(); ++i) rows[i].line = static_cast<int64_t>(i) + 2;
  log.rows = std::move(rows);
  return log;
}

std::vector<std::string> architectures_of(Study& study) {
  std::vector<std::string> architectures;
  for (const Trial& trial : study.trials(false)) architectures.push_back(trial.architecture);
  return architectures;
}

// Trial numbers of the samples in the order of sequence.
std::vector<int64_t> order_of(Study& study) {
  std::map<int64_t, int64_t> trials;
  for (const Sample& sample : study.samples()) trials[sample.sequence.value()] = sample.trial;
  std::vector<int64_t> order;
  for (const auto& [sequence, trial] : trials) order.push_back(trial);
  return order;
}

TEST_F(Import, LeavesOutWhatIsNotInTheSpaceOrHasNoResultAndSaysWhere) {
  const auto study = make_study("study.db");
  const ImportReport report = import_log(
      log_of({row("a+a+a", 0.5), row("a+a+z", 0.5), row("a+a", 0.5), unfinished("a+a+b", "running"),
              unfinished("a+a+c", "waiting"), row("a+a+d", std::nullopt), row("b+b+b", 0.25)}),
      space(), *study);
  EXPECT_EQ(report.trials, 2);
  EXPECT_EQ(report.samples, 2);
  EXPECT_THAT(architectures_of(*study), ElementsAre("a+a+a", "b+b+b"));
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr("log.csv:3: not in the space: column 5"),
                                           HasSubstr("log.csv:4: not in the space"),
                                           "log.csv:5: no result yet; row left out",
                                           "log.csv:6: no result yet; row left out",
                                           "log.csv:7: no result yet; row left out"));
}

TEST_F(Import, MakesRowsOfOneArchitectureOneTrialWithASampleEach) {
  const auto study = make_study("study.db");
  const ImportReport report =
      import_log(log_of({unfinished("a+a+a", "running"), row("a+a+a", 0.5), row("b+b+b", 0.25),
                         row("a+a+a", 0.75), row("a+a+a", 0.5)}),
                 space(), *study);
  EXPECT_EQ(report.trials, 2);
  EXPECT_EQ(report.samples, 4);
  EXPECT_EQ(report.problems.size(), 1u);  // the row without a result
  EXPECT_THAT(architectures_of(*study), ElementsAre("a+a+a", "b+b+b"));
  EXPECT_DOUBLE_EQ(*study->find_trial("a+a+a")->validation_accuracy, (0.5 + 0.75 + 0.5) / 3);
  EXPECT_EQ(report.merged.words(),
            "2 rows repeat 1 network, whose results differ in 1: the mean counts");
  EXPECT_THAT(order_of(*study), ElementsAre(1, 2, 1, 1));
}

TEST_F(Import, KeepsAResultThatComesAfterAFailureWithoutOne) {
  const auto study = make_study("study.db");
  LogRow failed = row("a+a+a", std::nullopt);
  failed.state = "failed";
  failed.reason = "out of memory";
  const ImportReport report =
      import_log(log_of({failed, row("b+b+b", 0.5), row("a+a+a", 0.9)}), space(), *study);
  EXPECT_EQ(report.trials, 2);
  const Trial trial = *study->find_trial("a+a+a");
  EXPECT_EQ(trial.state, TrialState::complete);
  EXPECT_EQ(trial.validation_accuracy, 0.9);
  EXPECT_EQ(trial.reason(), "");
}

TEST_F(Import, OrdersSamplesByTheirSequenceNumbersNotByTheRows) {
  const auto study = make_study("study.db");
  import_log(log_of({row("a+a+a", 0.5, {3, 9}), row("b+b+b", 0.25, {1}), row("c+c+c", 0.25, {4, 7}),
                     row("d+d+d", 0.25)}),  // without a number: after the others so far
             space(), *study);
  EXPECT_THAT(order_of(*study), ElementsAre(2, 1, 3, 3, 1, 4));
}

TEST_F(Import, LeavesOutWhatIsInTheStudyAlready) {
  const auto study = make_study("study.db");
  import_log(log_of({row("a+a+a", 0.5)}), space(), *study);
  const ImportReport again =
      import_log(log_of({row("b+b+b", 0.25), row("a+a+a", 0.75)}), space(), *study);
  EXPECT_EQ(again.trials, 1);
  EXPECT_EQ(again.samples, 1);
  EXPECT_THAT(again.problems,
              ElementsAre("log.csv:3: a+a+a is already in the study; row left out"));
  EXPECT_EQ(study->find_trial("a+a+a")->validation_accuracy, 0.5);
  EXPECT_EQ(study->counts().samples, 2);
}

TEST_F(Import, KeepsWhatAFailureSays) {
  const auto study = make_study("study.db");
  import_log(
      log_of({failed("a+a+a", "not learning", 0.1), failed("b+b+b", "crashed (signal 9, Killed)"),
              failed("c+c+c", ""), failed("d+d+d", "struck by lightning")}),
      space(), *study);
  EXPECT_EQ(study->find_trial("a+a+a")->failure, Failure::not_learning);
  EXPECT_EQ(study->find_trial("a+a+a")->validation_accuracy, 0.1);
  EXPECT_EQ(study->find_trial("b+b+b")->reason(), "crashed (signal 9, Killed)");
  EXPECT_EQ(study->find_trial("c+c+c")->failure, Failure::error);
  EXPECT_EQ(study->find_trial("d+d+d")->failure, Failure::reported);
  EXPECT_EQ(study->find_trial("d+d+d")->reason(), "struck by lightning");
  EXPECT_EQ(study->counts().unique_models, 1);
  EXPECT_EQ(study->counts().by_state[TrialState::failed], 4);
}

TEST_F(Import, RewardsTheAgentAndCountsForTheSchedule) {
  const auto study = make_study("study.db");
  import_log(log_of({row("a+a+a", 0.5), failed("b+b+b", "out of memory")}), space(), *study);
  const auto samples = study->sequenced_samples_after(0);
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[0].reward, 0.5);
  EXPECT_EQ(samples[1].reward, std::nullopt);
  ASSERT_EQ(search(*study, 40), SearchEnd::done);
  EXPECT_EQ(study->counts().unique_models, 40);
  const auto architectures = architectures_of(*study);
  EXPECT_EQ(std::set<std::string>(architectures.begin(), architectures.end()).size(),
            architectures.size());
}

// ---- Strings of networks, and the authors' replay form ----

class CnnImport : public Import {
 protected:
  CnnImport() {
    configuration_ = parse_configuration(
        "[space]\ninput = \"1x28x28\"\nclasses = 10\ndepth_limit = 3\n"
        "[strategy]\nschedule = [[1.0, 10]]\n",
        "test", folder_);
  }
};

TEST_F(CnnImport, LeavesOutMalformedStringsAndStoresTheOthersInOneForm) {
  const auto study = make_study("study.db");
  const ImportReport report =
      import_log(log_of({row("[C(64,3,1),D(1,1), SM(10)]", 0.5), row("[C(64,3,1), SM(10)]", 0.75),
                         row("[C(64,3", 0.5), row("", 0.5), row("[P(2,2), SM(10)]", 0.5)}),
                 space(), *study);
  EXPECT_THAT(architectures_of(*study), ElementsAre("[C(64,3,1), SM(10)]"));
  EXPECT_EQ(report.samples, 2);
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr("log.csv:4: architecture, column 8"),
                                           HasSubstr("log.csv:5: architecture, column 1"),
                                           HasSubstr("log.csv:6: not in the space: layer 1")));
}

TEST_F(CnnImport, ReadsTheAuthorsReplayForm) {
  const fs::path file = folder_ / "replay.csv";
  std::ofstream(file) << "net,accuracy_best_val,iter_best_val,accuracy_last_val,iter_last_val,"
                         "accuracy_best_test,accuracy_last_test,ix_q_value_update,epsilon,"
                         "time_finished,machine_run_on\n"
                         "\"[C(64,3,1), SM(10)]\",0.9,12,0.89,20,0.9,0.9,500,1.0,1.0,m\n"
                         "\"[GAP(10), SM(10)]\",0.1,0,0.1,0,0.1,0.1,500,1.0,1.0,m\n"
                         "\"[C(64,3,1), SM(10)]\",0.9,12,0.89,20,0.9,0.9,500,0.5,1.0,m\n"
                         "[SM(10)],0.8,3,0.8,20,0.8,0.8,500,0.5,1.0,m\n";
  const auto study = make_study("study.db");
  const ImportReport report = import_log(datasets::read_log(file), space(), *study);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(architectures_of(*study),
              ElementsAre("[C(64,3,1), SM(10)]", "[GAP(10), SM(10)]", "[SM(10)]"));
  EXPECT_THAT(order_of(*study), ElementsAre(1, 2, 1, 3));
  EXPECT_EQ(study->trial(1)->origin, "import");
  EXPECT_EQ(study->trial(1)->epsilon, 1.0);
  EXPECT_EQ(study->trial(2)->failure, Failure::not_learning);
  EXPECT_EQ(study->trial(3)->epsilon, 0.5);
  EXPECT_EQ(study->counts().unique_models, 3);
}

TEST_F(Import, OfTheReplayFormTeachesTheAgentTheSame) {
  const auto original = make_study("original.db");
  ASSERT_EQ(search(*original, 50), SearchEnd::done);
  const fs::path file = folder_ / "replay.csv";
  std::ofstream out(file, std::ios::binary);
  datasets::write_replay_csv(to_log(*original), out);
  out.close();
  const auto copy = make_study("copy.db");
  ASSERT_THAT(import_log(datasets::read_log(file), space(), *copy).problems, IsEmpty());
  // That form does not know failures without a reward; all others arrive in their order.
  std::vector<std::pair<std::string, double>> expected, found;
  for (const SequencedSample& sample : original->sequenced_samples_after(0))
    if (sample.reward) expected.emplace_back(sample.architecture, *sample.reward);
  for (const SequencedSample& sample : copy->sequenced_samples_after(0))
    found.emplace_back(sample.architecture, sample.reward.value());
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace metaqnn::search
