#include "metaqnn/search/space/distinct_walks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "metaqnn/base/error.h"
#include "search/limits.h"
#include "tests/error_message.h"

namespace metaqnn::search {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

Space nine_strings() { return build_sequence_space({"{}{}", {{"a", "b", "c"}}}); }

TEST(DistinctWalks, TakesEachArchitectureOnce) {
  const Space space = nine_strings();
  DistinctWalks walks(space);
  const std::vector<std::string> all = walks.uniform(9, 1);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 9u);
  EXPECT_EQ(walks.refused(), 0);
}

TEST(DistinctWalks, LeavesOutWhatWasSeenAndWhatIsRefused) {
  const Space space = nine_strings();
  DistinctWalks walks(space, [](const std::string& text) { return text[0] != 'a'; },
                      {"bb", "cc", "of another space"});
  Random random = Random::stream(1, "walks");
  const auto draw = [&] { return space.uniform_walk(random); };
  EXPECT_THAT(walks.next(100, draw), UnorderedElementsAre("ba", "bc", "ca", "cb"));
  EXPECT_EQ(walks.refused(), 3);
  EXPECT_EQ(walks.known(), 2);
  EXPECT_EQ(walks.next(draw), std::nullopt) << "there are no more";
}

TEST(DistinctWalks, EndsAfterItsPatience) {
  const Space space = nine_strings();
  const Walk only = *space.find("aa").walk;
  int64_t draws = 0;
  const auto draw = [&] {
    ++draws;
    return only;
  };
  DistinctWalks walks(space, {}, {}, {.fruitless = 50, .refused = 10});
  EXPECT_THAT(walks.next(2, draw), SizeIs(1));
  EXPECT_EQ(draws, 51);
  DistinctWalks refusing(space, [](const std::string&) { return false; }, {},
                         {.fruitless = 1000, .refused = 3});
  Random random = Random::stream(1, "walks");
  EXPECT_THAT(refusing.next(1, [&] { return space.uniform_walk(random); }), IsEmpty());
  EXPECT_EQ(refusing.refused(), 3);
}

TEST(DistinctWalks, SaysHowManyThereAreWhereAllAreWanted) {
  const Space space = nine_strings();
  EXPECT_THAT(tests::message_of<FailureError>([&] { DistinctWalks(space).uniform(10, 1); }),
              HasSubstr("only 9 distinct architectures found"));
  EXPECT_THAT(
      tests::message_of<FailureError>([&] {
        DistinctWalks(space, [](const std::string& text) { return text[0] == 'a'; }).uniform(4, 1);
      }),
      HasSubstr("only 3 distinct architectures found, and 6 over a limit"));
}

TEST(DistinctWalks, AreThoseOfTheSeed) {
  const Space space = nine_strings();
  EXPECT_EQ(DistinctWalks(space).uniform(5, 3), DistinctWalks(space).uniform(5, 3));
  EXPECT_NE(DistinctWalks(space).uniform(5, 3), DistinctWalks(space).uniform(5, 4));
}

TEST(SizeLimits, AreTheStricterOfTheConfigurationsAndTheUsers) {
  Configuration configuration;
  configuration.evaluator.training.max_parameters = 1000;
  configuration.evaluator.training.max_memory = 0;
  const SizeLimits limits =
      limits_of(configuration, {.parameters = 5000, .macs = 70, .memory_bytes = 9});
  EXPECT_EQ(limits.parameters, 1000);
  EXPECT_EQ(limits.macs, 70);
  EXPECT_EQ(limits.memory_bytes, 9);
  configuration.evaluator.kind = "table";  // which refuses nothing for its size
  EXPECT_EQ(limits_of(configuration, {.parameters = 5000}).parameters, 5000);
}

// [FC(4), SM(10)] on 1x2x2: 4 * 4 + 4 and 4 * 10 + 10 parameters, 16 + 40 multiplications.
TEST(SizeLimits, AreKeptUpToTheLimitItself) {
  const Shape input{1, 2, 2};
  const std::string text = "[FC(4), SM(10)]";
  EXPECT_FALSE(within({}, input, {})) << "nothing to ask";
  EXPECT_TRUE(within({.parameters = 70}, input, {})(text));
  EXPECT_FALSE(within({.parameters = 69}, input, {})(text));
  EXPECT_TRUE(within({.macs = 56}, input, {})(text));
  EXPECT_FALSE(within({.macs = 55}, input, {})(text));
  const int64_t memory = estimate_training_memory(parse_architecture(text), input, {}).total();
  EXPECT_TRUE(within({.memory_bytes = memory}, input, {})(text));
  EXPECT_FALSE(within({.memory_bytes = memory - 1}, input, {})(text));
  EXPECT_THAT(tests::usage_error([] { within({.macs = 1}, std::nullopt, {}); }),
              HasSubstr("need networks"));
}

}  // namespace
}  // namespace metaqnn::search
