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

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "search/evaluate/settings.h"
#include "search/study/study.h"

namespace metaqnn::search {

class Evaluator {
 public:
  virtual ~Evaluator() = default;
  // Fills in everything that finish_trial() stores. Its result is a function of the architecture
  // and the study's seed.
  virtual void evaluate(Trial& trial) = 0;
};

// What one worker may use.
struct Resources {
  std::string device = "cpu";  // cpu, cuda:0, ...
  int threads = 1;
  uint64_t seed = 0;  // the study's
};

std::unique_ptr<Evaluator> make_evaluator(const EvaluatorSettings& settings,
                                          const DataSettings& data, const Resources& resources);
std::vector<std::string> evaluator_kinds();

}  // namespace metaqnn::search
