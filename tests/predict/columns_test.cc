// Networks that columns describe, alone or beside their strings, and measures of which less is
// better, through every method.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/base/random.h"
#include "metaqnn/datasets/logs/log.h"
#include "metaqnn/predict/cross_validation.h"
#include "metaqnn/predict/model.h"
#include "predict/encoding.h"
#include "tests/error_message.h"
#include "tests/folder.h"
#include "tests/tolerances.h"

namespace metaqnn::predict {
namespace {

using datasets::described;
using datasets::Direction;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::usage_error;

std::vector<std::string> names_of(const Encoding& encoding) {
  std::vector<std::string> names;
  for (const FeatureColumn& column : encoding.columns()) names.push_back(column.name);
  return names;
}

// Standard deviations of 1/2 and 1/2 about a mean: -1 and 1.
TEST(Columns, AreNumbersLogarithmsAndWhatIsThere) {
  const EncodingSettings settings{.tokens = "none", .features = {"n", "lr", "opt", "m"}};
  const std::vector<std::string> texts{
      described({}, {{"n", "1"}, {"lr", "0.001"}, {"opt", "adam"}, {"m", "0.5"}}),
      described({}, {{"n", "3"}, {"lr", "0.1001"}, {"opt", "sgd"}})};
  const Encoding encoding(settings, texts);
  EXPECT_THAT(names_of(encoding),
              ElementsAre("n", "log_lr", "opt=adam", "opt=sgd", "m is not there"));
  const Eigen::MatrixXd features = encoding.points(texts).features;
  EXPECT_TRUE(features.row(0).isApprox(Eigen::RowVectorXd{{-1, -1, 1, -1, -1}}, 1e-12));
  EXPECT_TRUE(features.row(1).isApprox(Eigen::RowVectorXd{{1, 1, -1, 1, 1}}, 1e-12));
  EXPECT_EQ(encoding.groups().size(), 4U);
  EXPECT_EQ(encoding.described_groups().size(), 4U);
}

// 0 to 8 and -1000: median 3.5 or 4, and no other value is so far away that it counts for nothing.
TEST(Columns, OfWhichOneValueIsFarKeepTheOthersApart) {
  const EncodingSettings settings{.tokens = "none", .features = {"x"}};
  std::vector<std::string> texts{described({}, {{"x", "-1000"}})};
  for (int i = 0; i < 9; ++i) texts.push_back(described({}, {{"x", std::to_string(i)}}));
  const Eigen::VectorXd x = Encoding(settings, texts).points(texts).features.col(0);
  for (int i = 1; i < 9; ++i) EXPECT_GT(x(i + 1), x(i));
  EXPECT_GT((x(9) - x(1)) / (x(1) - x(0)), 0.3);  // 8 of 1,000 as they are
}

TEST(Columns, BesideAStringAreGroupsOfTheirOwn) {
  const EncodingSettings settings{.tokens = "|", .features = {"counts"}};
  const std::vector<std::string> texts{described("a|b", {{"counts", "1"}}),
                                       described("b|c|a", {{"counts", "2"}})};
  const Encoding encoding(settings, texts);
  ASSERT_EQ(encoding.described_groups().size(), 1U);
  EXPECT_EQ(encoding.described_groups()[0].columns.count, 1);
  EXPECT_EQ(encoding.points(texts).tokens[1].size(), 3U);
  EXPECT_TRUE(Encoding({.tokens = "|"}, {"a|b", "b|c|a"}).described_groups().empty());
  EXPECT_EQ(string_of(texts[0], settings), "a|b");
  EXPECT_EQ(encoding.unknown(canonical("a|b", settings)), "it has no counts");
}

TEST(Columns, InCommasAreNotSplitInsideBrackets) {
  const EncodingSettings settings{.tokens = ","};
  const Encoding encoding(settings, {"[conv(3,64), pool(2,2)]", "[pool(2,2)]"});
  EXPECT_THAT(encoding.points({"[conv(3,64),  pool(2,2), x]"}).tokens[0], ElementsAre(0, 1, 2));
}

// A latency that grows with width, by the number of an operation, and not at all with noise.
datasets::Log latencies(int rows, uint64_t seed, bool with_strings) {
  datasets::Log log;
  log.source = "latencies";
  log.measure = {"latency_ms", Direction::minimize, ""};
  log.features = {"width", "op", "noise"};
  log.has_strings = with_strings;
  Random random(seed);
  for (int i = 0; i < rows; ++i) {
    const double width = std::pow(2, 3 + 7 * random.uniform());
    const bool is_slow = random.below(2) == 1;
    datasets::LogRow row;
    row.line = i + 2;
    std::optional<std::string> string;
    if (with_strings) string = std::string(1 + random.below(4), 'a') + "b";
    row.architecture = described(string, {{"width", std::to_string(width)},
                                          {"op", is_slow ? "conv_3x3" : "conv_1x1"},
                                          {"noise", std::to_string(random.uniform())}});
    row.value = 5 + std::log2(width) * (is_slow ? 3 : 1);
    log.rows.push_back(row);
  }
  return log;
}

class ColumnsOf : public testing::TestWithParam<std::string> {
 protected:
  tests::Folder folder_;
};

TEST_P(ColumnsOf, AreLearnedFromRankedLeastFirstAndSaved) {
  for (const bool with_strings : {false, true}) {
    const datasets::Log log = latencies(60, 1, with_strings);
    const Model model = Model::fit(log, {.method = GetParam()});
    std::vector<std::string> others;
    std::vector<double> truth;
    for (const datasets::LogRow& row : latencies(60, 2, with_strings).rows) {
      others.push_back(row.architecture);
      truth.push_back(*row.value);
    }
    std::vector<double> means, scores;
    for (const Predicted& predicted : model.predict(others)) {
      means.push_back(predicted.mean);
      scores.push_back(predicted.score);
    }
    const auto vector = [](const std::vector<double>& list) {
      return Eigen::VectorXd(
          Eigen::Map<const Eigen::VectorXd>(list.data(), static_cast<Eigen::Index>(list.size())));
    };
    EXPECT_GT(*kendall_tau(vector(means), vector(truth)), 0.7) << with_strings;
    const std::vector<Predicted> best = model.rank(others, 3);
    EXPECT_GE(best[0].score, best[1].score);
    EXPECT_NEAR(best[0].score, *std::max_element(scores.begin(), scores.end()),
                tests::kRoundingOfSums);
    EXPECT_LT(*kendall_tau(vector(scores), vector(truth)), -0.7) << with_strings;
    model.save(folder_ / "model");
    const Model again = Model::load(folder_ / "model");
    EXPECT_EQ(again.measure(), model.measure());
    EXPECT_EQ(again.encoding(), model.encoding());
    const std::vector<Predicted> predicted = again.predict(others);
    for (size_t i = 0; i < means.size(); ++i) {
      EXPECT_EQ(predicted[i].mean, means[i]);
      EXPECT_EQ(predicted[i].score, scores[i]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Method, ColumnsOf,
                         testing::Values("lls", "rbf-ls", "ed-ls", "rbf-mr", "ed-mr", "combined"));

TEST(Columns, ThatTheModelHasNeverSeenAreTold) {
  const Model model = Model::fit(latencies(20, 1, false), {.method = "lls"});
  const auto problem = [&](const std::string& width, const std::string& op) {
    return model.problem(described({}, {{"width", width}, {"op", op}, {"noise", "0"}}));
  };
  EXPECT_EQ(problem("5000", "conv_1x1"), "");
  EXPECT_EQ(problem("8", "conv_5x5"), "no network of the model's log has op conv_5x5");
  EXPECT_EQ(problem("", "conv_1x1"), "it has no width");
  EXPECT_THAT(model.problem("[SM(10)]"), HasSubstr("described by the columns width, op, noise"));
  const std::string stranger = described({}, {{"width", "8"}, {"op", "x"}, {"noise", "0"}});
  EXPECT_THAT(usage_error([&] { model.predict({stranger}); }), HasSubstr("has op x"));
  const Ranking ranking = model.rank({stranger}, RankOptions{});
  EXPECT_EQ(ranking.ranked, 0U);
  EXPECT_EQ(ranking.problems.size(), 1U);
}

TEST(Tokens, ThatTheModelHasNeverSeenAreTold) {
  datasets::Log log;
  for (const char* text : {"a|b", "b|b", "a|a", "b|a"}) {
    log.rows.emplace_back().architecture = text;
    log.rows.back().value = 0.1 * static_cast<double>(log.rows.size());
  }
  const Model model = Model::fit(log, {.method = "ed-ls"});
  EXPECT_EQ(model.problem("a|b|a"), "");
  EXPECT_EQ(model.problem("a|c"), "no network of the model's log has token c");
}

TEST(Tokens, AreDecidedByMostRows) {
  datasets::Log log;
  for (const char* text : {"[Conv(1,1,1), SM(10)]", "[SM(10)]", "[C(64,3,1), SM(10)]"})
    log.rows.emplace_back().architecture = text;
  EXPECT_EQ(encoding_for(log).tokens, "grammar");
  log.has_strings = false;
  EXPECT_EQ(encoding_for(log).tokens, "none");
}

// Networks a, b, c at 1 and 4 epochs: two rows each, judged at 4.
TEST(Budgets, AreFeaturesThatCandidatesNeedNotHave) {
  datasets::Log log;
  log.features = {"lr", "epochs"};
  log.budget = "epochs";
  log.has_strings = false;
  for (int i = 0; i < 12; ++i) {
    for (const int epochs : {1, 4}) {
      log.rows.emplace_back().architecture =
          described({}, {{"lr", std::to_string(i)}, {"epochs", std::to_string(epochs)}});
      log.rows.back().value = i + 10 * epochs;
    }
  }
  const Model model = Model::fit(log, {.method = "lls"});
  EXPECT_EQ(model.samples().size(), 24U);
  const auto at = [&](const std::string& epochs) {
    return model.predict({described({}, {{"lr", "3"}, {"epochs", epochs}})})[0].mean;
  };
  EXPECT_EQ(at(""), at("4"));
  EXPECT_LT(at("1"), at("4"));
  const Ranking ranking =
      model.rank({described({}, {{"lr", "3"}}), described({}, {{"lr", "30"}})}, RankOptions{});
  EXPECT_EQ(ranking.known, 1U);
  EXPECT_EQ(ranking.ranked, 1U);
  const std::vector<bool> judged =
      at_largest_budget(model.samples().architectures, model.encoding());
  EXPECT_EQ(std::count(judged.begin(), judged.end(), true), 12);
}

// By hand: of the ten least predicted 0..9 the true least is 3, the least of all -1.
TEST(Measure, OfWhichLessIsBetterCountsFromTheLeast) {
  Eigen::VectorXd truth(12), predicted(12);
  for (int i = 0; i < 12; ++i) {
    predicted(i) = i;
    truth(i) = i < 10 ? 3 + i : -static_cast<double>(i - 10) - 0.5;
  }
  const Figures figures = measure(truth, predicted, Direction::minimize);
  EXPECT_DOUBLE_EQ(*figures.top10_mean, 7.5);
  EXPECT_DOUBLE_EQ(*figures.top10_best_rank, 3);
  EXPECT_DOUBLE_EQ(*figures.top10_regret, 4.5);
  EXPECT_EQ(figures.kendall_tau, measure(truth, predicted).kendall_tau);
}

TEST(Samples, WithoutStringsAreTheRows) {
  datasets::Log log = latencies(5, 1, false);
  log.rows.push_back(log.rows[0]);
  EXPECT_EQ(make_samples(log, encoding_for(log), Failures::as_chance).size(), 6U);
  log = latencies(5, 1, true);
  log.rows.push_back(log.rows[0]);
  EXPECT_EQ(make_samples(log, encoding_for(log), Failures::as_chance).size(), 5U);
}

}  // namespace
}  // namespace metaqnn::predict
