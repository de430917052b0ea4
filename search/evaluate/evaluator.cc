#include "metaqnn/search/evaluate/evaluator.h"

#include "base/foreign_text.h"
#include "base/names.h"
#include "metaqnn/base/error.h"
#include "search/evaluate/table.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {
namespace {

struct EvaluatorEntry {
  std::string kind;
  std::unique_ptr<Evaluator> (*make)(const EvaluatorSettings&, const DataSettings&,
                                     const Resources&);
};

const std::vector<EvaluatorEntry>& evaluators() {
  static const std::vector<EvaluatorEntry> entries = {
      {"train",
       [](const EvaluatorSettings& settings, const DataSettings& data, const Resources& resources) {
         return torch_library().make_training_evaluator(settings.training, data, resources);
       }},
      {"table",
       [](const EvaluatorSettings& settings, const DataSettings&, const Resources&) {
         return make_table_evaluator(settings.table, settings.objective);
       }},
  };
  return entries;
}

}  // namespace

void check_objective(const EvaluatorSettings& settings) {
  if (!settings.trains() || settings.objective.is_accuracy()) return;
  throw UsageError("objective.measure = \"" + shown(settings.objective.measure) +
                   "\": what trains networks here measures validation_accuracy; other measures are "
                   "columns of a table");
}

std::unique_ptr<Evaluator> make_evaluator(const EvaluatorSettings& settings,
                                          const DataSettings& data, const Resources& resources) {
  check_objective(settings);
  for (const EvaluatorEntry& entry : evaluators()) {
    if (entry.kind == settings.kind) return entry.make(settings, data, resources);
  }
  throw UsageError("evaluator.kind = \"" + shown(settings.kind) + "\" is not known; use " +
                   list_names(evaluator_kinds()));
}

std::vector<std::string> evaluator_kinds() {
  std::vector<std::string> kinds;
  for (const EvaluatorEntry& entry : evaluators()) kinds.push_back(entry.kind);
  return kinds;
}

}  // namespace metaqnn::search
