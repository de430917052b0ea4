#include "metaqnn/search/space/space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "datasets/logs/read_frame.h"
#include "metaqnn/architecture/architecture.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "tests/error_message.h"

namespace metaqnn::search {
namespace {

using testing::HasSubstr;
using tests::usage_error;

const std::string kNasBenchTemplate = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|";
const std::vector<std::string> kNasBenchOperations{"none", "skip_connect", "nor_conv_1x1",
                                                   "nor_conv_3x3", "avg_pool_3x3"};

// One C, one P, one FC, all of them allowed at every size from 2 on.
CnnSpaceSettings tiny_settings(int depth_limit) {
  CnnSpaceSettings settings;
  settings.input = {1, 8, 8};
  settings.depth_limit = depth_limit;
  settings.convolution_filters = {4};
  settings.fully_connected_neurons = {16};
  settings.fully_connected_in_a_row = 1;
  settings.global_average_pooling = false;
  settings.bins = {{2, {3}, {{2, 2}}, true}, {1, {}, {}, true}};
  return settings;
}

std::string cnn_error(const std::function<void(CnnSpaceSettings&)>& change) {
  CnnSpaceSettings settings;
  change(settings);
  return usage_error([&] { build_cnn_space(settings); });
}

std::string sequence_error(const std::string& pattern,
                           const std::vector<std::vector<std::string>>& alphabets) {
  return usage_error([&] { build_sequence_space({pattern, alphabets}); });
}

// All strings of a space, by following its choices.
void collect(const Space& space, int32_t position, Walk& walk, std::multiset<std::string>& texts) {
  if (position == Space::kEnd) {
    texts.insert(space.text(walk));
    return;
  }
  for (int32_t i = 0; i < static_cast<int32_t>(space.choices(position).size()); ++i) {
    walk.push_back({position, i});
    collect(space, space.choices(position)[i].target, walk, texts);
    walk.pop_back();
  }
}

std::multiset<std::string> all_texts(const Space& space) {
  std::multiset<std::string> texts;
  Walk walk;
  collect(space, space.start(), walk, texts);
  return texts;
}

// The rules of docs/space.md once more, written for a list of layers and the true size: slow and
// obvious.
class Enumeration {
 public:
  static std::set<std::string> texts(const CnnSpaceSettings& settings) {
    return Enumeration(settings).texts_;
  }

 private:
  explicit Enumeration(const CnnSpaceSettings& settings) : settings_(settings) {
    extend({}, settings.input.height, settings.input.width);
  }

  void extend(const std::vector<Layer>& layers, int height, int width) {
    std::vector<Layer> ended = layers;
    ended.push_back(Softmax{settings_.classes});
    texts_.insert(to_string(Architecture{ended}));
    const auto ends_in = [&](size_t kind) {
      return !layers.empty() && layers.back().index() == kind;
    };
    const bool has_map = !ends_in(Layer(FullyConnected{}).index());
    if (static_cast<int>(layers.size()) == settings_.depth_limit) return;
    if (ends_in(Layer(GlobalAveragePooling{}).index())) return;
    if (has_map) {
      extend_by_convolution(layers, height, width);
      const bool pooled = ends_in(Layer(Pooling{}).index());
      if (layers.empty() ? settings_.pooling_first : !pooled || settings_.pooling_after_pooling)
        extend_by_pooling(layers, height, width);
      if (settings_.global_average_pooling) extend_by(layers, GlobalAveragePooling{10}, 1, 1);
    }
    if (!layers.empty()) extend_by_fully_connected(layers, height, width);
  }

  void extend_by(std::vector<Layer> layers, const Layer& layer, int height, int width) {
    layers.push_back(layer);
    extend(layers, height, width);
  }

  const SizeBin& bin(int height, int width) const {
    for (const SizeBin& candidate : settings_.bins) {
      if (height >= candidate.smallest && width >= candidate.smallest) return candidate;
    }
    throw std::logic_error("no bin");
  }

  void extend_by_convolution(const std::vector<Layer>& layers, int height, int width) {
    for (int filters : settings_.convolution_filters) {
      for (int field : bin(height, width).convolution_fields) {
        for (int stride : settings_.convolution_strides) {
          // An odd field with padding (f-1)/2 leaves the positions 0, s, 2s, ...: ceil(n/s) of
          // them.
          extend_by(layers, Convolution{filters, field, stride}, (height + stride - 1) / stride,
                    (width + stride - 1) / stride);
        }
      }
    }
  }

  void extend_by_pooling(const std::vector<Layer>& layers, int height, int width) {
    for (const Pooling& p : bin(height, width).pooling)
      extend_by(layers, p, (height - p.field) / p.stride + 1, (width - p.field) / p.stride + 1);
  }

