#include "search/evaluate/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/search/configuration.h"
#include "metaqnn/search/search.h"
#include "search/evaluate/guarded_process.h"
#include "search/study/process_stat.h"
#include "search/surroundings.h"
#include "tests/cli/run_program.h"
#include "tests/error_message.h"
#include "tests/folder.h"

namespace metaqnn::search {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::StartsWith;
using testing::UnorderedElementsAre;
using tests::read_text;

class CommandEvaluator : public testing::Test {
 protected:
  CommandEvaluator() {
    settings_.kind = "command";
    settings_.command.words = {"sh", "train.sh"};
    settings_.command.folder = folder_.path();
    settings_.command.grace_seconds = 0.2;
    settings_.objective.measure = "score";
    resources_.study = folder_.url("study.db");
    resources_.seed = 7;
  }

  // What becomes of a trial that this shell script trains.
  Trial train(const std::string& script, const AfterEpoch& after_epoch = {}) const {
    folder_.write("train.sh", script);
    Trial trial;
    trial.number = 3;
    trial.architecture = "[C(64,3,1), SM(10)]";
    trial.state = TrialState::running;
    const auto evaluator = make_command_evaluator(settings_, resources_);
    if (after_epoch) evaluator->watch(after_epoch);
    evaluator->evaluate(trial);
    return trial;
  }
  std::string refusal() const {
    return tests::usage_error([&] { make_command_evaluator(settings_, resources_); });
  }
  fs::path trial_folder() const { return folder_ / "study.db-trials" / "3"; }
  // Written by a script with: echo $$ > NAME
  pid_t process_in(const std::string& name) const {
    EXPECT_TRUE(tests::eventually([&] { return read_text(folder_ / name).ends_with('\n'); }));
    return std::stoi(read_text(folder_ / name));
  }
  static bool is_gone(pid_t process) {
    return process_stat(process).state == '\0' || process_stat(process).state == 'Z';
  }

