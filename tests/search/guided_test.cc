#include "search/agent/guided.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <string>

#include "metaqnn/base/error.h"
#include "tests/tolerances.h"

namespace metaqnn::search {
namespace {

constexpr uint64_t kSearchSeed = 3;
const std::vector<std::string> kFourTokens{"a", "b", "c", "d"};

// 4,096 strings.
Space space_of_4096() { return build_sequence_space({"{}{}{}{}{}{}", {kFourTokens}}); }

// Each slot likes one token, and two neighbours like to be equal; the best is 1.
double liking(const std::string& text) {
  const std::string liked = "bbdacc";
  double sum = 0;
  for (size_t i = 0; i < liked.size(); ++i) sum += text[i] == liked[i] ? 1 : 0;
  return (sum + 2 * (text[0] == text[1]) + (text[4] == text[5])) / 9;
}

StrategySettings guided_settings(const std::string& kind) {
  StrategySettings settings;
  settings.kind = kind;
  settings.initial_models = 10;
  settings.candidates = 300;
  return settings;
}

// One worker's search: strings in the order of their proposal.
std::vector<SequencedSample> search(Strategy& strategy, const Space& space, int models) {
  std::vector<SequencedSample> samples;
  for (int i = 1; i <= models; ++i) {
    strategy.prepare({});
    Random random = Random::stream(kSearchSeed, "walk", static_cast<uint64_t>(i));
    const std::string text = space.text(strategy.propose({}, random));
    samples.push_back({i, text, liking(text)});
    strategy.observe(samples.back());
  }
  return samples;
}

double best_of(const std::vector<SequencedSample>& samples) {
  double best = 0;
  for (const SequencedSample& sample : samples) best = std::max(best, *sample.reward);
  return best;
}

TEST(Guided, FindsTheBestOfASpaceOfWhichItSeesLittle) {
  const Space space = space_of_4096();
  const auto guided = make_strategy(guided_settings("guided"), space, kSearchSeed);
  EXPECT_EQ(best_of(search(*guided, space, 60)), 1);
  const auto random = make_strategy(guided_settings("random"), space, kSearchSeed);
  EXPECT_LT(best_of(search(*random, space, 60)), 0.9);
}

TEST(Guided, ProposesNothingThatIsKnownOrInTraining) {
  const Space space = space_of_4096();
  const auto strategy = make_strategy(guided_settings("guided"), space, kSearchSeed);
  std::set<std::string> known;
  std::vector<std::string> pending;
  for (int i = 1; i <= 40; ++i) {
    strategy->prepare(pending);
    Random random = Random::stream(kSearchSeed, "walk", static_cast<uint64_t>(i));
    const std::string text = space.text(strategy->propose({1, pending}, random));
    EXPECT_TRUE(known.insert(text).second) << text << " again";
    pending.push_back(text);
    if (pending.size() < 4) continue;
    // Every fifth fails in a way that is not rewarded.
    strategy->observe(
        {i, pending[0], i % 5 == 0 ? std::nullopt : std::optional(liking(pending[0]))});
    pending.erase(pending.begin());
  }
}

// Long after the best was found every second proposal explores: it lies farther from the best.
TEST(Guided, LooksFartherAwayTheLongerNothingBetterIsFound) {
  const Space space = space_of_4096();
  const auto strategy = make_strategy(guided_settings("guided"), space, kSearchSeed);
  const std::vector<SequencedSample> samples = search(*strategy, space, 120);
  const auto best = std::find_if(samples.begin(), samples.end(),
                                 [](const SequencedSample& sample) { return *sample.reward == 1; });
  ASSERT_LT(best - samples.begin(), 60);
  double distance[2] = {0, 0};  // sums over 20 proposals each: near, far
  for (size_t i = 80; i < 120; ++i) {
    for (size_t slot = 0; slot < best->architecture.size(); ++slot)
      distance[i % 2 == 0] += samples[i].architecture[slot] != best->architecture[slot];
  }
  EXPECT_GT(distance[1], 1.3 * distance[0]) << distance[0] << ", " << distance[1];
}

TEST(Guided, GivesSeveralWorkersDifferentStrings) {
  const Space space = space_of_4096();
  const auto strategy = make_strategy(guided_settings("guided"), space, kSearchSeed);
  search(*strategy, space, 20);
  strategy->prepare({});
  std::set<std::string> proposed;
  Random random(1);
  for (int i = 0; i < 30; ++i) proposed.insert(space.text(strategy->propose({}, random)));
  EXPECT_EQ(proposed.size(), 30u);
}

TEST(Guided, IsAFunctionOfTheSamples) {
  const Space space = space_of_4096();
  const auto first = make_strategy(guided_settings("guided"), space, kSearchSeed);
  const auto samples = search(*first, space, 25);
  const auto again = make_strategy(guided_settings("guided"), space, kSearchSeed);
  for (const SequencedSample& sample : samples) again->observe(sample);
  first->prepare({});
  again->prepare({});
  Random random(1), same(1);
  EXPECT_EQ(space.text(first->propose({}, random)), space.text(again->propose({}, same)));
}

TEST(Guided, ThatIsStoppedWhileItFitsFitsWhenItIsAskedAgain) {
  const Space space = space_of_4096();
  const auto first = make_strategy(guided_settings("guided"), space, kSearchSeed);
  const auto samples = search(*first, space, 25);
  const auto again = make_strategy(guided_settings("guided"), space, kSearchSeed);
  for (const SequencedSample& sample : samples) again->observe(sample);
  std::atomic<bool> stop{true};
  again->heed(&stop);
  again->prepare({});
  Random random(1), same(1), other(1);
  const std::string unfitted = space.text(again->propose({}, other));
  stop = false;
  first->prepare({});
  again->prepare({});
  const std::string expected = space.text(first->propose({}, random));
  EXPECT_EQ(space.text(again->propose({}, same)), expected);
  EXPECT_NE(unfitted, expected);
}

// From 400 on it is fitted at every second one only.
TEST(Guided, StoppedBetweenTwoFitsGoesOnAsIfItHadNotBeen) {
  const Space small = space_of_4096();
  CnnSpaceSettings cnn;
  cnn.depth_limit = 4;
  const Space large = build_cnn_space(cnn);  // not to be listed
  for (const Space* space : {&small, &large}) {
    StrategySettings settings = guided_settings("guided");
    settings.candidates = 40;
    std::vector<SequencedSample> samples;
    std::set<std::string> known;
    Random random(5);
    while (samples.size() < 403) {
      const std::string text = space->text(space->uniform_walk(random));
      if (!known.insert(text).second) continue;
      const double reward = space == &small ? liking(text) : static_cast<double>(text.size()) / 90;
      samples.push_back({static_cast<int64_t>(samples.size()) + 1, text, reward});
    }
    const auto observed = [&](size_t count) {
      auto strategy = make_strategy(settings, *space, kSearchSeed);
      for (size_t i = 0; i < count; ++i) strategy->observe(samples[i]);
      return strategy;
    };
    const auto next = [&](Strategy& strategy) {
      strategy.prepare({});
      Random walk(1);
      return space->text(strategy.propose({}, walk));
    };
    const auto whole = observed(402);
    for (int i = 0; i < 3; ++i) {
      const std::string text = next(*whole);
      const size_t count = 402 + static_cast<size_t>(i);
      const auto again = observed(402);
      for (size_t k = 402; k < count; ++k) again->observe(samples[k]);
      EXPECT_EQ(next(*again), text) << count;
      samples.resize(count);
      samples.push_back({static_cast<int64_t>(count) + 1, text, 0.5});
      whole->observe(samples.back());
    }
  }
}

TEST(Guided, DesignsNetworksInASpaceTooLargeToList) {
  CnnSpaceSettings cnn;
  cnn.depth_limit = 12;
  const Space space = build_cnn_space(cnn);
  const auto strategy = make_strategy(guided_settings("guided"), space, kSearchSeed);
  std::vector<size_t> depths;  // commas: layers less one, and two in each convolution
  for (int i = 1; i <= 25; ++i) {
    strategy->prepare({});
    Random random = Random::stream(kSearchSeed, "walk", static_cast<uint64_t>(i));
    const std::string text = space.text(strategy->propose({}, random));
    EXPECT_EQ(space.find(text).refusal, "");
    depths.push_back(static_cast<size_t>(std::count(text.begin(), text.end(), ',')));
    strategy->observe({i, text, static_cast<double>(depths.back()) / 40});
  }
  // Longer is better here, and it finds out.
  EXPECT_GT(*std::max_element(depths.begin() + 10, depths.end()),
            *std::max_element(depths.begin(), depths.begin() + 10));
}

TEST(Guided, OfASpaceThatIsUsedUpProposesWhatIsKnown) {
  const Space space = build_sequence_space({"{}{}", {{"a", "b"}}});
  StrategySettings few = guided_settings("guided");
  few.initial_models = 2;
  const auto strategy = make_strategy(few, space, kSearchSeed);
  int i = 0;
  for (const char* text : {"aa", "ab", "ba", "bb"}) strategy->observe({++i, text, 0.1 * i});
  strategy->prepare({});
  Random random(1);
  EXPECT_EQ(space.find(space.text(strategy->propose({}, random))).refusal, "");
}

TEST(Guided, RefusesSettingsOutsideTheirRanges) {
  const Space space = space_of_4096();
  const auto refused = [&](auto change) {
    StrategySettings chosen = guided_settings("guided");
    change(chosen);
    EXPECT_THROW(make_strategy(chosen, space, kSearchSeed), UsageError);
  };
  refused([](auto& s) { s.initial_models = 1; });
  refused([](auto& s) { s.candidates = 0; });
  refused([](auto& s) { s.exploration = -1; });
}

}  // namespace
}  // namespace metaqnn::search
