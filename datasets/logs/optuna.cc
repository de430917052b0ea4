#include "datasets/logs/optuna.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

#include "base/foreign_text.h"
#include "base/names.h"
#include "base/nesting.h"
#include "datasets/logs/csv.h"
#include "datasets/logs/json_frame.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 5> kStates{"RUNNING", "COMPLETE", "PRUNED", "FAIL",
                                                  "WAITING"};

bool is_finished(const std::string& state) {
  return state == "COMPLETE" || state == "PRUNED" || state == "FAIL";
}

const OptunaStudy& chosen(const std::vector<OptunaStudy>& studies, const std::string& name,
                          const std::string& source) {
  std::vector<std::string> names;
  for (const OptunaStudy& study : studies) {
    if (study.name == name) return study;
    names.push_back(shown(study.name));
  }
  if (studies.empty()) throw DataError(source + ": this Optuna storage holds no study");
  if (name.empty() && studies.size() == 1) return studies.front();
  throw UsageError(source +
                   (name.empty() ? " holds several studies of Optuna; name one with --study-name: "
                                 : " holds no study " + shown(name) + " of Optuna, but ") +
                   listed(names));
}

// Names of the columns of values.
std::vector<std::string> value_columns(const OptunaStudy& study) {
  if (study.directions.size() == 1) return {"value"};
  std::vector<std::string> names;
  for (size_t i = 0; i < study.directions.size(); ++i) {
    names.push_back("values_" +
                    (i < study.objectives.size() ? study.objectives[i] : std::to_string(i)));
  }
  return names;
}

void set_members(RowsByName& rows, const std::string& prefix,
                 const std::vector<std::pair<std::string, Json>>& members) {
  for (const auto& [name, value] : members) set_cells(rows, prefix + name, value);
}

}  // namespace

Json optuna_value(double stored, const std::string& distribution) {
  const Json parsed = Json::parse(distribution, nullptr, false);
  if (parsed.is_object() && parsed.contains("attributes") &&
      parsed["attributes"].contains("choices")) {
    const Json& choices = parsed["attributes"]["choices"];
    const auto index = static_cast<size_t>(std::max(0.0, stored));
    if (!choices.is_array() || index >= choices.size()) return nullptr;
    return choices[index].is_null() ? Json("None") : choices[index];
  }
  return stored;
}

DataFrame optuna_frame(const std::vector<OptunaStudy>& studies, const std::string& name,
                       const std::string& source) {
  const OptunaStudy& study = chosen(studies, name, source);
  const std::vector<std::string> values = value_columns(study);
  RowsByName rows;
  for (size_t number = 0; number < study.trials.size(); ++number) {
    const OptunaTrial& trial = study.trials[number];
    rows.begin_row(static_cast<int64_t>(number));
    rows.set("number", std::to_string(number));
    for (size_t i = 0; i < values.size(); ++i) {
      const bool is_there = i < trial.values.size() && trial.values[i];
      rows.set(values[i], is_there ? csv_number(*trial.values[i]) : "");
    }
    set_members(rows, "params_", trial.parameters);
    set_members(rows, "user_attrs_", trial.attributes);
    rows.set("state", trial.state);
  }
  DataFrame frame = std::move(rows).frame(source);
  frame.state = "state";
  if (values.size() == 1) frame.target = values[0];
  for (size_t i = 0; i < values.size(); ++i) {
    if (study.directions[i]) {
      frame.directions[values[i]] = *study.directions[i];
    } else {
      frame.undirected.insert(values[i]);
    }
    frame.aliases["values_" + std::to_string(i)] = values[i];
    if (i < study.objectives.size()) frame.aliases[study.objectives[i]] = values[i];
  }
  for (const std::string& column : frame.names) {
    if (column.starts_with("params_")) frame.features.push_back(column);
  }
  return frame;
}

// ---- Journals ----

bool is_optuna_journal(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  return line.starts_with('{') && line.find("\"op_code\"") != std::string_view::npos;
}

namespace {

// Replays the operations of a journal. Studies and trials have no numbers in it: they are counted as
// they are made, trials over all studies.
class Journal {
 public:
  void apply(const Json& operation) {
    switch (operation.value("op_code", -1)) {
      case 0:
        create_study(operation);
        break;
      case 1:
        if (Made* study = study_of(operation)) study->is_deleted = true;
        break;
      case 3:
        name_objectives(operation);
        break;
      case 4:
        create_trial(operation);
        break;
      case 5:
        set_parameter(operation);
        break;
      case 6:
        finish(operation);
        break;
      case 8:
        set_attributes(operation);
        break;
      default:  // attributes of the study, intermediate values, what tells nothing here
        break;
    }
  }

  std::vector<OptunaStudy> studies() && {
    std::vector<OptunaStudy> kept;
    for (Made& made : studies_) {
      if (!made.is_deleted) kept.push_back(std::move(made.study));
    }
    return kept;
  }

 private:
  struct Made {
    OptunaStudy study;
    bool is_deleted = false;
  };
  struct Place {
    size_t study, trial;
  };