  tests::Folder folder_;
  EvaluatorSettings settings_;
  Resources resources_;
};

// ---- What a program is told ----

TEST_F(CommandEvaluator, TellsTheProgramWhatToTrainInItsEnvironment) {
  settings_.training.epochs = 9;
  settings_.command.keep = true;
  resources_.device = "cuda:1";
  resources_.threads = 2;
  unsetenv("OMP_NUM_THREADS");
  unsetenv("CUDA_VISIBLE_DEVICES");
  const Trial trial = train(
      "env > seen; pwd > folder; ls -A \"$METAQNN_FOLDER\" > inside; cat > input; "
      "echo '{\"score\": 1}'");
  EXPECT_EQ(trial.state, TrialState::complete) << trial.reason();
  const std::vector<std::string> seen = tests::lines_of(read_text(folder_ / "seen"));
  EXPECT_THAT(seen,
              testing::IsSupersetOf({"METAQNN_ARCHITECTURE=[C(64,3,1), SM(10)]", "METAQNN_TRIAL=3",
                                     "METAQNN_DEVICE=cuda:1", "CUDA_VISIBLE_DEVICES=1",
                                     "METAQNN_EPOCHS=9", "OMP_NUM_THREADS=2"}));
  EXPECT_THAT(seen, testing::Contains("METAQNN_STUDY=" + folder_.url("study.db")));
  EXPECT_THAT(seen, testing::Contains("METAQNN_FOLDER=" + trial_folder().string()));
  EXPECT_EQ(fs::canonical(tests::lines_of(read_text(folder_ / "folder")).at(0)),
            fs::canonical(folder_.path()));
  EXPECT_EQ(read_text(folder_ / "inside"), "");
  EXPECT_EQ(read_text(folder_ / "input"), "") << "nothing to read";
}

TEST_F(CommandEvaluator, LeavesThreadsAndGpusThatTheUserHasSet) {
  setenv("OMP_NUM_THREADS", "5", 1);
  setenv("CUDA_VISIBLE_DEVICES", "4,GPU-7", 1);
  resources_.device = "cuda:1";
  const Trial trial =
      train("echo \"{\\\"score\\\": $OMP_NUM_THREADS}\"; echo $CUDA_VISIBLE_DEVICES > gpu");
  unsetenv("OMP_NUM_THREADS");
  unsetenv("CUDA_VISIBLE_DEVICES");
  EXPECT_EQ(trial.value, 5);
  EXPECT_EQ(read_text(folder_ / "gpu"), "GPU-7\n");
}

TEST_F(CommandEvaluator, GivesEachArchitectureOfAStudyItsOwnSeed) {
  const auto seed = [&] { return train("echo \"{\\\"score\\\": $METAQNN_SEED}\"").value; };
  const auto first = seed();
  EXPECT_EQ(first, seed());
  resources_.seed = 8;
  EXPECT_NE(first, seed());
}

TEST_F(CommandEvaluator, RunsNoShellAndFindsTheProgramFromItsFolder) {
  const fs::path program = folder_.write("pro gram", "#!/bin/sh\necho \"{\\\"score\\\": $#}\"\n");
  fs::permissions(program, fs::perms::owner_all);
  settings_.command.words = {"./pro gram", "a b", "$(touch bad)", ""};
  EXPECT_EQ(train("").value, 3);
  EXPECT_FALSE(fs::exists(folder_ / "bad"));
}

// ---- What it reports ----

TEST_F(CommandEvaluator, KeepsTheLastValueAndEveryNumber) {
  const Trial trial = train(
      "echo '{\"epoch\": 1, \"score\": 3, \"training_loss\": 2.5}'\n"
      "echo 'loading pictures'\n"
      "echo '{\"epoch\": 2, \"score\": 1, \"training_loss\": 2.25, \"training_accuracy\": 0.5}'\n"
      "echo '  {\"latency_ms\": 3.5, \"parameters\": 1200, \"name\": \"x\", \"ok\": true}'\n"
      "printf '{\"size\": 4}'");
  EXPECT_EQ(trial.state, TrialState::complete) << trial.reason();
  EXPECT_EQ(trial.value, 1);
  EXPECT_EQ(trial.validation_accuracy, std::nullopt);
  EXPECT_EQ(trial.parameters, 1200);
  EXPECT_THAT(trial.measures,
              UnorderedElementsAre(Pair("score", 1), Pair("training_loss", 2.25),
                                   Pair("training_accuracy", 0.5), Pair("latency_ms", 3.5),
                                   Pair("parameters", 1200), Pair("size", 4)));
  ASSERT_EQ(trial.curve.size(), 2u);
  EXPECT_EQ(trial.curve[0].value, 3);
  EXPECT_EQ(trial.curve[1].value, 1);
  EXPECT_EQ(trial.curve[1].training_loss, 2.25);
  EXPECT_TRUE(std::isnan(trial.curve[0].training_accuracy));
  EXPECT_TRUE(trial.seconds.has_value());
}

TEST_F(CommandEvaluator, KeepsTheBestValueWhereItIsWanted) {
  settings_.command.result = "best";
  const std::string script =
      "for i in 2 5 3; do echo \"{\\\"epoch\\\": $i, \\\"score\\\": $i}\"; done";
  EXPECT_EQ(train(script).value, 5);
  settings_.objective.direction = datasets::Direction::minimize;
  const Trial trial = train(script);
  EXPECT_EQ(trial.value, 2);
  EXPECT_EQ(trial.measures.at("score"), 2);
}

TEST_F(CommandEvaluator, TakesTwoReportsOfOneEpochTogether) {
  settings_.objective.measure = "";
  const Trial trial = train(
      "echo '{\"epoch\": 0, \"training_loss\": 1}'; echo '{\"epoch\": 0, \"validation_accuracy\": "
      "0.5}'\n"
      "echo '{\"epoch\": 1, \"validation_accuracy\": 0.75, \"validation_loss\": 2}'");
  EXPECT_EQ(trial.validation_accuracy, 0.75);
  EXPECT_EQ(trial.value, std::nullopt) << "stored as the accuracy";
  ASSERT_EQ(trial.curve.size(), 2u);
  EXPECT_EQ(trial.curve[0].training_loss, 1);
  EXPECT_EQ(trial.curve[0].validation_accuracy, 0.5);
  EXPECT_EQ(trial.curve[1].validation_loss, 2);
  EXPECT_TRUE(std::isnan(trial.curve[1].value));
}

TEST_F(CommandEvaluator, IsNotLedAstrayByOtherLines) {
  const Trial trial = train(
      "echo '{\"score\": 1}'; echo '{broken'; echo '[1]'; echo '{}'; echo '{\"score\"'; "
      "printf '\\377\\000{\"score\": 4}\\n'; echo '{\"failed\": null, \"failed\": false}'\n"
      "i=0; while [ $i -lt 100 ]; do printf '{\"a\":'; i=$((i+1)); done; echo\n"
      "echo '{\"score\": 5}' >&2");
  EXPECT_EQ(trial.state, TrialState::complete) << trial.reason();
  EXPECT_EQ(trial.value, 1);
}

// ---- Its folder and its log ----

TEST_F(CommandEvaluator, RemovesTheFolderOfATrialThatIsCompleteUnlessItIsToBeKept) {
  const std::string script =
      "echo talk; echo whisper >&2; touch \"$METAQNN_FOLDER/weights\"; echo '{\"score\": 1}'";
  train(script);
  EXPECT_FALSE(fs::exists(trial_folder().parent_path()));
  settings_.command.keep = true;
  train(script);
  EXPECT_TRUE(fs::exists(trial_folder() / "weights"));
  EXPECT_THAT(tests::lines_of(read_text(trial_folder() / "log.txt")),
              UnorderedElementsAre("talk", "whisper"));
}

TEST_F(CommandEvaluator, KeepsTheFolderAndTheLastWordsOfAFailure) {
  const Trial trial =
      train("touch \"$METAQNN_FOLDER/weights\"; echo first; printf 'last\\033[31m\\n'; exit 1");
  EXPECT_EQ(trial.reason(), "error (exit status 1; its last words: first | last\\x1b[31m)");
  EXPECT_TRUE(fs::exists(trial_folder() / "weights"));
  EXPECT_EQ(read_text(trial_folder() / "log.txt"), "first\nlast\033[31m\n");
  // The next attempt has an empty one.
  train("ls -A \"$METAQNN_FOLDER\" > inside; exit 1");
  EXPECT_EQ(read_text(folder_ / "inside"), "");
}

TEST_F(CommandEvaluator, MakesFoldersAmongTemporaryFilesWhereTheStudyIsNoFile) {
  resources_.study = "postgresql://ann@server/search";
  const Trial trial = train(
      "echo \"$METAQNN_FOLDER\" > where; echo $METAQNN_STUDY >> where; echo '{\"score\": 1}'");
  EXPECT_EQ(trial.state, TrialState::complete) << trial.reason();
  const std::vector<std::string> where = tests::lines_of(read_text(folder_ / "where"));
  EXPECT_EQ(fs::path(where.at(0)).parent_path(), fs::temp_directory_path());
  EXPECT_FALSE(fs::exists(where.at(0)));
  EXPECT_EQ(where.at(1), "postgresql://ann@server/search");
}

// ---- Failures ----

TEST_F(CommandEvaluator, FailsATrialWhoseProgramEndsWithAnotherStatusThan0) {
  const Trial trial = train("echo '{\"score\": 1, \"latency_ms\": 2}'; exit 3");
  EXPECT_EQ(trial.state, TrialState::failed);
  EXPECT_EQ(trial.reason(), "error (exit status 3)");
  EXPECT_EQ(trial.value, std::nullopt);
  EXPECT_EQ(trial.measures.at("latency_ms"), 2);
}

TEST_F(CommandEvaluator, FailsATrialWhoseProgramIsKilled) {
  const Trial trial = train("echo '{\"score\": 1}'; kill -9 $$");
  EXPECT_EQ(trial.reason(), "crashed (signal 9, Killed)");
}

TEST_F(CommandEvaluator, FailsATrialWithTheReasonThatItsProgramGives) {
  Trial trial = train("echo '{\"failed\": \"diverged (lr 0.1)\"}'; exit 1");
  EXPECT_EQ(trial.state, TrialState::failed);
  EXPECT_EQ(trial.reason(), "diverged (lr 0.1)");
  EXPECT_FALSE(trial.counts());
  trial = train("echo '{\"failed\": \"out of memory\", \"score\": 1}'");
  EXPECT_EQ(trial.failure, Failure::out_of_memory);
  EXPECT_EQ(trial.value, std::nullopt);
}

TEST_F(CommandEvaluator, CountsAProgramThatSaysNotLearningWithTheValueThatItReports) {
  settings_.objective.measure = "";
  const Trial trial = train("echo '{\"failed\": \"not learning\", \"validation_accuracy\": 0.1}'");
  EXPECT_EQ(trial.failure, Failure::not_learning);
  EXPECT_EQ(trial.reason(), "not learning");
  EXPECT_TRUE(trial.counts());
  EXPECT_EQ(trial.validation_accuracy, 0.1);
}

TEST_F(CommandEvaluator, FailsATrialWithoutAValueOfWhatIsSearchedFor) {
  EXPECT_EQ(train("echo '{\"latency_ms\": 2}'").reason(), "error (the command reported no score)");
  EXPECT_EQ(train("").reason(), "error (the command reported no score)");
}

TEST_F(CommandEvaluator, FailsATrialWhoseValueIsNoFiniteNumberAndEndsItsProgram) {
  for (const char* value : {"NaN", "Infinity", "-Infinity", "null", "\"high\""}) {
    const Trial trial =
        train("echo '{\"epoch\": 1, \"score\": 1}'; echo '{\"epoch\": 2, \"score\": " +
              std::string(value) + "}'; sleep 1000");
    EXPECT_EQ(trial.reason(), "nan (score is no finite number, after epoch 1)") << value;
    EXPECT_EQ(trial.curve.size(), 1u);
    EXPECT_FALSE(trial.measures.contains("score"));
  }
  const Trial trial = train("echo '{\"score\": 1, \"training_loss\": NaN}'");
  EXPECT_EQ(trial.state, TrialState::complete) << "another than what is searched for";
  EXPECT_FALSE(trial.measures.contains("training_loss"));
}

TEST_F(CommandEvaluator, FailsATrialWhoseAccuracyIsNoFraction) {
  settings_.objective.measure = "";
  EXPECT_EQ(train("echo '{\"validation_accuracy\": 71.5}'").reason(),
            "error (validation_accuracy is 71.5, not within [0, 1]: report a fraction, or name "
            "another measure under [objective])");
}

TEST_F(CommandEvaluator, FailsATrialThatTakesTooLongEvenIfItIgnoresSigterm) {
  settings_.training.max_seconds = 0.5;
  const Trial trial = train("trap '' TERM; echo $$ > process; while :; do sleep 0.1; done");
  EXPECT_EQ(trial.reason(), "timeout (after 0.5 s)");
  EXPECT_TRUE(is_gone(process_in("process")));
}

TEST_F(CommandEvaluator, LetsAProgramThatIsToldToEndTidyUp) {
  settings_.training.max_seconds = 0.5;
  settings_.command.grace_seconds = 60;
  train("trap 'touch tidy; exit' TERM; while :; do sleep 0.05; done");
  EXPECT_TRUE(fs::exists(folder_ / "tidy"));
}

TEST_F(CommandEvaluator, FailsATrialWith100MegabytesOfOutputInLittleMemory) {
  const auto peak = [] {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
    }
    return 0L;
  };
  const long before = peak();
  for (const char* script :
       {"yes '{\"score\": 1}' | head -c 100000000", "head -c 100000000 /dev/zero | tr '\\000' x",
        "head -c 100000000 /dev/zero >&2"}) {
    const Trial trial = train(script);
    EXPECT_EQ(trial.failure, Failure::error) << script;
    EXPECT_THAT(trial.detail, StartsWith("more than 64 MiB of output")) << script;
    EXPECT_LT(trial.detail.size(), 5000u);
  }
  EXPECT_LT(peak() - before, 30000) << "kB";
}

