#include "search/evaluate/paused_trainings.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <system_error>

#include "metaqnn/base/error.h"

namespace metaqnn::search {
namespace {

bool is_same_number(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

bool is_same_epoch(const EpochResult& a, const EpochResult& b) {
  return is_same_number(a.training_loss, b.training_loss) &&
         is_same_number(a.training_accuracy, b.training_accuracy) &&
         is_same_number(a.validation_loss, b.validation_loss) &&
         is_same_number(a.validation_accuracy, b.validation_accuracy);
}

bool is_of(const Trial& trial, const Checkpoint& checkpoint) {
  const std::vector<EpochResult>& curve = checkpoint.facts.curve;
  return checkpoint.unfinished && checkpoint.architecture == trial.architecture &&
         std::equal(curve.begin(), curve.end(), trial.curve.begin(), trial.curve.end(),
                    is_same_epoch);
}

}  // namespace

std::filesystem::path PausedTrainings::file(int64_t trial) const {
  return folder_ / ("trial-" + std::to_string(trial) + ".checkpoint");
}

void PausedTrainings::keep(const Checkpoint& checkpoint) const {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) {
    throw FailureError(folder_.string() + ": stopped trainings cannot be kept there (" +
                       error.message() +
                       "); mend it, or say pause = false in [stopping] of a new study");
  }
  write_checkpoint(checkpoint, file(checkpoint.facts.trial));
}

std::optional<Checkpoint> PausedTrainings::find(const Trial& trial) const {
  std::error_code ignored;
  if (!keeps() || trial.curve.empty() || !std::filesystem::exists(file(trial.number), ignored))
    return std::nullopt;
  try {
    Checkpoint checkpoint = read_checkpoint(file(trial.number));
    if (is_of(trial, checkpoint)) return checkpoint;
  } catch (const DataError&) {
    // Or removed by another worker since.
  }
  return std::nullopt;
}

void PausedTrainings::tidy(std::vector<Trial> trials, datasets::Direction direction,
                           double max_bytes) const {
  std::error_code error;
  if (!keeps() || !std::filesystem::is_directory(folder_, error)) return;
  std::stable_sort(trials.begin(), trials.end(), [&](const Trial& a, const Trial& b) {
    return a.value && (!b.value || datasets::is_better(*a.value, *b.value, direction));
  });
  double bytes = 0;
  for (const Trial& trial : trials) {
    if (!trial.finished()) continue;
    const auto size = static_cast<double>(std::filesystem::file_size(file(trial.number), error));
    if (error) continue;
    if (trial.state == TrialState::stopped && bytes + size <= max_bytes) {
      bytes += size;
    } else {
      std::filesystem::remove(file(trial.number), error);
    }
  }
}

}  // namespace metaqnn::search
