// Searches whose networks a program of the user's trains: consent, kills, and the examples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "metaqnn/base/random.h"
#include "metaqnn/search/study/study.h"
#include "tests/cli/run_program.h"

namespace metaqnn::tests {
namespace {

namespace fs = std::filesystem;
using search::Trial;
using search::TrialState;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const fs::path kExamples = METAQNN_SOURCE_DIR "/experiments/command";

// Strings of five letters, worth the number of their a.
const std::string kCounts =
    "a=$(printf %s $METAQNN_ARCHITECTURE | tr -cd a | wc -c)\n"
    "echo \"{\\\"epoch\\\": 1, \\\"score\\\": $a, \\\"latency_ms\\\": $a.25}\"\n";

class Command : public testing::Test {
 protected:
  void write(const std::string& script, const std::string& models = "5",
             const std::string& more = "") const {
    folder_.write("train.sh", script);
    folder_.write("search.toml",
                  "[space]\nkind = \"sequence\"\ntemplate = \"{}{}{}{}{}\"\n"
                  "alphabet = [\"a\", \"b\", \"c\"]\n[strategy]\nkind = \"random\"\n"
                  "schedule = [[1.0, " +
                      models +
                      "]]\n[evaluator]\nkind = \"command\"\ncommand = [\"sh\", \"train.sh\"]\n"
                      "grace_seconds = 1\n[objective]\nmeasure = \"score\"\n" +
                      more);
  }
  std::string config() const { return (folder_ / "search.toml").string(); }
  std::string url() const { return folder_.url("study.db"); }
  Result search(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"search", "--config", config(), "--study", url()};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  std::vector<Trial> trials() const { return search::open_study_to_read(url())->trials(true); }

  Folder folder_;
};

int64_t count_of(const std::string& text, char letter) {
  return std::count(text.begin(), text.end(), letter);
}

// Processes whose environment holds this text.
std::vector<pid_t> processes_with(const std::string& text) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (read_text(entry.path() / "environ").find(text) != std::string::npos)
      found.push_back(std::stoi(name));
  }
  return found;
}

// A process and all that descend from it.
std::vector<pid_t> family_of(pid_t ancestor) {
  std::vector<std::pair<pid_t, pid_t>> parents;  // of each process
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string stat = read_text(entry.path() / "stat");
    if (stat.empty()) continue;
    std::istringstream rest(stat.substr(stat.rfind(')') + 1));
    char state = 0;
    pid_t parent = 0;
    rest >> state >> parent;
    parents.emplace_back(std::stoi(name), parent);
  }
  std::vector<pid_t> family{ancestor};
  for (size_t i = 0; i < family.size(); ++i) {
    for (const auto& [process, parent] : parents) {
      if (parent == family[i]) family.push_back(process);
    }
  }
  return family;
}

// ---- Searches ----

TEST_F(Command, ResultsMeasuresAndLimitsAreThoseThatItReports) {
  write(kCounts, "40", "limits = { latency_ms = 2.5 }\n");
  const Result result = search();
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.error, HasSubstr("command [\"sh\",\"train.sh\"] in " +
                                      folder_.path().lexically_normal().string()));
  EXPECT_THAT(result.error, HasSubstr("maximize score, the last that it reports"));
  EXPECT_THAT(result.output, HasSubstr("best 2.0000 "));
  int too_large = 0;
  for (const Trial& trial : trials()) {
    const auto a = static_cast<double>(count_of(trial.architecture, 'a'));
    EXPECT_EQ(trial.value, a);
    EXPECT_EQ(trial.measures.at("latency_ms"), a + 0.25);
    EXPECT_EQ(trial.curve.at(0).value, a);
    EXPECT_EQ(trial.state, a > 2 ? TrialState::failed : TrialState::complete);
    if (a <= 2) continue;
    ++too_large;
    EXPECT_THAT(trial.reason(), testing::AnyOf("too large (latency_ms 3.25, limit 2.5)",
                                               "too large (latency_ms 4.25, limit 2.5)",
                                               "too large (latency_ms 5.25, limit 2.5)"));
  }
  EXPECT_GT(too_large, 0);
  EXPECT_EQ(static_cast<int>(trials().size()), 40 + too_large) << "they do not count";
  EXPECT_THAT(run({"trials", "--study", url(), "--top", "40"}).output, Not(HasSubstr("too large")));
}