// ---- Stopping ----

TEST_F(CommandEvaluator, StopsATrainingAfterTheEpochOfTheDecision) {
  std::vector<size_t> asked;
  const Trial trial = train(
      "for i in 1 2 3 4; do echo \"{\\\"epoch\\\": $i, \\\"score\\\": $i}\"; done; echo $$ > "
      "process; sleep 1000",
      [&](const std::vector<EpochResult>& curve) {
        asked.push_back(curve.size());
        EXPECT_EQ(curve.back().value, static_cast<double>(curve.size()));
        return curve.size() < 2;
      });
  EXPECT_EQ(trial.state, TrialState::stopped);
  EXPECT_EQ(trial.curve.size(), 2u) << "what arrives later is not looked at";
  EXPECT_EQ(trial.value, std::nullopt);
  EXPECT_THAT(asked, ElementsAre(1, 2));
  EXPECT_FALSE(fs::exists(trial_folder()));
}

TEST_F(CommandEvaluator, DoesNotAskAfterTheLastEpoch) {
  settings_.training.epochs = 2;
  int asked = 0;
  const Trial trial =
      train("for i in 1 2; do echo \"{\\\"epoch\\\": $i, \\\"score\\\": $i}\"; done",
            [&](const auto&) { return ++asked > 0; });
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(trial.value, 2);
}