  void extend_by_fully_connected(const std::vector<Layer>& layers, int height, int width) {
    int in_a_row = 0;
    while (in_a_row < static_cast<int>(layers.size()) &&
           std::holds_alternative<FullyConnected>(layers[layers.size() - 1 - in_a_row]))
      ++in_a_row;
    if (in_a_row == settings_.fully_connected_in_a_row) return;
    if (in_a_row == 0 && !bin(height, width).fully_connected) return;
    for (int neurons : settings_.fully_connected_neurons) {
      const bool grows = in_a_row > 0 && neurons > std::get<FullyConnected>(layers.back()).neurons;
      if (!grows || settings_.fully_connected_may_grow)
        extend_by(layers, FullyConnected{neurons}, 1, 1);
    }
  }

  CnnSpaceSettings settings_;
  std::set<std::string> texts_;
};

template <typename T>
std::vector<T> random_part(std::vector<T> values, size_t smallest, size_t largest, Random& random) {
  shuffle(values, random);
  values.resize(smallest + random.below(largest - smallest + 1));
  return values;
}

CnnSpaceSettings random_settings(Random& random) {
  CnnSpaceSettings settings;
  const auto side = [&] { return static_cast<int>(1 + random.below(12)); };
  settings.input = {1, side(), side()};
  settings.depth_limit = static_cast<int>(1 + random.below(4));
  settings.convolution_filters = random_part<int>({4, 8}, 1, 2, random);
  settings.convolution_strides = random_part<int>({1, 2}, 1, 2, random);
  settings.fully_connected_neurons = random_part<int>({16, 32, 64}, 1, 3, random);
  settings.fully_connected_in_a_row = static_cast<int>(random.below(4));
  settings.fully_connected_may_grow = random.below(2) == 1;
  settings.global_average_pooling = random.below(2) == 1;
  settings.pooling_first = random.below(2) == 1;
  settings.pooling_after_pooling = random.below(2) == 1;
  settings.bins.clear();
  for (int smallest : {6, 3, 1}) {
    if (smallest != 1 && random.below(4) == 0) continue;
    SizeBin bin;
    bin.smallest = smallest;
    bin.convolution_fields = random_part<int>({1, 3, 5}, 0, 2, random);
    if (smallest >= 3) bin.pooling = random_part<Pooling>({{3, 2}, {2, 2}, {3, 3}}, 0, 2, random);
    if (smallest == 1) bin.pooling = random_part<Pooling>({{1, 1}}, 0, 1, random);
    bin.fully_connected = random.below(2) == 1;
    settings.bins.push_back(bin);
  }
  return settings;
}

std::string shared_data(const std::string& file) {
#ifdef METAQNN_SHARED_DATA
  return std::string(METAQNN_SHARED_DATA) + "/" + file;
#else
  return file;
#endif
}

std::vector<std::string> column_of(const std::string& file, const std::string& column) {
  const datasets::DataFrame frame = datasets::read_data_frame(file);
  std::vector<std::string> values;
  for (size_t row = 0; row < frame.rows(); ++row)
    values.emplace_back(frame.cell(row, frame.column(column)));
  return values;
}

TEST(CnnSpace, HoldsTheTinySpaceThatIsCountedByHand) {
  // Depth limit 2, size 8. Start: C or SM (no P, no FC first, no GAP).
  //   [SM]                                                     1
  //   [C, SM]                                                  1
  //   [C, C, SM], [C, P, SM], [C, FC, SM]                      3
  const Space space = build_cnn_space(tiny_settings(2));
  EXPECT_EQ(all_texts(space), (std::multiset<std::string>{
                                  "[SM(10)]", "[C(4,3,1), SM(10)]", "[C(4,3,1), C(4,3,1), SM(10)]",
                                  "[C(4,3,1), P(2,2), SM(10)]", "[C(4,3,1), FC(16), SM(10)]"}));
  EXPECT_EQ(space.architectures(), "5");
  // Start; C; CC, CP, CFC. Choices: 2 + 4 + 3 times 1.
  EXPECT_EQ(space.positions(), 5);
  EXPECT_EQ(space.states(), 5);
  EXPECT_EQ(space.transitions(), 9);
}

TEST(CnnSpace, CountsOneArchitectureMoreForEachEndAtTheNextDepth) {
  // a(d): walks that may go on for d more layers, after C at a size above 1; b(d): the same after
  // P; FC: only SM.
  //   a(0) = b(0) = 1     a(d) = 1 + a(d-1) + b(d-1) + 1     b(d) = 1 + a(d-1) + 1
  //   a(1) = 4, b(1) = 3; a(2) = 9, b(2) = 6; the start at limit 3: 1 + a(2) = 10
  EXPECT_EQ(build_cnn_space(tiny_settings(3)).architectures(), "10");
}

TEST(CnnSpace, PositionsOfOneStateDifferInTheTrueSizeOnly) {
  // Sizes 8 and 4 are both in the bin from 2 on: after C P C at depth 3 the size is 4, after C C C
  // it is 8.
  const Space space = build_cnn_space(tiny_settings(4));
  const Walk pooled = *space.find("[C(4,3,1), P(2,2), C(4,3,1), SM(10)]").walk;
  const Walk plain = *space.find("[C(4,3,1), C(4,3,1), C(4,3,1), SM(10)]").walk;
  EXPECT_NE(pooled.back().position, plain.back().position);
  EXPECT_EQ(space.state(pooled.back().position), space.state(plain.back().position));
}

TEST(CnnSpace, GivesAllPositionsOfAStateTheSameChoicesInTheSameOrder) {
  const Space space = build_cnn_space({});
  std::map<int32_t, std::vector<int32_t>> labels_of_state;
  for (int32_t position = 0; position < space.positions(); ++position) {
    std::vector<int32_t> labels;
    for (const Choice& choice : space.choices(position)) {
      labels.push_back(choice.label);
      if (choice.target != Space::kEnd) {
        EXPECT_GT(choice.target, position);
      }
    }
    const int32_t state = space.state(position);
    EXPECT_EQ(labels_of_state.try_emplace(state, labels).first->second, labels);
    EXPECT_EQ(space.choice_count(state), static_cast<int32_t>(labels.size()));
    EXPECT_EQ(space.q_begin(state) + space.choice_count(state), space.q_begin(state + 1));
  }
  EXPECT_EQ(static_cast<int64_t>(labels_of_state.size()), space.states());
  EXPECT_EQ(space.q_begin(static_cast<int32_t>(space.states())), space.transitions());
}

TEST(CnnSpace, EqualsTheEnumerationOfSmallRandomSpaces) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random = Random::stream(seed, "space settings");
    const CnnSpaceSettings settings = random_settings(random);
    const Space space = build_cnn_space(settings);
    const std::set<std::string> expected = Enumeration::texts(settings);
    const std::multiset<std::string> texts = all_texts(space);
    EXPECT_EQ(space.architectures(), std::to_string(expected.size()));
    EXPECT_TRUE(std::equal(texts.begin(), texts.end(), expected.begin(), expected.end()));
  }
}

