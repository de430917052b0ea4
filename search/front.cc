#include "search/front.h"

#include <Eigen/Core>
#include <algorithm>

#include "kernels/pareto.h"

namespace metaqnn::search {
namespace {

Eigen::MatrixXd matrix_of(const std::vector<std::vector<double>>& rows, size_t columns) {
  Eigen::MatrixXd matrix(rows.size(), columns);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = 0; j < columns; ++j)
      matrix(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = rows[i][j];
  }
  return matrix;
}

}  // namespace

std::vector<std::pair<std::string, double>> Front::named_reference() const {
  std::vector<std::pair<std::string, double>> named;
  for (size_t j = 0; j < reference.size(); ++j) named.emplace_back(measures[j].name, reference[j]);
  return named;
}

Front front_of(const std::vector<Trial>& trials, const Objective& objective) {
  const std::vector<datasets::Measure> measures = measures_of(objective);
  std::vector<std::vector<double>> goals;
  std::vector<const Trial*> known;
  for (const Trial& trial : trials) {
    if (trial.state != TrialState::complete) continue;
    if (auto goal = goals_of(measures, trial.value, trial.measures)) {
      goals.push_back(std::move(*goal));
      known.push_back(&trial);
    }
  }
  Front front{{}, measures, {}, 0};
  if (known.empty()) return front;
  const Eigen::MatrixXd points = matrix_of(goals, measures.size());
  std::vector<Eigen::Index> rows = kernels::non_dominated(points);
  std::stable_sort(rows.begin(), rows.end(),
                   [&](Eigen::Index a, Eigen::Index b) { return points(a, 0) > points(b, 0); });
  for (const Eigen::Index row : rows) front.trials.push_back(*known[static_cast<size_t>(row)]);
  std::vector<double> reference = reference_of(objective, goals);
  front.hypervolume = kernels::hypervolume(
      points, Eigen::Map<const Eigen::VectorXd>(reference.data(),
                                                static_cast<Eigen::Index>(reference.size())));
  for (size_t j = 0; j < measures.size(); ++j)
    front.reference.push_back(datasets::sign_of(measures[j].direction) * reference[j]);
  return front;
}

}  // namespace metaqnn::search
