#include "metaqnn/search/import.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "base/foreign_text.h"
#include "datasets/logs/description.h"
#include "datasets/logs/fields.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/search.h"
#include "search/evaluate/accuracies.h"

namespace metaqnn::search {
namespace {

// Of rows that do not say it: drawn uniformly.
constexpr double kUnknownEpsilon = 1;

Trial to_trial(const datasets::LogRow& row, const std::string& architecture,
               const datasets::Measure& measure) {
  Trial trial;
  trial.architecture = architecture;
  trial.state = TrialState::complete;
  if (row.failed()) trial.fail(row.reason);
  if (measure.is_accuracy()) {
    trial.validation_accuracy = row.value;
  } else if (row.value) {
    trial.value = row.value;
    trial.measures[measure.name] = *row.value;
  }
  trial.measures.insert(row.measures.begin(), row.measures.end());
  if (row.prediction) {
    trial.state = TrialState::stopped;
    trial.predicted = true;
    (measure.is_accuracy() ? trial.validation_accuracy : trial.value) = row.prediction;
  }
  trial.epsilon = kUnknownEpsilon;
  trial.attempts = 1;
  trial.origin = "import";
  datasets::copy_fields(row, trial);
  trial.curve = row.curve;
  return trial;
}

struct PlannedSample {
  int64_t sequence;  // in the log
  int64_t trial;
  double epsilon;
};

class Importer {
 public:
  Importer(const datasets::Log& log, const Space& space, Study& study,
           const datasets::Measure& measure)
      : log_(log),
        space_(space),
        study_(study),
        measure_(measure),
        objective_(stored_configuration(study).evaluator.objective) {}

  ImportReport run() {
    for (const datasets::LogRow& row : log_.rows) sort_in(row);
    for (Group& group : groups_) add(group);
    for (const auto& [row, group] : rows_) plan_samples(*row, groups_[group].trial);
    std::stable_sort(samples_.begin(), samples_.end(),
                     [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
    for (const PlannedSample& sample : samples_) study_.add_sample(sample.trial, sample.epsilon);
    report_.samples = static_cast<int64_t>(samples_.size());
    return std::move(report_);
  }

 private:
  // The rows of one architecture.
  struct Group {
    std::string architecture;
    std::vector<datasets::LogRow> rows;
    int64_t trial = 0;
  };

  void sort_in(const datasets::LogRow& row) {
    const std::string place =
        log_.source + (row.line > 0 ? ":" + std::to_string(row.line) : "") + ": ";
    try {
      const Space::Found found =
          space_.find(datasets::parse_description(row.architecture).architecture.value_or(""));
      if (!found.walk) return leave_out(place + "not in the space: " + found.refusal);
      const bool complete = row.state == "complete" && row.value;
      if (!complete && !row.failed() && !row.prediction) return leave_out(place + "no result yet");
      check(row);
      const size_t group = group_of(found.canonical);
      groups_[group].rows.push_back(row);
      rows_.emplace_back(&row, group);
    } catch (const UsageError& error) {
      leave_out(place + error.what());
    }
  }

  // What a study could not hold.
  static void check(const datasets::LogRow& row) {
    constexpr int64_t kMostAttempts = std::numeric_limits<int>::max();
    constexpr int64_t kMostSamples = std::numeric_limits<int64_t>::max() / 2;
    const int64_t attempts = row.attempts.value_or(1);
    if (attempts < 0 || attempts > kMostAttempts)
      throw UsageError("attempts " + std::to_string(attempts) + " are not 0 to " +
                       std::to_string(kMostAttempts));
    for (const int64_t sample : row.samples) {
      if (sample < 1 || sample > kMostSamples)
        throw UsageError("a sample's number " + std::to_string(sample) + " is not 1 to " +
                         std::to_string(kMostSamples));
    }
  }

  size_t group_of(const std::string& architecture) {
    const auto known = places_.find(architecture);
    if (known != places_.end()) return known->second;
    if (study_.find_trial(architecture))
      throw UsageError(architecture + " is already in the study");
    groups_.push_back({architecture, {}, 0});
    return places_.emplace(architecture, groups_.size() - 1).first->second;
  }

  void add(Group& group) {
    const datasets::MergedRow merged = datasets::merge(group.rows);
    Trial trial = to_trial(merged.row, group.architecture, measure_);
    if (objective_.has_several()) keep_limits(objective_, trial);
    group.trial = study_.add_trial(trial, 0);
    ++report_.trials;
    report_.merged.add(group.rows.size(), merged.results);
  }

  void plan_samples(const datasets::LogRow& row, int64_t trial) {
    // Rows without sequence numbers take the order of the file.
    const double epsilon = row.epsilon.value_or(kUnknownEpsilon);
    if (row.samples.empty()) {
      samples_.push_back({++last_, trial, epsilon});
    } else {
      for (int64_t sequence : row.samples) {
        samples_.push_back({sequence, trial, epsilon});
        last_ = std::max(last_, sequence);
      }
    }
  }

  void leave_out(const std::string& problem) {
    report_.problems.push_back(problem + "; row left out");
  }

  const datasets::Log& log_;
  const Space& space_;
  Study& study_;
  const datasets::Measure& measure_;
  const Objective objective_;
  std::vector<Group> groups_;                       // in the order of their first rows
  std::unordered_map<std::string, size_t> places_;  // in groups_
  std::vector<std::pair<const datasets::LogRow*, size_t>> rows_;  // in their order, and the group
  std::vector<PlannedSample> samples_;
  int64_t last_ = 0;
  ImportReport report_;
};

}  // namespace

datasets::Log as_results(datasets::Log log, const datasets::Measure& measure) {
  if (measure.is_accuracy()) return as_accuracies(std::move(log));
  if (log.measure.direction == measure.direction) return log;
  const bool is_least = measure.direction == datasets::Direction::minimize;
  throw UsageError(log.source + ": of '" + shown(log.measure.name) + "' " +
                   (is_least ? "more" : "less") + " is better, and the study searches for the " +
                   (is_least ? "least " : "largest ") + shown(measure.name));
}

ImportReport import_log(const datasets::Log& given, const Space& space, Study& study,
                        const datasets::Measure& measure) {
  const datasets::Log log = as_results(given, measure);
  ImportReport report;
  transact(study, [&](bool again) {
    ImportReport found = Importer(log, space, study, measure).run();
    const bool is_done = again && found.trials == 0 && found.samples == 0;
    if (!is_done) report = std::move(found);
  });
  report.problems.insert(report.problems.begin(),
                         log.problems.begin() + static_cast<std::ptrdiff_t>(given.problems.size()),
                         log.problems.end());
  return report;
}

}  // namespace metaqnn::search
