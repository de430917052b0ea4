// How good is this architecture? An evaluator answers with a finished trial: complete, or failed
// with a reason. A network that cannot be trained is an answer, never an exception; exceptions are
// for what the user must mend (a missing data set, a device that is not there).
//
//   auto evaluator = make_evaluator(settings, data, {.device = "cpu", .threads = 1, .seed = 1});
//   Trial trial{.architecture = "[C(64,3,1), SM(10)]"};
//   evaluator->evaluate(trial);
//   trial.state, trial.validation_accuracy, trial.curve
//
// Adding one: a new file with a factory, and one line in the table in evaluator.cc
// (CONTRIBUTING.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/search/evaluate/settings.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

// The device is at fault, or what it leaves a process to work with: a CUDA error after which every
// call fails. The process that got it can train nothing more there.
class DeviceFault : public FailureError {
 public:
  // `text`: in the words of the library. `after_work`: the process had trained something there.
  DeviceFault(const std::string& device, const std::string& text, bool after_work = false);
  DeviceFault(const DeviceFault& fault, bool after_work)
      : DeviceFault(fault.device_, fault.text_, after_work) {}

  const std::string& text() const { return text_; }  // one line
  bool after_work() const { return after_work_; }

 private:
  std::string device_, text_;
  bool after_work_;
};

// A short, timed piece of one network's training.
struct TimedEpoch {
  Trial trial;             // its costs; failed with a reason where it cannot be trained
  int64_t batch_size = 0;  // of the timed steps: the settings', or less where that takes too long
  double images_per_second = 0;                         // training
  double training_seconds = 0, validation_seconds = 0;  // of a whole epoch
};

// Looks at a training after each of its epochs, with the curve so far; false ends it there.
using AfterEpoch = std::function<bool(const std::vector<EpochResult>& curve)>;

class Evaluator {
 public:
  virtual ~Evaluator() = default;
  // Fills in state, failure and detail, what was measured, costs and curve; leaves number,
  // architecture, epsilon, attempts and origin as they are. Its result is a function of the
  // architecture, the study's seed and what watch() was told. Throws DeviceFault.
  virtual void evaluate(Trial& trial) = 0;
  // Of the trainings that follow each epoch is looked at; one that is ended is TrialState::stopped,
  // with the curve up to that epoch and no value.
  void watch(AfterEpoch after_epoch) { after_epoch_ = std::move(after_epoch); }
  // Trainings that are ended wait in this folder, and a trial that comes with the curve of one goes on
  // from there, to the same result, where the evaluator can do that.
  virtual void pause_in(const std::filesystem::path& folder) { (void)folder; }
  // How many epochs the last evaluate() found trained already.
  virtual int64_t resumed_epochs() const { return 0; }
  // False where evaluate() would refuse the architecture for its size, before it trains anything.
  virtual bool keeps_limits(const std::string& architecture) const {
    (void)architecture;
    return true;
  }
  // All that evaluate() has an answer for; nothing where that is any architecture.
  virtual std::optional<std::vector<std::string>> architectures() const { return std::nullopt; }
  // What a user should know before a search, one line each.
  virtual std::vector<std::string> remarks() const { return {}; }
  // How long an epoch would take, from about `seconds` of training; nothing where evaluate() does
  // not train.
  virtual std::optional<TimedEpoch> time_epoch(const std::string& architecture, double seconds) {
    (void)architecture, (void)seconds;
    return std::nullopt;
  }

 protected:
  bool goes_on(const std::vector<EpochResult>& curve) const {
    return !after_epoch_ || after_epoch_(curve);
  }

 private:
  AfterEpoch after_epoch_;
};

// What one worker may use.
struct Resources {
  std::string device = "cpu";  // cpu, cuda:0, ...
  int threads = 1;
  uint64_t seed = 0;       // the study's
  std::string study = {};  // its URL, as Study::url()
};

// Throws UsageError where evaluators of this kind do not measure the objective.
void check_objective(const EvaluatorSettings& settings);
std::unique_ptr<Evaluator> make_evaluator(const EvaluatorSettings& settings,
                                          const DataSettings& data, const Resources& resources);
std::vector<std::string> evaluator_kinds();

// The command that evaluators of these settings run, and where; "" of other kinds.
std::string command_of(const EvaluatorSettings& settings);
// A command that comes out of a study is run where somebody has seen it and says so: `allowed` is what
// command_of() tells of it. Throws UsageError for another, and where results come by tell() alone, so
// that nobody evaluates anything here.
void check_allowed(const EvaluatorSettings& settings, const std::string& allowed);

}  // namespace metaqnn::search
