// Several measures as a user meets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/cli/run_program.h"

namespace metaqnn::tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// Networks a to e in three places; later letters are better and slower, but for e, which is slow alone.
class TwoMeasures : public testing::Test {
 protected:
  TwoMeasures() {
    std::string table = "architecture,score,latency\n";
    const std::string letters = "abcde";
    for (char a : letters) {
      for (char b : letters) {
        for (char c : letters) {
          double score = 0, latency = 1;
          for (char letter : {a, b, c}) {
            score += letter == 'e' ? 0 : letter - 'a';
            latency += (letter - 'a') * (letter == b ? 1 : 1.5);
          }
          table += std::string{a, b, c} + "," + std::to_string(score) + "," +
                   std::to_string(latency) + "\n";
        }
      }
    }
    folder_.write("table.csv", table);
    config_ = folder_
                  .write("search.toml", "seed = 3\n" + kSpace + R"(
[strategy]
kind = "guided"
initial_models = 6
schedule = [[1.0, 25]]
[objective]
measures = ["score", "latency"]
reference = [1.0, 9.0]
[evaluator]
kind = "table"
file = "table.csv"
)")
                  .string();
  }

  std::string url() const { return folder_.url("study.db"); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void search() const {
    const Result result = run({"search", "--config", config_, "--study", url()});
    ASSERT_EQ(result.status, 0) << result.error;
  }
  static json json_of(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--format", "json"});
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.error;
    return json::parse(result.output, nullptr, false);
  }
  static bool beats(const json& a, const json& b) {
    const json &x = a["measures"], &y = b["measures"];
    return x["score"] >= y["score"] && x["latency"] <= y["latency"] && x != y;
  }

  const std::string kSpace =
      "[space]\nkind = \"sequence\"\ntemplate = \"{}{}{}\"\nalphabet = [\"a\", \"b\", \"c\", "
      "\"d\", \"e\"]\n";
  const Folder folder_;
  std::string config_;
};

TEST_F(TwoMeasures, TrialsShowsTheFrontBestFirstWithTheSameFields) {
  search();
  const json all = json_of({"trials", "--study", url()});
  const json front = json_of({"trials", "--study", url(), "--pareto"});
  ASSERT_GT(front.size(), 1u);
  std::set<int64_t> numbers;
  for (size_t i = 0; i < front.size(); ++i) {
    EXPECT_EQ(front[i], all[front[i]["number"].get<size_t>() - 1]);
    EXPECT_EQ(front[i]["value"], front[i]["measures"]["score"]);
    if (i > 0) {
      EXPECT_GT(front[i - 1]["value"], front[i]["value"]);
    }
    numbers.insert(front[i]["number"].get<int64_t>());
  }
  for (const json& trial : all) {
    bool is_beaten = false;
    for (const json& other : front)
      is_beaten = is_beaten || beats(other, trial) || other["measures"] == trial["measures"];
    EXPECT_TRUE(is_beaten) << trial;
    for (const json& other : all) {
      if (numbers.contains(trial["number"])) {
        EXPECT_FALSE(beats(other, trial)) << trial;
      }
    }
  }
  EXPECT_THAT(run({"trials", "--study", url(), "--pareto", "--top", "2"}).error,
              HasSubstr("--top"));
  const Result table = run({"trials", "--study", url(), "--pareto"});
  EXPECT_EQ(count_lines(table.output), static_cast<int>(front.size()) + 1);
}

TEST_F(TwoMeasures, StatusTellsTheHypervolumeAndBeyondWhat) {
  search();
  const json status = json_of({"status", "--study", url()});
  EXPECT_EQ(status["reference"], (json{{"score", 1.0}, {"latency", 9.0}}));
  EXPECT_GT(status["hypervolume"], 0);
  EXPECT_EQ(status["best"]["measure"], "score");
  EXPECT_THAT(run({"status", "--study", url()}).output,
              HasSubstr("beyond score 1.0000, latency 9.0000\n"));
}

TEST_F(TwoMeasures, StatusOfOneMeasureHasNone) {
  folder_.write("one.toml",
                "seed = 3\n" + kSpace +
                    "[strategy]\nkind = \"random\"\nschedule = [[1.0, 5]]\n[evaluator]\nkind = "
                    "\"table\"\nfile = \"table.csv\"\ntarget = \"score\"\n");
  ASSERT_EQ(run({"search", "--config", path("one.toml"), "--study", url()}).status, 0);
  const json status = json_of({"status", "--study", url()});
  EXPECT_TRUE(status["hypervolume"].is_null());
  EXPECT_TRUE(status["reference"].is_null());
  const json front = json_of({"trials", "--study", url(), "--pareto"});
  ASSERT_EQ(front.size(), 1u);
  EXPECT_EQ(front[0]["architecture"], status["best"]["architecture"]);
  const Result refused = run({"screen", "--study", url(), "--pareto", "--no-train"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.error, HasSubstr("searches for one measure"));
}

TEST_F(TwoMeasures, ReportShowsTheFrontAndItsHypervolume) {
  search();
  ASSERT_EQ(run({"report", "--study", url(), "-o", path("report.html")}).status, 0);
  const std::string page = read_text(path("report.html"));
  EXPECT_THAT(page, HasSubstr("<h2>Small and good</h2>"));
  EXPECT_THAT(page, HasSubstr("Networks that no other beats in both score and latency."));
  EXPECT_NE(page.find("beyond score 1.0000, latency 9.0000."), std::string::npos);
}

TEST_F(TwoMeasures, ScreenPicksWhatSpreadsOverThePredictedFront) {
  search();
  const auto screened = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"screen", "--study", url(),      "--candidates", "60",
                                       "--top",  "6",       "--method", "lls"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return json_of(arguments);
  };
  const auto latencies = [&](const json& result) {
    std::set<double> different;
    for (const json& trial : json_of({"trials", "--study", url()})) {
      for (const json& pick : result["methods"][0]["architectures"]) {
        if (pick["architecture"] == trial["architecture"])
          different.insert(trial["measures"]["latency"].get<double>());
      }
    }
    return different;
  };
  const json front = screened({"--pareto"});
  ASSERT_EQ(front["methods"][0]["architectures"].size(), 6u);
  EXPECT_EQ(front["finished"], 6);
  EXPECT_EQ(screened({"--pareto"}), front) << "the same settings, the same plan";
  EXPECT_LT(*latencies(front).begin(), *latencies(screened({})).begin());
}

TEST_F(TwoMeasures, RankSpreadsOverTheFrontOfAModelForEach) {
  search();
  const auto fit = [&](const std::string& target) {
    const Result result = run({"fit", "--log", url(), "--target", target, "--method", "lls", "-o",
                               path(target + ".model")});
    ASSERT_EQ(result.status, 0) << result.error;
  };
  fit("score");
  fit("latency");  // its direction is the study's
  const std::vector<std::string> arguments{
      "rank",     "--model", path("score.model"), "--model", path("latency.model"),
      "--config", config_,   "--count",           "60",      "--top",
      "5",        "--pareto"};
  const json ranked = json_of(arguments);
  ASSERT_EQ(ranked.size(), 1u);
  EXPECT_EQ(ranked[0]["directions"], (json{{"score", "maximize"}, {"latency", "minimize"}}));
  const json& best = ranked[0]["best"];
  ASSERT_EQ(best.size(), 5u);
  for (size_t i = 1; i < best.size(); ++i) {
    EXPECT_GE(best[i - 1]["predictions"]["score"], best[i]["predictions"]["score"]);
    EXPECT_EQ(best[i]["prediction"], best[i]["predictions"]["score"]);
  }
  EXPECT_LT(best[4]["predictions"]["latency"], best[0]["predictions"]["latency"]);
  EXPECT_THAT(run(arguments).output, HasSubstr("5 of 60 candidates, spread over the front"));

  const Result alone =
      run({"rank", "--model", path("score.model"), "--config", config_, "--pareto"});
  EXPECT_EQ(alone.status, 2);
  EXPECT_THAT(alone.error, HasSubstr("compares by two measures at least"));
  const Result strange = run({"rank", "--model", path("score.model"), "--config", config_,
                              "--count", "20", "--pareto", "--cost", "macs"});
  EXPECT_EQ(strange.status, 2);
  EXPECT_THAT(strange.error, HasSubstr("strings of our grammar alone"));
}

// Parameters are told by the string: the smallest of the picks beats all others there.
TEST_F(TwoMeasures, RankSetsAModelAgainstWhatStringsTell) {
  std::string log = "net,accuracy\n", candidates;
  for (int filters = 1; filters <= 30; ++filters) {
    const std::string net = "[C(" + std::to_string(filters) + ",3,1), SM(10)]";
    (filters % 2 == 0 ? candidates : log) +=
        filters % 2 == 0 ? net + "\n"
                         : "\"" + net + "\"," + std::to_string(0.3 + 0.01 * filters) + "\n";
  }
  folder_.write("log.csv", log);
  folder_.write("candidates.txt", candidates);
  ASSERT_EQ(run({"fit", "--log", path("log.csv"), "--target", "accuracy", "--method", "lls", "-o",
                 path("model")})
                .status,
            0);
  const json ranked =
      json_of({"rank", "--model", path("model"), "--candidates", path("candidates.txt"), "--pareto",
               "--cost", "parameters", "--top", "4"});
  const json& best = ranked[0]["best"];
  ASSERT_EQ(best.size(), 4u);
  for (size_t i = 1; i < best.size(); ++i) {
    EXPECT_LT(best[i]["predictions"]["parameters"], best[i - 1]["predictions"]["parameters"]);
    EXPECT_LT(best[i]["prediction"], best[i - 1]["prediction"]);
  }
}

}  // namespace
}  // namespace metaqnn::tests
