#include "metaqnn/architecture/architecture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "architecture/features.h"
#include "architecture/symbols.h"
#include "datasets/logs/read_frame.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"

namespace metaqnn {
namespace {

const char* const kExample = "[C(512,5,1), P(2,2), FC(128), GAP(10), D(1,3), SM(10)]";

std::string parse_error(const std::string& text) {
  try {
    parse_architecture(text);
  } catch (const UsageError& error) {
    EXPECT_EQ(error.status(), ExitStatus::usage);
    return error.what();
  }
  return "nothing was thrown";
}

Layers random_list(Random& random, int deepest, uint64_t most);

Layer random_layer_in_a_list(Random& random, int deepest, uint64_t most) {
  const auto number = [&](uint64_t largest) {
    return static_cast<int>(1 + random.below(std::min(largest, most)));
  };
  if (deepest > 0 && random.below(3) == 0) {
    if (random.below(2) == 0) return Residual{random_list(random, deepest - 1, most)};
    std::vector<Layers> branches;
    for (int i = 0; i < 2 || random.below(2) == 0; ++i)
      branches.push_back(random_list(random, deepest - 1, most));
    return Split(std::move(branches));
  }
  const std::vector<Layer> kinds = {Convolution{number(65536), number(255), number(255)},
                                    Pooling{number(255), number(255)},
                                    AveragePooling{number(255), number(255)},
                                    MixedPooling{number(255), number(255)},
                                    DepthwiseConvolution{number(255), number(255)},
                                    BatchNormalization{}};
  return kinds[random.below(kinds.size())];
}

Layers random_list(Random& random, int deepest, uint64_t most) {
  Layers layers;
  const uint64_t count = 1 + random.below(3);
  for (uint64_t i = 0; i < count; ++i)
    layers.push_back(random_layer_in_a_list(random, deepest, most));
  return layers;
}

// Any architecture that the grammar allows, legal in a space or not, of numbers up to `most`.
Architecture random_architecture(Random& random, uint64_t most = 65536) {
  const auto number = [&](uint64_t largest) {
    return static_cast<int>(1 + random.below(std::min(largest, most)));
  };
  Architecture architecture;
  const uint64_t layers = random.below(12);
  for (uint64_t i = 0; i < layers; ++i) {
    const int count = number(255);
    const std::vector<Layer> kinds = {Convolution{number(65536), number(255), number(255)},
                                      Pooling{number(255), number(255)},
                                      FullyConnected{number(65536)},
                                      GlobalAveragePooling{number(65536)},
                                      Dropout{number(static_cast<uint64_t>(count)), count},
                                      random_layer_in_a_list(random, 3, most)};
    architecture.layers.push_back(kinds[random.below(kinds.size())]);
  }
  architecture.layers.push_back(Softmax{number(65536)});
  return architecture;
}

// The text with white space wherever it is free: around each layer, bracket, comma and number.
std::string with_white_space(const std::string& text, Random& random) {
  const std::vector<std::string> spaces = {"", " ", "\t", "\n", "  "};
  std::string spaced = spaces[random.below(spaces.size())];
  for (size_t i = 0; i < text.size(); ++i) {
    const auto is_word = [&](size_t at) {
      return std::isalnum(static_cast<unsigned char>(text[at])) != 0;
    };
    if (text[i] == ' ') continue;
    spaced += text[i];
    const bool within_word = is_word(i) && i + 1 < text.size() && is_word(i + 1);
    if (!within_word) spaced += spaces[random.below(spaces.size())];
  }
  return spaced;
}

TEST(Architecture, IsReadAsItIsWritten) {
  const Architecture architecture = parse_architecture(kExample);
  EXPECT_EQ(architecture, (Architecture{{Convolution{512, 5, 1}, Pooling{2, 2}, FullyConnected{128},
                                         GlobalAveragePooling{10}, Dropout{1, 3}, Softmax{10}}}));
  EXPECT_EQ(to_string(architecture), kExample);
}

TEST(Architecture, ReadsBackEveryArchitectureItPrints) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random = Random::stream(seed, "architecture");
    const Architecture architecture = random_architecture(random);
    const std::string text = to_string(architecture);
    EXPECT_EQ(parse_architecture(text), architecture) << text;
    EXPECT_EQ(parse_architecture(with_white_space(text, random)), architecture) << text;
  }
}

