// The CNN space with lists and with the layers that the paper's networks have not.
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "architecture/symbols.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/agent/strategy.h"
#include "metaqnn/search/space/space.h"

namespace metaqnn::search {
namespace {

// Of size 4 throughout: one width, two fields, GAP.
CnnSpaceSettings small() {
  CnnSpaceSettings settings;
  settings.input = {1, 4, 4};
  settings.classes = 2;
  settings.depth_limit = 3;
  settings.convolution_filters = {8};
  settings.fully_connected_in_a_row = 0;
  settings.bins = {{1, {1, 3}, {}, false}};
  return settings;
}

CnnSpaceSettings with_lists(int residual_layers, int branches, int split_layers, bool nested) {
  CnnSpaceSettings settings = small();
  settings.residual_layers = residual_layers;
  settings.split_branches = branches;
  settings.split_layers = split_layers;
  settings.nested_lists = nested;
  return settings;
}

CnnSpaceSettings rich() {
  CnnSpaceSettings settings;
  settings.depth_limit = 6;
  settings.convolution_filters = {16, 32};
  settings.average_pooling = settings.mixed_pooling = true;
  settings.depthwise_convolution = settings.batch_normalization = true;
  settings.residual_layers = 2;
  settings.residual_filters = {16};
  settings.split_branches = 3;
  settings.split_filters = {8};
  settings.convolution_strides = {1, 2};
  settings.nested_lists = true;
  return settings;
}

// ---- All architectures of a space of constant size, put together without its rules ----

struct Part {
  std::string text;
  int depth;
};

class Enumeration {
 public:
  explicit Enumeration(const CnnSpaceSettings& settings) : settings_(settings) {}

  std::set<std::string> all() const {
    std::set<std::string> found;
    std::vector<Part> bodies = sequences(settings_.depth_limit, 0, settings_.depth_limit);
    bodies.push_back({"", 0});
    for (const Part& body : bodies) {
      const std::string begin = body.text.empty() ? "" : body.text + ", ";
      found.insert(canonical(begin + "SM(2)"));
      if (body.depth < settings_.depth_limit) found.insert(canonical(begin + "GAP(2), SM(2)"));
    }
    return found;
  }

 private:
  static std::string canonical(const std::string& layers) {
    return identity(parse_architecture("[" + layers + "]"));
  }

  // Sequences of 1 to `most` items whose depth is at most `depth`.
  std::vector<Part> sequences(int most, int level, int depth) const {
    std::vector<Part> all;
    std::vector<Part> longer = items(level, depth);
    for (int length = 1; length <= most && !longer.empty(); ++length) {
      all.insert(all.end(), longer.begin(), longer.end());
      std::vector<Part> next;
      for (const Part& begin : longer) {
        for (const Part& item : items(level, depth - begin.depth))
          next.push_back({begin.text + ", " + item.text, begin.depth + item.depth});
      }
      longer = std::move(next);
    }
    return all;
  }

  std::vector<Part> items(int level, int depth) const {
    std::vector<Part> all;
    if (depth < 1) return all;
    all = {{"C(8,1,1)", 1}, {"C(8,3,1)", 1}};
    if (settings_.depthwise_convolution) all.push_back({"DC(3,1)", 1});
    if (level > (settings_.nested_lists ? 1 : 0)) return all;
    if (settings_.residual_layers > 0) {
      for (const Part& body : sequences(settings_.residual_layers, level + 1, depth))
        all.push_back({"R[" + body.text + "]", body.depth});
    }
    if (settings_.split_branches > 0) add_splits(level, depth, all);
    return all;
  }

  void add_splits(int level, int depth, std::vector<Part>& all) const {
    const std::vector<Part> branches = sequences(settings_.split_layers, level + 1, depth);
    const std::function<void(Part, int)> go_on = [&](const Part& begin, int count) {
      if (count >= 2) all.push_back({"S[" + begin.text + "]", begin.depth});
      if (count == settings_.split_branches) return;
      for (const Part& branch : branches) {
        go_on({count == 0 ? branch.text : begin.text + " ; " + branch.text,
               std::max(begin.depth, branch.depth)},
              count + 1);
      }
    };
    go_on({"", 0}, 0);
  }

