#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "metaqnn/search/agent/strategy.h"
#include "metaqnn/search/space/space.h"
#include "search/agent/q_learning.h"
#include "tests/error_message.h"

namespace metaqnn::search {
namespace {

using Values = std::vector<double>;

constexpr uint64_t kSeed = 7;

// Two slots of two tokens: six Q-values.
Space tiny_space() { return build_sequence_space({"{}-{}", {{"a", "b"}}}); }

StrategySettings settings(double alpha, double gamma, int replay) {
  StrategySettings settings;
  settings.alpha = alpha;
  settings.gamma = gamma;
  settings.replay = replay;
  return settings;
}

// The position after some choices from the start.
int32_t position_after(const Space& space, const std::vector<int>& choices) {
  int32_t position = space.start();
  for (int choice : choices) position = space.choices(position)[static_cast<size_t>(choice)].target;
  return position;
}

Values values_at(const QLearning& agent, const Space& space, const std::vector<int>& choices) {
  const auto values = agent.values(position_after(space, choices));
  return {values.begin(), values.end()};
}

Values all_values(const QLearning& agent, const Space& space) {
  Values all;
  for (int32_t position = 0; position < space.positions(); ++position) {
    const auto values = agent.values(position);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

// Uniform walks with rewards that depend on the string alone; some repeat.
std::vector<SequencedSample> random_samples(const Space& space, int count) {
  Random random(11);
  std::vector<SequencedSample> samples;
  for (int i = 1; i <= count; ++i) {
    const std::string text = space.text(space.uniform_walk(random));
    samples.push_back({i, text, static_cast<double>(stable_hash(text) % 1000) / 1000});
  }
  return samples;
}

Values fold(const std::vector<SequencedSample>& samples, const Space& space,
            const StrategySettings& settings, uint64_t seed = kSeed) {
  QLearning agent(settings, space, seed);
  for (const SequencedSample& sample : samples) agent.observe(sample);
  return all_values(agent, space);
}

// A sequence number above `after` whose first draw among two samples is the wanted one.
int64_t sequence_that_draws(uint64_t wanted, int64_t after) {
  for (int64_t sequence = after + 1;; ++sequence) {
    if (Random::stream(kSeed, "replay", static_cast<uint64_t>(sequence)).below(2) == wanted)
      return sequence;
  }
}

TEST(QLearning, StartsWithTheInitialValueEverywhere) {
  const Space space = tiny_space();
  StrategySettings chosen = settings(0.1, 1, 1);
  chosen.initial_q = 0.25;
  EXPECT_EQ(all_values(QLearning(chosen, space, kSeed), space), Values(6, 0.25));
}

TEST(QLearning, UpdatesOneWalkFromItsLastChoiceToItsFirst) {
  const Space space = tiny_space();
  QLearning agent(settings(0.1, 1, 1), space, kSeed);
  agent.observe({1, "a-b", 0.9});
  // Q(after a, b) = 0.9 * 0.5 + 0.1 * 0.9 = 0.54
  // Q(start, a) = 0.9 * 0.5 + 0.1 * max(0.5, 0.54) = 0.504
  const Values after_a = values_at(agent, space, {0});
  EXPECT_DOUBLE_EQ(after_a[0], 0.5);
  EXPECT_DOUBLE_EQ(after_a[1], 0.54);
  const Values start = values_at(agent, space, {});
  EXPECT_DOUBLE_EQ(start[0], 0.504);
  EXPECT_DOUBLE_EQ(start[1], 0.5);
  EXPECT_EQ(values_at(agent, space, {1}), (Values{0.5, 0.5}));
}

TEST(QLearning, DiscountsTheNextStatesValueAndNotTheReward) {
  const Space space = tiny_space();
  QLearning agent(settings(0.1, 0.9, 1), space, kSeed);
  agent.observe({1, "a-b", 0.9});
  // Q(after a, b) = 0.54 as without discount
  // Q(start, a) = 0.9 * 0.5 + 0.1 * 0.9 * 0.54 = 0.4986
  EXPECT_DOUBLE_EQ(values_at(agent, space, {0})[1], 0.54);
  EXPECT_DOUBLE_EQ(values_at(agent, space, {})[0], 0.4986);
}

TEST(QLearning, ReplaysTheWalkThatTheStreamDraws) {
  const Space space = tiny_space();
  {
    QLearning agent(settings(0.1, 1, 1), space, kSeed);
    agent.observe({1, "a-b", 0.9});
    agent.observe({sequence_that_draws(1, 1), "a-a", 0.3});  // draws the new walk
    // Q(after a, a) = 0.9 * 0.5 + 0.1 * 0.3 = 0.48
    // Q(start, a) = 0.9 * 0.504 + 0.1 * max(0.48, 0.54) = 0.5076
    EXPECT_DOUBLE_EQ(values_at(agent, space, {0})[0], 0.48);
    EXPECT_DOUBLE_EQ(values_at(agent, space, {0})[1], 0.54);
    EXPECT_DOUBLE_EQ(values_at(agent, space, {})[0], 0.5076);
  }
  {
    QLearning agent(settings(0.1, 1, 1), space, kSeed);
    agent.observe({1, "a-b", 0.9});
    agent.observe({sequence_that_draws(0, 1), "a-a", 0.3});  // draws the old walk again
    // Q(after a, b) = 0.9 * 0.54 + 0.1 * 0.9 = 0.576
    // Q(start, a) = 0.9 * 0.504 + 0.1 * 0.576 = 0.5112
    EXPECT_DOUBLE_EQ(values_at(agent, space, {0})[0], 0.5);
    EXPECT_DOUBLE_EQ(values_at(agent, space, {0})[1], 0.576);
    EXPECT_DOUBLE_EQ(values_at(agent, space, {})[0], 0.5112);
  }
}

TEST(QLearning, WithoutReplayLearnsNothing) {
  const Space space = tiny_space();
  EXPECT_EQ(fold(random_samples(space, 20), space, settings(0.1, 1, 0)), Values(6, 0.5));
}

// ---- Value iteration, the slow twin: no indices, only texts ----

const std::vector<std::string> kTokens{"a", "b", "c"};
constexpr int kSlots = 3;

// Depends on the last two tokens alone, so that (slot, previous token) is a state in the strict
// sense and the values have one limit.
double reward_of(const std::string& second, const std::string& third) {
  static const std::map<std::string, double> rewards{{"aa", 0.31}, {"ab", 0.12}, {"ac", 0.77},
                                                     {"ba", 0.95}, {"bb", 0.43}, {"bc", 0.05},
                                                     {"ca", 0.64}, {"cb", 0.58}, {"cc", 0.20}};
  return rewards.at(second + third);
}

// Q((slot, previous), token) by repeated sweeps over all of them.
std::map<std::pair<int, std::string>, std::map<std::string, double>> value_iteration(double gamma) {
  std::map<std::pair<int, std::string>, std::map<std::string, double>> q;
  for (int slot = 0; slot < kSlots; ++slot) {
    for (const std::string& previous : slot == 0 ? std::vector<std::string>{""} : kTokens) {
      for (const std::string& token : kTokens) q[{slot, previous}][token] = 0;
    }
  }
  for (int sweep = 0; sweep < 100; ++sweep) {
    for (auto& [state, choices] : q) {
      for (auto& [token, value] : choices) {
        if (state.first + 1 == kSlots) {
          value = reward_of(state.second, token);
          continue;
        }
        double best = -1;
        for (const auto& [next, next_value] : q.at({state.first + 1, token}))
          best = std::max(best, next_value);
        value = gamma * best;
      }
    }
  }
  return q;
}

class ValueIteration : public testing::TestWithParam<double> {};

TEST_P(ValueIteration, IsTheLimitOfQLearning) {
  const double gamma = GetParam();
  const Space space = build_sequence_space({"{},{},{}", {kTokens}});
  QLearning agent(settings(0.1, gamma, 50), space, kSeed);
  Random random(3);
  for (int i = 1; i <= 1000; ++i) {
    const std::string text = space.text(space.uniform_walk(random));
    agent.observe({i, text, reward_of(text.substr(2, 1), text.substr(4, 1))});
  }
  // Nothing is random in these rewards, so that a constant alpha converges: each of the 27 walks is
  // replayed about 1,900 times, and 0.9^1900 is far below what a double holds.
  constexpr double kTolerance = 1e-12;
  for (const auto& [state, choices] : value_iteration(gamma)) {
    std::vector<int> path;
    for (int slot = 0; slot < state.first; ++slot) path.push_back(0);
    const auto previous = std::find(kTokens.begin(), kTokens.end(), state.second);
    if (!path.empty()) path.back() = static_cast<int>(previous - kTokens.begin());
    const Values learned = values_at(agent, space, path);
    for (size_t i = 0; i < kTokens.size(); ++i) {
      EXPECT_NEAR(learned[i], choices.at(kTokens[i]), kTolerance)
          << "slot " << state.first << " after '" << state.second << "', " << kTokens[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Discounts, ValueIteration, testing::Values(1.0, 0.9));

// ---- The fold ----

TEST(Fold, IsAPureFunctionOfSamplesSettingsAndSeed) {
  const Space space = build_sequence_space({"{},{},{}", {kTokens}});
  const auto samples = random_samples(space, 60);
  const Values values = fold(samples, space, settings(0.05, 1, 10));
  EXPECT_EQ(values, fold(samples, space, settings(0.05, 1, 10)));
  EXPECT_NE(values, fold(samples, space, settings(0.05, 1, 10), kSeed + 1));
  EXPECT_NE(values, fold(samples, space, settings(0.06, 1, 10)));
}

TEST(Fold, GoesOnFromWhereItStoodAsIfFromTheStart) {
  const Space space = build_sequence_space({"{},{},{}", {kTokens}});
  const auto samples = random_samples(space, 60);
  QLearning agent(settings(0.05, 1, 10), space, kSeed);
  Random random(5);
  for (size_t i = 0; i < samples.size(); ++i) {
    agent.observe(samples[i]);
    agent.propose({0.5, {}}, random);  // proposing leaves no trace
    const std::vector<SequencedSample> so_far(samples.begin(),
                                              samples.begin() + static_cast<long>(i) + 1);
    ASSERT_EQ(all_values(agent, space), fold(so_far, space, settings(0.05, 1, 10))) << i;
  }
}

TEST(Fold, DependsOnTheOrderOfTheSamples) {
  const Space space = build_sequence_space({"{},{},{}", {kTokens}});
  auto samples = random_samples(space, 60);
  const Values values = fold(samples, space, settings(0.05, 1, 10));
  std::swap(samples[3].architecture, samples[40].architecture);
  std::swap(samples[3].reward, samples[40].reward);
  EXPECT_NE(values, fold(samples, space, settings(0.05, 1, 10)));
}

TEST(Fold, SkipsUnrewardedSamplesAndLeavesTheStreamsOfTheOthers) {
  const Space space = build_sequence_space({"{},{},{}", {kTokens}});
  const auto samples = random_samples(space, 60);
  auto with_unrewarded = samples;
  for (size_t i : {7, 8, 30}) with_unrewarded[i].reward.reset();
  auto without = samples;
  for (size_t i : {30, 8, 7}) without.erase(without.begin() + static_cast<long>(i));
  EXPECT_EQ(fold(with_unrewarded, space, settings(0.05, 1, 10)),
            fold(without, space, settings(0.05, 1, 10)));
}

TEST(Fold, SkipsArchitecturesOutsideTheSpace) {
  const Space space = tiny_space();
  QLearning agent(settings(0.1, 1, 5), space, kSeed);
  agent.observe({1, "a-z", 0.9});
  EXPECT_EQ(all_values(agent, space), Values(6, 0.5));
}

// ---- Walks ----

std::map<std::string, int> frequencies(Strategy& agent, const Space& space, double epsilon,
                                       int walks) {
  Random random(13);
  std::map<std::string, int> counts;
  for (int i = 0; i < walks; ++i) ++counts[space.text(agent.propose({epsilon, {}}, random))];
  return counts;
}

// Five standard deviations of a binomial count: the seed is fixed, so this only has to hold once.
void expect_frequency(int count, int walks, double probability) {
  const double deviation = std::sqrt(walks * probability * (1 - probability));
  EXPECT_NEAR(count, walks * probability, 5 * deviation);
}

TEST(QLearning, WalksUniformlyWithEpsilonOneWhateverItHasLearned) {
  const Space space = tiny_space();
  QLearning agent(settings(0.5, 1, 20), space, kSeed);
  for (const SequencedSample& sample : random_samples(space, 20)) agent.observe(sample);
  const auto counts = frequencies(agent, space, 1, 20000);
  ASSERT_EQ(counts.size(), 4u);
  for (const auto& [text, count] : counts) expect_frequency(count, 20000, 0.25);
}

TEST(QLearning, WalksGreedilyWithEpsilonZero) {
  const Space space = tiny_space();
  QLearning agent(settings(1, 1, 20), space, kSeed);
  agent.observe({1, "a-a", 0.1});
  agent.observe({2, "b-a", 0.9});
  EXPECT_EQ(frequencies(agent, space, 0, 1000), (std::map<std::string, int>{{"b-a", 1000}}));
}

TEST(QLearning, BreaksTiesUniformlyAmongTheBest) {
  const Space space = build_sequence_space({"{}", {{"a", "b", "c", "d"}}});
  // With alpha 1 and one choice a value is the last reward that was replayed.
  QLearning agent(settings(1, 1, 50), space, kSeed);
  agent.observe({1, "a", 0.9});
  agent.observe({2, "b", 0.1});
  agent.observe({3, "c", 0.9});
  agent.observe({4, "d", 0.9});
  ASSERT_EQ(values_at(agent, space, {}), (Values{0.9, 0.1, 0.9, 0.9}));
  const auto counts = frequencies(agent, space, 0, 30000);
  EXPECT_EQ(counts.count("b"), 0u);
  for (const char* best : {"a", "c", "d"}) expect_frequency(counts.at(best), 30000, 1.0 / 3);
}

TEST(QLearning, MixesGreedyAndUniformChoicesByEpsilon) {
  const Space space = build_sequence_space({"{}", {{"a", "b", "c"}}});
  QLearning agent(settings(1, 1, 50), space, kSeed);
  agent.observe({1, "c", 0.9});
  // Greedy with 0.7, and a third of the uniform choices: 0.7 + 0.3 / 3 = 0.8.
  const auto counts = frequencies(agent, space, 0.3, 20000);
  expect_frequency(counts.at("c"), 20000, 0.8);
  expect_frequency(counts.at("a"), 20000, 0.1);
  expect_frequency(counts.at("b"), 20000, 0.1);
}

TEST(QLearning, ProposesTheSameFromTheSameStream) {
  const Space space = build_sequence_space({"{},{},{}", {kTokens}});
  QLearning agent(settings(0.05, 1, 10), space, kSeed);
  for (const SequencedSample& sample : random_samples(space, 30)) agent.observe(sample);
  for (uint64_t i = 0; i < 20; ++i) {
    Random first = Random::stream(kSeed, "walk", i), second = Random::stream(kSeed, "walk", i);
    EXPECT_EQ(space.text(agent.propose({0.5, {}}, first)),
              space.text(agent.propose({0.5, {}}, second)));
  }
}

TEST(RandomStrategy, IsUniformWhateverItSawAndWhateverEpsilonIs) {
  const Space space = tiny_space();
  StrategySettings chosen;
  chosen.kind = "random";
  const auto strategy = make_strategy(chosen, space, kSeed);
  strategy->observe({1, "a-b", 0.9});
  const auto counts = frequencies(*strategy, space, 0, 20000);
  ASSERT_EQ(counts.size(), 4u);
  for (const auto& [text, count] : counts) expect_frequency(count, 20000, 0.25);
}

// ---- What samples are worth ----

const Objective kLatency{"latency_ms", datasets::Direction::minimize, std::pair(20.0, 5.0)};

TEST(Reward, LiesOnTheLineBetweenTheWorstAndTheBestValue) {
  EXPECT_EQ(reward_of(kLatency, {1, "a", 20.0}), 0);
  EXPECT_EQ(reward_of(kLatency, {1, "a", 8.0}), 0.8);
  EXPECT_EQ(reward_of(kLatency, {1, "a", 5.0}), 1);
  EXPECT_EQ(reward_of(kLatency, {1, "a", 1.0}), 1) << "beyond the best";
  EXPECT_EQ(reward_of(kLatency, {1, "a", 1e9}), 0) << "beyond the worst";
  const Objective percent{"f1", datasets::Direction::maximize, std::pair(-50.0, 150.0)};
  EXPECT_EQ(reward_of(percent, {1, "a", 50.0}), 0.5);
}

TEST(Reward, OfWhatDoesNotLearnIsTheWorstAndOfOtherFailuresNone) {
  const SequencedSample not_learning{1, "a", std::nullopt, true}, failed{1, "a", std::nullopt};
  EXPECT_EQ(reward_of(kLatency, not_learning), 0);
  EXPECT_EQ(reward_of(kLatency, failed), std::nullopt);
  const Objective without_range{"latency_ms", datasets::Direction::minimize, {}};
  EXPECT_EQ(reward_of(without_range, not_learning), std::nullopt);
}

TEST(Reward, WithoutARangeIsTheValueOrMinusTheValue) {
  EXPECT_EQ(reward_of(Objective(), SequencedSample{1, "a", 0.75}), 0.75);
  EXPECT_EQ(
      reward_of(Objective{"loss", datasets::Direction::minimize, {}}, SequencedSample{1, "a", 2.5}),
      -2.5);
}

TEST(Reward, DirectionsAndRangesThatContradictEachOtherAreRefused) {
  using datasets::Direction;
  const auto error = [](const Objective& objective) {
    return tests::usage_error([&] { measure_of(objective); });
  };
  EXPECT_THAT(error({"val_loss", {}, {}}), testing::HasSubstr("objective.direction is missing"));
  EXPECT_THAT(error({"", Direction::minimize, {}}), testing::HasSubstr("validation accuracy"));
  EXPECT_THAT(error({"lat", Direction::minimize, std::pair(5.0, 20.0)}),
              testing::HasSubstr("the worst value comes first"));
  EXPECT_THAT(error({"f1", Direction::maximize, std::pair(1.0, 0.0)}),
              testing::HasSubstr("the worst value comes first"));
  EXPECT_EQ(measure_of(Objective{"f1", {}, {}}).direction, Direction::maximize);
  EXPECT_EQ(measure_of(Objective{"val_loss", {}, std::pair(3.0, 0.5)}).direction,
            Direction::minimize)
      << "a range has a direction";
  EXPECT_EQ(measure_of(Objective()).name, "validation_accuracy");
}

// Each strategy, told of a measure of which less is better, samples the least: the string with the
// most of the letter a.
TEST(EveryStrategy, GoesWhereTheObjectiveSaysThatItIsBetter) {
  const Space space = build_sequence_space({"{}{}{}", {{"a", "b", "c", "d"}}});
  const auto value = [](const std::string& text) {
    return 100.0 - 10 * static_cast<double>(std::count(text.begin(), text.end(), 'a'));
  };
  for (const char* kind : {"q_learning", "regularized_evolution", "guided"}) {
    for (const auto direction : {datasets::Direction::minimize, datasets::Direction::maximize}) {
      const bool least = direction == datasets::Direction::minimize;
      StrategySettings chosen = settings(0.1, 1, 50);
      chosen.kind = kind;
      chosen.population = 10;
      chosen.tournament = 5;
      const Objective objective{"value", direction,
                                least ? std::pair(100.0, 70.0) : std::pair(70.0, 100.0)};
      const auto strategy = make_strategy(chosen, space, kSeed, {}, objective);
      double sum = 0;
      constexpr int kWalks = 120, kLast = 20;
      for (int i = 1; i <= kWalks; ++i) {
        Random random = Random::stream(kSeed, "walk", static_cast<uint64_t>(i));
        strategy->prepare({});
        const std::string text = space.text(strategy->propose({i < 60 ? 1.0 : 0.05, {}}, random));
        strategy->observe({i, text, value(text)});
        // guided does not repeat itself: what it finds comes early.
        if (std::string(kind) == "guided" ? i > 15 && i <= 15 + kLast : i > kWalks - kLast)
          sum += value(text);
      }
      const double mean = sum / kLast;
      // Uniform walks: 92.5.
      EXPECT_TRUE(least ? mean < 88 : mean > 96)
          << kind << " " << to_string(direction) << " " << mean;
    }
  }
}

TEST(QLearning, AsksForTheRangeOfWhatIsNoAccuracy) {
  const Space space = tiny_space();
  const Objective objective{"latency_ms", datasets::Direction::minimize, {}};
  const auto make = [&](const char* kind) {
    StrategySettings chosen;
    chosen.kind = kind;
    make_strategy(chosen, space, kSeed, {}, objective);
  };
  EXPECT_THAT(tests::usage_error([&] { make("q_learning"); }),
              testing::HasSubstr("objective.reward_range is missing"));
  for (const char* kind : {"random", "regularized_evolution", "guided"})
    EXPECT_NO_THROW(make(kind)) << kind;
}

// ---- Schedule and settings ----

TEST(Schedule, OfThePaperHas2700Models) {
  EXPECT_EQ(total_models(paper_schedule()), 2700);
  EXPECT_EQ(StrategySettings().schedule, paper_schedule());
}

TEST(Schedule, ChangesEpsilonExactlyAtTheBorders) {
  const Schedule schedule = paper_schedule();
  const std::vector<std::pair<int64_t, double>> borders{
      {0, 1.0},    {1499, 1.0}, {1500, 0.9}, {1599, 0.9}, {1600, 0.8}, {1699, 0.8},
      {1700, 0.7}, {1799, 0.7}, {1800, 0.6}, {1949, 0.6}, {1950, 0.5}, {2100, 0.4},
      {2250, 0.3}, {2400, 0.2}, {2549, 0.2}, {2550, 0.1}, {2699, 0.1}};
  for (const auto& [models, epsilon] : borders) EXPECT_EQ(epsilon_at(schedule, models), epsilon);
  EXPECT_EQ(epsilon_at(schedule, 2700), std::nullopt);
  EXPECT_EQ(epsilon_at(schedule, 1000000), std::nullopt);
}

std::string refusal(const StrategySettings& settings) {
  const Space space = tiny_space();
  try {
    make_strategy(settings, space, kSeed);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(StrategySettings, OutsideTheirRangesAreRefusedWithKeyAndValue) {
  using testing::Test;
  const auto refused = [](auto change) {
    StrategySettings chosen;
    change(chosen);
    return refusal(chosen);
  };
  EXPECT_EQ(refusal({}), "accepted");
  EXPECT_NE(refused([](auto& s) { s.alpha = 1.5; }).find("strategy.alpha = 1.5"),
            std::string::npos);
  EXPECT_NE(refused([](auto& s) { s.alpha = std::nan(""); }).find("strategy.alpha"),
            std::string::npos);
  EXPECT_NE(refused([](auto& s) { s.gamma = -0.1; }).find("strategy.gamma = -0.1"),
            std::string::npos);
  EXPECT_NE(refused([](auto& s) {
              s.initial_q = std::numeric_limits<double>::infinity();
            }).find("strategy.initial_q"),
            std::string::npos);
  EXPECT_NE(refused([](auto& s) { s.replay = -1; }).find("strategy.replay = -1"),
            std::string::npos);
  EXPECT_NE(refused([](auto& s) { s.schedule.clear(); }).find("strategy.schedule is empty"),
            std::string::npos);
  EXPECT_NE(refused([](auto& s) {
              s.schedule = {{1.1, 10}};
            }).find("strategy.schedule"),
            std::string::npos);
  EXPECT_NE(refused([](auto& s) {
              s.schedule = {{0.5, 0}};
            }).find("strategy.schedule"),
            std::string::npos);
  EXPECT_NE(refused([](auto& s) {
              s.schedule = {{0.5, std::numeric_limits<int64_t>::max()}};
            }).find("from 1 to 1000000000"),
            std::string::npos);
}

TEST(StrategySettings, AnUnknownKindIsRefusedWithTheNearest) {
  StrategySettings chosen;
  chosen.kind = "qlearning";
  EXPECT_EQ(refusal(chosen),
            "strategy.kind = \"qlearning\" is not known; did you mean \"q_learning\"?");
}

}  // namespace
}  // namespace metaqnn::search