TEST(Architecture, NamesTheColumnAndWhatWasExpected) {
  const std::string kLayers = "C, DC, P, A, M, BN, R, S, FC, GAP, D or SM";
  const std::string kInLists = "C, DC, P, A, M, BN, R or S, because it stands in a list";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "column 1: expected '[' at the start of the architecture, found the end of the text"},
      {"C(64,3,1)", "column 1: expected '[' at the start of the architecture, found 'C'"},
      {"[]", "column 2: expected a layer: " + kLayers + ", found ']'"},
      {"[X(1), SM(10)]", "column 2: expected a layer: " + kLayers + ", found 'X'"},
      {"[c(64,3,1), SM(10)]", "column 2: expected a layer: " + kLayers + ", found 'c'"},
      {"[CC(64,3,1), SM(10)]", "column 2: expected a layer: " + kLayers + ", found 'CC'"},
      {"[C, SM(10)]", "column 3: expected '(' after C, found ','"},
      {"[C(), SM(10)]", "column 4: expected a whole number from 1 to 65536, found ')'"},
      {"[C(64), SM(10)]", "column 6: expected ',', because C has 3 numbers, found ')'"},
      {"[C(64,3,1,1), SM(10)]", "column 10: expected ')' after the 3 numbers of C, found ','"},
      {"[FC(64,1), SM(10)]", "column 7: expected ')' after the number of FC, found ','"},
      {"[C(0,3,1), SM(10)]", "column 4: expected a whole number from 1 to 65536, found '0'"},
      {"[C(-1,3,1), SM(10)]", "column 4: expected a whole number from 1 to 65536, found '-'"},
      {"[C(65537,3,1), SM(10)]",
       "column 4: expected a whole number from 1 to 65536, found '65537'"},
      {"[C(64,256,1), SM(10)]", "column 7: expected a whole number from 1 to 255, found '256'"},
      {"[C(64,3,999999999999999999999), SM(10)]",
       "column 9: expected a whole number from 1 to 255, found '99999999999999999999'"},
      {"[C(6.4,3,1), SM(10)]", "column 5: expected ',', because C has 3 numbers, found '.'"},
      {"[C(64 3,1), SM(10)]", "column 7: expected ',', because C has 3 numbers, found '3'"},
      {"[D(3,2), SM(10)]", "column 4: expected D(i,n) with i at most n, found '3'"},
      {"[C(64,3,1)]",
       "column 11: expected ', ' and another layer, because the last layer must be SM, found ']'"},
      {"[C(64,3,1) SM(10)]", "column 12: expected ',' or ']' after a layer, found 'SM'"},
      {"[C(64,3,1), ", "column 13: expected a layer: " + kLayers + ", found the end of the"},
      {"[SM(10), C(64,3,1)]", "column 8: expected ']', because SM is the last layer, found ','"},
      {"[SM(10)",
       "column 8: expected ']', because SM is the last layer, found the end of the text"},
      {"[SM(10)] x", "column 10: expected the end of the text after ']', found 'x'"},
      {"[BN(3), SM(10)]", "column 4: expected ',' or ']' after a layer, found '('"},
      {"[A(2), SM(10)]", "column 5: expected ',', because A has 2 numbers, found ')'"},
      {"[R(2), SM(10)]", "column 3: expected '[' after R, found '('"},
      {"[R[], SM(10)]", "column 4: expected a layer: " + kLayers + ", found ']'"},
      {"[R[C(8,3,1); C(8,3,1)], SM(10)]",
       "column 12: expected ',' or ']' after a layer of R, found ';'"},
      {"[R[C(8,3,1), SM(10)]", "column 14: expected " + kInLists + ", found 'SM'"},
      {"[S[C(8,3,1) ; FC(8)], SM(10)]", "column 15: expected " + kInLists + ", found 'FC'"},
      {"[R[C(8,3,1), D(1,2)], SM(10)]", "column 14: expected " + kInLists + ", found 'D'"},
      {"[S[C(8,3,1)], SM(10)]",
       "column 2: expected at least two branches in S, parted by ';', found 'S'"},
      {"[S[C(8,3,1) ; ], SM(10)]", "column 15: expected a layer: " + kLayers + ", found ']'"},
      {"[S[C(8,3,1) ; C(8,1,1), SM(10)]", "column 25: expected " + kInLists + ", found 'SM'"},
      {"[S[C(8,3,1) ; C(8,1,1)",
       "column 23: expected ',', ';' or ']' after a layer of S, found the end of the text"},
      {"[R[R[R[R[R[R[R[R[R[BN]]]]]]]]], SM(10)]",
       "column 18: expected lists at most 8 deep, found 'R'"},
  };
  for (const auto& [text, message] : cases) {
    const std::string expected = "architecture, " + message;
    EXPECT_EQ(parse_error(text).substr(0, expected.size()), expected) << text;
  }
}