TEST_F(Command, MeasuresAreInTablesReportsAndExportsAndComeBackFromThese) {
  write("echo '{\"validation_accuracy\": 0.5}'\n" + kCounts, "6");
  ASSERT_EQ(search().status, 0);
  EXPECT_THAT(run({"trials", "--study", url()}).output, HasSubstr("latency_ms"));
  EXPECT_THAT(run({"trials", "--study", url(), "--format", "csv"}).output,
              HasSubstr("attempts,latency_ms,validation_accuracy\n"));
  const std::string page = (folder_ / "report.html").string();
  ASSERT_EQ(run({"report", "--study", url(), "-o", page}).status, 0);
  EXPECT_THAT(read_text(page), AllOf(HasSubstr("<th class=\"number\">latency_ms</th>"),
                                     HasSubstr("trained and measured by the command")));
  const std::string log = (folder_ / "log.csv").string(), copy = folder_.url("copy.db");
  ASSERT_EQ(run({"export", "--study", url(), "--format", "csv", "-o", log}).status, 0);
  const Result imported = run({"import", log, "--study", copy, "--config", config()});
  ASSERT_EQ(imported.status, 0) << imported.error;
  const std::vector<Trial> copies = search::open_study_to_read(copy)->trials(true);
  ASSERT_EQ(copies.size(), 6u);
  for (const Trial& trial : trials()) {
    const Trial& other = copies.at(static_cast<size_t>(trial.number) - 1);
    EXPECT_EQ(other.architecture, trial.architecture);
    EXPECT_EQ(other.value, trial.value);
    EXPECT_EQ(other.measures, trial.measures);
    EXPECT_EQ(other.curve.at(0).value, trial.curve.at(0).value);
  }
}

TEST_F(Command, ThatReportsNoMeasureOfTheLimitsHasFailed) {
  write("echo '{\"score\": 1}'\n", "1", "limits = { energy = 2.5 }\n");
  search::TrialState state{};
  EXPECT_EQ(search({"--trials", "1"}).status, 1) << "50 in a row";
  for (const Trial& trial : trials()) {
    state = trial.state;
    EXPECT_EQ(trial.reason(), "error (no energy was measured, which has a limit)");
  }
  EXPECT_EQ(state, TrialState::failed);
}

TEST_F(Command, ThatCannotBeStartedMakesNoStudy) {
  write("");
  std::string text = read_text(config());
  text.replace(text.find("\"sh\""), 4, "\"no-such-program\"");
  folder_.write("search.toml", text);
  const Result result = search();
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.error, HasSubstr("'no-such-program' cannot be run in the folder"));
  EXPECT_FALSE(search::study_exists(url()));
}

TEST_F(Command, IsNotEstimated) {
  write(kCounts);
  const Result result = run({"search", "--config", config(), "--estimate"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.error,
              HasSubstr("--estimate times trainings of [evaluator] kind = \"train\""));
}

// ---- Consent ----

TEST_F(Command, OfAStudyIsNotRunOnItsWord) {
  write("touch ran\n" + kCounts, "12");
  ASSERT_EQ(search({"--create-only"}).status, 0);
  const auto expect_refused = [&](const std::vector<std::string>& words) {
    const Result result = run(words);
    EXPECT_EQ(result.status, 2) << words[0];
    EXPECT_THAT(result.error, AllOf(HasSubstr("[\"sh\",\"train.sh\"] in " +
                                              folder_.path().lexically_normal().string()),
                                    HasSubstr("--allow-command"), HasSubstr("--config FILE")));
    EXPECT_FALSE(fs::exists(folder_ / "ran")) << words[0];
  };
  expect_refused({"search", "--study", url()});
  expect_refused({"search", "--study", url(), "--trials", "20"});
  expect_refused({"worker", "--study", url()});
  for (const char* command : {"status", "trials", "report"})
    run({command, "--study", url(), "-o", (folder_ / "out").string()});
  EXPECT_FALSE(fs::exists(folder_ / "ran"));

  EXPECT_EQ(run({"search", "--study", url(), "--allow-command", "--trials", "2"}).status, 0);
  EXPECT_TRUE(fs::exists(folder_ / "ran"));
  EXPECT_EQ(run({"worker", "--study", url(), "--config", config(), "--trials", "3"}).status, 0);
  EXPECT_EQ(run({"worker", "--study", url(), "--allow-command", "--trials", "4"}).status, 0);
  EXPECT_EQ(search().status, 0);
  EXPECT_EQ(trials().size(), 12u) << "the schedule is as it was";

  fs::remove(folder_ / "ran");
  const std::vector<std::string> screen{"screen", "--study", url(),      "--candidates", "50",
                                        "--top",  "2",       "--method", "lls"};
  expect_refused(screen);
  for (const char* consent : {"--allow-command", "--no-train"}) {
    std::vector<std::string> words = screen;
    words.push_back(consent);
    EXPECT_EQ(run(words).status, 0) << consent;
  }
  EXPECT_TRUE(fs::exists(folder_ / "ran"));
}

TEST_F(Command, OfAnotherConfigurationIsNoConsent) {
  write(kCounts);
  ASSERT_EQ(search({"--create-only"}).status, 0);
  std::string text = read_text(config());
  text.replace(text.find("train.sh"), 8, "other.sh");
  folder_.write("other.toml", text);
  const std::string other = (folder_ / "other.toml").string();
  const Result worker = run({"worker", "--study", url(), "--config", other});
  EXPECT_EQ(worker.status, 2);
  EXPECT_THAT(worker.error, AllOf(HasSubstr("other.sh"), HasSubstr("train.sh")));
  EXPECT_EQ(run({"search", "--study", url(), "--config", other}).status, 2);
  EXPECT_TRUE(trials().empty());
}

// ---- Kills ----

TEST_F(Command, OfSixWorkersThatAreKilledAgainAndAgainTrainsEachStringOnceAndLeavesNoProcess) {
  constexpr int models = 120;
  write("sleep 0.05\n" + kCounts + "sleep 0.02\n", std::to_string(models));
  const std::vector<std::string> words{"search", "--config",  config(), "--study",
                                       url(),    "--workers", "6"};
  Random random(5);
  for (int kills = 0; kills < 12; ++kills) {
    Program program(words);
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + random.below(200)));
    if (kills % 2 == 0) {
      program.signal_group(SIGKILL);
    } else {  // guardians and programs too
      for (const pid_t process : family_of(program.pid())) kill(process, SIGKILL);
    }
    ASSERT_EQ(program.wait().status, 128 + SIGKILL);
  }
  const Result result = run(words);
  ASSERT_EQ(result.status, 0) << result.error;
  std::set<std::string> architectures;
  for (const Trial& trial : trials()) {
    EXPECT_TRUE(architectures.insert(trial.architecture).second) << trial.architecture;
    EXPECT_EQ(trial.state, TrialState::complete) << trial.reason();
    EXPECT_EQ(trial.attempts, 1);
    const auto a = static_cast<double>(count_of(trial.architecture, 'a'));
    EXPECT_EQ(trial.value, a);
    EXPECT_EQ(trial.measures.at("latency_ms"), a + 0.25);
  }
  EXPECT_EQ(architectures.size(), static_cast<size_t>(models));
  EXPECT_EQ(search::open_study_to_read(url())->counts().unique_models, models);
  EXPECT_THAT(processes_with("METAQNN_STUDY=" + url()), testing::IsEmpty());
  EXPECT_FALSE(fs::exists(folder_ / "study.db-trials"));
}

