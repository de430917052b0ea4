#include "datasets/logs/columns.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/foreign_text.h"
#include "base/names.h"
#include "datasets/logs/fields.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

// Columns of what was chosen for a trial, as the tools of the field call them.
constexpr std::array<std::string_view, 7> kParameterPrefixes{
    "params_", "param_", "params.", "config/", "config_", "config.", "hyperparameters."};
constexpr std::array<std::string_view, 2> kBudgets{"tuner/epochs", "training_iteration"};
constexpr std::array<std::string_view, 3> kStateColumns{"state", "status", "State"};

bool is_parameter(std::string_view name) {
  return std::any_of(kParameterPrefixes.begin(), kParameterPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::string_view without_prefix(std::string_view name) {
  for (std::string_view prefix : kParameterPrefixes) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

bool is_budget(std::string_view name) {
  const std::string_view own = without_prefix(name);
  return std::find(kBudgets.begin(), kBudgets.end(), own) != kBudgets.end();
}

// What a tuner notes about itself.
bool is_of_tuner(std::string_view name) { return without_prefix(name).starts_with("tuner/"); }

// ---- What columns hold ----

bool holds_a_number(const DataFrame& frame, int column) {
  for (size_t row = 0; row < frame.rows(); ++row) {
    if (number_in(frame.cell(row, column), frame.decimal_comma)) return true;
  }
  return false;
}

// Most of what it holds are numbers, or most are none.
enum class Content { nothing, numbers, text };

Content content_of(const DataFrame& frame, int column) {
  size_t numbers = 0, texts = 0;
  for (size_t row = 0; row < frame.rows(); ++row) {
    const std::string_view cell = frame.cell(row, column);
    if (is_blank(cell)) continue;
    number_in(cell, frame.decimal_comma) ? ++numbers : ++texts;
  }
  if (numbers + texts == 0) return Content::nothing;
  return numbers >= texts ? Content::numbers : Content::text;
}

bool is_constant(const DataFrame& frame, int column) {
  for (size_t row = 1; row < frame.rows(); ++row) {
    if (trimmed(frame.cell(row, column)) != trimmed(frame.cell(0, column))) return false;
  }
  return true;
}

std::string quoted_names(const DataFrame& frame, const std::vector<int>& columns) {
  std::vector<std::string> names;
  for (int column : columns)
    names.push_back("'" + shown(frame.names[static_cast<size_t>(column)]) + "'");
  return listed(names);
}

// ---- The format ----

Format recognised_format(const DataFrame& frame) {
  const auto has = [&](std::string_view name) { return frame.column(name) >= 0; };
  if (has("state") && has("validation_accuracy")) return Format::own;
  // Our export of another measure, which stands fifth.
  const auto stands = [&](std::string_view name, int place) { return frame.column(name) == place; };
  if (stands("number", 0) && stands("architecture", 1) && stands("state", 2) &&
      stands("reason", 3) && stands("direction", 5))
    return Format::own;
  if (has("accuracy_best_val") && has("iter_best_val")) return Format::replay;
  if (has("acc_1")) return Format::curves;
  return Format::table;
}

std::vector<EpochColumns> curve_columns(const DataFrame& frame) {
  std::vector<EpochColumns> epochs;
  for (int column; (column = frame.column("acc_" + std::to_string(epochs.size() + 1))) >= 0;)
    epochs.push_back({.validation_accuracy = column});
  return epochs;
}

std::vector<EpochColumns> own_curve_columns(const DataFrame& frame) {
  std::vector<EpochColumns> epochs;
  while (true) {
    const std::string suffix = "_" + std::to_string(epochs.size() + 1);
    const EpochColumns epoch{frame.column("training_loss" + suffix),
                             frame.column("training_accuracy" + suffix),
                             frame.column("validation_loss" + suffix),
                             frame.column("val_acc" + suffix), frame.column("value" + suffix)};
    if (std::max({epoch.training_loss, epoch.training_accuracy, epoch.validation_loss,
                  epoch.validation_accuracy, epoch.value}) < 0) {
      return epochs;
    }
    epochs.push_back(epoch);
  }
}

void find_own_columns(const DataFrame& frame, Columns& columns) {
  columns.state = frame.column("state");
  columns.reason = frame.column("reason");
  columns.target = frame.column("validation_accuracy");
  // Another measure, whose direction it says; the accuracy may be one of several then.
  const int after_reason = columns.reason + 1;
  if (columns.target < 0 || frame.column("direction") == after_reason + 1) {
    columns.target = after_reason;
    columns.direction = frame.column("direction");
  }
  for_each_field(LogRow(),
                 [&](const char* name, const auto&) { columns.fields[name] = frame.column(name); });
  columns.samples = frame.column("samples");
  columns.epochs = own_curve_columns(frame);
  // Between the samples and the curves.
  const int curves = columns.epochs.empty() ? static_cast<int>(frame.names.size())
                                            : columns.epochs.front().training_loss;
  for (int column = columns.samples + 1; columns.samples >= 0 && column < curves; ++column)
    columns.measures.push_back(column);
}

void find_format_columns(const DataFrame& frame, Columns& columns) {
  switch (columns.format) {
    case Format::own:
      find_own_columns(frame, columns);
      break;
    case Format::curves:
      columns.fields["parameters"] = frame.column("num_params");
      columns.fields["learning_rate"] = frame.column("lr");
      columns.epochs = curve_columns(frame);
      break;
    case Format::replay:
      columns.target = frame.column("accuracy_best_val");
      columns.best_iteration = frame.column("iter_best_val");
      columns.fields["epsilon"] = frame.column("epsilon");
      columns.sequence = frame.column("ix_q_value_update");
      break;
    case Format::table:
      columns.target = frame.target.empty() ? -1 : frame.column(frame.target);
      columns.state = frame.column(frame.state);
      for (std::string_view name : kStateColumns) {
        if (columns.state < 0) columns.state = frame.column(name);
      }
      break;
  }
}

// Accuracies of the format: its target, and those of its curves.
bool is_accuracy_of(const Columns& columns, int target) {
  if (columns.format == Format::table) return false;
  if (target == columns.target && columns.direction >= 0) return false;
  if (target < 0 || target == columns.target) return true;
  return std::any_of(columns.epochs.begin(), columns.epochs.end(), [&](const EpochColumns& epoch) {
    return target == epoch.validation_accuracy || target == epoch.training_accuracy;
  });
}

// ---- Features ----

void add_unique(std::vector<int>& list, int column) {
  if (std::find(list.begin(), list.end(), column) == list.end()) list.push_back(column);
}

// Those that are named, or those whose names or form say so.
std::vector<int> wanted_features(const DataFrame& frame, const LogOptions& options) {
  std::vector<int> wanted;
  for (const std::string& pattern : options.features) {
    for (int column : matching_columns(frame, pattern)) add_unique(wanted, column);
  }
  if (!options.features.empty()) return wanted;
  for (const std::string& name : frame.features) add_unique(wanted, frame.column(name));
  for (size_t i = 0; i < frame.names.size() && frame.features.empty(); ++i) {
    if (is_parameter(frame.names[i])) wanted.push_back(static_cast<int>(i));
  }
  return wanted;
}

int budget_column(const DataFrame& frame, const LogOptions& options,
                  const std::vector<int>& wanted) {
  if (!options.budget.empty()) return named_column(frame, options.budget, "budget");
  if (wanted.empty() || !options.features.empty()) return -1;
  for (size_t i = 0; i < frame.names.size(); ++i) {
    if (is_budget(frame.names[i])) return static_cast<int>(i);
  }
  return -1;
}

void find_features(const DataFrame& frame, const LogOptions& options, std::vector<int> wanted,
                   Columns& columns) {
  columns.budget = budget_column(frame, options, wanted);
  if (columns.budget >= 0) add_unique(wanted, columns.budget);
  std::vector<int> constant;
  for (int column : wanted) {
    const std::string& name = frame.names[static_cast<size_t>(column)];
    if (column == columns.architecture || column == columns.target || column == columns.state ||
        (is_of_tuner(name) && column != columns.budget))
      continue;
    const bool is_left_out = !options.keeps_constant_features && is_constant(frame, column);
    (is_left_out ? constant : columns.features).push_back(column);
  }
  if (columns.budget >= 0 && std::find(columns.features.begin(), columns.features.end(),
                                       columns.budget) == columns.features.end())
    columns.budget = -1;
  if (!constant.empty()) {
    columns.remarks.push_back(quoted_names(frame, constant) +
                              (constant.size() == 1 ? " is" : " are") +
                              " the same in all rows and left out");
  }
}

// ---- The string ----

std::vector<int> columns_with(const DataFrame& frame, Content content, const std::set<int>& taken) {
  std::vector<int> found;
  for (size_t i = 0; i < frame.names.size(); ++i) {
    const int column = static_cast<int>(i);
    if (!taken.contains(column) && !frame.names[i].empty() && content_of(frame, column) == content)
      found.push_back(column);
  }
  return found;
}

int architecture_column(const DataFrame& frame, const LogOptions& options, const Columns& columns,
                        const std::vector<int>& features) {
  if (options.architecture_column) {
    return options.architecture_column->empty()
               ? -1
               : named_column(frame, *options.architecture_column, "architecture");
  }
  if (const int column = std::max(frame.column("net"), frame.column("architecture")); column >= 0)
    return column;
  if (!features.empty() && options.features.empty()) return -1;
  std::set<int> taken(features.begin(), features.end());
  taken.insert({columns.target, columns.state});
  const std::vector<int> texts = columns_with(frame, Content::text, taken);
  if (texts.size() == 1) return texts[0];
  if (!features.empty()) return -1;
  throw UsageError(
      frame.source +
      (texts.empty() ? " has no column of text"
                     : " has several columns of text, and none is net or architecture") +
      "; name what describes the networks: the column with their strings (--architecture-column), "
      "or others (--features). It has the columns: " +
      frame.listed_columns());
}

// ---- The target ----

int named_target(const DataFrame& frame, const std::string& name) {
  const int column = named_column(frame, name, "target");
  if (frame.rows() == 0 || holds_a_number(frame, column)) return column;
  throw UsageError(frame.source + ": the column '" + shown(name) +
                   "' holds no number; name a numeric column as the target. It has the columns: " +
                   frame.listed_columns());
}

// Of a table that has none of its own, and of which none is named.
int only_target(const DataFrame& frame, const Columns& columns, const std::vector<int>& features) {
  std::set<int> taken(features.begin(), features.end());
  taken.insert({columns.architecture, columns.state});
  const std::vector<int> numbers = columns_with(frame, Content::numbers, taken);
  if (numbers.size() == 1) return numbers[0];
  throw UsageError(frame.source +
                   " is a table without a target of its own; name the target column"
                   " (--target). It has the columns: " +
                   frame.listed_columns());
}

Direction direction_of(const DataFrame& frame, const LogOptions& options, const Columns& columns) {
  if (options.direction) return *options.direction;
  const std::string& name = columns.measure.name;
  if (columns.direction >= 0 && columns.target == columns.reason + 1 && frame.rows() > 0)
    return frame.cell(0, columns.direction) == "minimize" ? Direction::minimize
                                                          : Direction::maximize;
  if (const auto own = frame.directions.find(name); own != frame.directions.end())
    return own->second;
  if (frame.undirected.contains(name) || is_less_better(name)) {
    throw UnknownDirection(frame.source, name, "--minimize or --maximize");
  }
  return Direction::maximize;
}

}  // namespace

UnknownDirection::UnknownDirection(const std::string& given_source, const std::string& given_name,
                                   const std::string& remedy)
    : UsageError(given_source + ": is less or more of '" + shown(given_name) + "' better? Give " +
                 remedy),
      source(given_source),
      name(given_name) {}

std::vector<int> matching_columns(const DataFrame& frame, const std::string& pattern) {
  if (const int column = frame.column(pattern); column >= 0) return {column};
  std::vector<int> found;
  for (size_t i = 0; i < frame.names.size(); ++i) {
    if (!frame.names[i].empty() && fnmatch(pattern.c_str(), frame.names[i].c_str(), 0) == 0)
      found.push_back(static_cast<int>(i));
  }
  if (found.empty()) named_column(frame, pattern, "features");
  return found;
}

int named_column(const DataFrame& frame, const std::string& name, const std::string& purpose) {
  if (const int column = frame.column(name); column >= 0) return column;
  if (const auto alias = frame.aliases.find(name); alias != frame.aliases.end())
    return frame.column(alias->second);
  const std::string nearest = nearest_name(name, frame.names);
  throw UsageError(frame.source + " has no column '" + shown(name) + "' for the " + purpose +
                   (nearest.empty() ? "" : "; did you mean '" + shown(nearest) + "'?") +
                   " It has the columns: " + frame.listed_columns());
}

Columns find_columns(const DataFrame& frame, const LogOptions& options) {
  Columns columns;
  columns.format = recognised_format(frame);
  find_format_columns(frame, columns);
  const std::vector<int> wanted = wanted_features(frame, options);
  if (!options.target.empty()) {
    const int named = named_target(frame, options.target);
    columns.holds_accuracies = is_accuracy_of(columns, named);
    columns.target = named;
  } else {
    columns.holds_accuracies = is_accuracy_of(columns, columns.target);
  }
  columns.architecture = architecture_column(frame, options, columns, wanted);
  if (columns.target < 0 && columns.format == Format::table)
    columns.target = only_target(frame, columns, wanted);
  for (const std::string& name : options.measures)
    columns.measures.push_back(named_column(frame, name, "measures"));
  find_features(frame, options, wanted, columns);
  if (columns.architecture < 0 && columns.features.empty()) {
    if (frame.rows() == 0) throw DataError(frame.source + ": it has names of columns and no row");
    throw UsageError(frame.source +
                     ": nothing describes the networks; name columns that do (--features), which "
                     "are not the same in all rows. It has the columns: " +
                     frame.listed_columns());
  }
  if (columns.target >= 0) columns.measure.name = frame.names[static_cast<size_t>(columns.target)];
  columns.measure.direction = direction_of(frame, options, columns);
  columns.measure.unit = columns.holds_accuracies ? "" : options.unit;
  return columns;
}

}  // namespace metaqnn::datasets
