#include "search/optuna_journal.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "datasets/logs/fields.h"
#include "metaqnn/architecture/architecture.h"
#include "metaqnn/search/search.h"

namespace metaqnn::search {
namespace {

using Json = nlohmann::ordered_json;

// Optuna's numbers of what is written.
enum Operation { kCreateStudy = 0, kSetStudySystemAttribute = 3, kCreateTrial = 4 };
enum StudyDirection { kMinimize = 1, kMaximize = 2 };
enum OptunaState { kRunning, kComplete, kPruned, kFail, kWaiting };

OptunaState optuna_state(TrialState state) {
  switch (state) {
    case TrialState::running:
      return kRunning;
    case TrialState::complete:
      return kComplete;
    case TrialState::stopped:
      return kPruned;
    case TrialState::failed:
      return kFail;
    case TrialState::waiting:
      return kWaiting;
  }
  METAQNN_ASSERT(false, "state " + to_string(state));
}

// "quick" of sqlite:///folder/quick.db and of postgresql://user@host/quick?port=1.
std::string name_of(const Study& study) {
  const std::string url = shown_url(study.url());
  return std::filesystem::path(url.substr(0, url.find('?'))).stem();
}

// ---- Parameters ----

using Parameters = std::vector<std::pair<std::string, std::string>>;  // name and choice

Parameters layers_of(const std::string& text) {
  Parameters parameters;
  for (const Layer& layer : parse_architecture(text).layers) {
    if (std::holds_alternative<Softmax>(layer) || std::holds_alternative<Dropout>(layer)) continue;
    parameters.emplace_back("layer " + std::to_string(parameters.size() + 1), to_string(layer));
  }
  return parameters;
}

// None where it is not of the space.
Parameters slots_of(const std::string& text, const Space& space) {
  Parameters parameters;
  for (const auto& [position, choice] : space.find(text).walk.value_or(Walk())) {
    const Choice& chosen = space.choices(position)[static_cast<size_t>(choice)];
    parameters.emplace_back("slot " + std::to_string(parameters.size() + 1),
                            space.label(chosen.label));
  }
  return parameters;
}

// What describes each trial.
std::vector<Parameters> parameters_of(const std::vector<Trial>& trials,
                                      const Configuration& configuration) {
  std::vector<Parameters> all;
  const bool is_sequence = configuration.space.is_sequence();
  const std::optional<Space> space =
      is_sequence ? std::optional(build_space(configuration)) : std::nullopt;
  for (const Trial& trial : trials)
    all.push_back(space ? slots_of(trial.architecture, *space) : layers_of(trial.architecture));
  return all;
}

// What was chosen for each parameter, in one order for all trials.
std::map<std::string, std::vector<std::string>> choices_of(const std::vector<Parameters>& all) {
  std::map<std::string, std::vector<std::string>> choices;
  for (const Parameters& parameters : all) {
    for (const auto& [name, choice] : parameters) choices[name].push_back(choice);
  }
  for (auto& [name, list] : choices) {
    std::ranges::sort(list);
    list.erase(std::ranges::unique(list).begin(), list.end());
  }
  return choices;
}

// ---- Times ----

// As the study writes them, 2026-01-31T12:34:56Z, and as Optuna reads them.
std::string optuna_time(const std::string& utc, double seconds_before = 0) {
  std::tm parts{};
  strptime(utc.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  const std::time_t time = timegm(&parts) - std::llround(seconds_before);
  gmtime_r(&time, &parts);
  char text[sizeof "2026-01-31T12:34:56"];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return text;
}

// ---- Trials ----

void put(const std::string& name, const std::string& value, Json& attributes) {
  if (!value.empty()) attributes[name] = value;
}
template <typename Number>
void put(const std::string& name, const std::optional<Number>& value, Json& attributes) {
  if (value) attributes[name] = *value;
}
template <typename Number>
void put(const std::string& name, Number value, Json& attributes) {
  attributes[name] = value;
}

Json attributes_of(const Trial& trial, const Parameters& parameters, bool is_sequence) {
  Json attributes{{"trial", trial.number}, {"architecture", trial.architecture}};
  if (!is_sequence) attributes["depth"] = parameters.size();
  put("reason", trial.reason(), attributes);
  if (trial.predicted) put("prediction", trial.value, attributes);
  put("precision", trial.precision, attributes);
  datasets::for_each_field(
      trial, [&](const char* name, const auto& value) { put(name, value, attributes); });
  for (const auto& [name, value] : trial.measures) attributes.emplace(name, value);
  return attributes;
}

// Of what is searched for, by epoch.
Json intermediate_values(const Trial& trial, const datasets::Measure& measure) {
  Json values = Json::object();
  for (size_t i = 0; i < trial.curve.size(); ++i) {
    const EpochResult& epoch = trial.curve[i];
    const double value = measure.is_accuracy() ? epoch.validation_accuracy : epoch.value;
    if (std::isfinite(value)) values[std::to_string(i + 1)] = value;
  }
  return values;
}

std::string line(Operation code, const Json& fields) {
  Json operation{{"op_code", code}, {"worker_id", "metaqnn"}};
  operation.update(fields);
  return operation.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

class TrialWriter {
 public:
  TrialWriter(const Configuration& configuration, const std::vector<Parameters>& all)
      : measure_(measure_of(configuration)),
        is_sequence_(configuration.space.is_sequence()),
        choices_(choices_of(all)) {}

  std::string trial(const Trial& trial, const Parameters& parameters) const {
    const Json curve = intermediate_values(trial, measure_);
    Json fields{{"study_id", 0},
                {"state", optuna_state(trial.state)},
                {"value", value(trial, curve)},
                {"values", nullptr},
                {"datetime_start", nullptr}};
    if (trial.finished()) {
      fields["datetime_start"] = optuna_time(trial.finished_at, trial.seconds.value_or(0));
      fields["datetime_complete"] = optuna_time(trial.finished_at);
    }
    describe(parameters, fields);
    fields["user_attrs"] = attributes_of(trial, parameters, is_sequence_);
    fields["system_attrs"] = Json::object();
    fields["intermediate_values"] = curve;
    return line(kCreateTrial, fields);
  }

 private:
  static Json value(const Trial& trial, const Json& curve) {
    if (trial.state == TrialState::complete && trial.value) return *trial.value;
    if (trial.state == TrialState::stopped && !curve.empty()) return curve.back();
    return nullptr;
  }

  // Of a categorical parameter Optuna keeps the number of the choice.
  void describe(const Parameters& parameters, Json& fields) const {
    Json distributions = Json::object(), numbers = Json::object();
    for (const auto& [name, choice] : parameters) {
      const std::vector<std::string>& choices = choices_.at(name);
      distributions[name] =
          Json{{"name", "CategoricalDistribution"}, {"attributes", {{"choices", choices}}}}.dump(
              -1, ' ', false, Json::error_handler_t::replace);
      numbers[name] = std::ranges::lower_bound(choices, choice) - choices.begin();
    }
    fields["distributions"] = distributions;
    fields["params"] = numbers;
  }

  datasets::Measure measure_;
  bool is_sequence_;
  std::map<std::string, std::vector<std::string>> choices_;
};

}  // namespace

std::string to_optuna_journal(Study& study) {
  const Snapshot snapshot(study);
  const Configuration configuration = stored_configuration(study);
  const datasets::Measure measure = measure_of(configuration);
  const bool is_less_better = measure.direction == datasets::Direction::minimize;
  std::string journal =
      line(kCreateStudy, {{"study_name", name_of(study)},
                          {"directions", Json::array({is_less_better ? kMinimize : kMaximize})}}) +
      line(kSetStudySystemAttribute,
           {{"study_id", 0},
            {"system_attr", {{"study:metric_names", Json::array({measure.name})}}}});
  const std::vector<Trial> trials = study.trials(true);
  const std::vector<Parameters> parameters = parameters_of(trials, configuration);
  const TrialWriter writer(configuration, parameters);
  for (size_t i = 0; i < trials.size(); ++i) journal += writer.trial(trials[i], parameters[i]);
  return journal;
}

}  // namespace metaqnn::search
