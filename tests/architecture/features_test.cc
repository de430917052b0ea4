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
  EXPECT_EQ(groups,
            (std::vector<std::string>{"counts", "sizes", "widths", "fields", "arrangement"}));
}

TEST(Features, PositionsDescribeEachLayerAndEndInZeros) {
  const Eigen::VectorXd x = position_features(parse_architecture(kNetwork), 5);
  ASSERT_EQ(x.size(), 40);
  EXPECT_EQ(position_feature_columns(5).size(), 40U);
  const Eigen::VectorXd first = x.segment(0, 8), fourth = x.segment(24, 8);
  EXPECT_EQ(first, (Eigen::VectorXd(8) << 1, 0, 0, 0, 6, 3, 1, 0).finished());
  EXPECT_EQ(fourth, (Eigen::VectorXd(8) << 0, 0, 1, 0, 0, 0, 0, 8).finished());
  EXPECT_EQ(x.tail(8), Eigen::VectorXd::Zero(8));
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
