#include "search/import.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "architecture/error.h"

namespace metaqnn::search {
namespace {

Trial to_trial(const datasets::LogRow& row, const std::string& architecture) {
  Trial trial;
  trial.architecture = architecture;
  trial.state = TrialState::complete;
  if (row.failed()) trial.fail(row.reason);
  trial.validation_accuracy = row.accuracy;
  trial.epsilon = row.epsilon.value_or(1.0);
  trial.attempts = static_cast<int>(row.attempts.value_or(1));
  trial.origin = row.origin.empty() ? "import" : row.origin;
  trial.parameters = row.parameters;
  trial.macs = row.macs;
  trial.memory_bytes = row.memory_bytes;
  trial.learning_rate = row.learning_rate;
  trial.seconds = row.seconds;
  trial.images_per_second = row.images_per_second;
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
  Importer(const datasets::Log& log, const Space& space, Study& study)
      : log_(log), space_(space), study_(study) {}

  ImportReport run() {
    Transaction transaction(study_);
    for (const datasets::LogRow& row : log_.rows) add(row);
    std::stable_sort(samples_.begin(), samples_.end(),
                     [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
    for (const PlannedSample& sample : samples_) study_.add_sample(sample.trial, sample.epsilon);
    report_.samples = static_cast<int64_t>(samples_.size());
    transaction.commit();
    return std::move(report_);
  }

 private:
  void add(const datasets::LogRow& row) {
    const std::string place =
        log_.source + (row.line > 0 ? ":" + std::to_string(row.line) : "") + ": ";
    try {
      const Space::Found found = space_.find(row.architecture);
      if (!found.walk) return leave_out(place + "not in the space: " + found.refusal);
      const bool complete = row.state == "complete" && row.accuracy;
      if (!complete && !row.failed()) return leave_out(place + "no result yet");
      check(row);
      plan_samples(row, trial_number(row, found.canonical));
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

  int64_t trial_number(const datasets::LogRow& row, const std::string& architecture) {
    const auto known = imported_.find(architecture);
    if (known != imported_.end()) return known->second;
    if (study_.find_trial(architecture))
      throw UsageError(architecture + " is already in the study");
    ++report_.trials;
    const int64_t number = study_.add_trial(to_trial(row, architecture), 0);
    imported_.emplace(architecture, number);
    return number;
  }

  void plan_samples(const datasets::LogRow& row, int64_t trial) {
    // Rows without sequence numbers take the order of the file.
    const double epsilon = row.epsilon.value_or(1.0);
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
  std::unordered_map<std::string, int64_t> imported_;
  std::vector<PlannedSample> samples_;
  int64_t last_ = 0;
  ImportReport report_;
};

}  // namespace

ImportReport import_log(const datasets::Log& log, const Space& space, Study& study) {
  return Importer(log, space, study).run();
}

}  // namespace metaqnn::search
