#include "metaqnn/search/evaluate/evaluator.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/foreign_text.h"
#include "base/names.h"
#include "metaqnn/base/error.h"
#include "search/evaluate/command.h"
#include "search/evaluate/table.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {
namespace {

[[noreturn]] void throw_told() {
  throw UsageError(
      "the evaluator of this study is \"told\": nothing is trained here; metaqnn ask reserves its "
      "networks, and metaqnn tell stores their results");
}

struct EvaluatorEntry {
  std::string kind;
  std::unique_ptr<Evaluator> (*make)(const EvaluatorSettings&, const DataSettings&,
                                     const Resources&);
};

const std::vector<EvaluatorEntry>& evaluators() {
  static const std::vector<EvaluatorEntry> entries = {
      {"train",
       [](const EvaluatorSettings& settings, const DataSettings& data, const Resources& resources) {
         return torch_library().make_training_evaluator(settings, data, resources);
       }},
      {"table",
       [](const EvaluatorSettings& settings, const DataSettings&, const Resources&) {
         return make_table_evaluator(settings.table, settings.objective);
       }},
      {"command",
       [](const EvaluatorSettings& settings, const DataSettings&, const Resources& resources) {
         return make_command_evaluator(settings, resources);
       }},
      {"told",
       [](const EvaluatorSettings&, const DataSettings&,
          const Resources&) -> std::unique_ptr<Evaluator> { throw_told(); }},
  };
  return entries;
}

// What limits may name of networks that are trained here, and measures beside the first.
const std::vector<std::string> kMeasured{"parameters", "macs",    "memory_bytes",
                                         "memory",     "seconds", kLatency};

void check_measured(const char* key, const std::string& name) {
  if (std::find(kMeasured.begin(), kMeasured.end(), name) != kMeasured.end()) return;
  throw UsageError(std::string(key) + ": '" + shown(name) +
                   "' is not measured where networks are trained here; " + list_names(kMeasured) +
                   " are");
}

}  // namespace

void check_objective(const EvaluatorSettings& settings) {
  if (!settings.trains()) return;
  for (const auto& [name, limit] : settings.objective.limits)
    check_measured("objective.limits", name);
  for (const datasets::Measure& other : settings.objective.others)
    check_measured("objective.measures after the first", other.name);
  if (settings.objective.is_fraction()) return;
  throw UsageError(
      "objective.measure = \"" + shown(settings.objective.measure) +
      "\": what trains networks here measures validation_accuracy and balanced_accuracy; "
      "other measures are columns of a table, or reported by a command");
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

std::string command_of(const EvaluatorSettings& settings) {
  if (!settings.runs_command()) return "";
  return nlohmann::json(settings.command.words).dump() + " in " + settings.command.folder.string();
}

void check_allowed(const EvaluatorSettings& settings, const std::string& allowed) {
  if (settings.is_told()) throw_told();
  const std::string command = command_of(settings);
  if (command.empty() || command == allowed) return;
  throw UsageError("the study would run the command " + command +
                   ", which is not done on its word: give --config FILE with the same command, or "
                   "--allow-command where you have read it and trust it");
}

}  // namespace metaqnn::search
