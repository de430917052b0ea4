// Studies of Optuna (optuna.org), whichever way they were stored, as tables.
//
// A trial is a row: number, value (of several objectives values_NAME, or values_0, ...), params_*,
// user_attrs_*, state. Parameters are what describes a network; a categorical one is the choice that
// was made. Direction and names of objectives are the study's own.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datasets/logs/data_frame.h"

namespace metaqnn::datasets {

struct OptunaTrial {
  std::string state;                          // "COMPLETE", "PRUNED", ...
  std::vector<std::optional<double>> values;  // one for each objective, or none
  std::vector<std::pair<std::string, nlohmann::ordered_json>> parameters, attributes;
};

struct OptunaStudy {
  std::string name;
  std::vector<std::optional<Direction>> directions;  // one for each objective; none: unknown
  std::vector<std::string> objectives;               // their names, where they have one
  std::vector<OptunaTrial> trials;
};

// A parameter's value, from how Optuna stores it: of a categorical one the index of its choice.
nlohmann::ordered_json optuna_value(double stored, const std::string& distribution);

// Throws UsageError naming the studies where there are several and none is named `name`.
DataFrame optuna_frame(const std::vector<OptunaStudy>& studies, const std::string& name,
                       const std::string& source);

// The file in which JournalStorage keeps studies: one operation a line.
bool is_optuna_journal(std::string_view text);
std::vector<OptunaStudy> read_optuna_journal(std::string_view text, const std::string& source);

// What trials_dataframe() has written says no direction: marks what it is of its values.
void recognise_optuna_dataframe(DataFrame& frame);

}  // namespace metaqnn::datasets
