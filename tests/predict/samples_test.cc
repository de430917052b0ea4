// What predictors are fitted on: made from logs, or filled by hand and checked.
#include "metaqnn/predict/samples.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "metaqnn/predict/model.h"
#include "tests/error_message.h"
#include "tests/predict/some_networks.h"
#include "tests/tolerances.h"

namespace metaqnn::predict {
namespace {

using Eigen::VectorXd;
using tests::some_networks;
using tests::usage_error;

datasets::Log log_of(
    const std::vector<std::tuple<const char*, std::optional<double>, const char*>>& rows) {
  datasets::Log log;
  log.source = "log.csv";
  for (const auto& [text, accuracy, state] : rows) {
    datasets::LogRow row;
    row.line = static_cast<int64_t>(log.rows.size()) + 2;
    row.architecture = text;
    row.value = accuracy;
    row.state = state;
    log.rows.push_back(row);
  }
  return log;
}

TEST(Samples, EqualNetworksAreMergedAndFailuresTreatedAsAsked) {
  const datasets::Log log = log_of({{"[C(64,3,1), D(1,1), SM(10)]", 0.5, "complete"},
                                    {"[C(64,3,1), SM(10)]", 0.7, "complete"},
                                    {"[C(64,3,1), SM(10)]", 0.1, "failed"},
                                    {"[C(128,3,1), SM(10)]", 0.1, "failed"},
                                    {"[C(256,3,1), SM(10)]", std::nullopt, "failed"},
                                    {"[C(256,3,1) SM(10)]", 0.3, "complete"}});
  const Samples chance = make_samples(log, {}, Failures::as_chance);
  ASSERT_EQ(chance.architectures,
            (std::vector<std::string>{"[C(64,3,1), SM(10)]", "[C(128,3,1), SM(10)]"}));
  EXPECT_NEAR(chance.targets(0), (0.5 + 0.7 + 0.1) / 3, tests::kRounding);
  EXPECT_NEAR(chance.trained(0), 2.0 / 3, tests::kRounding);
  EXPECT_NEAR(chance.trained_targets(0), 0.6, tests::kRounding);
  EXPECT_EQ(chance.trained(1), 0);
  EXPECT_TRUE(std::isnan(chance.trained_targets(1)));
  EXPECT_EQ(chance.merged.rows, 2);
  EXPECT_EQ(chance.not_learning, 2U);
  EXPECT_EQ(chance.without_result, 1U);
  ASSERT_EQ(chance.problems.size(), 1U);
  EXPECT_EQ(chance.problems[0].substr(0, 10), "log.csv:7:");
  const Samples excluded = make_samples(log, {}, Failures::exclude);
  ASSERT_EQ(excluded.size(), 1U);
  EXPECT_NEAR(excluded.targets(0), 0.6, tests::kRounding);
}

TEST(Samples, CountWhoseRowsDisagreeAndWhichDifferInDropout) {
  const Samples samples = make_samples(log_of({{"[C(64,3,1), SM(10)]", 0.1, "complete"},
                                               {"[C(64,3,1),SM(10)]", 0.9, "complete"},
                                               {"[C(64,3,1), D(1,1), SM(10)]", 0.8, "complete"},
                                               {"[C(128,3,1), SM(10)]", 0.1, "complete"},
                                               {"[C(128,3,1), SM(10)]", 0.1, "complete"},
                                               {"[C(128,3,1), SM(10)]", 0.1, "complete"},
                                               {"[C(128,3,1), SM(10)]", 0.1, "complete"},
                                               {"[C(256,3,1), SM(10)]", std::nullopt, "failed"},
                                               {"[C(256,3,1), SM(10)]", 0.9, "complete"},
                                               {"[P(2,2), SM(10)]", 0.1, "complete"},
                                               {"[P(2,2), SM(10)]", 0.1, "failed"}}),
                                       {}, Failures::as_chance);
  EXPECT_EQ(samples.size(), 4U);
  EXPECT_EQ(samples.merged.rows, 6);
  EXPECT_EQ(samples.merged.architectures, 3);
  EXPECT_EQ(samples.merged.disagreeing, 2);  // the first, and the one that failed once
  EXPECT_EQ(samples.other_dropout, 1U);
  EXPECT_NEAR(samples.targets(0), 0.6, tests::kRounding);
  EXPECT_EQ(samples.targets(2), 0.9);  // a result beats a failure without one
}

// Texts have no dropout, whatever they look like.
TEST(Samples, OfTextsDifferInNothingButTheirText) {
  const EncodingSettings texts{"|", {3, 32, 32}};
  const Samples samples = make_samples(
      log_of({{"D|a", 0.1, "complete"}, {"D|a", 0.2, "complete"}, {"a", 0.3, "complete"}}), texts,
      Failures::as_chance);
  EXPECT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples.merged.disagreeing, 1);
  EXPECT_EQ(samples.other_dropout, 0U);
}

// What check() says of good samples that are changed so.
std::string refusal(const std::function<void(Samples&)>& change) {
  Samples samples = some_networks(12, 1, true);
  change(samples);
  return usage_error([&] { Model::fit(samples, {}, {.method = "mean"}); });
}

void expect_refused(const std::function<void(Samples&)>& change, const std::string& part) {
  const std::string message = refusal(change);
  EXPECT_NE(message.find(part), std::string::npos) << message << "\n" << part;
}

TEST(SamplesFilledByHand, AreRefusedWhereSizesDoNotAgree) {
  const char* const rule = "samples have one of each for every architecture";
  expect_refused([](Samples& s) { s.targets = VectorXd::Ones(11); }, rule);
  expect_refused([](Samples& s) { s.trained = VectorXd(); }, rule);
  expect_refused([](Samples& s) { s.trained_targets = VectorXd::Ones(13); }, rule);
  expect_refused([](Samples& s) { s.architectures.pop_back(); }, rule);
}

TEST(SamplesFilledByHand, AreRefusedWhereNumbersAreNone) {
  const double nan = std::nan(""), infinite = std::numeric_limits<double>::infinity();
  expect_refused([=](Samples& s) { s.targets(2) = nan; }, "sample 2, [");
  expect_refused([=](Samples& s) { s.targets(0) = -infinite; }, "target -inf; it must be finite");
  expect_refused([=](Samples& s) { s.trained(1) = nan; }, "must be from 0 to 1");
  expect_refused([](Samples& s) { s.trained(1) = 1.01; }, "must be from 0 to 1");
  expect_refused([](Samples& s) { s.trained(1) = -0.1; }, "must be from 0 to 1");
  expect_refused([=](Samples& s) { s.trained_targets(0) = nan; }, "where any of its rows trained");
  expect_refused([=](Samples& s) { s.trained_targets(0) = infinite; },
                 "where any of its rows trained");
  expect_refused([=](Samples& s) { s.chance = nan; }, "chance nan of samples must be finite");
  // The seventh of some_networks() did not learn and has no accuracy.
  Samples samples = some_networks(12, 1, true);
  ASSERT_TRUE(std::isnan(samples.trained_targets(6)));
  check(samples, {});
}

TEST(SamplesFilledByHand, AreRefusedWhereArchitecturesAreNotCanonicalOrNotDifferent) {
  expect_refused([](Samples& s) { s.architectures[3] = s.architectures[5]; }, "is there twice");
  expect_refused([](Samples& s) { s.architectures[0] = "[C(32,3,1),SM(10)]"; },
                 "its canonical form is [C(32,3,1), SM(10)]");
  expect_refused([](Samples& s) { s.architectures[0] = "[C(32,3,1), D(1,2), SM(10)]"; },
                 "its canonical form is [C(32,3,1), SM(10)]");
  expect_refused([](Samples& s) { s.architectures[0] = "nonsense"; }, "nonsense");
}

TEST(Samples, MadeWithOneEncodingAreNotFittedWithAnother) {
  const Samples grammar = some_networks(12, 2);
  const EncodingSettings texts{"|", {3, 32, 32}}, small{"grammar", {1, 28, 28}};
  EXPECT_NE(usage_error([&] {
              check(grammar, texts);
            }).find("made with tokens grammar and input 3x32x32 and cannot be used with tokens |"),
            std::string::npos);
  EXPECT_NE(usage_error([&] {
              Model::fit(grammar, small, {.method = "mean"});
            }).find("cannot be used with tokens grammar and input 1x28x28"),
            std::string::npos);
  EXPECT_NE(usage_error([&] {
              check(grammar.subset({0, 1, 2}), texts);
            }).find("made with"),
            std::string::npos);
  const Samples made = make_samples(log_of({{"a|b", 0.1, "complete"}, {"b", 0.2, "complete"}}),
                                    texts, Failures::as_chance);
  EXPECT_NE(usage_error([&] {
              check(made, {"characters", {3, 32, 32}});
            }).find("made with"),
            std::string::npos);
  check(made, {"|", {1, 28, 28}});  // texts have no input
}

}  // namespace
}  // namespace metaqnn::predict