TEST(CnnSpace, AllowsAStringExactlyIfTheEnumerationHoldsIt) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    Random random = Random::stream(seed, "two spaces");
    const CnnSpaceSettings settings = random_settings(random);
    const CnnSpaceSettings other = random_settings(random);
    const Space space = build_cnn_space(settings);
    const std::set<std::string> legal = Enumeration::texts(settings);
    for (const std::string& text : Enumeration::texts(other)) {
      const Space::Found found = space.find(text);
      EXPECT_EQ(found.walk.has_value(), legal.contains(text)) << text;
      EXPECT_EQ(found.refusal.empty(), legal.contains(text)) << text;
    }
  }
}

TEST(CnnSpace, FindsEveryUniformWalkAgain) {
  const Space space = build_cnn_space({});
  Random random = Random::stream(1, "walks");
  for (int i = 0; i < 5000; ++i) {
    const Walk walk = space.uniform_walk(random);
    const std::string text = space.text(walk);
    const Space::Found found = space.find(text);
    ASSERT_TRUE(found.walk.has_value()) << text << ": " << found.refusal;
    EXPECT_EQ(found.canonical, text);
    EXPECT_EQ(space.text(*found.walk), text);
    ASSERT_EQ(found.walk->size(), walk.size());
    for (size_t step = 0; step < walk.size(); ++step) {
      EXPECT_EQ((*found.walk)[step].position, walk[step].position);
      EXPECT_EQ((*found.walk)[step].choice, walk[step].choice);
    }
    EXPECT_NO_THROW(analyse(parse_architecture(text), *space.input())) << text;
  }
}

TEST(CnnSpace, TakesEachLegalChoiceOfAUniformWalkEquallyOften) {
  const Space space = build_cnn_space({});
  // At the start: 4 x 3 convolutions, GAP, SM. Expected 1,000 of 14,000 each, standard deviation
  // sqrt(14000 * 1/14 * 13/14) = 30.5; five of them are 152.
  Random random = Random::stream(1, "frequencies");
  std::map<int32_t, int> taken;
  for (int i = 0; i < 14000; ++i) ++taken[space.uniform_walk(random).front().choice];
  ASSERT_EQ(taken.size(), 14u);
  for (const auto& [choice, count] : taken) EXPECT_NEAR(count, 1000, 152) << choice;
}

TEST(CnnSpace, OrdersChoicesByConvolutionPoolingFullyConnectedAverageEnd) {
  const Space space = build_cnn_space({});
  std::vector<std::string> labels;
  for (const Choice& choice : space.choices(space.start()))
    labels.push_back(space.label(choice.label));
  EXPECT_EQ(labels, (std::vector<std::string>{"C(64,1,1)", "C(64,3,1)", "C(64,5,1)", "C(128,1,1)",
                                              "C(128,3,1)", "C(128,5,1)", "C(256,1,1)",
                                              "C(256,3,1)", "C(256,5,1)", "C(512,1,1)",
                                              "C(512,3,1)", "C(512,5,1)", "GAP(10)", "SM(10)"}));
  EXPECT_EQ(space.input(), (Shape{3, 32, 32}));
  EXPECT_EQ(space.classes(), 10);
}

