#include "metaqnn/architecture/shapes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "metaqnn/base/error.h"
#include "tests/error_message.h"

namespace metaqnn {
namespace {

using tests::usage_error;

Analysis analysis_of(const std::string& text, const Shape& input = {3, 32, 32}) {
  return analyse(parse_architecture(text), input);
}

std::string analysis_error(const std::string& text, const Shape& input = {3, 32, 32}) {
  return usage_error([&] { analysis_of(text, input); });
}

TEST(Shape, IsReadAsItIsWritten) {
  EXPECT_EQ(parse_shape("3x32x48"), (Shape{3, 32, 48}));
  EXPECT_EQ(to_string(Shape{3, 32, 48}), "3x32x48");
  EXPECT_EQ(parse_shape("65536x1x1").channels, 65536);
  EXPECT_EQ((Shape{65536, 65536, 65536}.elements()), int64_t{1} << 48);
}

TEST(Shape, RefusesWhatIsNotThreeWholeNumbers) {
  for (const char* text :
       {"", "3", "3x32", "3x32x", "x32x32", "3x32x32x1", "3x32x32 ", " 3x32x32", "0x32x32",
        "-3x32x32", "65537x1x1", "3X32X32", "3x32x99999999999", "3.5x32x32", "axbxc"}) {
    EXPECT_EQ(usage_error([&] { parse_shape(text); }),
              "shape '" + std::string(text) +
                  "': expected CHANNELSxHEIGHTxWIDTH, for example 3x32x32, each from 1 to 65536");
  }
}

TEST(Shape, OfAConvolutionIsTheInputsForStride1AndAnOddField) {
  for (int size : {1, 2, 7, 32}) {
    for (int field : {1, 3, 5, 11}) EXPECT_EQ(convolution_output(size, field, 1), size);
  }
  // floor((32 + 2*1 - 3) / 2) + 1 = 16; floor((7 + 2*2 - 5) / 3) + 1 = 3; floor((1 + 2 - 3) / 2) +
  // 1 = 1
  EXPECT_EQ(convolution_output(32, 3, 2), 16);
  EXPECT_EQ(convolution_output(7, 5, 3), 3);
  EXPECT_EQ(convolution_output(1, 3, 2), 1);
}

TEST(Shape, OfAPoolingFollowsItsFormula) {
  EXPECT_EQ(pooling_output(32, 5, 3), 10);  // floor(27 / 3) + 1
  EXPECT_EQ(pooling_output(32, 3, 2), 15);  // floor(29 / 2) + 1
  EXPECT_EQ(pooling_output(32, 2, 2), 16);  // floor(30 / 2) + 1
  EXPECT_EQ(pooling_output(5, 5, 3), 1);
  EXPECT_EQ(pooling_output(4, 5, 3), 0);
}

TEST(Analysis, CountsASmallNetworkAsByHand) {
  const Analysis analysis = analysis_of("[C(64,3,1), P(2,2), FC(128), D(1,1), SM(10)]");
  ASSERT_EQ(analysis.layers.size(), 5u);
  // C: 3 * 64 * 3 * 3 = 1,728 weights, 64 biases, 1728 * 32 * 32 = 1,769,472 MACs.
  EXPECT_EQ(analysis.layers[0].output, (Shape{64, 32, 32}));
  EXPECT_EQ(analysis.layers[0].parameters, 1792);
  EXPECT_EQ(analysis.layers[0].macs, 1769472);
  EXPECT_EQ(analysis.layers[1].output, (Shape{64, 16, 16}));
  EXPECT_EQ(analysis.layers[1].parameters, 0);
  EXPECT_EQ(analysis.layers[1].macs, 0);
  // FC: 64 * 16 * 16 * 128 = 2,097,152 weights, 128 biases.
  EXPECT_EQ(analysis.layers[2].output, (Shape{128, 1, 1}));
  EXPECT_EQ(analysis.layers[2].parameters, 2097280);
  EXPECT_EQ(analysis.layers[2].macs, 2097152);
  EXPECT_EQ(analysis.layers[3].output, (Shape{128, 1, 1}));
  EXPECT_EQ(analysis.layers[3].parameters, 0);
  // SM: 128 * 10 = 1,280 weights, 10 biases.
  EXPECT_EQ(analysis.layers[4].output, (Shape{10, 1, 1}));
  EXPECT_EQ(analysis.layers[4].parameters, 1290);
  EXPECT_EQ(analysis.parameters, 1792 + 2097280 + 1290);
  EXPECT_EQ(analysis.hidden_weights, 1728 + 2097152);
  EXPECT_EQ(analysis.macs, 1769472 + 2097152 + 1280);
  EXPECT_EQ(analysis.depth, 3);
  EXPECT_EQ(analysis.input, (Shape{3, 32, 32}));
}

TEST(Analysis, CountsTheConvolutionOfGlobalAveragePooling) {
  const Analysis analysis = analysis_of("[C(8,1,1), GAP(10), SM(10)]", {3, 4, 6});
  // C: 3 * 8 = 24 + 8, 24 * 24 MACs; GAP: 8 * 10 = 80 + 10, 80 * 24 MACs; SM: 10 * 10 = 100 + 10.
  EXPECT_EQ(analysis.layers[0].output, (Shape{8, 4, 6}));
  EXPECT_EQ(analysis.layers[1].output, (Shape{10, 1, 1}));
  EXPECT_EQ(analysis.layers[1].parameters, 90);
  EXPECT_EQ(analysis.layers[1].macs, 1920);
  EXPECT_EQ(analysis.parameters, 32 + 90 + 110);
  EXPECT_EQ(analysis.hidden_weights, 24);
  EXPECT_EQ(analysis.macs, 576 + 1920 + 100);
}

TEST(Analysis, CountsTheNewLayersAsByHand) {
  const Analysis analysis = analysis_of("[DC(3,2), A(2,2), M(3,1), BN, FC(4), BN, SM(10)]");
  // DC: 3 * 9 weights, 3 biases; 27 * 16 * 16 MACs.
  EXPECT_EQ(analysis.layers[0].output, (Shape{3, 16, 16}));
  EXPECT_EQ(analysis.layers[0].parameters, 30);
  EXPECT_EQ(analysis.layers[0].macs, 6912);
  EXPECT_EQ(analysis.layers[1].output, (Shape{3, 8, 8}));
  EXPECT_EQ(analysis.layers[1].parameters, 0);
  EXPECT_EQ(analysis.layers[2].output, (Shape{3, 6, 6}));
  EXPECT_EQ(analysis.layers[2].parameters, 1);
  EXPECT_EQ(analysis.layers[2].macs, 0);
  EXPECT_EQ(analysis.layers[3].parameters, 6);
  EXPECT_EQ(analysis.layers[5].parameters, 8);
  EXPECT_EQ(analysis.hidden_weights, 27 + 108 * 4);
  EXPECT_EQ(analysis.parameters, 30 + 1 + 6 + (108 * 4 + 4) + 8 + 50);
}

TEST(Analysis, CountsListsAsByHand) {
  const Analysis same = analysis_of("[C(8,1,1), R[C(8,3,1)], SM(10)]");
  EXPECT_FALSE(same.layers[1].shortcut);
  EXPECT_EQ(same.layers[1].parameters, 8 * 8 * 9 + 8);
  // Two strides of 2: the shortcut is C(16,1,4), 8 * 16 + 16 parameters, 128 * 8 * 8 MACs.
  const Analysis other = analysis_of("[C(8,1,1), R[C(4,3,2), C(16,1,2)], SM(10)]");
  EXPECT_EQ(other.layers[1].output, (Shape{16, 8, 8}));
  ASSERT_TRUE(other.layers[1].shortcut);
  EXPECT_EQ(*other.layers[1].shortcut, (Convolution{16, 1, 4}));
  EXPECT_EQ(other.layers[1].parameters, (8 * 4 * 9 + 4) + (4 * 16 + 16) + (8 * 16 + 16));
  EXPECT_EQ(other.layers[1].macs, 8 * 4 * 9 * 256 + 4 * 16 * 64 + 8 * 16 * 64);
  EXPECT_EQ(other.layers[1].lists[0][0].output, (Shape{4, 16, 16}));
  EXPECT_EQ(other.hidden_weights, 3 * 8 + 8 * 4 * 9 + 4 * 16 + 8 * 16);
  const Analysis split = analysis_of("[S[C(8,1,1) ; C(4,3,1), C(2,1,1)], SM(10)]");
  EXPECT_EQ(split.layers[0].output, (Shape{10, 32, 32}));
  ASSERT_EQ(split.layers[0].lists.size(), 2U);
  EXPECT_EQ(split.layers[0].parameters, (3 * 8 + 8) + (3 * 4 * 9 + 4) + (4 * 2 + 2));
  EXPECT_EQ(split.parameters, split.layers[0].parameters + 10 * 1024 * 10 + 10);
  EXPECT_EQ(split.depth, 2);
}

TEST(Analysis, ConnectsTheImageToTheClassesWhereThereIsNoHiddenLayer) {
  const Analysis analysis = analysis_of("[SM(10)]");
  EXPECT_EQ(analysis.parameters, 30730);  // 3 * 32 * 32 * 10 + 10
  EXPECT_EQ(analysis.hidden_weights, 0);
  EXPECT_EQ(analysis.depth, 0);
}

TEST(Analysis, DoesNotCountDropout) {
  const Analysis plain = analysis_of("[C(64,3,1), P(2,2), SM(10)]");
  const Analysis dropped = analysis_of("[C(64,3,1), D(1,2), P(2,2), D(2,2), SM(10)]");
  EXPECT_EQ(dropped.parameters, plain.parameters);
  EXPECT_EQ(dropped.macs, plain.macs);
  EXPECT_EQ(dropped.depth, plain.depth);
  EXPECT_EQ(dropped.layers.back().output, plain.layers.back().output);
}

TEST(Analysis, GivesTheHiddenWeightsOfTheSlidesTopModels) {
  // "Top Models (CIFAR-10)", parameters in millions, two digits.
  const std::vector<std::pair<std::string, double>> models = {
      {"[C(512,5,1), C(256,3,1), C(256,5,1), C(256,3,1), P(5,3), C(512,3,1), C(512,5,1), P(2,2), "
       "SM(10)]",
       11.18},
      {"[C(128,1,1), C(512,3,1), C(64,1,1), C(128,3,1), P(2,2), C(256,3,1), P(2,2), C(512,3,1), "
       "P(3,2), SM(10)]",
       2.17},
      {"[C(128,3,1), C(128,1,1), C(512,5,1), P(2,2), C(128,3,1), P(2,2), C(64,3,1), C(64,5,1), "
       "SM(10)]",
       2.42},
      {"[C(256,3,1), C(256,3,1), P(5,3), C(256,1,1), C(128,3,1), P(2,2), C(128,3,1), SM(10)]",
       1.10},
      {"[C(128,5,1), C(512,3,1), P(2,2), C(128,1,1), C(128,5,1), P(3,2), C(512,3,1), SM(10)]",
       1.66},
  };
  for (const auto& [text, millions] : models) {
    const auto weights = static_cast<double>(analysis_of(text).hidden_weights);
    EXPECT_DOUBLE_EQ(std::round(weights / 1e4) / 100, millions) << text;
  }
}

TEST(Analysis, NamesTheLayerThatIsImpossible) {
  const std::string no_map = "there is no map left after FC or GAP; put it before them";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"[C(64,3,1), P(33,1), SM(10)]",
       "layer 2, P(33,1): its field is larger than its input of 64x32x32"},
      {"[P(2,2), P(2,2), P(2,2), P(2,2), P(2,2), P(2,2), SM(10)]",
       "layer 6, P(2,2): its field is larger than its input of 3x1x1"},
      {"[FC(128), C(64,3,1), SM(10)]", "layer 2, C(64,3,1): " + no_map},
      {"[FC(128), P(2,2), SM(10)]", "layer 2, P(2,2): " + no_map},
      {"[FC(128), GAP(10), SM(10)]", "layer 2, GAP(10): " + no_map},
      {"[GAP(10), C(64,1,1), SM(10)]", "layer 2, C(64,1,1): " + no_map},
      {"[GAP(10), GAP(10), SM(10)]", "layer 2, GAP(10): " + no_map},
      {"[C(64,4,1), SM(10)]",
       "layer 1, C(64,4,1): an even receptive field cannot keep the size; use an odd one"},
      {"[R[C(8,3,1), P(2,2)], P(33,1), SM(10)]",
       "layer 2, P(33,1): its field is larger than its input of 8x16x16"},
      {"[C(8,1,1), R[P(5,2)], SM(10)]",
       "layer 2, R[P(5,2)]: its body gives 8x14x14 and a shortcut of stride 2 gives 8x16x16; in a "
       "body shrink maps by the strides of convolutions"},
      {"[S[C(8,3,1) ; C(8,3,2)], SM(10)]",
       "layer 1, S[C(8,3,1) ; C(8,3,2)]: its branches give 8x32x32 and 8x16x16; all must give one "
       "height and width"},
      {"[C(8,3,1), S[C(8,3,1) ; C(8,1,1), R[BN, P(33,1)]], SM(10)]",
       "layer 2.1.2.1.2, P(33,1): its field is larger than its input of 8x32x32"},
      {"[FC(8), R[BN], SM(10)]", "layer 2, R[BN]: " + no_map},
  };
  for (const auto& [text, message] : cases)
    EXPECT_EQ(analysis_error(text), "architecture, " + message) << text;
  EXPECT_EQ(analysis_error("[P(3,2), SM(10)]", {1, 32, 2}),
            "architecture, layer 1, P(3,2): its field is larger than its input of 1x32x2");
}

