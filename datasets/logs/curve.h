#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::datasets {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();  // of an epoch
constexpr std::string_view kNotLearning = "not learning";              // a reason to fail

// Index of the epoch with the best validation accuracy, the first of equals; none where no epoch
// has one.
inline std::optional<size_t> best_epoch(const std::vector<EpochResult>& curve) {
  std::optional<size_t> best;
  for (size_t i = 0; i < curve.size(); ++i) {
    if (std::isnan(curve[i].validation_accuracy)) continue;
    if (!best || curve[i].validation_accuracy > curve[*best].validation_accuracy) best = i;
  }
  return best;
}

}  // namespace metaqnn::datasets