TEST(CnnSpace, IgnoresDropoutAndWhiteSpace) {
  const Space space = build_cnn_space({});
  const Space::Found found = space.find(" [ C(64,3,1),D(1,2),P(2,2),D(2,2) , SM(10)]");
  ASSERT_TRUE(found.walk.has_value()) << found.refusal;
  EXPECT_EQ(found.canonical, "[C(64,3,1), P(2,2), SM(10)]");
  EXPECT_EQ(found.walk->size(), 3u);
}

TEST(CnnSpace, ThrowsForATextThatIsNoArchitecture) {
  const Space space = build_cnn_space({});
  EXPECT_THROW(space.find("[C(64,3,1)"), UsageError);
  EXPECT_THROW(space.find(""), UsageError);
}

TEST(CnnSpace, SaysWhyItRefusesAnArchitecture) {
  const Space space = build_cnn_space({});
  // 32 -P(5,3)-> 10 -P(2,2)-> 5 -P(3,2)-> 2
  const std::string to_5 = "[C(64,3,1), P(5,3), C(64,3,1), P(2,2), ";
  const std::string to_2 = to_5 + "C(64,1,1), P(3,2), ";
  std::string deep = "[";
  for (int i = 0; i < 18; ++i) deep += "C(64,1,1), ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"[P(2,2), SM(10)]", "layer 1, P(2,2): no pooling at the start"},
      {"[FC(128), SM(10)]", "layer 1, FC(128): no FC at the start"},
      {"[C(64,3,1), D(1,1), P(2,2), P(2,2), SM(10)]",
       "layer 3, P(2,2): no pooling directly after pooling"},
      {to_5 + "C(64,5,1), SM(10)]",
       "layer 5, C(64,5,1): receptive field 5 is not allowed at size 5 (4 to 7: 1, 3)"},
      {to_2 + "C(64,1,1), SM(10)]",
       "layer 7, C(64,1,1): receptive field 1 is not allowed at size 2 (1 to 3: none)"},
      {to_5 + "C(64,1,1), P(5,3), SM(10)]",
       "layer 6, P(5,3): P(5,3) is not allowed at size 5 (4 to 7: P(3,2), P(2,2))"},
      {"[C(64,3,1), FC(128), SM(10)]",
       "layer 2, FC(128): FC is not allowed at size 32 (8 or more: no FC)"},
      {"[C(64,7,1), SM(10)]",
       "layer 1, C(64,7,1): receptive field 7 is not allowed at size 32 (8 or more: 1, 3, 5)"},
      {"[C(65,3,1), SM(10)]",
       "layer 1, C(65,3,1): 65 filters are not in the list 64, 128, 256, 512"},
      {"[C(64,3,2), SM(10)]", "layer 1, C(64,3,2): stride 2 is not in the list 1"},
      {"[C(64,3,1), P(4,2), SM(10)]",
       "layer 2, P(4,2): P(4,2) is not allowed at size 32 (8 or more: P(5,3), P(3,2), P(2,2))"},
      {to_5 + "FC(100), SM(10)]",
       "layer 5, FC(100): 100 neurons are not in the list 512, 256, 128"},
      {to_5 + "FC(128), FC(256), SM(10)]",
       "layer 6, FC(256): FC may not be larger than the FC before it"},
      {to_5 + "FC(128), FC(128), FC(128), SM(10)]", "layer 7, FC(128): at most 2 FC in a row"},
      {to_5 + "FC(128), C(64,3,1), SM(10)]",
       "layer 6, C(64,3,1): no C after FC; only FC or SM may follow it"},
      {to_5 + "FC(128), P(2,2), SM(10)]",
       "layer 6, P(2,2): no P after FC; only FC or SM may follow it"},
      {to_5 + "FC(128), GAP(10), SM(10)]",
       "layer 6, GAP(10): no GAP after FC; only FC or SM may follow it"},
      {"[GAP(10), C(64,3,1), SM(10)]", "layer 2, C(64,3,1): only SM(10) may follow GAP"},
      {"[GAP(10), GAP(10), SM(10)]", "layer 2, GAP(10): only SM(10) may follow GAP"},
      {"[GAP(100), SM(10)]", "layer 1, GAP(100): GAP(10) expected, not GAP(100)"},
      {"[C(64,3,1), SM(100)]", "layer 2, SM(100): SM(10) expected, not SM(100)"},
      {deep + "C(64,1,1), SM(10)]", "layer 19, C(64,1,1): the depth limit is 18"},
      {deep + "GAP(10), SM(10)]", "layer 19, GAP(10): the depth limit is 18"},
  };
  for (const auto& [text, refusal] : cases) {
    const Space::Found found = space.find(text);
    EXPECT_FALSE(found.walk.has_value()) << text;
    EXPECT_EQ(found.refusal, refusal) << text;
    EXPECT_EQ(found.canonical, identity(parse_architecture(text)));
  }
  EXPECT_EQ(space.find(deep + "SM(10)]").refusal, "");
}

