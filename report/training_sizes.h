// How good do predictors become with more networks to learn from? A picture that is a file of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace metaqnn::report {

// A predictor's figure at each size of training set where it is defined.
struct SizePoint {
  double networks = 0;
  double mean = 0, deviation = 0;  // over the repeats
};
struct SizeCurve {
  std::string name;
  std::vector<SizePoint> points;
};

// `figure`: what the vertical axis shows. At most six curves have colours of their own.
std::string picture_of_sizes(const std::string& figure, const std::vector<SizeCurve>& curves);

}  // namespace metaqnn::report
