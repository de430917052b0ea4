// What is left of a search that is killed or stopped, and what comes of it when it goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "metaqnn/search/study/study.h"
#include "tests/cli/run_program.h"
#include "tests/postgresql_server.h"

namespace metaqnn::tests {
namespace {

using namespace std::chrono_literals;
using search::Failure;
using search::Trial;
using search::TrialState;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kModels = 150;

const std::vector<std::string> kOperations{"none", "skip",  "conv1", "conv3",
                                           "pool", "conv5", "sep"};

// 343 cells of three operations; one in 13 does not learn, one in 17 fails without counting.
void write_cells(const Folder& folder, const std::string& seconds_per_trial = "0.01") {
  std::ostringstream table;
  table << "architecture,state,reason,validation_accuracy\n";
  int row = 0;
  for (const std::string& first : kOperations) {
    for (const std::string& second : kOperations) {
      for (const std::string& third : kOperations) {
        const std::string cell = "|" + first + "~0|+|" + second + "~0|" + third + "~1|";
        table << cell;
        ++row;
        if (row % 17 == 0) {
          table << ",failed,out of memory,\n";
        } else if (row % 13 == 0) {
          table << ",failed,not learning,0.1\n";
        } else {
          table << ",complete,," << 0.1 + static_cast<double>(stable_hash(cell) % 8000) / 10000
                << "\n";
        }
      }
    }
  }
  folder.write("cells.csv", table.str());
  std::ostringstream recipe;
  recipe << "seed = 3\n[space]\nkind = \"sequence\"\ntemplate = \"|{}~0|+|{}~0|{}~1|\"\n"
         << "alphabet = [\"none\", \"skip\", \"conv1\", \"conv3\", \"pool\", \"conv5\", \"sep\"]\n"
         << "[strategy]\nalpha = 0.1\nschedule = [[1.0, 80], [0.5, 40], [0.2, 30]]\n"
         << "[evaluator]\nkind = \"table\"\nfile = \"cells.csv\"\n"
         << "seconds_per_trial = " << seconds_per_trial << "\n";
  folder.write("cells.toml", recipe.str());
}

// A handful of models, slow enough to be hit while one is in training.
void write_few(const Folder& folder, const std::string& tokens, const std::string& seconds) {
  std::string table = "architecture,accuracy\n", alphabet;
  for (char token : tokens) {
    table += std::string(1, token) + ",0." + std::to_string(token % 10) + "\n";
    alphabet += (alphabet.empty() ? "\"" : ", \"") + std::string(1, token) + "\"";
  }
  folder.write("few.csv", table);
  folder.write("few.toml", "[space]\nkind = \"sequence\"\ntemplate = \"{}\"\nalphabet = [" +
                               alphabet +
                               "]\n[strategy]\nschedule = [[1.0, 100]]\n"
                               "[evaluator]\nkind = \"table\"\nfile = \"few.csv\"\n"
                               "target = \"accuracy\"\nseconds_per_trial = " +
                               seconds + "\n");
}

std::vector<std::string> search_arguments(const Folder& folder, const std::string& recipe,
                                          const std::string& study,
                                          const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"search", "--config", (folder / recipe).string(), "--study",
                                     folder.url(study)};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// Everything but clocks.
using Trials = std::vector<std::tuple<int64_t, std::string, TrialState, std::string,
                                      std::optional<double>, double, int64_t>>;
using Samples = std::vector<std::tuple<int64_t, int64_t, double, int64_t, std::optional<int64_t>>>;

Trials trials_of(const std::string& url) {
  Trials facts;
  for (const Trial& trial : search::open_study(url)->trials(false)) {
    facts.emplace_back(trial.number, trial.architecture, trial.state, trial.reason(),
                       trial.validation_accuracy, trial.epsilon, trial.attempts);
  }
  return facts;
}

Samples samples_of(const std::string& url) {
  Samples facts;
  for (const search::Sample& sample : search::open_study(url)->samples()) {
    facts.emplace_back(sample.number, sample.trial, sample.epsilon, sample.proposed_at,
                       sample.sequence);
  }
  return facts;
}

// Worker processes of a search.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::string line;
    std::getline(std::ifstream(entry.path() / "stat"), line);
    if (line.empty()) continue;
    std::istringstream rest(line.substr(line.rfind(')') + 1));
    char state = 0;
    pid_t its_parent = 0;
    rest >> state >> its_parent;
    if (its_parent == parent && state != 'Z') children.push_back(std::stoi(name));
  }
  return children;
}

