// How do the values of one column that describes networks become features?
//
// A number as it is, or its logarithm where all are positive and span more than two decades. Where
// some lie far from the others all the same, as
//
//   asinh((x - median) / s),   s the interquartile range / 1.35, a normal column's deviation
//
// which is linear near the median and a logarithm far from it: else one value decides the width of a
// kernel. The mean stands where a network has no number. Any other value is a feature that is 1
// where it stands; and where some networks have none, that there is none.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "architecture/features.h"

namespace metaqnn::predict {

class ColumnCodec {
 public:
  // `training`: objects of columns (datasets::Description).
  ColumnCodec(std::string name, const std::vector<nlohmann::json>& training);

  const std::string& name() const { return name_; }
  double largest() const { return largest_; }  // of the numbers; 0 where there is none

  void add_columns(std::vector<FeatureColumn>& columns, const std::string& group) const;
  void add_features(const nlohmann::json& network, std::vector<double>& features) const;
  // Whether it has no value, and all training networks have one.
  bool lacks(const nlohmann::json& network) const;
  // The value that no training network has, in words; "" where there is nothing.
  std::string unknown(const nlohmann::json& network) const;

 private:
  void learn_scale(std::vector<double> numbers);
  double scaled(double number) const;

  std::string name_;
  bool has_numbers_ = false, logarithm_ = false, has_tails_ = false, may_lack_ = false;
  double median_ = 0, deviation_ = 1;  // robust, of numbers with tails
  double fill_ = 0, largest_ = 0;
  std::set<std::string> words_;
};

// A value as it is written.
std::string word_of(const nlohmann::json& value);

}  // namespace metaqnn::predict
