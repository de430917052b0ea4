#include "search/agent/q_approximation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "metaqnn/base/error.h"
#include "tests/error_message.h"

namespace metaqnn::search {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

SequencedSample sample_of(const std::string& architecture, double reward, int64_t sequence) {
  return {sequence, architecture, reward, false};
}

// One slot; a is worth more than b. The normal scores are the quantiles of 3/4 and 1/4, +-0.6745, whose
// mean is 0; the ridge regression of penalty 3 gives each token of one sample a quarter of its score.
TEST(QApproximation, IsTheRidgeRegressionOfOneStep) {
  const Space space = build_sequence_space({"{}", {{"a", "b", "c"}}});
  QApproximation agent({}, space);
  EXPECT_THAT(agent.values(space.start(), {}), ElementsAre(0, 0, 0));
  agent.observe(sample_of("a", 1, 1));
  agent.observe(sample_of("b", 0, 2));
  agent.observe(sample_of("b", 0, 3));  // known already
  agent.prepare({});
  EXPECT_THAT(
      agent.values(space.start(), {}),
      ElementsAre(DoubleNear(0.16862, 1e-5), DoubleNear(-0.16862, 1e-5), DoubleNear(0, 1e-12)));
}

// Worth something where the last letter is the first: a table's state of the last slot is the letter in
// the middle, which says nothing of it.
TEST(QApproximation, SeesWhatTheStatesOfATableHide) {
  const Space space = build_sequence_space({"{}{}{}", {{"a", "b", "c"}}});
  QApproximation agent({}, space);
  int64_t sequence = 0;
  const std::string letters = "abc";
  for (const char x : letters) {
    for (const char y : letters) {
      for (const char z : letters) {
        const std::string text{x, y, z};
        agent.observe(sample_of(text, x == z ? 0.9 : 0.2, ++sequence));
      }
    }
  }
  agent.prepare({});
  for (size_t x = 0; x < 3; ++x) {
    const Choice& first = space.choices(space.start())[x];
    const Choice& second = space.choices(first.target)[1];
    const std::vector<double> last = agent.values(second.target, {first.label, second.label});
    EXPECT_EQ(std::max_element(last.begin(), last.end()) - last.begin(), static_cast<int64_t>(x));
  }
}

// What the last letter is worth says nothing; the first two are worth something where they are alike,
// and to know that before the last one takes their pair.
TEST(QApproximation, SeesPairsOfEarlierSlots) {
  const Space space = build_sequence_space({"{}{}{}{}", {{"a", "b"}}});
  QApproximation agent({}, space);
  int64_t sequence = 0;
  for (int code = 0; code < 16; ++code) {
    std::string text;
    for (int bit = 0; bit < 4; ++bit) text += code >> bit & 1 ? "b" : "a";
    agent.observe(sample_of(text, text[0] == text[1] ? 0.9 : 0.2, ++sequence));
  }
  agent.prepare({});
  const auto best_after = [&](const std::vector<size_t>& choices) {
    int32_t position = space.start();
    std::vector<int32_t> written;
    for (const size_t choice : choices) {
      written.push_back(space.choices(position)[choice].label);
      position = space.choices(position)[choice].target;
    }
    const std::vector<double> values = agent.values(position, written);
    return *std::max_element(values.begin(), values.end());
  };
  EXPECT_GT(best_after({0, 0, 1}), best_after({0, 1, 1}) + 0.3);
  EXPECT_GT(best_after({1, 1, 1}), best_after({1, 0, 1}) + 0.3);
}

TEST(QApproximation, SeesOnlyTheOrderOfRewards) {
  const Space space = build_cnn_space({.depth_limit = 3});
  QApproximation one({}, space), other({}, space);
  Random walks(3);
  for (int64_t i = 1; i <= 40; ++i) {
    const std::string text = space.text(space.uniform_walk(walks));
    const double reward = static_cast<double>(i * 37 % 41);
    one.observe(sample_of(text, reward, i));
    other.observe(sample_of(text, -1000 + reward * reward * reward, i));
  }
  one.prepare({});
  other.prepare({});
  EXPECT_EQ(one.values(space.start(), {}), other.values(space.start(), {}));
}

// Of the samples alone: not of when it was asked to learn from them, nor of failures between them.
TEST(QApproximation, IsAFunctionOfTheSamples) {
  const Space space = build_cnn_space({.depth_limit = 4});
  QApproximation at_once({}, space), little_by_little({}, space);
  Random walks(5);
  std::vector<Walk> seen;
  for (int64_t i = 1; i <= 150; ++i) {
    seen.push_back(space.uniform_walk(walks));
    SequencedSample sample =
        sample_of(space.text(seen.back()), static_cast<double>(i * 37 % 100) / 100, i);
    at_once.observe(sample);
    little_by_little.observe(sample);
    if (i % 7 == 0) little_by_little.prepare({});
    sample.reward.reset();
    little_by_little.observe(sample);
  }
  Random one(9), other(9);
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(space.text(at_once.propose({0.3, {}}, one)),
              space.text(little_by_little.propose({0.3, {}}, other)));
  }
}

TEST(QApproximation, IsUniformAtEpsilon1) {
  const Space space = build_sequence_space({"{}", {{"a", "b"}}});
  QApproximation agent({}, space);
  agent.observe(sample_of("a", 1, 1));
  Random random(2);
  std::map<std::string, int> counts;
  for (int i = 0; i < 400; ++i) ++counts[space.text(agent.propose({1, {}}, random))];
  EXPECT_NEAR(counts["a"], 200, 50);
  EXPECT_EQ(space.text(agent.propose({0, {}}, random)), "a");
}

TEST(QApproximation, RefusesADiscountThatIsNone) {
  const Space space = build_sequence_space({"{}", {{"a", "b"}}});
  StrategySettings settings;
  settings.gamma = 1.5;
  EXPECT_THAT(tests::usage_error([&] { QApproximation(settings, space); }),
              HasSubstr("strategy.gamma"));
}

}  // namespace
}  // namespace metaqnn::search
