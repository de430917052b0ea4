#include "architecture/features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "metaqnn/base/error.h"

namespace metaqnn {
namespace {

double global(const char* text, const char* column, const Shape& input = {3, 32, 32}) {
  const Eigen::VectorXd features = global_features(parse_architecture(text), input);
  const auto& columns = global_feature_columns();
  EXPECT_EQ(features.size(), static_cast<Eigen::Index>(columns.size()));
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column) return features(static_cast<Eigen::Index>(i));
  }
  ADD_FAILURE() << "no column " << column;
  return NAN;
}

// C: 64 maps of 32 x 32; P: 16 x 16; C: 128 maps of 16 x 16; FC: 256.
constexpr const char* kNetwork = "[C(64,3,1), D(1,2), P(2,2), C(128,5,1), FC(256), D(2,2), SM(10)]";

TEST(Features, CountLayersWithoutDropoutAndSoftmax) {
  EXPECT_EQ(global(kNetwork, "depth"), 4);
  EXPECT_EQ(global(kNetwork, "convolutions"), 2);
  EXPECT_EQ(global(kNetwork, "poolings"), 1);
  EXPECT_EQ(global(kNetwork, "fully_connected"), 1);
  EXPECT_EQ(global(kNetwork, "convolutions_field_3"), 1);
  EXPECT_EQ(global(kNetwork, "convolutions_field_5_up"), 1);
}

TEST(Features, SizesAreThoseOfTheAnalysis) {
  const Analysis analysis = analyse(parse_architecture(kNetwork), {3, 32, 32});
  EXPECT_DOUBLE_EQ(global(kNetwork, "log2_parameters"),
                   std::log2(1.0 + static_cast<double>(analysis.parameters)));
  EXPECT_DOUBLE_EQ(global(kNetwork, "log2_macs"),
                   std::log2(1.0 + static_cast<double>(analysis.macs)));
  EXPECT_EQ(global(kNetwork, "log2_softmax_inputs"), 8);  // 256
  EXPECT_EQ(global(kNetwork, "log2_final_side"), 4);      // 16
  EXPECT_EQ(global(kNetwork, "log2_final_channels"), 7);  // 128
}

// 1, then 3 wide; pooling 2 at stride 1 makes 4; 5 at stride 2 adds 4 * 2 = 8: 12.
TEST(Features, TheReceptiveFieldFollowsFieldsAndStrides) {
  EXPECT_DOUBLE_EQ(global(kNetwork, "log2_receptive_field"), std::log2(12.0));
  EXPECT_EQ(global(kNetwork, "log2_total_stride"), 1);
}

TEST(Features, TellHowTheLayersAreArranged) {
  constexpr const char* run =
      "[C(64,3,1), C(64,3,1), C(64,3,1), P(2,2), C(64,3,1), P(2,2), SM(10)]";
  EXPECT_EQ(global(run, "longest_run_of_convolutions"), 3);
  EXPECT_EQ(global(run, "first_pooling"), 3);
  EXPECT_DOUBLE_EQ(global(run, "first_pooling_share"), 0.5);
  EXPECT_EQ(global(run, "last_pooling"), 5);
  EXPECT_EQ(global(run, "ends_with_pooling"), 1);
  EXPECT_EQ(global(run, "convolutions_at_full_side"), 3);
  EXPECT_EQ(global(run, "convolutions_at_half_side"), 1);
}

TEST(Features, OfANetworkWithoutLayersAreFinite) {
  EXPECT_TRUE(global_features(parse_architecture("[SM(10)]"), {3, 32, 32}).allFinite());
  EXPECT_EQ(global("[SM(10)]", "depth"), 0);
}

TEST(Features, ColumnsHaveDifferentNamesAndGroupsStandTogether) {
  std::vector<std::string> names, groups;
  for (const FeatureColumn& column : global_feature_columns()) {
    EXPECT_EQ(std::count(names.begin(), names.end(), column.name), 0) << column.name;
    names.push_back(column.name);
    if (groups.empty() || groups.back() != column.group) groups.push_back(column.group);
  }
  EXPECT_EQ(groups, (std::vector<std::string>{"counts", "sizes", "widths", "fields", "arrangement",
                                              "lists", "kinds"}));
  EXPECT_EQ(names.size(), 77U);
}