// The first trial that is running, once there is one.
std::optional<Trial> running_trial(const std::string& url) {
  if (!search::study_exists(url)) return std::nullopt;
  for (const Trial& trial : search::open_study(url)->trials(false))
    if (trial.state == TrialState::running) return trial;
  return std::nullopt;
}

// What an uninterrupted search with one worker leaves; made once, because all compare with it.
class Interruption : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<Folder>();
    write_cells(*folder_);
    const Result result = run(search_arguments(*folder_, "cells.toml", "uninterrupted.db"));
    ASSERT_EQ(result.status, 0) << result.error;
    ASSERT_EQ(search::open_study(folder_->url("uninterrupted.db"))->counts().unique_models,
              kModels);
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static void expect_uninterrupted(const std::string& url) {
    EXPECT_EQ(trials_of(url), trials_of(folder_->url("uninterrupted.db")));
    EXPECT_EQ(samples_of(url), samples_of(folder_->url("uninterrupted.db")));
  }

  // A search with one worker, killed again and again, and then let to its end.
  static void search_and_kill(const std::string& url) {
    const std::vector<std::string> arguments{"search", "--config",
                                             (*folder_ / "cells.toml").string(), "--study", url};
    Random random(17);
    // 1.3 seconds in all at most, and the trials alone take 1.5: it is never done before the last
    // kill.
    for (int kills = 0; kills < 6; ++kills) {
      Program search(arguments);
      std::this_thread::sleep_for(std::chrono::milliseconds(20 + random.below(200)));
      search.signal(SIGKILL);
      ASSERT_EQ(search.wait().status, 128 + SIGKILL);
    }
    const Result result = run(arguments);
    ASSERT_EQ(result.status, 0) << result.error;
  }

  static std::unique_ptr<Folder> folder_;
};
std::unique_ptr<Folder> Interruption::folder_;

TEST_F(Interruption, ASecondRunWithOneWorkerEqualsTheFirst) {
  const Result result = run(search_arguments(*folder_, "cells.toml", "second.db"));
  ASSERT_EQ(result.status, 0) << result.error;
  expect_uninterrupted(folder_->url("second.db"));
}

TEST_F(Interruption, ASearchKilledAgainAndAgainEqualsTheUninterrupted) {
  const std::string url = folder_->url("killed.db");
  search_and_kill(url);
  expect_uninterrupted(url);  // attempts stay 1
}

TEST_F(Interruption, ASearchOnAServerKilledAgainAndAgainEqualsTheUninterrupted) {
  PostgresqlServer* server = PostgresqlServer::shared();
  if (server == nullptr) GTEST_SKIP() << PostgresqlServer::kMissing;
  const std::string url = server->new_database();
  search_and_kill(url);
  expect_uninterrupted(url);

  // And the other commands read it like any other.
  const std::string copy = folder_->url("copy.db");
  const Result imported =
      run({"import", url, "--study", copy, "--config", (*folder_ / "cells.toml").string()});
  ASSERT_EQ(imported.status, 0) << imported.error;
  const auto table = [](const std::string& study) {
    return run({"trials", "--study", study, "--top", "150"}).output;
  };
  EXPECT_EQ(table(copy), table(url));
  EXPECT_THAT(run({"status", "--study", url}).output, HasSubstr("150"));
  const Result evaluated =
      run({"evaluate", "--log", url, "--folds", "3", "--method", "ed-ls", "--format", "json"});
  EXPECT_EQ(evaluated.status, 0) << evaluated.error;
}

