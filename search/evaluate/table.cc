#include "search/evaluate/table.h"

#include <chrono>
#include <thread>
#include <unordered_map>

#include "datasets/logs/description.h"
#include "metaqnn/architecture/architecture.h"
#include "metaqnn/base/error.h"
#include "metaqnn/datasets/logs/merge.h"
#include "search/evaluate/accuracies.h"

namespace metaqnn::search {
namespace {

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

class TableEvaluator : public Evaluator {
 public:
  explicit TableEvaluator(const TableSettings& settings)
      : wait_(settings.seconds_per_trial), source_(settings.file.string()) {
    if (settings.file.empty())
      throw UsageError("evaluator.file is missing; give the CSV file that holds the table");
    datasets::LogOptions options;
    if (!settings.architecture_column.empty())
      options.architecture_column = settings.architecture_column;
    options.target = settings.target;
    datasets::Log log = as_accuracies(datasets::read_log(settings.file, options));
    if (log.rows.empty()) {
      throw DataError(source_ + ": no usable row" +
                      (log.problems.empty() ? "" : "; the first problem: " + log.problems[0]));
    }
    std::unordered_map<std::string, std::vector<datasets::LogRow>> groups;
    for (datasets::LogRow& row : log.rows)
      groups[canonical(datasets::parse_description(row.architecture).architecture.value_or(""))]
          .push_back(std::move(row));
    for (const auto& [architecture, rows] : groups) {
      datasets::MergedRow merged = datasets::merge(rows);
      rows_.emplace(architecture, std::move(merged.row));
      merged_.add(rows.size(), merged.results);
    }
  }

  std::vector<std::string> remarks() const override {
    std::string remark = source_ + ": " + std::to_string(rows_.size()) +
                         (rows_.size() == 1 ? " network" : " networks");
    if (merged_.rows > 0) remark += "; " + merged_.words();
    return {remark};
  }

  void evaluate(Trial& trial) override {
    const auto start = std::chrono::steady_clock::now();
    if (wait_.count() > 0) std::this_thread::sleep_for(wait_);
    const auto found = rows_.find(trial.architecture);
    if (found == rows_.end() || (!found->second.value && !found->second.failed())) {
      trial.state = TrialState::failed;
      trial.failure = Failure::error;
      trial.detail = "not in the table " + source_;
    } else {
      fill_in(found->second, trial);
    }
    trial.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  static void fill_in(const datasets::LogRow& row, Trial& trial) {
    trial.state = TrialState::complete;
    if (row.failed()) trial.fail(row.reason);
    trial.validation_accuracy = row.value;
    trial.parameters = row.parameters;
    trial.macs = row.macs;
    trial.learning_rate = row.learning_rate;
    trial.curve = row.curve;
  }

  std::chrono::duration<double> wait_;
  std::string source_;
  std::unordered_map<std::string, datasets::LogRow> rows_;
  datasets::MergeCounts merged_;
};

}  // namespace

std::unique_ptr<Evaluator> make_table_evaluator(const TableSettings& settings) {
  return std::make_unique<TableEvaluator>(settings);
}

}  // namespace metaqnn::search
