// screen as a user calls it: predictions alone, trainings, interruptions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "metaqnn/architecture/shapes.h"
#include "metaqnn/search/study/study.h"
#include "tests/cli/run_program.h"

namespace metaqnn::tests {
namespace {

using nlohmann::json;
using search::Trial;
using search::TrialState;
using testing::ElementsAre;
using testing::HasSubstr;

// 64 strings of three tokens, whose values add up; a study of 20 of them.
class ScreenCommand : public testing::Test {
 protected:
  ScreenCommand() {
    std::string table = "architecture,accuracy\n";
    const std::string tokens = "abcd";
    for (char first : tokens) {
      for (char second : tokens) {
        for (char third : tokens) {
          const int sum = first + second + third - 3 * 'a';
          table += std::string{first, ',', second, ',', third}.insert(0, "\"") + "\",0." +
                   std::to_string(20 + 5 * sum) + "\n";
        }
      }
    }
    folder_.write("table.csv", table);
    folder_.write("search.toml", recipe("0"));
    folder_.write("slow.toml", recipe("0.3"));
  }

  static std::string recipe(const std::string& seconds) {
    return "seed = 2\n[space]\nkind = \"sequence\"\ntemplate = \"{},{},{}\"\n"
           "alphabet = [\"a\", \"b\", \"c\", \"d\"]\n[strategy]\nschedule = [[1.0, 20]]\n"
           "[evaluator]\nkind = \"table\"\nfile = \"table.csv\"\ntarget = \"accuracy\"\n"
           "seconds_per_trial = " +
           seconds + "\n";
  }

  // A study of 20 trials. Further ones take as long as `recipe` says.
  std::string make_study(const std::string& name, const std::string& recipe = "search.toml") const {
    const std::string searched = folder_.url("searched_for_" + name), url = folder_.url(name);
    run({"search", "--config", (folder_ / "search.toml").string(), "--study", searched});
    const Result imported =
        run({"import", searched, "--config", (folder_ / recipe).string(), "--study", url});
    EXPECT_EQ(imported.status, 0) << imported.error;
    return url;
  }

