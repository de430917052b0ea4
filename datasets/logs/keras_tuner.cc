#include "datasets/logs/keras_tuner.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/foreign_text.h"
#include "base/names.h"
#include "datasets/logs/csv.h"
#include "datasets/logs/json_frame.h"
#include "datasets/logs/read_frame.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

using Json = nlohmann::ordered_json;

struct Metric {
  std::string name;
  Direction direction;
  std::optional<double> best;
};

struct KerasTrial {
  Json values;  // of the hyperparameters
  std::vector<Metric> metrics;
  std::optional<double> score;
  std::string status;
};

// Numbers before texts, as people count: trial_2 before trial_10.
bool comes_before(const std::filesystem::path& a, const std::filesystem::path& b) {
  const std::string x = a.filename().string(), y = b.filename().string();
  return x.size() != y.size() ? x.size() < y.size() : x < y;
}

std::vector<std::filesystem::path> trial_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> folders;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().filename().string().starts_with("trial_") &&
        std::filesystem::exists(entry.path() / "trial.json", error))
      folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end(), comes_before);
  for (std::filesystem::path& trial : folders) trial /= "trial.json";
  return folders;
}

std::optional<double> mean_of(const Json& values) {
  if (!values.is_array() || values.empty()) return std::nullopt;
  double sum = 0;
  for (const Json& value : values) {
    if (!value.is_number()) return std::nullopt;
    sum += value.get<double>();
  }
  return sum / static_cast<double>(values.size());
}

Metric metric_of(const std::string& name, const Json& content) {
  Metric metric{
      name, content.value("direction", "max") == "min" ? Direction::minimize : Direction::maximize,
      std::nullopt};
  for (const Json& observation : content.value("observations", Json::array())) {
    const auto mean = mean_of(observation.value("value", Json()));
    if (mean && (!metric.best || is_better(*mean, *metric.best, metric.direction)))
      metric.best = mean;
  }
  return metric;
}

KerasTrial read_trial(const std::filesystem::path& file) {
  const Json json = parse_python_json(read_text(file), file.string());
  try {
    KerasTrial trial;
    trial.values = json.at("hyperparameters").at("values");
    trial.status = json.value("status", "");
    const Json score = json.value("score", Json());
    if (score.is_number()) trial.score = score.get<double>();
    const Json metrics = json.value("metrics", Json::object()).value("metrics", Json::object());
    for (const auto& [name, content] : metrics.items())
      trial.metrics.push_back(metric_of(name, content));
    return trial;
  } catch (const Json::exception&) {
    throw DataError(file.string() + ": it is no trial of KerasTuner");
  }
}

const Metric* metric_named(const KerasTrial& trial, const std::string& name) {
  for (const Metric& metric : trial.metrics) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

bool is_score(const Metric* metric, double score) {
  constexpr double kRounding = 1e-6;
  return metric != nullptr && metric->best &&
         std::abs(*metric->best - score) <= kRounding * (1e-6 + std::abs(score));
}

// Metrics that are the score in all trials that have one.
std::vector<Metric> objectives(const std::vector<KerasTrial>& trials) {
  std::vector<Metric> found;
  bool has_score = false;
  for (const KerasTrial& trial : trials) {
    if (!trial.score || !std::isfinite(*trial.score) || trial.status != "COMPLETED") continue;
    if (!has_score) found = trial.metrics;
    has_score = true;
    std::erase_if(found, [&](const Metric& metric) {
      return !is_score(metric_named(trial, metric.name), *trial.score);
    });
  }
  return found;
}

}  // namespace

std::optional<std::filesystem::path> keras_tuner_folder(const std::filesystem::path& folder) {
  if (!trial_files(folder).empty()) return folder;
  std::vector<std::filesystem::path> projects;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!trial_files(entry.path()).empty()) projects.push_back(entry.path());
  }
  if (projects.empty()) return std::nullopt;
  if (projects.size() == 1) return projects[0];
  std::vector<std::string> names;
  for (const std::filesystem::path& project : projects) names.push_back(shown(project.string()));
  std::sort(names.begin(), names.end());
  throw UsageError(folder.string() +
                   " holds several projects of KerasTuner; name one: " + list_names(names));
}

DataFrame read_keras_tuner_folder(const std::filesystem::path& folder) {
  std::vector<KerasTrial> trials;
  for (const std::filesystem::path& file : trial_files(folder)) trials.push_back(read_trial(file));
  std::vector<std::string> parameters, metrics;
  const auto add = [](std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const KerasTrial& trial : trials) {
    for (const auto& [name, value] : trial.values.items()) add(parameters, name);
    for (const Metric& metric : trial.metrics) add(metrics, metric.name);
  }
  const auto column_of = [&](const std::string& metric) {
    const bool is_taken =
        std::find(parameters.begin(), parameters.end(), metric) != parameters.end();
    return is_taken ? "metrics." + metric : metric;
  };
  RowsByName rows;
  for (size_t i = 0; i < trials.size(); ++i) {
    const KerasTrial& trial = trials[i];
    rows.begin_row(static_cast<int64_t>(i));
    for (const auto& [name, value] : trial.values.items())
      rows.set(name, value.is_null() ? "None" : cell_text(value));
    for (const Metric& metric : trial.metrics)
      rows.set(column_of(metric.name), metric.best ? csv_number(*metric.best) : "");
    rows.set("score", trial.score ? csv_number(*trial.score) : "");
    rows.set("status", trial.status);
  }
  DataFrame frame = std::move(rows).frame(folder.string());
  frame.state = "status";
  frame.features = parameters;
  const std::vector<Metric> found = objectives(trials);
  if (found.size() == 1) {
    frame.target = column_of(found[0].name);
    frame.directions[frame.target] = found[0].direction;
    frame.directions["score"] = found[0].direction;
  } else {
    frame.undirected.insert("score");
    for (const std::string& metric : metrics) frame.undirected.insert(column_of(metric));
  }
  return frame;
}

}  // namespace metaqnn::datasets
