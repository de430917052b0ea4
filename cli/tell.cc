#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <memory>

#include "base/foreign_text.h"
#include "base/nesting.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/supervised_search.h"
#include "datasets/logs/json_frame.h"
#include "metaqnn/search/ask_tell.h"
#include "metaqnn/search/search.h"

namespace metaqnn::cli {
namespace {

struct TellOptions {
  std::string study, measures, curve;
  int64_t trial = 0;
  std::optional<double> value;
  std::optional<std::string> failure;
  std::chrono::seconds patience = search::kPatience;
};

Json parse(const char* option, const std::string& text) {
  if (line_nested_deeper_than(kDeepestNesting, text))
    throw UsageError(fmt::format("{}: nested more than {} deep", option, kDeepestNesting));
  try {
    return datasets::parse_python_json(text, option);
  } catch (const DataError& error) {
    throw UsageError(error.what());
  }
}

double number(const std::string& place, const Json& value) {
  if (value.is_number()) return value.get<double>();
  throw UsageError(fmt::format("{} is {}, not a number", place,
                               value.is_null() ? "null or NaN" : shown(value.dump())));
}

std::map<std::string, double> parse_measures(const std::string& text) {
  const Json json = parse("--measures", text);
  if (!json.is_object())
    throw UsageError("--measures is no JSON object of numbers, such as '{\"latency_ms\": 3.1}'");
  std::map<std::string, double> measures;
  for (const auto& [name, value] : json.items())
    measures[name] = number("--measures: " + shown(name), value);
  return measures;
}

// An epoch that tells its figures by name; what is null or not there is not known.
search::EpochResult parse_epoch(const std::string& place, const Json& json,
                                const datasets::Measure& measure) {
  std::map<std::string, double> figures;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_null() && name != "epoch")
      figures[name] = number(place + ": " + shown(name), value);
  }
  try {
    return search::epoch_of(figures, measure.name);
  } catch (const UsageError& error) {
    throw UsageError(place + ": " + error.what());
  }
}

std::vector<search::EpochResult> parse_curve(const std::string& text,
                                             const datasets::Measure& measure) {
  const Json json = parse("--curve", text);
  if (!json.is_array()) {
    throw UsageError("--curve is no JSON list of numbers or of objects, such as '[0.61, 0.7]' or " +
                     fmt::format("'[{{\"{}\": 0.61}}, ...]'", shown(measure.name)));
  }
  std::vector<search::EpochResult> curve;
  for (const Json& element : json) {
    const std::string place = fmt::format("--curve: epoch {}", curve.size() + 1);
    if (element.is_object()) {
      curve.push_back(parse_epoch(place, element, measure));
    } else {
      curve.push_back(search::epoch_of({{measure.name, number(place, element)}}, measure.name));
    }
  }
  return curve;
}

ExitStatus run(const TellOptions& options) {
  const auto study =
      search::open_study(options.study, search::Durability::power_loss, options.patience);
  const datasets::Measure measure = search::measure_of(search::stored_configuration(*study));
  search::Told told{.value = options.value, .failure = options.failure};
  if (!options.measures.empty()) told.measures = parse_measures(options.measures);
  if (!options.curve.empty()) told.curve = parse_curve(options.curve, measure);
  const search::Trial trial = search::tell(*study, options.trial, told);
  print("trial {} {}", trial.number, search::to_string(trial.state));
  if (trial.failure != search::Failure::none) print(": {}", trial.reason());
  if (trial.value) print(", {} {}", measure.name, measured(*trial.value));
  print("\n");
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_tell(CLI::App& app) {
  auto options = std::make_shared<TellOptions>();
  app.add_option("--study", options->study, "the study")->required();
  app.add_option("--trial", options->trial, "its number, from metaqnn ask")
      ->required()
      ->check(at_least_one());
  CLI::Option* value = app.add_option("--value", options->value,
                                      "of what the study searches for; an accuracy is a fraction");
  app.add_option("--measures", options->measures,
                 "what else was measured: a JSON object of numbers")
      ->needs(value);
  app.add_option("--curve", options->curve,
                 "the value after each epoch: a JSON list of numbers, or of objects with "
                 "training_loss, validation_accuracy, ...")
      ->needs(value);
  app.add_option("--failed", options->failure,
                 "why there is no value; \"not learning\" counts as a model")
      ->excludes(value);
  add_patience(app, options->patience);
  return [options] { return run(*options); };
}

}  // namespace

const Command tell_command{"tell", "Store the result of a network that ask has reserved",
                           "metaqnn tell --study sqlite:///mine.db --trial 7 --value 0.93 \\\n"
                           "      --measures '{\"latency_ms\": 3.1}'",
                           set_up_tell, true};

}  // namespace metaqnn::cli
