#include "search/evaluate/accuracies.h"

#include <string>
#include <utility>
#include <vector>

#include "base/foreign_text.h"
#include "metaqnn/base/error.h"

namespace metaqnn::search {

datasets::Log as_accuracies(datasets::Log log, const std::string& remedy) {
  const std::string name = log.source + ": '" + shown(log.measure.name) + "'";
  if (log.measure.direction == datasets::Direction::minimize)
    throw UsageError(name + " is a measure of which less is better; accuracies are needed here");
  const double scale = log.measure.unit == "percent" ? 100 : 1;
  double values = 0, outside = 0, per_cent = 0;
  std::vector<datasets::LogRow> usable;
  for (datasets::LogRow& row : log.rows) {
    if (row.value) {
      ++values;
      per_cent += *row.value > 1 && *row.value <= 100;
      *row.value /= scale;
    }
    if (!row.value || (*row.value >= 0 && *row.value <= 1)) {
      usable.push_back(std::move(row));
      continue;
    }
    ++outside;
    log.problems.push_back(log.source + ":" + std::to_string(row.line) + ": " +
                           shown(log.measure.name) + " " + std::to_string(*row.value) +
                           " is outside [0, 1]; row left out");
  }
  constexpr double kMostLeftOut = 0.1;
  if (outside > kMostLeftOut * values) {
    const bool is_percent = scale == 1 && 2 * per_cent > values;
    throw UsageError(name + (is_percent
                                 ? " looks like per cent, and fractions are needed here; " + remedy
                                 : " is mostly outside [0, 1]; name a column of accuracies"));
  }
  log.rows = std::move(usable);
  log.measure.unit.clear();
  return log;
}

}  // namespace metaqnn::search