TEST_F(Interruption, ASearchWhoseWorkersAreKilledGoesOnByItself) {
  const std::string url = folder_->url("workers_killed.db");
  Program search(search_arguments(*folder_, "cells.toml", "workers_killed.db"));
  int64_t last = 0;  // each kill meets a later trial, so that none of them crashes for good
  for (int kills = 0; kills < 4; ++kills) {
    ASSERT_TRUE(eventually([&] {
      const auto held = running_trial(url);
      const std::vector<pid_t> children = children_of(search.pid());
      if (!held || held->number <= last || children.empty()) return false;
      last = held->number;
      kill(children[0], SIGKILL);
      return true;
    }));
  }
  const Result result = search.wait();
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.error, HasSubstr("a worker died (signal 9, Killed) while it trained trial"));
  // Now and then a kill falls between two trials and costs nothing. But for the attempts nothing
  // changes.
  Trials trials = trials_of(url);
  int64_t more_attempts = 0;
  for (auto& trial : trials) {
    more_attempts += std::get<6>(trial) - 1;
    std::get<6>(trial) = 1;
  }
  EXPECT_GE(more_attempts, 1);
  EXPECT_LE(more_attempts, 4);
  EXPECT_EQ(trials, trials_of(folder_->url("uninterrupted.db")));
  EXPECT_EQ(samples_of(url), samples_of(folder_->url("uninterrupted.db")));
}

