#include "search/agent/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "metaqnn/base/error.h"
#include "metaqnn/search/agent/strategy.h"

namespace metaqnn::search {
namespace {

using testing::HasSubstr;

// 81 strings; those without an "a" are 16.
Space sequence_space() { return build_sequence_space({"{}{}{}{}", {{"a", "b", "c"}}}); }

bool has_no_a(const std::string& text) { return text.find('a') == std::string::npos; }
bool nothing(const std::string&) { return false; }

StrategySettings small_settings(const std::string& kind) {
  StrategySettings settings;
  settings.kind = kind;
  settings.population = 4;
  settings.tournament = 2;
  settings.initial_models = 4;
  settings.candidates = 50;
  return settings;
}

double admission_reward(const std::string& text) { return text[0] == 'b' ? 0.9 : 0.3; }

// What one worker proposes.
std::vector<std::string> proposals(Strategy& strategy, const Space& space, int count) {
  std::vector<std::string> texts;
  for (int i = 1; i <= count; ++i) {
    strategy.prepare({});
    Random random = Random::stream(1, "walk", static_cast<uint64_t>(i));
    texts.push_back(space.text(strategy.propose({}, random)));
    strategy.observe({i, texts.back(), admission_reward(texts.back())});
  }
  return texts;
}

TEST(Admission, KeepsWhatIsRefusedOutOfEveryStrategysProposals) {
  const Space space = sequence_space();
  for (const char* kind : {"random", "regularized_evolution", "guided"}) {
    const auto strategy = make_strategy(small_settings(kind), space, 1, has_no_a);
    for (const std::string& text : proposals(*strategy, space, 16)) EXPECT_TRUE(has_no_a(text));
  }
}

TEST(Admission, LeavesGuidedAllThatIsAdmitted) {
  const Space space = sequence_space();
  const auto strategy = make_strategy(small_settings("guided"), space, 1, has_no_a);
  const std::vector<std::string> texts = proposals(*strategy, space, 16);
  EXPECT_EQ(std::set<std::string>(texts.begin(), texts.end()).size(), 16u);
}

TEST(Admission, HoldsForCandidatesOfASpaceTooLargeToList) {
  CnnSpaceSettings cnn;
  cnn.depth_limit = 12;
  const Space space = build_cnn_space(cnn);
  const auto is_narrow = [](const std::string& text) {
    return text.find("512") == std::string::npos;
  };
  const auto strategy = make_strategy(small_settings("guided"), space, 1, is_narrow);
  for (const std::string& text : proposals(*strategy, space, 12)) EXPECT_TRUE(is_narrow(text));
}

TEST(Admission, IsNotAskedByQLearning) {
  const Space space = sequence_space();
  const auto free = make_strategy(small_settings("q_learning"), space, 1);
  const auto limited = make_strategy(small_settings("q_learning"), space, 1, nothing);
  EXPECT_EQ(proposals(*free, space, 20), proposals(*limited, space, 20));
}

TEST(Admission, OfEverythingChangesNoWalk) {
  const Space space = sequence_space();
  for (const std::string& kind : strategy_kinds()) {
    const auto free = make_strategy(small_settings(kind), space, 1);
    const auto asked =
        make_strategy(small_settings(kind), space, 1, [](const std::string&) { return true; });
    EXPECT_EQ(proposals(*free, space, 20), proposals(*asked, space, 20)) << kind;
  }
}

// Every child of the only member differs from it in one letter, and is refused.
TEST(Admission, OfNoChildGivesAUniformWalkThatIsAdmitted) {
  const Space space = sequence_space();
  StrategySettings one = small_settings("regularized_evolution");
  one.population = 1;
  const auto strategy = make_strategy(
      one, space, 1, [](const std::string& text) { return text == "aaaa" || text == "bbbb"; });
  strategy->observe({1, "aaaa", 0.5});
  Random random(1);
  std::set<std::string> proposed;
  for (int i = 0; i < 20; ++i) proposed.insert(space.text(strategy->propose({}, random)));
  EXPECT_EQ(proposed, (std::set<std::string>{"aaaa", "bbbb"}));
}

TEST(Admission, OfNothingIsAnErrorThatNamesTheLimits) {
  const Space space = sequence_space();
  for (const char* kind : {"random", "regularized_evolution", "guided"}) {
    const auto strategy = make_strategy(small_settings(kind), space, 1, nothing);
    // Networks that other limits let through.
    int i = 0;
    for (const char* text : {"aaaa", "bbbb", "cccc", "abcb"})
      strategy->observe({++i, text, 0.1 * i});
    strategy->prepare({});
    Random random(1);
    try {
      strategy->propose({}, random);
      ADD_FAILURE() << kind << " proposed something";
    } catch (const FailureError& error) {
      EXPECT_THAT(error.what(), HasSubstr("evaluator.max_parameters"));
    }
  }
}

}  // namespace
}  // namespace metaqnn::search