TEST_F(Command, InTrainingIsFinishedAtTheFirstInterruptAndEndedAtTheSecond) {
  write("echo $$ > process; sleep 1000 & wait\n");
  Program program({"search", "--config", config(), "--study", url()});
  ASSERT_TRUE(eventually([&] { return read_text(folder_ / "process").ends_with('\n'); }));
  program.signal(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  EXPECT_THAT(processes_with("METAQNN_STUDY=" + url()), Not(testing::IsEmpty()));
  program.signal(SIGINT);
  EXPECT_EQ(program.wait().status, 130);
  EXPECT_TRUE(eventually([&] { return processes_with("METAQNN_STUDY=" + url()).empty(); }));
}

// ---- Examples ----

TEST(CommandExamples, InShellIsSearched) {
  const Folder folder;
  const Result result =
      run({"search", "--config", kExamples / "shell.toml", "--study", folder.url("study.db")});
  EXPECT_EQ(result.status, 0) << result.error;
  for (const Trial& trial : search::open_study_to_read(folder.url("study.db"))->trials(true)) {
    const auto a = static_cast<double>(count_of(trial.architecture, 'a'));
    EXPECT_EQ(trial.value, 3 * a) << trial.reason();
    EXPECT_EQ(trial.state, a > 3 ? TrialState::failed : TrialState::complete) << trial.reason();
    EXPECT_EQ(trial.curve.size(), 3u);
  }
}

TEST(CommandExamples, InPyTorchIsSearched) {
  if (std::system("/usr/bin/python3 -c 'import torch' >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "no python3-torch here (./bootstrap --tests installs it)";
  // Debian's python3, whatever else is in the PATH.
  const std::string path = std::getenv("PATH");
  setenv("PATH", ("/usr/bin:" + path).c_str(), 1);
  const Folder folder;
  const Result result = run({"search", "--config", kExamples / "pytorch.toml", "--study",
                             folder.url("study.db"), "--trials", "1", "--workers", "1"});
  setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(result.status, 0) << result.error;
  int complete = 0;
  for (const Trial& trial : search::open_study_to_read(folder.url("study.db"))->trials(true)) {
    if (trial.failure == search::Failure::too_large) continue;
    EXPECT_EQ(trial.state, TrialState::complete) << trial.reason();
    EXPECT_GE(trial.validation_accuracy.value_or(0), 0.2) << "chance is 0.25";
    EXPECT_EQ(trial.curve.size(), 3u);
    EXPECT_GT(trial.parameters.value_or(0), 0);
    ++complete;
  }
  EXPECT_EQ(complete, 1);
}

}  // namespace
}  // namespace metaqnn::tests
