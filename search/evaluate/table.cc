#include "search/evaluate/table.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>
#include <utility>

#include "base/numbers.h"
#include "base/parallel.h"
#include "datasets/logs/columns.h"
#include "datasets/logs/description.h"
#include "datasets/logs/make_log.h"
#include "metaqnn/architecture/architecture.h"
#include "metaqnn/base/error.h"
#include "metaqnn/datasets/logs/merge.h"
#include "search/evaluate/accuracies.h"
#include "search/study/optuna_storage.h"

namespace metaqnn::search {
namespace {

constexpr size_t kProblemsShown = 3;

// The form in which a study names it: without D where it is one of our strings, as it stands
// otherwise.
std::string canonical(const std::string& text) {
  if (text.empty() || text.front() != '[') return text;
  try {
    return identity(parse_architecture(text));
  } catch (const UsageError&) {
    return text;
  }
}

// Of its columns the one that is searched for, under the name of the file.
datasets::Log read_table(const TableSettings& settings, const Objective& objective) {
  if (settings.file.empty())
    throw UsageError("evaluator.file is missing; give the file that holds the table");
  datasets::LogOptions options;
  if (!settings.architecture_column.empty())
    options.architecture_column = settings.architecture_column;
  options.features = settings.features;
  options.direction = objective.told_direction();
  options.target = settings.target;
  datasets::DataFrame frame = read_any_frame(settings.file, options);
  // The objective names a column of its own, or is another name for the target.
  const std::string& measure = objective.measure;
  if (!measure.empty() && (frame.column(measure) >= 0 || frame.aliases.contains(measure) ||
                           (settings.target.empty() && !objective.is_accuracy()))) {
    options.target = measure;
    if (!settings.target.empty() && settings.target != measure)
      options.measures = {settings.target};
  }
  for (const datasets::Measure& other : objective.others) options.measures.push_back(other.name);
  for (const auto& [name, limit] : objective.limits) options.measures.push_back(name);
  try {
    return datasets::make_log(std::move(frame), options);
  } catch (const datasets::UnknownDirection& unknown) {
    throw datasets::UnknownDirection(
        unknown.source, unknown.name,
        "direction = \"minimize\" or \"maximize\" in the section [objective]");
  }
}

bool are_fractions(const datasets::Log& log) {
  return std::all_of(log.rows.begin(), log.rows.end(), [](const datasets::LogRow& row) {
    return !row.value || (*row.value >= 0 && *row.value <= 1);
  });
}

// A value, or a failure that means something to a search; others did not come to a result.
bool is_result(const datasets::LogRow& row) {
  if (row.value) return true;
  return row.failed() && (parse_failure(row.reason) != Failure::error ||
                          row.reason.starts_with(to_string(Failure::error)));
}

// What a study calls the network of each row: its string, unless columns were named beside it.
std::vector<std::string> names_in_study(const datasets::Log& log, bool with_columns) {
  std::vector<std::string> names(log.rows.size());
  parallel_for(static_cast<int64_t>(names.size()), available_cores(), [&](int64_t i) {
    const std::string& text = log.rows[static_cast<size_t>(i)].architecture;
    names[static_cast<size_t>(i)] =
        with_columns ? text
                     : canonical(datasets::parse_description(text).architecture.value_or(""));
  });
  return names;
}

class TableEvaluator : public Evaluator {
 public:
  TableEvaluator(const TableSettings& settings, const Objective& objective)
      : wait_(settings.seconds_per_trial), source_(settings.file.string()), objective_(objective) {
    datasets::Log log = read_table(settings, objective);
    if (objective.is_accuracy())
      log = as_accuracies(std::move(log), "name it as the measure of [objective]");
    problems_ = std::move(log.problems);
    remarks_ = std::move(log.remarks);
    std::erase_if(log.rows, [](const datasets::LogRow& row) { return !is_result(row); });
    const std::vector<std::string> names =
        names_in_study(log, !settings.features.empty() || !log.has_strings);
    std::map<std::string, std::vector<datasets::LogRow>> groups;
    for (size_t i = 0; i < names.size(); ++i) groups[names[i]].push_back(std::move(log.rows[i]));
    if (groups.empty()) {
      throw DataError(source_ + ": no usable row" +
                      (problems_.empty() ? "" : "; the first problem: " + problems_[0]));
    }
    for (const auto& [architecture, rows] : groups) {
      datasets::MergedRow merged = datasets::merge(rows);
      rows_.emplace(architecture, std::move(merged.row));
      merged_.add(rows.size(), merged.results);
    }
  }

