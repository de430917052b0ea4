#include "metaqnn/search/results.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/foreign_text.h"
#include "base/names.h"
#include "base/secrets.h"
#include "datasets/logs/columns.h"
#include "datasets/logs/make_log.h"
#include "metaqnn/search/search.h"
#include "metaqnn/search/study/study.h"
#include "search/study/optuna_storage.h"

namespace metaqnn::search {
namespace {

// What `options` name of a study's measures, or what it searches for.
datasets::Measure wanted_measure(const Objective& objective, const datasets::LogOptions& options,
                                 const std::string& source) {
  const std::vector<datasets::Measure> measures = measures_of(objective);
  const auto searched = std::find_if(
      measures.begin(), measures.end(),
      [&](const datasets::Measure& measure) { return measure.name == options.target; });
  datasets::Measure measure = searched != measures.end() ? *searched : measures.front();
  if (!options.target.empty() && options.target != measure.name) {
    measure = {options.target, datasets::Direction::maximize, ""};
    if (!options.direction && datasets::is_less_better(measure.name))
      throw datasets::UnknownDirection(source, measure.name, "--minimize or --maximize");
  }
  measure.direction = options.direction.value_or(measure.direction);
  return measure;
}

Results read_study(const std::string& url, const datasets::LogOptions& options) {
  const std::string source = without_passwords(url);
  if (!options.features.empty() || options.architecture_column || !options.budget.empty()) {
    throw UsageError(
        "a study knows its networks by their strings; leave out what names columns "
        "that describe them, or export it");
  }
  const auto study = open_study_to_read(url);
  const Configuration configuration = stored_configuration(*study);
  const datasets::Measure own = measure_of(configuration);
  const datasets::Measure measure =
      wanted_measure(configuration.evaluator.objective, options, source);
  Results results{to_log(*study, measure), build_space(configuration)};
  results.log.source = source;
  const bool has_it =
      std::any_of(results.log.rows.begin(), results.log.rows.end(),
                  [](const datasets::LogRow& row) { return row.value.has_value(); });
  if (!has_it && measure.name != own.name) {
    std::set<std::string> names;
    for (const Trial& trial : study->trials(false)) {
      for (const auto& [name, value] : trial.measures) names.insert(name);
    }
    throw UsageError(source + " has no measure '" + shown(measure.name) +
                     "' for the target; it has: " + listed({names.begin(), names.end()}));
  }
  return results;
}

}  // namespace

Results read_results(const std::string& name, const datasets::LogOptions& options) {
  if (is_study_url(name)) return read_study(name, options);
  return {datasets::make_log(read_any_frame(name, options), options), std::nullopt};
}

std::optional<Space> space_of(const Results& results, const predict::EncodingSettings& encoding) {
  if (results.space) return results.space;
  if (!encoding.is_grammar()) return std::nullopt;
  CnnSpaceSettings settings;
  settings.input = encoding.input;
  return build_cnn_space(settings);
}

}  // namespace metaqnn::search