// ---- Devices ----

TEST_F(CommandEvaluator, HasTheGpusOfTheMachineWhateverLibtorchIsAbleTo) {
  train("");
  Configuration configuration;
  configuration.evaluator = settings_;
  configuration.space.kind = "sequence";
  configuration.space.sequence = {"{}", {{"a", "b"}}};
  const auto devices = [&](const std::string& text) {
    return look_around(configuration, text).devices;
  };
  setenv("CUDA_VISIBLE_DEVICES", "4,7", 1);
  EXPECT_THAT(devices("auto"), ElementsAre("cuda:0", "cuda:1"));
  EXPECT_THAT(devices("cuda"), ElementsAre("cuda:0", "cuda:1"));
  setenv("CUDA_VISIBLE_DEVICES", "", 1);
  EXPECT_THAT(devices("auto"), ElementsAre("cpu"));
  EXPECT_THAT(tests::message_of<FailureError>([&] { devices("cuda"); }),
              HasSubstr("this machine shows no GPU"));
  EXPECT_THAT(devices("cuda:3,cuda:5"), ElementsAre("cuda:3", "cuda:5"));
  EXPECT_THAT(tests::usage_error([&] { devices("cuda:x"); }),
              HasSubstr("device 'cuda:x' is not known"));
  unsetenv("CUDA_VISIBLE_DEVICES");
}