  CnnSpaceSettings settings_;
};

std::vector<std::string> texts_of_all_walks(const Space& space) {
  std::vector<std::string> texts;
  Walk walk;
  const std::function<void(int32_t)> go_on = [&](int32_t position) {
    if (position == Space::kEnd) {
      texts.push_back(space.text(walk));
      return;
    }
    const auto choices = space.choices(position);
    EXPECT_FALSE(choices.empty()) << "a walk ends at " << space.text(walk);
    for (size_t i = 0; i < choices.size(); ++i) {
      walk.push_back({position, static_cast<int32_t>(i)});
      go_on(choices[i].target);
      walk.pop_back();
    }
  };
  go_on(space.start());
  return texts;
}

TEST(RichSpace, HasEachArchitectureOnceAndNoOther) {
  CnnSpaceSettings with_depthwise = with_lists(2, 2, 2, false);
  with_depthwise.depthwise_convolution = true;
  with_depthwise.depth_limit = 2;
  CnnSpaceSettings deep = with_lists(2, 2, 2, true);
  deep.depth_limit = 2;
  for (const CnnSpaceSettings& settings :
       {with_lists(2, 0, 1, false), with_lists(0, 2, 1, false), with_lists(0, 3, 1, false),
        with_lists(0, 3, 2, false), with_lists(2, 2, 2, false), with_lists(2, 0, 1, true),
        with_lists(1, 2, 1, true), with_depthwise, deep}) {
    const Space space = build_cnn_space(settings);
    const std::vector<std::string> walks = texts_of_all_walks(space);
    const std::set<std::string> different(walks.begin(), walks.end());
    const std::set<std::string> expected = Enumeration(settings).all();
    EXPECT_EQ(different.size(), walks.size()) << "some architecture has two walks";
    std::vector<std::string> more, less;
    std::ranges::set_difference(different, expected, std::back_inserter(more));
    std::ranges::set_difference(expected, different, std::back_inserter(less));
    EXPECT_EQ(more, std::vector<std::string>());
    EXPECT_EQ(less, std::vector<std::string>());
    EXPECT_EQ(space.architectures(), std::to_string(expected.size()));
    EXPECT_GT(expected.size(), 30U);
  }
}

TEST(RichSpace, FindsTheWalkOfEachOfItsStrings) {
  const Space space = build_cnn_space(rich());
  Random random(1);
  std::set<std::string> kinds;
  for (int i = 0; i < 3000; ++i) {
    const Walk walk = space.uniform_walk(random);
    const std::string text = space.text(walk);
    const Architecture architecture = parse_architecture(text);
    EXPECT_EQ(to_string(architecture), text);
    EXPECT_LE(depth(architecture), 6);
    analyse(architecture, {3, 32, 32});  // does not throw
    const Space::Found found = space.find(text);
    ASSERT_TRUE(found.walk) << text << ": " << found.refusal;
    ASSERT_EQ(space.text(*found.walk), text);
    for (const Symbol& symbol : symbols(architecture.layers))
      kinds.insert(to_string(symbol).substr(0, to_string(symbol).find('(')));
  }
  EXPECT_THAT(kinds, testing::IsSupersetOf({"A", "M", "DC", "BN", "R[", "S[", ";", "]"}));
}

TEST(RichSpace, FindsAStringWhateverTheOrderOfItsBranches) {
  CnnSpaceSettings settings = with_lists(0, 2, 1, false);
  const Space space = build_cnn_space(settings);
  const Space::Found found = space.find("[S[C(8,3,1);C(8,1,1)],SM(2)]");
  EXPECT_EQ(found.canonical, "[S[C(8,1,1) ; C(8,3,1)], SM(2)]");
  ASSERT_TRUE(found.walk) << found.refusal;
  EXPECT_EQ(space.text(*found.walk), found.canonical);
}

// By hand, at the first branch of S in the space of fields 1 and 3: C(8,1,1) and C(8,3,1), each half of
// the walks; then only ';'; then after C(8,1,1) both again, after C(8,3,1) only itself.
TEST(RichSpace, WalksUniformlyOverTheLegalChoices) {
  const Space space = build_cnn_space(with_lists(0, 2, 1, false));
  Random random(7);
  std::map<std::string, int> splits;
  int all = 0;
  for (int i = 0; i < 60000; ++i) {
    const std::string text = space.text(space.uniform_walk(random));
    if (text.rfind("[S[", 0) != 0) continue;
    ++splits[text.substr(1, text.find("]") - 1)];
    ++all;
  }
  ASSERT_EQ(splits.size(), 3U);
  EXPECT_NEAR(splits["S[C(8,1,1) ; C(8,1,1)"] / double(all), 0.25, 0.02);
  EXPECT_NEAR(splits["S[C(8,1,1) ; C(8,3,1)"] / double(all), 0.25, 0.02);
  EXPECT_NEAR(splits["S[C(8,3,1) ; C(8,3,1)"] / double(all), 0.5, 0.02);
}

// The agent sees how many layers a list has, not what they are; so in one state fewer choices may be
// legal at one position than at another.
TEST(RichSpace, GivesEachChoiceOfAPositionAValueOfItsState) {
  const Space space = build_cnn_space(with_lists(2, 3, 2, false));
  std::vector<std::map<int32_t, int32_t>> labels(static_cast<size_t>(space.states()));
  bool some_differ = false;
  for (int32_t position = 0; position < space.positions(); ++position) {
    const int32_t state = space.state(position);
    const auto choices = space.choices(position);
    some_differ = some_differ || static_cast<int32_t>(choices.size()) != space.choice_count(state);
    for (size_t i = 0; i < choices.size(); ++i) {
      const int32_t value = space.q_index({position, static_cast<int32_t>(i)});
      ASSERT_GE(value, space.q_begin(state));
      ASSERT_LT(value, space.q_begin(state) + space.choice_count(state));
      const auto known = labels[static_cast<size_t>(state)].try_emplace(value, choices[i].label);
      EXPECT_EQ(known.first->second, choices[i].label);
    }
  }
  EXPECT_TRUE(some_differ);
  for (int32_t state = 0; state < space.states(); ++state)
    EXPECT_EQ(labels[static_cast<size_t>(state)].size(), space.choice_count(state));
}

TEST(RichSpace, KeepsValuesWhereItIsRestricted) {
  const Space space = build_cnn_space(with_lists(2, 2, 1, false));
  const std::vector<std::string> some{"[S[C(8,1,1) ; C(8,3,1)], SM(2)]",
                                      "[S[C(8,3,1) ; C(8,3,1)], SM(2)]", "[R[C(8,1,1)], SM(2)]"};
  const Space part = space.restricted(some, "not measured");
  EXPECT_EQ(part.architectures(), "3");
  for (const std::string& text : some) EXPECT_EQ(part.text(*part.find(text).walk), text);
  EXPECT_EQ(part.find("[R[C(8,3,1)], SM(2)]").refusal, "not measured");
}

// Rewards that lists bring: who learns, samples them more often than a uniform walk does.
TEST(RichSpace, IsSearchedByEveryStrategy) {
  const Space space = build_cnn_space(rich());
  const auto reward = [](const std::string& text) {
    return 0.1 + 0.4 * (text.find("R[") != std::string::npos) +
           0.4 * (text.find("S[") != std::string::npos);
  };
  Random walks(4);
  double uniform = 0;
  for (int i = 0; i < 400; ++i) uniform += reward(space.text(space.uniform_walk(walks))) / 400;
  for (const std::string& kind : strategy_kinds()) {
    StrategySettings settings;
    settings.kind = kind;
    settings.schedule = {{1.0, 60}, {0.1, 40}};
    settings.population = 20;
    settings.candidates = 200;
    const auto strategy = make_strategy(settings, space, 3);
    double last = 0;
    for (int64_t i = 1; i <= 100; ++i) {
      Random random = Random::stream(3, "walk", static_cast<uint64_t>(i));
      strategy->prepare({});
      const std::string text = space.text(strategy->propose({i <= 60 ? 1.0 : 0.1, {}}, random));
      const Space::Found found = space.find(text);
      ASSERT_TRUE(found.walk) << kind << ": " << text << ": " << found.refusal;
      strategy->observe({i, text, reward(text), false});
      if (i > 80) last += reward(text) / 20;
    }
    const bool learns_soon = kind != "random" && kind != "q_learning";
    EXPECT_TRUE(!learns_soon || last > uniform + 0.1) << kind << ": " << last;
  }
}

TEST(RichSpace, SaysWhyItRefuses) {
  const Space space = build_cnn_space(rich());
  CnnSpaceSettings plain_settings;
  const Space plain = build_cnn_space(plain_settings);
  CnnSpaceSettings flat_settings = rich();
  flat_settings.nested_lists = false;
  const Space flat = build_cnn_space(flat_settings);
  const auto refusal = [](const Space& in, const std::string& text) {
    return in.find(text).refusal;
  };
  EXPECT_EQ(refusal(plain, "[C(64,3,1), R[C(64,3,1)], SM(10)]"),
            "layer 2, R[: this space has no R; residual_layers would bring it");
  EXPECT_EQ(refusal(plain, "[C(64,3,1), A(2,2), SM(10)]"),
            "layer 2, A(2,2): this space has no A; average_pooling = true would bring it");
  EXPECT_EQ(refusal(space, "[C(16,3,1), R[C(16,3,1), C(32,3,1)], SM(10)]"),
            "layer 2.1.2, C(32,3,1): 32 filters are not in the list 16");
  EXPECT_EQ(refusal(space, "[R[BN, BN], SM(10)]"),
            "layer 1.1.2, BN: no BN at the start or directly after BN");
  EXPECT_EQ(refusal(space, "[S[C(8,1,1) ; C(8,3,2)], SM(10)]"),
            "layer 1.2.1, C(8,3,2): only stride 1 in S in this space");
  EXPECT_EQ(refusal(space, "[S[C(8,1,1) ; C(8,1,1) ; C(8,1,1) ; C(8,3,1)], SM(10)]"),
            "layer 1.3.2, ;: at most 3 branches in S");
  EXPECT_EQ(refusal(space, "[R[C(16,1,1), C(16,1,1), C(16,1,1)], SM(10)]"),
            "layer 1.1.3, C(16,1,1): at most 2 layers in a list of R");
  EXPECT_EQ(refusal(space, "[R[M(2,2)], SM(10)]"),
            "layer 1.1.1, M(2,2): only C, DC, BN, R and S may stand in R in this space");
  EXPECT_EQ(refusal(flat, "[R[S[C(8,1,1) ; C(8,3,1)]], SM(10)]"),
            "layer 1.1.1, S[: no list in a list; nested_lists = true would allow one");
  EXPECT_EQ(refusal(space, "[R[R[R[C(16,1,1)]]], SM(10)]"),
            "layer 1.1.1.1.1, R[: lists are at most one in another in this space");
  EXPECT_EQ(refusal(space, "[FC(128), R[C(16,1,1)], SM(10)]"),
            "layer 1, FC(128): no FC at the start");
}

TEST(RichSpace, RefusesSettingsThatAreNone) {
  const auto refusal = [](const std::function<void(CnnSpaceSettings&)>& change) -> std::string {
    CnnSpaceSettings settings;
    change(settings);
    try {
      build_cnn_space(settings);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  EXPECT_EQ(refusal([](auto& s) { s.split_branches = 1; }),
            "space.split_branches: a split has at least 2 branches; 0 for a space without");
  EXPECT_EQ(refusal([](auto& s) { s.residual_layers = -1; }),
            "space.residual_layers: -1 is not a whole number from 0 to 999");
  EXPECT_EQ(refusal([](auto& s) {
              s.split_filters = {8, 8};
            }),
            "space.split_filters: 8 stands there twice");
}

}  // namespace
}  // namespace metaqnn::search
