#include "predict/samples.h"

#include <cmath>
#include <limits>
#include <unordered_map>

#include "architecture/error.h"
#include "architecture/names.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;

struct Sums {
  double trained = 0, accuracy = 0, failed = 0, chance = 0;
};

std::string problem_of(const datasets::Log& log, const datasets::LogRow& row,
                       const std::string& what) {
  return log.source + (row.line > 0 ? ":" + std::to_string(row.line) : "") + ": " + what;
}

}  // namespace

Failures parse_failures(const std::string& name) {
  for (Failures failures : {Failures::exclude, Failures::as_chance, Failures::model}) {
    if (to_string(failures) == name) return failures;
  }
  throw UsageError("there is no way " + name + " to treat failures; did you mean " +
                   nearest_name(name, {"exclude", "as-chance", "model"}) + "?");
}

std::string to_string(Failures failures) {
  switch (failures) {
    case Failures::exclude:
      return "exclude";
    case Failures::as_chance:
      return "as-chance";
    case Failures::model:
      return "model";
  }
  return "";
}

Samples make_samples(const datasets::Log& log, const EncodingSettings& encoding,
                     Failures failures) {
  Samples samples;
  samples.problems = log.problems;
  std::unordered_map<std::string, size_t> places;
  std::vector<Sums> sums;
  for (const datasets::LogRow& row : log.rows) {
    ++samples.rows;
    const bool not_learning = row.failed() && row.accuracy.has_value();
    if (not_learning) ++samples.not_learning;
    if (!row.accuracy) {
      ++samples.without_result;
      continue;
    }
    if (not_learning && failures == Failures::exclude) continue;
    std::string text;
    try {
      text = canonical(row.architecture, encoding);
    } catch (const UsageError& error) {
      samples.problems.push_back(problem_of(log, row, error.what()));
      continue;
    }
    const auto [place, added] = places.try_emplace(text, sums.size());
    if (added) {
      samples.architectures.push_back(text);
      sums.emplace_back();
    } else {
      ++samples.merged;
    }
    Sums& sum = sums[place->second];
    (not_learning ? sum.failed : sum.trained) += 1;
    (not_learning ? sum.chance : sum.accuracy) += *row.accuracy;
  }
  const auto n = static_cast<Index>(sums.size());
  samples.targets.resize(n);
  samples.trained.resize(n);
  samples.accuracy.resize(n);
  double failed = 0, chance = 0;
  for (Index i = 0; i < n; ++i) {
    const Sums& sum = sums[static_cast<size_t>(i)];
    samples.targets(i) = (sum.accuracy + sum.chance) / (sum.trained + sum.failed);
    samples.trained(i) = sum.trained / (sum.trained + sum.failed);
    samples.accuracy(i) =
        sum.trained > 0 ? sum.accuracy / sum.trained : std::numeric_limits<double>::quiet_NaN();
    failed += sum.failed;
    chance += sum.chance;
  }
  if (failed > 0) samples.chance = chance / failed;
  return samples;
}

Samples Samples::subset(const std::vector<Index>& which) const {
  Samples result;
  for (Index row : which) result.architectures.push_back(architectures[static_cast<size_t>(row)]);
  result.targets = targets(which);
  result.trained = trained(which);
  result.accuracy = accuracy(which);
  result.chance = chance;
  return result;
}

}  // namespace metaqnn::predict