// ---- Limits ----

Objective with_limits(std::map<std::string, double> limits) {
  Objective objective;
  objective.limits = std::move(limits);
  return objective;
}

Trial limited(Trial trial, std::map<std::string, double> limits) {
  trial.state = TrialState::complete;
  keep_limits(with_limits(std::move(limits)), trial);
  return trial;
}

TEST(Limits, FailANetworkThatIsAboveOneAndKeepWhatWasMeasured) {
  Trial trial;
  trial.value = 0.5;
  trial.measures = {{"latency_ms", 31.2}};
  EXPECT_EQ(limited(trial, {{"latency_ms", 31.2}}).state, TrialState::complete);
  const Trial above = limited(trial, {{"latency_ms", 25}});
  EXPECT_EQ(above.state, TrialState::failed);
  EXPECT_EQ(above.reason(), "too large (latency_ms 31.2, limit 25)");
  EXPECT_EQ(above.value, 0.5);
  EXPECT_EQ(above.measures, trial.measures);
}

TEST(Limits, FailANetworkOfWhichTheirMeasureIsNotKnown) {
  EXPECT_EQ(limited({}, {{"latency_ms", 25}}).reason(),
            "error (no latency_ms was measured, which has a limit)");
}

TEST(Limits, HoldForSizesAndTimesToo) {
  Trial trial;
  trial.parameters = 2000;
  trial.seconds = 3.5;
  EXPECT_EQ(limited(trial, {{"parameters", 1999}}).failure, Failure::too_large);
  EXPECT_EQ(limited(trial, {{"seconds", 4}, {"parameters", 1e6}}).state, TrialState::complete);
}

TEST(Limits, LeaveAloneWhatIsNotComplete) {
  Trial trial;
  trial.fail("not learning");
  keep_limits(with_limits({{"latency_ms", 25}}), trial);
  EXPECT_EQ(trial.failure, Failure::not_learning);
}