TEST(CnnSpace, NamesBothSidesOfAMapThatIsNotSquare) {
  CnnSpaceSettings settings;
  settings.input = {1, 40, 6};
  settings.global_average_pooling = false;
  const Space space = build_cnn_space(settings);
  EXPECT_EQ(space.find("[C(64,5,1), SM(10)]").refusal,
            "layer 1, C(64,5,1): receptive field 5 is not allowed at size 40x6 (4 to 7: 1, 3)");
  EXPECT_EQ(space.find("[GAP(10), SM(10)]").refusal, "layer 1, GAP(10): this space has no GAP");
}

TEST(CnnSpace, AllowsWhatASettingAllows) {
  CnnSpaceSettings settings = tiny_settings(4);
  settings.pooling_first = true;
  settings.pooling_after_pooling = true;
  settings.fully_connected_neurons = {16, 32};
  settings.fully_connected_in_a_row = 2;
  settings.fully_connected_may_grow = true;
  settings.convolution_strides = {1, 2};
  const Space space = build_cnn_space(settings);
  for (const char* text :
       {"[P(2,2), P(2,2), SM(10)]", "[P(2,2), FC(16), FC(32), SM(10)]", "[C(4,3,2), SM(10)]"})
    EXPECT_EQ(space.find(text).refusal, "") << text;
  // 8 -> 4 -> 2 -> 1 by convolutions of stride 2, and at size 1 no field is allowed.
  EXPECT_EQ(space.find("[C(4,3,2), C(4,3,2), C(4,3,2), C(4,3,1), SM(10)]").refusal,
            "layer 4, C(4,3,1): receptive field 3 is not allowed at size 1 (1: none)");
}

TEST(CnnSpace, NamesTheSettingThatBreaksARule) {
  using Settings = CnnSpaceSettings;
  const std::vector<std::pair<std::function<void(Settings&)>, std::string>> cases = {
      {[](Settings& s) { s.input.height = 0; },
       "space.input: 0 is not a whole number from 1 to 65536"},
      {[](Settings& s) { s.classes = 0; }, "space.classes: 0 is not a whole number"},
      {[](Settings& s) { s.depth_limit = 0; },
       "space.depth_limit: 0 is not a whole number from 1 to 999"},
      {[](Settings& s) { s.depth_limit = 1000; }, "space.depth_limit: 1000 is not"},
      {[](Settings& s) { s.convolution_filters = {}; },
       "space.convolution_filters: the list is empty"},
      {[](Settings& s) {
         s.convolution_filters = {64, 64};
       },
       "space.convolution_filters: 64 stands there twice"},
      {[](Settings& s) { s.convolution_filters = {-1}; }, "space.convolution_filters: -1 is not"},
      {[](Settings& s) { s.convolution_strides = {}; },
       "space.convolution_strides: the list is empty"},
      {[](Settings& s) { s.convolution_strides = {256}; },
       "space.convolution_strides: 256 is not a whole number from 1 to 255"},
      {[](Settings& s) { s.fully_connected_neurons = {}; },
       "space.fully_connected_neurons: the list is empty"},
      {[](Settings& s) { s.fully_connected_in_a_row = -1; },
       "space.fully_connected_in_a_row: -1 is not a whole number from 0 to 999"},
      {[](Settings& s) { s.bins = {}; }, "space.size_bins: the list is empty"},
      {[](Settings& s) { s.bins.pop_back(); },
       "space.size_bins: the last bin begins at size 4; it must begin at 1"},
      {[](Settings& s) { std::swap(s.bins[0], s.bins[1]); },
       "space.size_bins: bin 2 begins at size 8 after one that begins at 4; order them"},
      {[](Settings& s) { s.bins[1].smallest = 8; },
       "space.size_bins: bin 2 begins at size 8 after one that begins at 8"},
      {[](Settings& s) { s.bins[2].smallest = 0; }, "space.size_bins, bin 3, smallest: 0 is not"},
      {[](Settings& s) { s.bins[0].convolution_fields = {4}; },
       "space.size_bins, bin 1, convolution_fields: 4 is even, which cannot keep the size"},
      {[](Settings& s) { s.bins[0].convolution_fields = {257}; },
       "space.size_bins, bin 1, convolution_fields: 257 is not a whole number from 1 to 255"},
      {[](Settings& s) {
         s.bins[0].convolution_fields = {3, 1, 3};
       },
       "space.size_bins, bin 1, convolution_fields: 3 stands there twice"},
      {[](Settings& s) {
         s.bins[1].pooling = {{5, 3}};
       },
       "space.size_bins, bin 2, pooling: P(5,3) is larger than the bin's smallest size, 4"},
      {[](Settings& s) {
         s.bins[0].pooling = {{2, 0}};
       },
       "space.size_bins, bin 1, pooling, stride: 0 is not"},
      {[](Settings& s) {
         s.bins[0].pooling = {{0, 2}};
       },
       "space.size_bins, bin 1, pooling, field: 0 is not"},
      {[](Settings& s) {
         s.bins[0].pooling = {{2, 2}, {2, 2}};
       },
       "space.size_bins, bin 1, pooling: P(2,2) stands there twice"},
  };
  for (const auto& [change, message] : cases)
    EXPECT_EQ(cnn_error(change).substr(0, message.size()), message);
}