// Where a study is kept: in a file, or on a server.
class TwoSearches : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(InEachForm, TwoSearches, testing::Values("sqlite", "postgresql"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(TwoSearches, OfOneStudyTrainNothingTwice) {
  const Folder folder;
  write_cells(folder);
  std::string url = folder.url("shared.db");
  if (std::string(GetParam()) == "postgresql") {
    PostgresqlServer* server = PostgresqlServer::shared();
    if (server == nullptr) GTEST_SKIP() << PostgresqlServer::kMissing;
    url = server->new_database();
  }
  const std::string recipe = (folder / "cells.toml").string();
  ASSERT_EQ(run({"search", "--config", recipe, "--study", url, "--trials", "1"}).status, 0);
  Program first({"search", "--config", recipe, "--study", url});
  Program second({"search", "--study", url});
  const Result first_result = first.wait(), second_result = second.wait();
  EXPECT_EQ(first_result.status, 0) << first_result.error;
  EXPECT_EQ(second_result.status, 0) << second_result.error;
  const auto study = search::open_study(url);
  EXPECT_EQ(study->counts().unique_models, kModels);
  EXPECT_EQ(study->counts().reserved, 0);
  EXPECT_TRUE(study->workers().empty());
  std::set<std::string> architectures;
  for (const Trial& trial : study->trials(false)) {
    EXPECT_TRUE(architectures.insert(trial.architecture).second) << trial.architecture;
    EXPECT_TRUE(trial.finished());
    EXPECT_EQ(trial.attempts, 1);
  }
  int64_t sequence = 0;
  for (const auto& sample : study->sequenced_samples_after(0))
    EXPECT_EQ(sample.sequence, ++sequence);
  EXPECT_EQ(sequence, study->counts().samples);
}

TEST(CrashingArchitecture, FailsAfterThreeAttemptsAndIsNotProposedAgain) {
  const Folder folder;
  write_few(folder, "abc", "0.7");
  const std::string url = folder.url("study.db");
  Program search(search_arguments(folder, "few.toml", "study.db"));
  std::set<pid_t> killed;
  for (int attempt = 1; attempt <= 3; ++attempt) {
    ASSERT_TRUE(eventually([&] {
      const auto held = running_trial(url);
      if (!held || held->number != 1 || held->attempts != attempt) return false;
      for (pid_t child : children_of(search.pid())) {
        if (!killed.insert(child).second) continue;
        kill(child, SIGKILL);
        return true;
      }
      return false;
    })) << "attempt "
        << attempt;
  }
  const Result result = search.wait();
  EXPECT_EQ(result.status, 0) << result.error;
  // The space has three architectures: the others are trained, and then it is exhausted.
  EXPECT_THAT(result.error, HasSubstr("the space is exhausted"));
  const auto study = search::open_study(url);
  const auto trials = study->trials(false);
  ASSERT_EQ(trials.size(), 3u);
  EXPECT_EQ(trials[0].state, TrialState::failed);
  EXPECT_EQ(trials[0].failure, Failure::crashed);
  EXPECT_EQ(trials[0].reason(), "crashed (signal 9, Killed)");
  EXPECT_EQ(trials[0].attempts, 3);
  EXPECT_EQ(trials[1].state, TrialState::complete);
  EXPECT_EQ(trials[2].state, TrialState::complete);
  int walks = 0;
  for (const auto& sample : study->samples()) walks += sample.trial == 1 ? 1 : 0;
  EXPECT_EQ(walks, 1);
  EXPECT_EQ(study->counts().unique_models, 2);
}

// A limit that the surroundings set is not the network's fault.
TEST(Limit, ThatEndsAWorkerEndsTheSearchAndCostsTheTrialNoRetry) {
  const Folder folder;
  write_few(folder, "abc", "1");
  const std::string url = folder.url("study.db");
  Program search(search_arguments(folder, "few.toml", "study.db"));
  ASSERT_TRUE(eventually([&] { return running_trial(url).has_value(); }));
  for (const pid_t worker : children_of(search.pid())) kill(worker, SIGXCPU);
  const Result result = search.wait();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.error, HasSubstr("has reached the limit on processor time (ulimit -t)"));
  const auto trials = search::open_study(url)->trials(false);
  ASSERT_EQ(trials.size(), 1u);
  EXPECT_EQ(trials[0].state, TrialState::waiting);
  EXPECT_EQ(trials[0].attempts, 1);
}

// Where an interrupt goes: to the search alone, or to its whole process group, as a terminal sends
// it.
class Interrupt : public testing::TestWithParam<bool> {
 protected:
  static void interrupt(const Program& search) {
    GetParam() ? search.signal_group(SIGINT) : search.signal(SIGINT);
  }
};

TEST_P(Interrupt, OnceFinishesTheTrialInHand) {
  const Folder folder;
  write_few(folder, "abc", "1");
  const std::string url = folder.url("study.db");
  Program search(search_arguments(folder, "few.toml", "study.db"));
  ASSERT_TRUE(eventually([&] { return running_trial(url).has_value(); }));
  interrupt(search);
  const Result result = search.wait();
  EXPECT_EQ(result.status, 130);
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.error,
              HasSubstr("stopped with 1 of 100 models done; resume with: metaqnn search --study " +
                        url + "\n"));
  {
    const auto study = search::open_study(url);
    const auto trials = study->trials(false);
    ASSERT_EQ(trials.size(), 1u);
    EXPECT_EQ(trials[0].state, TrialState::complete);
    EXPECT_EQ(trials[0].attempts, 1);
    EXPECT_TRUE(study->workers().empty());
  }
  const Result resumed = run({"search", "--study", url, "--trials", "2"});
  EXPECT_EQ(resumed.status, 0) << resumed.error;
  EXPECT_EQ(search::open_study(url)->counts().unique_models, 2);
}

TEST_P(Interrupt, TwiceAbandonsTheTrialInHand) {
  const Folder folder;
  write_few(folder, "abc", "2");
  const std::string url = folder.url("study.db");
  Program search(search_arguments(folder, "few.toml", "study.db"));
  ASSERT_TRUE(eventually([&] { return running_trial(url).has_value(); }));
  interrupt(search);
  std::this_thread::sleep_for(300ms);
  EXPECT_TRUE(running_trial(url).has_value());
  interrupt(search);
  const Result result = search.wait();
  EXPECT_EQ(result.status, 130);
  EXPECT_THAT(result.error, HasSubstr("stopped with 0 of 100 models done"));
  EXPECT_THAT(result.error, testing::Not(HasSubstr("died"))) << "it was told to";
  {
    const auto trials = search::open_study(url)->trials(false);
    ASSERT_EQ(trials.size(), 1u);
    EXPECT_EQ(trials[0].state, TrialState::waiting);
    EXPECT_EQ(trials[0].attempts, 1);
  }
  const Result resumed = run({"search", "--study", url, "--trials", "1"});
  EXPECT_EQ(resumed.status, 0) << resumed.error;
  const auto trials = search::open_study(url)->trials(false);
  ASSERT_EQ(trials.size(), 1u);
  EXPECT_EQ(trials[0].state, TrialState::complete);
  EXPECT_EQ(trials[0].attempts, 1);
}