  std::vector<std::string> remarks() const override {
    std::string remark = source_ + ": " + plural(static_cast<int64_t>(rows_.size()), "network");
    if (!objective_.is_accuracy()) {
      const datasets::Measure measure = measure_of(objective_);
      remark += ", " + to_string(measure.direction) + " " + measure.name;
    }
    for (const datasets::Measure& other : objective_.others)
      remark += ", " + to_string(other.direction) + " " + other.name;
    if (merged_.rows > 0) remark += "; " + merged_.words();
    std::vector<std::string> remarks{remark};
    remarks.insert(remarks.end(), remarks_.begin(), remarks_.end());
    const size_t shown = std::min(problems_.size(), kProblemsShown);
    remarks.insert(remarks.end(), problems_.begin(),
                   problems_.begin() + static_cast<std::ptrdiff_t>(shown));
    if (problems_.size() > shown) {
      remarks.push_back(source_ + ": " +
                        plural(static_cast<int64_t>(problems_.size() - shown), "more row") +
                        " left out");
    }
    return remarks;
  }

  std::optional<std::vector<std::string>> architectures() const override {
    std::vector<std::string> all;
    for (const auto& [architecture, row] : rows_) all.push_back(architecture);
    return all;
  }

  void evaluate(Trial& trial) override {
    const auto start = std::chrono::steady_clock::now();
    if (wait_.count() > 0) std::this_thread::sleep_for(wait_);
    if (const auto found = rows_.find(trial.architecture); found != rows_.end()) {
      fill_in(found->second, trial);
      replay(trial);
    } else {
      trial.state = TrialState::failed;
      trial.failure = Failure::error;
      trial.detail = "not in the table " + source_;
    }
    trial.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  void fill_in(const datasets::LogRow& row, Trial& trial) const {
    trial.state = TrialState::complete;
    if (row.failed()) trial.fail(row.reason);
    if (objective_.is_accuracy()) {
      trial.validation_accuracy = row.value;
    } else if (row.value) {
      trial.value = row.value;
      trial.measures[objective_.measure] = *row.value;
    }
    trial.measures.insert(row.measures.begin(), row.measures.end());
    trial.parameters = row.parameters;
    trial.macs = row.macs;
    trial.learning_rate = row.learning_rate;
    trial.curve = row.curve;
  }

  // As if it were trained: whoever watches sees one epoch after another.
  void replay(Trial& trial) const {
    const std::vector<EpochResult> whole = trial.curve;
    for (size_t epochs = 1; epochs < whole.size() && trial.state == TrialState::complete;
         ++epochs) {
      trial.curve.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(epochs));
      if (!goes_on(trial.curve)) return stop(trial);
    }
    trial.curve = whole;
  }

  void stop(Trial& trial) const {
    trial.state = TrialState::stopped;
    trial.validation_accuracy.reset();
    trial.value.reset();
    trial.measures.clear();
  }

  std::chrono::duration<double> wait_;
  std::string source_;
  Objective objective_;
  std::map<std::string, datasets::LogRow> rows_;
  datasets::MergeCounts merged_;
  std::vector<std::string> problems_, remarks_;
};

}  // namespace

std::unique_ptr<Evaluator> make_table_evaluator(const TableSettings& settings,
                                                const Objective& objective) {
  return std::make_unique<TableEvaluator>(settings, objective);
}

bool is_there(const TableSettings& table) {
  std::error_code ignored;
  return std::filesystem::exists(table.file, ignored);
}

Objective table_objective(const TableSettings& settings, const Objective& objective) {
  const datasets::Log log = read_table(settings, objective);
  Objective settled = objective;
  const bool may_be_accuracy = log.measure.direction == datasets::Direction::maximize &&
                               (log.holds_accuracies || are_fractions(log));
  if (objective.is_unset() && may_be_accuracy) return settled;
  if (settled.measure.empty() && !log.holds_accuracies) settled.measure = log.measure.name;
  settled.direction = log.measure.direction;
  return settled;
}

}  // namespace metaqnn::search