TEST(CnnSpace, MayHoldNothingButTheEnd) {
  CnnSpaceSettings settings;
  settings.global_average_pooling = false;
  settings.bins = {{1, {}, {}, false}};
  const Space space = build_cnn_space(settings);
  EXPECT_EQ(space.architectures(), "1");
  Random random(1);
  EXPECT_EQ(space.text(space.uniform_walk(random)), "[SM(10)]");
}

TEST(CnnSpace, CountsBeyond64Bits) {
  // Only C with two choices, depth 100: sum of 2^i for i = 0..100 = 2^101 - 1.
  CnnSpaceSettings settings;
  settings.depth_limit = 100;
  settings.convolution_filters = {1, 2};
  settings.global_average_pooling = false;
  settings.bins = {{1, {3}, {}, false}};
  const Space space = build_cnn_space(settings);
  EXPECT_EQ(space.architectures(), "2535301200456458802993406410751");
  EXPECT_EQ(space.architecture_count(), std::numeric_limits<int64_t>::max());
}

TEST(CnnSpace, CountsTheSpacesOfThePaper) {
  CnnSpaceSettings cifar10;
  CnnSpaceSettings svhn;
  svhn.depth_limit = 12;
  CnnSpaceSettings mnist = svhn;
  mnist.input = {1, 28, 28};
  EXPECT_EQ(build_cnn_space(cifar10).architectures(), "282710031500590500770");
  EXPECT_EQ(build_cnn_space(svhn).architectures(), "57869407275938");
  EXPECT_EQ(build_cnn_space(mnist).architectures(), "53501710400882");
}

TEST(CnnSpace, AllowsEveryRowOfTheAuthorsLogs) {
  for (const auto& [name, depth_limit] :
       {std::pair<const char*, int>{"logs/metaqnn_cifar10.csv", 18},
        {"logs/metaqnn_svhn.csv", 12},
        {"logs/metaqnn_svhn_replay.csv", 12}}) {
    const std::string file = shared_data(name);
    if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there";
    CnnSpaceSettings settings;
    settings.depth_limit = depth_limit;
    const Space space = build_cnn_space(settings);
    const std::vector<std::string> networks = column_of(file, "net");
    EXPECT_GT(networks.size(), 500u);
    for (const std::string& network : networks)
      EXPECT_EQ(space.find(network).refusal, "") << name << ": " << network;
  }
}

TEST(SequenceSpace, CountsTheStringsOfNasBench201) {
  const Space space = build_sequence_space({kNasBenchTemplate, {kNasBenchOperations}});
  EXPECT_EQ(space.architectures(), "15625");  // 5^6
  EXPECT_EQ(space.architecture_count(), 15625);
  // The start, then 5 tokens before each of the slots 2 to 6; 5 choices in each.
  EXPECT_EQ(space.positions(), 26);
  EXPECT_EQ(space.states(), 26);
  EXPECT_EQ(space.transitions(), 130);
  EXPECT_FALSE(space.input().has_value());
  EXPECT_EQ(space.classes(), 0);
  EXPECT_EQ(all_texts(space).size(), 15625u);
}

TEST(SequenceSpace, FindsEveryStringOfTheNasBench201Table) {
  const std::string file = shared_data("tables/nasbench201_12epochs.csv");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there";
  const Space space = build_sequence_space({kNasBenchTemplate, {kNasBenchOperations}});
  std::set<std::string> different;
  for (const std::string& text : column_of(file, "architecture")) {
    const Space::Found found = space.find(text);
    ASSERT_TRUE(found.walk.has_value()) << text << ": " << found.refusal;
    EXPECT_EQ(space.text(*found.walk), text);
    different.insert(found.canonical);
  }
  EXPECT_EQ(different.size(), 15625u);
}

TEST(SequenceSpace, TakesOneAlphabetPerSlot) {
  const Space space = build_sequence_space({"<{}{}>", {{"a", "b"}, {"a", "c", "dd"}}});
  EXPECT_EQ(all_texts(space),
            (std::multiset<std::string>{"<aa>", "<ac>", "<add>", "<ba>", "<bc>", "<bdd>"}));
  for (const std::string& text : all_texts(space)) {
    const Space::Found found = space.find(text);
    ASSERT_TRUE(found.walk.has_value()) << text;
    EXPECT_EQ(space.text(*found.walk), text);
  }
}