TEST(Limits, OfATableAreItsColumns) {
  const tests::Folder folder;
  folder.write("table.csv", "architecture,accuracy,latency_ms\na,0.9,31.2\nb,0.5,20\n");
  Configuration configuration;
  configuration.space.kind = "sequence";
  configuration.space.sequence = {"{}", {{"a", "b"}}};
  configuration.strategy.kind = "random";
  configuration.evaluator.kind = "table";
  configuration.evaluator.table.file = folder / "table.csv";
  configuration.evaluator.table.target = "accuracy";
  configuration.evaluator.objective.limits = {{"latency_ms", 25}};
  const auto study = create_study(folder.url("study.db"), describe_study(configuration));
  work(*study, {});
  EXPECT_EQ(study->find_trial("a")->reason(), "too large (latency_ms 31.2, limit 25)");
  EXPECT_EQ(study->find_trial("b")->measures.at("latency_ms"), 20);
  EXPECT_EQ(study->best_trial()->architecture, "b");
  EXPECT_EQ(study->counts().unique_models, 1);

  configuration.evaluator.objective.limits = {{"energy", 25}};
  EXPECT_THAT(tests::usage_error([&] { look_around(configuration); }), HasSubstr("energy"));
}

TEST(Limits, NameWhatIsMeasuredWhereNetworksAreTrained) {
  EvaluatorSettings settings;
  settings.objective.limits = {{"parameters", 1e6}};
  check_objective(settings);
  settings.objective.limits = {{"latency_ms", 25}};
  check_objective(settings);
  settings.objective.limits = {{"energy", 25}};
  EXPECT_THAT(tests::usage_error([&] { check_objective(settings); }),
              HasSubstr("objective.limits: 'energy' is not measured"));
}

// ---- What the user must mend ----

TEST_F(CommandEvaluator, RefusesWhatCannotBeStartedBeforeATrialIsSpent) {
  settings_.command.words = {"no-such-program"};
  EXPECT_THAT(refusal(),
              HasSubstr("evaluator.command: 'no-such-program' cannot be run in the folder"));
  EXPECT_THAT(refusal(), HasSubstr("No such file or directory"));
  folder_.write("train.py", "");
  settings_.command.words = {"./train.py"};
  EXPECT_THAT(refusal(), HasSubstr("Permission denied"));
  settings_.command.words = {};
  EXPECT_THAT(refusal(), HasSubstr("evaluator.command is missing"));
  settings_.command.words = {"sh"};
  settings_.command.folder = folder_ / "nowhere";
  EXPECT_THAT(refusal(), HasSubstr("evaluator.folder: "));
}

TEST_F(CommandEvaluator, NeedsADirectionWhereTheNameOfTheMeasureSuggestsLess) {
  settings_.objective.measure = "latency_ms";
  EXPECT_THAT(refusal(), HasSubstr("objective.direction is missing"));
}

// ---- Nothing is left ----

TEST_F(CommandEvaluator, EndsWhatAProgramHasLeftBehind) {
  train("(trap '' TERM; while :; do sleep 0.1; done) & echo $! > process; echo '{\"score\": 1}'");
  EXPECT_TRUE(is_gone(process_in("process")));
}

TEST_F(CommandEvaluator, EndsTheProgramAndItsChildrenWhenTheProcessThatWantedItIsKilled) {
  const pid_t worker = fork();
  if (worker == 0) {
    train("sleep 1000 & echo $! > child; echo $$ > process; wait");
    _exit(0);
  }
  const pid_t child = process_in("child"), process = process_in("process");
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
  EXPECT_TRUE(tests::eventually([&] { return is_gone(process) && is_gone(child); }));
}

TEST_F(CommandEvaluator, SurvivesTheDeathOfTheGuardianAndEndsTheProgram) {
  const Trial trial = train("sleep 1000 & echo $! > child; kill -9 $PPID; wait");
  EXPECT_EQ(trial.reason(), "crashed (signal 9, Killed)");
  const pid_t child = process_in("child");
  EXPECT_TRUE(tests::eventually([&] { return is_gone(child); }));
}

TEST_F(CommandEvaluator, EndsWhatKilledWorkersHaveLeftWhenItIsMade) {
  const pid_t worker = fork();
  if (worker == 0) {
    train("setsid sleep 1000 & echo $! > child; echo $$ > process; wait");
    _exit(0);
  }
  const pid_t child = process_in("child"), process = process_in("process");
  kill(static_cast<pid_t>(process_stat(process).parent), SIGKILL);  // the guardian
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
  EXPECT_FALSE(is_gone(child)) << "it left the group, and the kernel kills only the program";
  make_command_evaluator(settings_, resources_);
  EXPECT_TRUE(tests::eventually([&] { return is_gone(process) && is_gone(child); }));
}

}  // namespace
}  // namespace metaqnn::search