TEST(Architecture, HasAtMost1000Layers) {
  std::string text = "[";
  for (int i = 0; i < 999; ++i) text += "C(1,1,1),";  // nine characters each
  EXPECT_EQ(parse_architecture(text + "SM(10)]").layers.size(), 1000u);
  const std::string message = parse_error(text + "C(1,1,1),SM(10)]");
  EXPECT_EQ(message, "architecture, column 9002: expected at most 1000 layers, found 'SM'");
}

TEST(Architecture, NeverReadsBeyondADamagedText) {
  // Every beginning and every single-character change of a text is read or refused with a column.
  const std::string text =
      "[C(512,5,1), R[C(8,3,1), BN], S[DC(3,1) ; M(2,2), R[A(2,2)]], FC(128), D(1,3), SM(10)]";
  for (size_t length = 0; length < text.size(); ++length)
    EXPECT_THROW(parse_architecture(std::string_view(text).substr(0, length)), UsageError);
  for (size_t at = 0; at < text.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = text;
      changed[at] = static_cast<char>(value);
      try {
        const Architecture architecture = parse_architecture(changed);
        EXPECT_EQ(parse_architecture(to_string(architecture)), architecture);
      } catch (const UsageError&) {
      }
    }
  }
}

// A text of pieces of the grammar that are cut out, doubled, moved and damaged.
std::string damaged(std::string text, Random& random) {
  const std::vector<std::string> pieces = {
      "[",   "]",  ";",   ",",      "(",   ")",     "R[", "S[", " ; ",  "BN",    "SM(",
      "FC(", "C(", "DC(", "M(2,2)", "R[[", "65536", "0",  "-1", "\xff", "D(1,2)"};
  const uint64_t changes = random.below(4);
  for (uint64_t i = 0; i < changes && !text.empty(); ++i) {
    const size_t at = random.below(text.size()), length = random.below(text.size() - at + 1);
    switch (random.below(4)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(random.below(text.size()), text.substr(at, length));
        break;
      case 2:
        text.insert(at, pieces[random.below(pieces.size())]);
        break;
      default:
        text[at] = static_cast<char>(random.below(256));
    }
  }
  return text;
}

// METAQNN_FUZZ_CASES: how many. Beside tests/fuzz, which needs clang.
TEST(Architecture, SurvivesWhateverItIsGiven) {
  const char* const wanted = std::getenv("METAQNN_FUZZ_CASES");
  const uint64_t cases = wanted ? std::stoull(wanted) : 20000;
  uint64_t read = 0, possible = 0;
  for (uint64_t seed = 0; seed < cases; ++seed) {
    Random random = Random::stream(seed, "damage");
    const std::string text =
        damaged(to_string(random_architecture(random, seed % 2 == 0 ? 3 : 65536)), random);
    SCOPED_TRACE(text);
    try {
      const Architecture architecture = parse_architecture(text);
      ++read;
      const std::string printed = to_string(architecture);
      ASSERT_EQ(parse_architecture(printed), architecture);
      ASSERT_EQ(identity(parse_architecture(identity(architecture))), identity(architecture));
      ASSERT_EQ(identity(place_dropout(architecture)), identity(architecture));
      const Shape input{1 + static_cast<int>(random.below(3)),
                        1 + static_cast<int>(random.below(300)),
                        1 + static_cast<int>(random.below(300))};
      const Analysis analysis = analyse(architecture, input);
      ++possible;
      int64_t sum = 0;
      for (const LayerAnalysis& layer : analysis.layers) sum += layer.parameters;
      ASSERT_EQ(sum, analysis.parameters);
      ASSERT_TRUE(global_features(architecture, input).allFinite());
      ASSERT_TRUE(position_features(architecture, 24).allFinite());
    } catch (const UsageError&) {
    }
  }
  EXPECT_GT(read, cases / 20);
  EXPECT_GT(possible, cases / 400);
}