TEST(SequenceSpace, MayHoldOneSlotAndNothingElse) {
  const Space space = build_sequence_space({"{}", {{"a", "ab"}}});
  EXPECT_EQ(all_texts(space), (std::multiset<std::string>{"a", "ab"}));
  EXPECT_EQ(space.find("ab").refusal, "");
  EXPECT_EQ(space.find("a").refusal, "");
}

TEST(SequenceSpace, SaysAtWhichColumnATextDoesNotFit) {
  const Space space = build_sequence_space({"|{}~0|+|{}~1|", {{"a", "ab", "c"}}});
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "column 1: expected '|'"},
      {"[SM(10)]", "column 1: expected '|'"},
      {"|x~0|+|a~1|", "column 2: 'x' is not in the alphabet of slot 1: a, ab, c"},
      {"|a~0|+|abc~1|", "column 10: expected '~1|'"},
      {"|a~0|+|~1|", "column 8: a token is missing; the alphabet of slot 2: a, ab, c"},
      {"|a~0|+|", "column 8: a token is missing; the alphabet of slot 2: a, ab, c"},
      {"|a~1|+|a~1|", "column 3: expected '~0|+|'"},
      {"|a~0|+|a~1|+", "column 12: expected the end of the text"},
      {"|a~0|+|a~1| ", "column 12: expected the end of the text"},
  };
  for (const auto& [text, refusal] : cases) {
    const Space::Found found = space.find(text);
    EXPECT_FALSE(found.walk.has_value()) << text;
    EXPECT_EQ(found.refusal, refusal) << text;
  }
  EXPECT_EQ(space.find("|ab~0|+|ab~1|").refusal, "");
}

TEST(SequenceSpace, NamesTheSettingThatBreaksARule) {
  EXPECT_EQ(sequence_error("abc", {{"a"}}),
            "space.template: 'abc' has no slot; write {} where a token belongs");
  EXPECT_EQ(sequence_error("{}{}{}", {{"a"}, {"b"}}),
            "space.alphabet: expected 1 list for all slots or 3, one per slot, found 2");
  EXPECT_EQ(sequence_error("{}", {}),
            "space.alphabet: expected 1 list for all slots or 1, one per slot, found 0");
  EXPECT_EQ(sequence_error("{}", {{}}),
            "space.alphabet, slot 1: the list is empty; name at least one token");
  EXPECT_EQ(sequence_error("{}", {{"a", ""}}),
            "space.alphabet, slot 1: a token is empty; give it at least one character");
  EXPECT_EQ(sequence_error("{}", {{"a", "b", "a"}}),
            "space.alphabet, slot 1: 'a' stands there twice");
}

TEST(SequenceSpace, RefusesAlphabetsThatCanBeReadInTwoWays) {
  // "aab" would be a, ab as well as aa, b.
  EXPECT_EQ(sequence_error("{}{}", {{"a", "aa"}, {"ab", "b"}}),
            "space.alphabet, slot 1: 'a' and 'aa' cannot be told apart when followed by the next "
            "slot; rename one or separate the slots in space.template");
  // "a-a-a" would be a, then a-a, as well as a-a, then a.
  EXPECT_EQ(sequence_error("{}-{}", {{"a", "a-a"}}),
            "space.alphabet, slot 1: 'a' and 'a-a' cannot be told apart when followed by '-'; "
            "rename one or separate the slots in space.template");
  EXPECT_EQ(build_sequence_space({"{}-{}", {{"a", "aa"}}}).architectures(), "4");
}

TEST(SequenceSpace, HasAtMost20MillionChoices) {
  // The second slot has 5000 choices in each of 5000 states.
  std::vector<std::string> alphabet;
  for (int i = 0; i < 5000; ++i) alphabet.push_back(std::to_string(i));
  const std::string expected = "space: it has more than 20 million choices over all its positions";
  EXPECT_EQ(sequence_error("{},{},", {alphabet}).substr(0, expected.size()), expected);
}

TEST(SequenceSpace, ReadsRandomTemplatesInOneWayOrRefusesThem) {
  int accepted = 0;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random = Random::stream(seed, "templates");
    std::string pattern = random.below(2) == 0 ? "" : "a";
    std::vector<std::vector<std::string>> alphabets;
    const uint64_t slots = 1 + random.below(3);
    for (uint64_t slot = 0; slot < slots; ++slot) {
      alphabets.push_back(
          random_part<std::string>({"a", "b", "ab", "ba", "aab", "bb"}, 1, 3, random));
      pattern += std::vector<std::string>{"{}", "{}a", "{}ab", "{}-"}[random.below(4)];
    }
    try {
      const Space space = build_sequence_space({pattern, alphabets});
      const std::multiset<std::string> texts = all_texts(space);
      EXPECT_EQ(std::set<std::string>(texts.begin(), texts.end()).size(), texts.size()) << pattern;
      for (const std::string& text : texts) {
        const Space::Found found = space.find(text);
        ASSERT_TRUE(found.walk.has_value()) << pattern << ": " << text << ": " << found.refusal;
        EXPECT_EQ(space.text(*found.walk), text);
      }
      ++accepted;
    } catch (const UsageError&) {
    }
  }
  EXPECT_GT(accepted, 100);
}