TEST(Analysis, RefusesNumbersThatNoTextCouldHold) {
  const auto refused = [](const Architecture& architecture, const Shape& input) {
    return tests::usage_error([&] { analyse(architecture, input); });
  };
  const Shape input{3, 32, 32};
  EXPECT_EQ(refused({{Convolution{8, 3, 0}, Softmax{10}}}, input),
            "architecture, layer 1, C(8,3,0): its numbers must be 1 or more");
  EXPECT_EQ(refused({{Pooling{2, 2}, Softmax{-10}}}, input),
            "architecture, layer 2, SM(-10): its numbers must be 1 or more");
  for (const Shape& none : {Shape{0, 0, 0}, {-3, 32, 32}, {3, 32, 65537}})
    EXPECT_NE(refused({{Softmax{10}}}, none).find("from 1 to 65536"), std::string::npos);
  EXPECT_EQ(convolution_output(32, 3, 0), 0);
  EXPECT_EQ(pooling_output(32, 3, 0), 0);
}

// Each split doubles the channels: 2^30 after 30 of them.
TEST(Analysis, RefusesChannelsThatDoNotFitAnInt) {
  std::string text = "[";
  for (int i = 0; i < 30; ++i) text += "S[BN ; BN], ";
  EXPECT_EQ(analysis_of((text + "SM(2)]").c_str(), {1, 1, 1}).layers[29].output.channels, 1 << 30);
  EXPECT_EQ(
      analysis_error((text + "S[BN ; BN], SM(2)]").c_str(), {1, 1, 1}),
      "architecture, layer 31, S[BN ; BN]: its branches have more than 2^31 - 1 channels together");
}

TEST(Analysis, RefusesCountsThatDoNotFit63Bits) {
  // One layer: 2^16 * 2^16 * 255^2 weights are 2.8e14, times 2^32 positions 1.2e24 MACs; 2^63
  // is 9.2e18.
  EXPECT_EQ(analysis_error("[C(65536,255,1), SM(10)]", {65536, 65536, 65536}),
            "architecture: a layer has more than 2^63 parameters or MACs; make it smaller");
  // Two layers of 2.8e14 * 2^15 = 9.15e18 MACs, each below 2^63.
  EXPECT_EQ(analysis_error("[C(65536,255,1), C(65536,255,1), SM(10)]", {65536, 128, 256}),
            "architecture: it has more than 2^63 parameters or MACs; make it smaller");
  EXPECT_NO_THROW(analysis_of("[C(65536,255,1), P(128,128), SM(10)]", {65536, 128, 256}));
}

}  // namespace
}  // namespace metaqnn