TEST(Architecture, IsTheSameNetworkWithAndWithoutDropout) {
  const Architecture plain = parse_architecture("[C(64,3,1), P(2,2), SM(10)]");
  const Architecture dropped =
      parse_architecture("[D(1,3), C(64,3,1), D(2,3), P(2,2), D(3,3), SM(10)]");
  EXPECT_EQ(identity(dropped), to_string(plain));
  EXPECT_EQ(identity(plain), to_string(plain));
  EXPECT_NE(to_string(dropped), to_string(plain));
  EXPECT_EQ(identity(parse_architecture("[D(1,1), SM(10)]")), "[SM(10)]");
}

TEST(Architecture, KeepsBranchesInOneOrderWhateverTheyWereWrittenIn) {
  const auto printed = [](const char* text) { return to_string(parse_architecture(text)); };
  // By field, then stride, then filters; C before DC; a beginning before what goes on.
  EXPECT_EQ(printed("[S[C(16,5,1);C(32,3,1);C(32,1,1)],SM(10)]"),
            "[S[C(32,1,1) ; C(32,3,1) ; C(16,5,1)], SM(10)]");
  EXPECT_EQ(printed("[S[DC(3,1) ; C(8,1,1), C(8,1,1) ; C(8,1,1)], SM(10)]"),
            "[S[C(8,1,1) ; C(8,1,1), C(8,1,1) ; DC(3,1)], SM(10)]");
  // Inside first, then outside.
  EXPECT_EQ(printed("[S[S[C(8,3,1) ; C(8,1,1)] ; S[C(8,1,1) ; C(4,1,1)]], SM(10)]"),
            "[S[S[C(4,1,1) ; C(8,1,1)] ; S[C(8,1,1) ; C(8,3,1)]], SM(10)]");
  // A body has an order of its own.
  EXPECT_EQ(printed("[R[C(8,3,1), C(8,1,1)], SM(10)]"), "[R[C(8,3,1), C(8,1,1)], SM(10)]");
  EXPECT_EQ(Split({{Convolution{8, 3, 1}}, {Convolution{8, 1, 1}}}),
            Split({{Convolution{8, 1, 1}}, {Convolution{8, 3, 1}}}));
}

TEST(Architecture, IsASequenceOfSymbolsThatPrintsTheSame) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random random = Random::stream(seed, "symbols");
    const Architecture architecture = random_architecture(random);
    const std::vector<Symbol> all = symbols(architecture.layers);
    std::string text = "[";
    for (size_t i = 0; i < all.size(); ++i) {
      if (i > 0) text += separator(all[i - 1], all[i]);
      text += to_string(all[i]);
      EXPECT_EQ(parse_symbol(to_string(all[i])), all[i]);
      for (size_t j = 0; j < i; ++j)
        EXPECT_EQ(order(all[i]) == order(all[j]), all[i] == all[j]) << to_string(all[i]);
    }
    EXPECT_EQ(text + "]", to_string(architecture));
  }
}

TEST(Architecture, IsAsDeepAsItsLongestWay) {
  EXPECT_EQ(depth(parse_architecture("[C(8,3,1), R[C(8,3,1), BN], SM(10)]")), 3);
  // The second branch: 1 + 3.
  EXPECT_EQ(depth(parse_architecture(
                "[C(8,3,1), S[C(8,1,1) ; C(8,1,1), R[C(8,3,1)], C(8,3,1)], SM(10)]")),
            4);
}

TEST(Architecture, CountsEveryLayerButDropoutAndSoftmaxAsDepth) {
  EXPECT_EQ(depth(parse_architecture("[SM(10)]")), 0);
  EXPECT_EQ(depth(parse_architecture("[GAP(10), SM(10)]")), 1);
  EXPECT_EQ(depth(parse_architecture(kExample)), 4);  // C, P, FC, GAP
}

TEST(Architecture, DropsWithProbabilityIndexOverTwiceTheCount) {
  EXPECT_DOUBLE_EQ((Dropout{1, 1}.probability()), 0.5);    // 1 / 2
  EXPECT_DOUBLE_EQ((Dropout{1, 4}.probability()), 0.125);  // 1 / 8
  EXPECT_DOUBLE_EQ((Dropout{3, 4}.probability()), 0.375);  // 3 / 8
}

