#include "kernels/fixed_point_costs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace metaqnn::kernels {
namespace {

constexpr int kLargestExactScale = 1000;
constexpr double kWhole = 1e-9;        // so far from a whole number, or so far in proportion
constexpr double kFraction = 1 << 20;  // insertion and deletion are multiples of its inverse
constexpr double kLongest = 1 << 20;   // tokens; keeps every sum exact in double
// Half a unit may be lost with each of N tokens.
constexpr double kScalePerToken = 0.5 / kEditDistanceError;

bool is_whole(double value) {
  if (value >= std::numeric_limits<int32_t>::max()) return false;
  const double nearest = static_cast<int32_t>(value + 0.5);
  return std::abs(value - nearest) <= kWhole * std::min(1.0, value);
}

bool all_whole(const EditCosts& costs, double scale) {
  for (Eigen::Index t = 0; t < costs.insertion.size(); ++t) {
    if (!is_whole(scale * costs.insertion[t]) || !is_whole(scale * costs.deletion[t])) return false;
    for (Eigen::Index s = 0; s < t; ++s)
      if (!is_whole(scale * costs.substitution(s, t))) return false;
  }
  return true;
}

std::optional<double> exact_scale(const EditCosts& costs) {
  for (int scale = 1; scale <= kLargestExactScale; ++scale)
    if (all_whole(costs, scale)) return scale;
  return std::nullopt;
}

double largest_saving(const EditCosts& costs) {
  double largest = 0;
  for (Eigen::Index t = 0; t < costs.insertion.size(); ++t) {
    const double pairing = (costs.deletion - costs.substitution.col(t)).maxCoeff();
    largest = std::max(largest, pairing + costs.insertion[t]);
  }
  return largest;
}

struct Resolution {
  double scale;
  size_t longest;
};

Resolution exact_resolution(double scale, double saving, double limit) {
  const double longest = std::floor(limit / std::round(scale * saving));
  return {scale, static_cast<size_t>(std::min(longest, kLongest))};
}

// The longest N for which a scale of 128 N fits, and the finest scale that fits with that N.
Resolution rounded_resolution(double saving, double limit) {
  double longest = std::floor(std::min(std::sqrt(limit / (kScalePerToken * saving)), kLongest));
  for (; longest >= 1; --longest) {
    // The largest saving may be rounded up by a unit, after insertion and deletion were.
    const double scale = (std::floor(limit / longest) - 1) / saving;
    if (scale >= kScalePerToken * longest && std::isfinite(scale))
      return {scale, static_cast<size_t>(longest)};
  }
  return {1, 0};
}

FixedPointCosts fixed_point_costs(const EditCosts& costs, int bits, const Resolution& resolution) {
  const int alphabet = costs.alphabet();
  const double scale = resolution.scale;
  FixedPointCosts result{bits, scale, resolution.longest, true, alphabet, {}, {}, {}};
  for (int t = 0; t < alphabet; ++t) {
    const double sum = scale * (costs.deletion[t] + costs.insertion[t]);
    const double difference = scale * (costs.deletion[t] - costs.insertion[t]);
    const double fraction = std::round(difference * kFraction) / kFraction;
    result.deletion.push_back((std::round(sum) + fraction) / 2);
    result.insertion.push_back((std::round(sum) - fraction) / 2);
    result.by_shorter = result.by_shorter && std::abs(sum - std::round(sum)) <= 1 / kFraction;
  }
  result.savings.reserve(static_cast<size_t>(alphabet) * static_cast<size_t>(alphabet));
  for (int s = 0; s < alphabet; ++s) {
    for (int t = 0; t < alphabet; ++t) {
      const double saving =
          result.deletion[s] + result.insertion[t] - scale * costs.substitution(s, t);
      result.savings.push_back(static_cast<int32_t>(std::max(0.0, saving + 0.5)));
    }
  }
  return result;
}

}  // namespace

std::vector<FixedPointCosts> fixed_point_formats(const EditCosts& costs) {
  const double saving = largest_saving(costs);
  const std::optional<double> scale = exact_scale(costs);
  std::vector<FixedPointCosts> formats;
  size_t longest = 0;
  for (int bits : {8, 16, 32}) {
    const double limit = bits == 32 ? std::numeric_limits<int32_t>::max() : (1 << bits) - 1;
    Resolution resolution = rounded_resolution(saving, limit);
    if (scale) {
      const Resolution exact = exact_resolution(*scale, saving, limit);
      if (exact.longest >= resolution.longest) resolution = exact;
    }
    if (resolution.longest <= longest) continue;
    longest = resolution.longest;
    formats.push_back(fixed_point_costs(costs, bits, resolution));
  }
  return formats;
}

size_t narrowest_format(const std::vector<FixedPointCosts>& formats, size_t row_length,
                        size_t column_length) {
  const auto [shorter, longer] = std::minmax(row_length, column_length);
  size_t k = 0;
  while (k < formats.size() && (formats[k].by_shorter ? shorter : longer) > formats[k].longest) ++k;
  return k;
}

}  // namespace metaqnn::kernels
