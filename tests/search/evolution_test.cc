#include "search/agent/evolution.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "metaqnn/base/error.h"
#include "search/agent/mutation.h"

namespace metaqnn::search {
namespace {

Space space_of_81() { return build_sequence_space({"{}{}{}{}", {{"a", "b", "c"}}}); }

Space cnn_space() {
  CnnSpaceSettings settings;
  settings.depth_limit = 5;
  settings.convolution_filters = {16, 32};
  return build_cnn_space(settings);
}

int differences(const std::string& a, const std::string& b) {
  int count = 0;
  for (size_t i = 0; i < a.size(); ++i) count += a[i] != b[i] ? 1 : 0;
  return count;
}

TEST(Mutation, IsAnotherWalkOfTheSpace) {
  const Space space = cnn_space();
  Random random(1);
  for (int i = 0; i < 500; ++i) {
    const Walk parent = space.uniform_walk(random);
    const std::string child = space.text(mutate(space, parent, random));
    EXPECT_NE(child, space.text(parent));
    EXPECT_EQ(space.find(child).refusal, "") << space.text(parent);
  }
}

TEST(Mutation, OfASequenceChangesOneSlot) {
  const Space space = space_of_81();
  Random random(2);
  std::set<std::string> children;
  const Walk parent = *space.find("abca").walk;
  for (int i = 0; i < 300; ++i) {
    const std::string child = space.text(mutate(space, parent, random));
    EXPECT_EQ(differences(child, "abca"), 1) << child;
    children.insert(child);
  }
  EXPECT_EQ(children.size(), 8u);  // four slots, two other tokens each
}

TEST(Mutation, OfANetworkPutsALayerInLeavesOneOutOrChangesOne) {
  const Space space = cnn_space();
  const Walk parent = *space.find("[C(16,3,1), C(32,5,1), SM(10)]").walk;
  Random random(3);
  std::set<std::string> children;
  for (int i = 0; i < 2000; ++i) children.insert(space.text(mutate(space, parent, random)));
  EXPECT_TRUE(children.contains("[C(16,3,1), C(16,1,1), C(32,5,1), SM(10)]"));
  EXPECT_TRUE(children.contains("[C(32,5,1), SM(10)]"));
  EXPECT_TRUE(children.contains("[C(16,3,1), C(16,5,1), SM(10)]"));
}

TEST(Mutation, OfTheOnlyWalkIsThatWalk) {
  const Space space = build_sequence_space({"{}", {{"a"}}});
  Random random(4);
  EXPECT_EQ(space.text(mutate(space, *space.find("a").walk, random)), "a");
}

StrategySettings settings(int population, int tournament) {
  StrategySettings settings;
  settings.kind = "regularized_evolution";
  settings.population = population;
  settings.tournament = tournament;
  return settings;
}

// With a tournament this large the best member always wins it.
constexpr int kAll = 200;

TEST(RegularizedEvolution, ProposesChildrenOfTheBestMember) {
  const Space space = space_of_81();
  RegularizedEvolution agent(settings(3, kAll), space);
  agent.observe({1, "aaaa", 0.1});
  agent.observe({2, "bbbb", 0.9});
  agent.observe({3, "cccc", 0.2});
  Random random(5);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(differences(space.text(agent.propose({}, random)), "bbbb"), 1);
}

TEST(RegularizedEvolution, LetsTheOldestDieHoweverGoodItIs) {
  const Space space = space_of_81();
  RegularizedEvolution agent(settings(2, kAll), space);
  agent.observe({1, "bbbb", 0.9});
  agent.observe({2, "aaaa", 0.1});
  agent.observe({3, "cccc", 0.2});
  Random random(6);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(differences(space.text(agent.propose({}, random)), "cccc"), 1);
}

TEST(RegularizedEvolution, IsUniformUntilItsPopulationIsFull) {
  const Space space = space_of_81();
  RegularizedEvolution agent(settings(3, kAll), space);
  agent.observe({1, "bbbb", 0.9});
  agent.observe({2, "bbbb", 0.9});
  agent.observe({3, "aaaa", std::nullopt});  // not rewarded: no member
  Random random(7), same(7);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(space.text(agent.propose({}, random)), space.text(space.uniform_walk(same)));
}

TEST(RegularizedEvolution, RefusesSettingsOutsideTheirRanges) {
  const Space space = space_of_81();
  EXPECT_THROW(RegularizedEvolution(settings(0, 1), space), UsageError);
  EXPECT_THROW(RegularizedEvolution(settings(1, 0), space), UsageError);
}

}  // namespace
}  // namespace metaqnn::search
