// Which numbers describe an architecture, for somebody who wants to predict how well it will do?
//
// Two sets of columns, each with a name and the group it belongs to. Predictors standardise columns
// and may give each group a weight or a width of its own.
//
//   global     77 numbers about the whole network: counts of layers, what it costs, its widths and
//              receptive fields, how it is arranged, what lists it has
//   positions  14 numbers for each of the first `positions` layers, those in lists one after the
//              other: its type (one of eight is 1), log2 of filters, receptive field, stride, log2 of
//              neurons, how many residuals and splits it is in; zeros behind the last one
//
// D and SM tell nothing about an architecture and are not counted. Logarithms are to base 2. Sizes
// depend on the input's shape. Cost: proportional to the number of layers.
//
// Throws UsageError where the shape is impossible (architecture/shapes.h).
//
//   Eigen::VectorXd x = global_features(parse_architecture("[C(64,3,1), SM(10)]"), {3, 32, 32});
//   global_feature_columns()[0].name;     // "depth"; x(0) is 1
#pragma once

#include <Eigen/Core>
#include <string>
#include <vector>

#include "architecture/symbols.h"
#include "metaqnn/architecture/shapes.h"

namespace metaqnn {

struct FeatureColumn {
  std::string name;  // "log2_parameters", "layer_2_field"
  std::string
      group;  // "counts", "sizes", "widths", "fields", "arrangement", "lists", "kinds", "positions"
};

const std::vector<FeatureColumn>& global_feature_columns();
// As many values as columns.
Eigen::VectorXd global_features(const Architecture& architecture, const Shape& input);

std::vector<FeatureColumn> position_feature_columns(int positions);
Eigen::VectorXd position_features(const Architecture& architecture, int positions);

// What says something: without D and SM.
std::vector<Symbol> described_symbols(const Architecture& architecture);

}  // namespace metaqnn