TEST(Architecture, PlacesDropoutAfterEverySecondLayerAndEachFullyConnectedButNeverAfterAverage) {
  const auto placed = [](const char* text) {
    return to_string(place_dropout(parse_architecture(text)));
  };
  EXPECT_EQ(placed("[SM(10)]"), "[SM(10)]");
  EXPECT_EQ(placed("[C(64,3,1), SM(10)]"), "[C(64,3,1), SM(10)]");
  EXPECT_EQ(placed("[C(64,3,1), P(2,2), C(64,3,1), C(64,3,1), SM(10)]"),
            "[C(64,3,1), P(2,2), D(1,2), C(64,3,1), C(64,3,1), D(2,2), SM(10)]");
  // FC is layer 1 and 2: after each; the count is 2.
  EXPECT_EQ(placed("[FC(128), FC(128), SM(10)]"), "[FC(128), D(1,2), FC(128), D(2,2), SM(10)]");
  EXPECT_EQ(placed("[C(64,3,1), P(2,2), FC(128), SM(10)]"),
            "[C(64,3,1), P(2,2), D(1,2), FC(128), D(2,2), SM(10)]");
  // GAP is layer 2, and no D follows it.
  EXPECT_EQ(placed("[C(64,3,1), GAP(10), SM(10)]"), "[C(64,3,1), GAP(10), SM(10)]");
  // A residual is layer 2, a split layer 4; nothing within them.
  EXPECT_EQ(placed("[C(8,3,1), R[C(8,3,1), C(8,3,1)], BN, S[BN ; C(8,1,1), C(8,1,1)], SM(10)]"),
            "[C(8,3,1), R[C(8,3,1), C(8,3,1)], D(1,2), BN, S[C(8,1,1), C(8,1,1) ; BN], D(2,2), "
            "SM(10)]");
  // What was there is replaced.
  EXPECT_EQ(placed("[D(1,9), C(64,3,1), D(2,9), P(2,2), SM(10)]"),
            "[C(64,3,1), P(2,2), D(1,1), SM(10)]");
}

TEST(Architecture, PlacesDropoutTwiceAsOnce) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    Random random = Random::stream(seed, "dropout");
    const Architecture architecture = random_architecture(random);
    const Architecture placed = place_dropout(architecture);
    EXPECT_EQ(place_dropout(placed), placed);
    EXPECT_EQ(identity(placed), identity(architecture));
  }
}

std::vector<std::filesystem::path> authors_logs() {
#ifdef METAQNN_SHARED_DATA
  const std::filesystem::path folder = std::filesystem::path(METAQNN_SHARED_DATA) / "logs";
#else
  const std::filesystem::path folder = "logs";
#endif
  return {folder / "metaqnn_cifar10.csv", folder / "metaqnn_svhn.csv",
          folder / "metaqnn_svhn_replay.csv"};
}

std::vector<std::string> networks_of(const std::filesystem::path& log) {
  const datasets::DataFrame frame = datasets::read_data_frame(log);
  std::vector<std::string> networks;
  for (size_t row = 0; row < frame.rows(); ++row)
    networks.emplace_back(frame.cell(row, frame.column("net")));
  return networks;
}

TEST(Architecture, PrintsEveryStringOfTheAuthorsLogsAsItStandsThere) {
  for (const std::filesystem::path& log : authors_logs()) {
    if (!std::filesystem::exists(log)) GTEST_SKIP() << log << " is not there";
    const std::vector<std::string> networks = networks_of(log);
    EXPECT_GT(networks.size(), 500u);
    for (const std::string& text : networks)
      EXPECT_EQ(to_string(parse_architecture(text)), text) << log;
  }
}

TEST(Architecture, PlacesDropoutWhereTheAuthorsDid) {
  // The places agree in every row. The authors' count n is too high in some, never too low.
  for (const std::filesystem::path& log : authors_logs()) {
    if (!std::filesystem::exists(log)) GTEST_SKIP() << log << " is not there";
    for (const std::string& text : networks_of(log)) {
      const Architecture authors = parse_architecture(text);
      const Architecture ours = place_dropout(authors);
      ASSERT_EQ(ours.layers.size(), authors.layers.size()) << text;
      for (size_t i = 0; i < ours.layers.size(); ++i) {
        const auto* dropout = std::get_if<Dropout>(&ours.layers[i]);
        const auto* theirs = std::get_if<Dropout>(&authors.layers[i]);
        ASSERT_EQ(dropout != nullptr, theirs != nullptr) << text;
        if (dropout == nullptr) continue;
        EXPECT_EQ(dropout->index, theirs->index) << text;
        EXPECT_LE(dropout->count, theirs->count) << text;
      }
    }
  }
}

}  // namespace
}  // namespace metaqnn