TEST(Features, PositionsDescribeEachLayerAndEndInZeros) {
  const Eigen::VectorXd x = position_features(parse_architecture(kNetwork), 5);
  ASSERT_EQ(x.size(), 70);
  EXPECT_EQ(position_feature_columns(5).size(), 70U);
  const Eigen::VectorXd first = x.segment(0, 8), fourth = x.segment(42, 8);
  EXPECT_EQ(first, (Eigen::VectorXd(8) << 1, 0, 0, 0, 6, 3, 1, 0).finished());
  EXPECT_EQ(fourth, (Eigen::VectorXd(8) << 0, 0, 1, 0, 0, 0, 0, 8).finished());
  EXPECT_EQ(x.segment(8, 6), Eigen::VectorXd::Zero(6));
  EXPECT_EQ(x.tail(14), Eigen::VectorXd::Zero(14));
}

// C, then R of DC and C in 8 channels, whose shortcut is a convolution; a split of 4 and 12 channels.
constexpr const char* kLists =
    "[C(4,3,1), R[DC(3,1), C(8,3,1)], A(2,2), S[C(12,5,1) ; C(4,1,1), BN], M(2,2), SM(10)]";

TEST(Features, TellWhatListsHold) {
  EXPECT_EQ(global(kLists, "depth"), 8);
  EXPECT_EQ(global(kLists, "layers_beside_longest_way"), 1);  // C(12,5,1) beside the other branch
  EXPECT_EQ(global(kLists, "residuals"), 1);
  EXPECT_EQ(global(kLists, "shortcut_convolutions"), 1);
  EXPECT_EQ(global(kLists, "splits"), 1);
  EXPECT_EQ(global(kLists, "branches"), 2);
  EXPECT_EQ(global(kLists, "sum_log2_split_channels"), 4);
  EXPECT_EQ(global(kLists, "share_in_residuals"), 2.0 / 8);
  EXPECT_EQ(global(kLists, "share_in_splits"), 3.0 / 8);
  EXPECT_EQ(global(kLists, "average_poolings"), 1);
  EXPECT_EQ(global(kLists, "mixed_poolings"), 1);
  EXPECT_EQ(global(kLists, "poolings"), 2);
  EXPECT_EQ(global(kLists, "depthwise_convolutions"), 1);
  EXPECT_EQ(global(kLists, "batch_normalizations"), 1);
  // 1 + 2 (C) + 2 (DC) + 2 (C) + 1 (A), then at stride 2 the wider branch: 8, and M: 2.
  EXPECT_DOUBLE_EQ(global(kLists, "log2_receptive_field"), std::log2(18.0));
  EXPECT_EQ(global(kLists, "log2_total_stride"), 2);
  EXPECT_EQ(global(kLists, "log2_final_channels"), 4);
}

TEST(Features, PositionsAreThoseOfTheLayersInLists) {
  const Eigen::VectorXd x = position_features(parse_architecture(kLists), 5);
  const auto at = [&](int position, int column) { return x(14 * (position - 1) + column); };
  EXPECT_EQ(at(2, 10), 1);  // DC
  EXPECT_EQ(at(2, 12), 1);  // in R
  EXPECT_EQ(at(3, 0), 1);   // C
  EXPECT_EQ(at(3, 12), 1);
  EXPECT_EQ(at(4, 8), 1);  // A
  EXPECT_EQ(at(4, 12), 0);
  EXPECT_EQ(at(5, 0), 1);  // C(4,1,1), the first branch
  EXPECT_EQ(at(5, 13), 1);
}

TEST(Features, LayersBeyondTheLastPositionAreLeftOut) {
  EXPECT_EQ(position_features(parse_architecture(kNetwork), 2),
            position_features(parse_architecture("[C(64,3,1), P(2,2), SM(10)]"), 2));
}

TEST(Features, OfAnImpossibleShapeAreAnError) {
  EXPECT_THROW(global_features(parse_architecture("[P(5,3), SM(10)]"), {3, 4, 4}), UsageError);
}

}  // namespace
}  // namespace metaqnn
