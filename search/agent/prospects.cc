#include "search/agent/prospects.h"

#include <algorithm>
#include <cmath>

#include "metaqnn/base/error.h"
#include "predict/target_scale.h"

namespace metaqnn::search {

using Eigen::Index;
using Eigen::VectorXd;

ScoreScale::ScoreScale(VectorXd values) {
  METAQNN_ASSERT(values.size() > 0, "a scale of no values");
  std::sort(values.begin(), values.end());
  const VectorXd scores = predict::normal_scores(values);
  values_ = values;
  scores_ = scores;
  Index different = 0;
  for (Index i = 0; i < values.size(); ++i) {
    if (i > 0 && values(i) == values(i - 1)) continue;
    values_(different) = values(i);
    scores_(different++) = scores(i);
  }
  values_.conservativeResize(different);
  scores_.conservativeResize(different);
}

double ScoreScale::score(double value) const {
  const Index last = values_.size() - 1;
  if (value < values_(0)) return scores_(0) - 1;
  if (value >= values_(last)) return scores_(last);
  return predict::interpolated(values_, scores_, value);
}

double Prospects::of(const VectorXd& mean, const VectorXd& deviation) const {
  const Index searched = reference_.size();
  const VectorXd hoped = mean.head(searched) + exploration_ * deviation.head(searched);
  double chance = 1;
  for (const auto& [goal, least] : limits_) {
    const double distance = (mean(goal) - least) / std::max(deviation(goal), 1e-9);
    chance *= std::erfc(-distance / std::sqrt(2)) / 2;
  }
  const double gain = front_.gain(hoped) * chance;
  return gain > 0 ? gain : std::min((hoped - reference_).minCoeff(), 0.0) - 1 + chance;
}

}  // namespace metaqnn::search