// ---- A part of a space ----

TEST(RestrictedSpace, HasExactlyTheWalksThatAreAskedFor) {
  const Space whole = build_sequence_space({"{}-{}-{}", {{"a", "b", "c"}}});
  Random random(3);
  for (int round = 0; round < 50; ++round) {
    std::set<std::string> wanted;
    const uint64_t count = 1 + random.below(26);
    while (wanted.size() < count) wanted.insert(whole.text(whole.uniform_walk(random)));
    std::vector<std::string> asked(wanted.begin(), wanted.end());
    shuffle(asked, random);
    asked.insert(asked.end(), {asked[0], "x-y-z", "a-b"});  // twice, and what is not of the space
    const Space part = whole.restricted(asked, "not here");
    EXPECT_EQ(all_texts(part), std::multiset<std::string>(wanted.begin(), wanted.end()));
    EXPECT_EQ(part.architecture_count(), static_cast<int64_t>(count));
    for (const std::string& text : all_texts(whole)) {
      const Space::Found found = part.find(text);
      EXPECT_EQ(found.walk.has_value(), wanted.contains(text)) << text;
      EXPECT_EQ(found.walk ? part.text(*found.walk) : text, text);
      EXPECT_EQ(found.refusal, found.walk ? "" : "not here");
      EXPECT_EQ(found.canonical, text);
    }
    EXPECT_THAT(part.find("a-b").refusal, HasSubstr("expected"));
    for (int i = 0; i < 100; ++i)
      EXPECT_TRUE(wanted.contains(part.text(part.uniform_walk(random))));
  }
}

TEST(RestrictedSpace, OfAllItsArchitecturesIsTheSpace) {
  const Space whole = build_sequence_space({"{}-{}", {{"a", "b"}}});
  const Space same = whole.restricted({"b-b", "a-b", "a-a", "b-a"}, "not here");
  EXPECT_EQ(same.positions(), whole.positions());
  EXPECT_EQ(same.transitions(), whole.transitions());
  EXPECT_EQ(same.find("c-a").refusal, whole.find("c-a").refusal);
}

TEST(RestrictedSpace, OfNothingHasNoWalk) {
  const Space part = build_cnn_space(tiny_settings(3)).restricted({"[SM(7)]", "no network"}, "no");
  EXPECT_EQ(part.architecture_count(), 0);
  EXPECT_EQ(part.architectures(), "0");
  EXPECT_EQ(part.positions(), 0);
  EXPECT_EQ(part.find("[SM(10)]").refusal, "no");
}

TEST(RestrictedSpace, HoldsNetworksInAnyOfTheirForms) {
  const Space whole = build_cnn_space(tiny_settings(3));
  const Space part = whole.restricted({"[C(4,3,1),D(1,2),SM(10)]", "[P(2,2), SM(10)]"}, "no");
  EXPECT_EQ(all_texts(part), (std::multiset<std::string>{"[C(4,3,1), SM(10)]"}))
      << "a pooling may not be the first";
  EXPECT_TRUE(part.find("[C(4,3,1), SM(10)]").walk.has_value());
  EXPECT_EQ(part.input(), whole.input());
  EXPECT_EQ(part.classes(), whole.classes());
}

// A choice has the same Q-value wherever its state comes, and one that is never left has none.
TEST(RestrictedSpace, SharesQValuesBetweenPositionsOfAState) {
  const Space whole = build_sequence_space({"{}-{}-{}", {{"a", "b", "c"}}});
  // The third slot after a: a after "a-a", a and b after "b-a", never c.
  const Space part = whole.restricted({"a-a-a", "b-a-a", "b-a-b"}, "no");
  const Walk first = *part.find("a-a-a").walk, second = *part.find("b-a-a").walk,
             third = *part.find("b-a-b").walk;
  EXPECT_NE(first[2].position, second[2].position);
  EXPECT_EQ(part.state(first[2].position), part.state(second[2].position));
  EXPECT_EQ(part.q_index(first[2]), part.q_index(second[2]));
  EXPECT_EQ(part.q_index(third[2]), part.q_index(second[2]) + 1);
  EXPECT_EQ(part.choice_count(part.state(first[2].position)), 2);
  EXPECT_EQ(part.transitions(), 2 + 2 + 2);  // a, b; a after a and after b; a, b after a
}

}  // namespace
}  // namespace metaqnn::search