INSTANTIATE_TEST_SUITE_P(OfAProcessOrItsGroup, Interrupt, testing::Bool(),
                         [](const auto& parameter) {
                           return parameter.param ? "group" : "process";
                         });

// A search by several workers on a server that has its troubles.
class ServerAway : public testing::Test {
 protected:
  void SetUp() override {
    server_ = PostgresqlServer::shared();
    if (server_ == nullptr) GTEST_SKIP() << PostgresqlServer::kMissing;
    write_cells(folder_);
    url_ = server_->new_database();
  }
  std::vector<std::string> arguments(const std::string& workers,
                                     const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all{"search",  "--config", (folder_ / "cells.toml").string(),
                                 "--study", url_,       "--workers",
                                 workers,   "--trials", std::to_string(kModels)};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  bool has_models(int64_t count) const {
    return eventually([&] {
      try {
        return search::study_exists(url_) &&
               search::open_study_to_read(url_, 1s)->counts().unique_models >= count;
      } catch (const Error&) {
        return false;  // away
      }
    });
  }
  // Every model once, every result numbered, nobody registered any more.
  void expect_whole() const {
    const auto study = search::open_study(url_);
    EXPECT_EQ(study->counts().unique_models, kModels);
    EXPECT_EQ(study->counts().reserved, 0);
    std::set<std::string> architectures;
    for (const Trial& trial : study->trials(false)) {
      EXPECT_TRUE(architectures.insert(trial.architecture).second);
      EXPECT_EQ(trial.attempts, 1)
          << trial.architecture << " was charged for the server's troubles";
    }
  }

  Folder folder_;
  PostgresqlServer* server_ = nullptr;
  std::string url_;
};

TEST_F(ServerAway, ForRestartsDoesNotEndASearch) {
  Program search(arguments("3"));
  for (const int64_t models : {20, 50, 90}) {
    ASSERT_TRUE(has_models(models));
    server_->stop();
    server_->start();
  }
  const Result result = search.wait();
  EXPECT_EQ(result.status, 0) << result.error;
  expect_whole();
}

TEST_F(ServerAway, ByCutConnectionsDoesNotEndASearch) {
  Program search(arguments("3"));
  for (int64_t models = 10; models <= 100; models += 10) {
    ASSERT_TRUE(has_models(models));
    server_->execute(url_,
                     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                     "WHERE application_name = 'metaqnn'");
  }
  const Result result = search.wait();
  EXPECT_EQ(result.status, 0) << result.error;
  expect_whole();
}

TEST_F(ServerAway, ForSomeWorkersLeavesTheSearchToTheOthers) {
  const Result result = run(arguments("50", {"--patience", "3"}));  // of 40 connections
  EXPECT_EQ(result.status, 0) << result.error;
  expect_whole();
}

TEST_F(ServerAway, ForGoodEndsASearchThatSaysSo) {
  write_cells(folder_, "0.1");  // 15 s of work for one
  Program search(arguments("1", {"--patience", "2"}));
  ASSERT_TRUE(has_models(5));
  server_->stop();
  const Result result = search.wait();
  server_->start();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.error, HasSubstr("what was committed is safe, run the same command again"));
  EXPECT_EQ(run(arguments("6")).status, 0);
  expect_whole();
}

}  // namespace
}  // namespace metaqnn::tests