  void create_study(const Json& operation) {
    OptunaStudy study;
    study.name = operation.value("study_name", "");
    for (const Made& made : studies_) {
      if (!made.is_deleted && made.study.name == study.name) return;
    }
    for (const Json& direction : operation.value("directions", Json::array())) {
      study.directions.push_back(direction == 1   ? std::optional(Direction::minimize)
                                 : direction == 2 ? std::optional(Direction::maximize)
                                                  : std::nullopt);
    }
    studies_.push_back({std::move(study)});
  }

  Made* study_of(const Json& operation) {
    const auto id = operation.value("study_id", size_t{0});
    return id < studies_.size() && !studies_[id].is_deleted ? &studies_[id] : nullptr;
  }

  void name_objectives(const Json& operation) {
    Made* made = study_of(operation);
    const Json attributes = operation.value("system_attr", Json::object());
    if (made == nullptr || !attributes.contains("study:metric_names")) return;
    for (const Json& name : attributes["study:metric_names"])
      made->study.objectives.push_back(cell_text(name));
  }

  void create_trial(const Json& operation) {
    Made* made = study_of(operation);
    if (made == nullptr) return;
    OptunaTrial trial;
    trial.state = "RUNNING";
    trials_.push_back({static_cast<size_t>(made - studies_.data()), made->study.trials.size()});
    read_state(operation, trial);
    const Json distributions = operation.value("distributions", Json::object());
    const Json parameters = operation.value("params", Json::object());
    for (const auto& [name, stored] : parameters.items()) {
      if (stored.is_number() && distributions.contains(name))
        trial.parameters.emplace_back(
            name, optuna_value(stored.get<double>(), cell_text(distributions[name])));
    }
    const Json attributes = operation.value("user_attrs", Json::object());
    for (const auto& [name, value] : attributes.items()) trial.attributes.emplace_back(name, value);
    made->study.trials.push_back(std::move(trial));
  }

  // None where it is not there, or finished: nothing of it changes any more.
  OptunaTrial* open_trial(const Json& operation) {
    const auto id = operation.value("trial_id", trials_.size());
    if (id >= trials_.size() || studies_[trials_[id].study].is_deleted) return nullptr;
    OptunaTrial& trial = studies_[trials_[id].study].study.trials[trials_[id].trial];
    return is_finished(trial.state) ? nullptr : &trial;
  }

  void set_parameter(const Json& operation) {
    OptunaTrial* trial = open_trial(operation);
    if (trial == nullptr || !operation.contains("param_value_internal")) return;
    const Json& stored = operation["param_value_internal"];
    if (!stored.is_number()) return;
    trial->parameters.emplace_back(
        operation.value("param_name", ""),
        optuna_value(stored.get<double>(), operation.value("distribution", "")));
  }

  void finish(const Json& operation) {
    if (OptunaTrial* trial = open_trial(operation)) read_state(operation, *trial);
  }

  void set_attributes(const Json& operation) {
    OptunaTrial* trial = open_trial(operation);
    if (trial == nullptr) return;
    const Json attributes = operation.value("user_attr", Json::object());
    for (const auto& [name, value] : attributes.items())
      trial->attributes.emplace_back(name, value);
  }

  static void read_state(const Json& operation, OptunaTrial& trial) {
    const auto state = operation.value("state", size_t{0});
    if (state < kStates.size()) trial.state = kStates[state];
    const auto add = [&](const Json& value) {
      trial.values.push_back(number_in(cell_text(value)));
    };
    const Json values = operation.value("values", Json());
    if (values.is_array()) {
      trial.values.clear();
      for (const Json& value : values) add(value);
    } else if (operation.contains("value") && !operation["value"].is_null()) {
      trial.values.clear();
      add(operation["value"]);
    }
  }

  std::vector<Made> studies_;
  std::vector<Place> trials_;
};

}  // namespace

std::vector<OptunaStudy> read_optuna_journal(std::string_view text, const std::string& source) {
  Journal journal;
  int64_t number = 0;
  for (size_t end = 0; (end = text.find('\n')) != std::string_view::npos;) {
    ++number;  // a last line without an end is not written yet
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (line.empty()) continue;
    const std::string place = source + ":" + std::to_string(number);
    const Json operation = parse_python_json(line, place);
    try {
      if (!operation.is_object()) throw DataError(place + ": no operation of an Optuna journal");
      journal.apply(operation);
    } catch (const Json::exception&) {
      throw DataError(place + ": no operation of an Optuna journal");
    }
  }
  return std::move(journal).studies();
}

// ---- trials_dataframe() ----

void recognise_optuna_dataframe(DataFrame& frame) {
  if (frame.column("number") < 0 || frame.column("state") < 0) return;
  if (frame.column("datetime_start") < 0 && frame.column("duration") < 0) return;
  for (const std::string& name : frame.names) {
    if (name == "value" || name.starts_with("values_")) frame.undirected.insert(name);
  }
  if (frame.undirected.empty()) return;
  frame.state = "state";
  size_t objective = 0;
  for (const std::string& name : frame.names) {
    if (!name.starts_with("values_")) continue;
    frame.aliases["values_" + std::to_string(objective++)] = name;
    frame.aliases[name.substr(std::string_view("values_").size())] = name;
  }
  if (frame.undirected.size() == 1) frame.target = *frame.undirected.begin();
}

}  // namespace metaqnn::datasets