  static std::vector<std::string> words(const std::string& url,
                                        const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{"screen", "--study", url,        "--candidates", "30",
                                 "--top",  "4",       "--method", "lls,nearest"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  static json screen(const std::string& url, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = words(url, more);
    all.insert(all.end(), {"--format", "json"});
    const Result result = run(all);
    EXPECT_EQ(result.status, 0) << result.error;
    return json::parse(result.output, nullptr, false);
  }

  // What a screening leaves, but for clocks: by architecture, because several ways lead there.
  static std::map<std::string, std::pair<std::string, std::optional<double>>> trials_of(
      const std::string& url) {
    std::map<std::string, std::pair<std::string, std::optional<double>>> facts;
    for (const Trial& trial : search::open_study(url)->trials(false))
      facts[trial.architecture] = {trial.origin, trial.validation_accuracy};
    return facts;
  }

  static int count(const std::string& url, TrialState state) {
    const auto counts = search::open_study(url)->counts().by_state;
    const auto found = counts.find(state);
    return found == counts.end() ? 0 : static_cast<int>(found->second);
  }

  Folder folder_;
};

TEST_F(ScreenCommand, TrainsThePicksAndComparesThemWithTheirPredictions) {
  const std::string url = make_study("study.db");
  const json result = screen(url);
  EXPECT_EQ(result["study"]["trials"], 20);
  for (const char* key : {"mean", "percentile_90", "best", "exploration_mean"})
    EXPECT_TRUE(result["study"][key].is_number()) << key;
  EXPECT_EQ(result["candidates"], 30);
  EXPECT_EQ(result["exhausted"], false);
  EXPECT_EQ(result["finished"], result["picks"]);
  ASSERT_EQ(result["methods"].size(), 2u);
  std::set<std::string> picks;
  for (const json& method : result["methods"]) {
    for (const char* key : {"l2_loss", "constant_l2_loss", "mean_accuracy", "best_accuracy"})
      EXPECT_TRUE(method[key].is_number()) << key;
    ASSERT_EQ(method["architectures"].size(), 4u);
    double squares = 0;
    for (const json& pick : method["architectures"]) {
      squares += std::pow(pick["truth"].get<double>() - pick["prediction"].get<double>(), 2);
      picks.insert(pick["architecture"]);
    }
    EXPECT_NEAR(method["l2_loss"].get<double>(), squares / 4, 1e-12);
  }
  EXPECT_EQ(picks.size(), result["picks"]);
  const auto study = search::open_study(url);
  EXPECT_EQ(study->trials(false).size(), 20 + picks.size());
  EXPECT_EQ(study->counts().last_sequence, study->counts().samples);  // the agent knows them all
  for (const std::string& pick : picks) EXPECT_EQ(study->find_trial(pick)->origin, "screen");
}

TEST_F(ScreenCommand, OnlyPredictsWithNoTrain) {
  const std::string url = make_study("study.db");
  std::filesystem::remove(folder_ / "table.csv");  // the evaluator has nothing to look into
  const json result = screen(url, {"--no-train"});
  for (const json& method : result["methods"]) {
    for (const char* key : {"l2_loss", "constant_l2_loss", "mean_accuracy", "best_accuracy"})
      EXPECT_TRUE(method[key].is_null()) << key;
    for (const json& pick : method["architectures"]) {
      EXPECT_TRUE(pick["prediction"].is_number());
      EXPECT_TRUE(pick["truth"].is_null());
    }
  }
  EXPECT_EQ(search::open_study(url)->trials(false).size(), 20u);
  EXPECT_EQ(result["methods"], screen(url, {"--no-train"})["methods"]);
}

TEST_F(ScreenCommand, StoresNoPicksThatCouldNotBeTrained) {
  const std::string url = make_study("study.db");
  std::filesystem::remove(folder_ / "table.csv");
  EXPECT_EQ(run(words(url)).status, 3);
  EXPECT_EQ(search::open_study(url)->trials(false).size(), 20u);
}

TEST_F(ScreenCommand, FitsEveryMethodByDefaultAndBaselinesOnlyByName) {
  const std::string url = make_study("study.db");
  const auto names = [&](const std::string& methods) {
    const Result result = run({"screen", "--study", url, "--candidates", "20", "--top", "2",
                               "--no-train", "--format", "json", "--method", methods});
    EXPECT_EQ(result.status, 0) << result.error;
    const json document = json::parse(result.output);
    std::vector<std::string> list;
    for (const json& method : document["methods"]) list.push_back(method["method"]);
    return list;
  };
  EXPECT_THAT(names("all"), ElementsAre("lls", "rbf-ls", "ed-ls", "rbf-mr", "ed-mr", "combined"));
  EXPECT_THAT(names("mean,lls"), ElementsAre("lls", "mean"));
}

TEST_F(ScreenCommand, TakesWhatIsLeftOfASmallSpaceAndSaysSo) {
  const std::vector<std::string> arguments{"screen",   "--study", make_study("study.db"),
                                           "--method", "lls",     "--no-train"};
  EXPECT_THAT(run(arguments).output, HasSubstr("44 by uniform walks; no more were found"));
  std::vector<std::string> as_json = arguments;
  as_json.insert(as_json.end(), {"--format", "json"});
  const json result = json::parse(run(as_json).output);
  EXPECT_EQ(result["candidates"], 44);
  EXPECT_EQ(result["exhausted"], true);
}

TEST_F(ScreenCommand, RunAgainTrainsNothingAndPrintsTheSame) {
  const std::string url = make_study("study.db");
  const Result first = run(words(url));
  ASSERT_EQ(first.status, 0) << first.error;
  const auto trials = trials_of(url);
  const Result second = run(words(url));
  EXPECT_EQ(second.output, first.output);
  EXPECT_THAT(second.error, HasSubstr("this screening is done; another --seed screens again"));
  EXPECT_EQ(trials_of(url), trials);
  EXPECT_EQ(run(words(url, {"--seed", "1"})).status, 0);
  EXPECT_GT(trials_of(url).size(), trials.size());
}

TEST_F(ScreenCommand, KilledInTheMiddleGoesOnLikeTheUninterrupted) {
  const std::string whole = make_study("whole.db"), killed = make_study("killed.db", "slow.toml");
  const json uninterrupted = screen(whole);
  {
    Program program(words(killed));
    ASSERT_TRUE(eventually([&] { return count(killed, TrialState::complete) > 21; }));
    program.signal(SIGKILL);
  }
  EXPECT_LT(count(killed, TrialState::complete), count(whole, TrialState::complete));
  const int done = count(killed, TrialState::complete);
  const json resumed = screen(killed);
  EXPECT_EQ(resumed, uninterrupted);
  EXPECT_EQ(trials_of(killed), trials_of(whole));
  EXPECT_GE(done, 22);
}

TEST_F(ScreenCommand, InterruptedFinishesTheTrialInHandAndSaysHowToGoOn) {
  const std::string url = make_study("study.db", "slow.toml");
  Program program(words(url));
  ASSERT_TRUE(eventually([&] { return count(url, TrialState::running) > 0; }));
  program.signal(SIGINT);
  const Result result = program.wait();
  EXPECT_EQ(result.status, 130);
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.error, HasSubstr("run the same command again to go on"));
  EXPECT_EQ(count(url, TrialState::running), 0);
  EXPECT_GT(count(url, TrialState::waiting), 0);
  const Result resumed = run(words(url));
  EXPECT_EQ(resumed.status, 0);
  EXPECT_THAT(resumed.error, HasSubstr("going on: "));
  EXPECT_EQ(count(url, TrialState::waiting), 0);
}

TEST_F(ScreenCommand, NeedsAStudyWithResults) {
  folder_.write("few.csv", "architecture,accuracy\n\"a,a,a\",0.5\n\"a,a,b\",0.6\n");
  const std::string url = folder_.url("few.db");
  run({"import", (folder_ / "few.csv").string(), "--target", "accuracy", "--config",
       (folder_ / "search.toml").string(), "--study", url});
  const Result result = run(words(url));
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.error, HasSubstr("has 2; it takes 10: go on with metaqnn search"));
  EXPECT_EQ(run(words(folder_.url("none.db"))).status, 3);
  EXPECT_THAT(run(words(make_study("study.db"), {"--method", "llls"})).error,
              HasSubstr("did you mean lls?"));
  EXPECT_EQ(run(words(folder_.url("study.db"), {"--max-macs", "100"})).status, 2);
}

TEST_F(ScreenCommand, FitsAnEightyColumnTerminal) {
  const std::string url = make_study("study.db");
  const Result result = run(words(url));
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  EXPECT_THAT(result.output, HasSubstr("L2 of the mean"));
}

TEST(ScreenNetworks, KeepTheLimitsOfTheCommand) {
  const Folder folder;
  const std::string url = folder.url("log.db");
  const std::string root = METAQNN_SOURCE_DIR "/experiments/";
  ASSERT_EQ(run({"import", root + "results/fashion_mnist_log.csv", "--study", url, "--config",
                 root + "fashion_mnist_log.toml"})
                .status,
            0);
  const Result result =
      run({"screen", "--study", url, "--candidates", "300", "--method", "lls", "--no-train",
           "--max-parameters", "100000", "--max-memory", "2000000000", "--format", "json"});
  ASSERT_EQ(result.status, 0) << result.error;
  const json document = json::parse(result.output);
  EXPECT_EQ(document["candidates"], 300);
  EXPECT_GT(document["over_limit"], 0);
  for (const json& pick : document["methods"][0]["architectures"]) {
    const Architecture architecture = parse_architecture(pick["architecture"].get<std::string>());
    EXPECT_LE(analyse(architecture, {1, 28, 28}).parameters, 100000);
  }
}

}  // namespace
}  // namespace metaqnn::tests
