#pragma once

#include <cmath>
#include <cstdint>
#include <set>
#include <string>

#include "metaqnn/base/random.h"
#include "metaqnn/predict/samples.h"

namespace metaqnn::tests {

// Random networks whose accuracy follows from them: deeper is better, narrow is worse, and every
// seventh did not learn.
inline predict::Samples some_networks(size_t count, uint64_t seed, bool with_failures = false) {
  Random random(seed);
  datasets::Log log;
  std::set<std::string> seen;
  while (seen.size() < count) {
    const auto convolutions = static_cast<int>(1 + random.below(5));
    std::string text = "[";
    double width = 0;
    for (int i = 0; i < convolutions; ++i) {
      const int filters = 64 << random.below(3);
      width += std::log2(filters);
      text +=
          "C(" + std::to_string(filters) + "," + std::to_string(1 + 2 * random.below(3)) + ",1), ";
    }
    if (random.below(2) == 0) text += "P(2,2), ";
    if (random.below(2) == 0) text += "FC(128), ";
    text += "SM(10)]";
    if (!seen.insert(text).second) continue;
    datasets::LogRow row;
    row.architecture = text;
    row.value = 0.4 + 0.05 * convolutions + 0.01 * width / convolutions;
    if (with_failures && seen.size() % 7 == 0) {
      row.state = "failed";
      row.reason = "not learning";
      row.value = 0.1;
    }
    log.rows.push_back(row);
  }
  return predict::make_samples(log, {}, predict::Failures::as_chance);
}

}  // namespace metaqnn::tests
