// One worker's search: propose, evaluate, store, again. Everything it knows it reads from the
// study, so any number of workers can do this at once and each can be killed at any moment.
#pragma once

#include <atomic>
#include <functional>
#include <limits>
#include <memory>

#include "metaqnn/search/agent/strategy.h"
#include "metaqnn/search/configuration.h"
#include "metaqnn/search/evaluate/evaluator.h"
#include "metaqnn/search/space/space.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

// Every study that this program makes says what made it.
StudyInfo describe_study(const Configuration& configuration);

// Configuration and seed of a study as stored in it.
Configuration stored_configuration(Study& study);

datasets::Measure measure_of(const Configuration& configuration);

// The space that a search walks: of build_space() what its evaluator has answers for. Throws
// UsageError where that is nothing.
Space searched_space(const Configuration& configuration, const Evaluator& evaluator);
// The same with the configuration's own evaluator, whose table is read for it; where that is not there
// any more, the whole space.
Space searched_space(const Configuration& configuration);

// What a search of the configuration may draw: networks of the input within the limits of its
// evaluator; empty where it has none.
Admission admission_of(const Configuration& configuration, const std::optional<Shape>& input);

// A strategy of the configuration, which learns from what its objective says that samples are worth.
std::unique_ptr<Strategy> make_strategy(const Configuration& configuration, const Space& space,
                                        uint64_t seed, Admission admits = {});

// Whether `schedule` begins as `other` and has more models: in its last step or after it.
bool is_longer(const Schedule& schedule, const Schedule& other);
// With so many more models at its last epsilon.
Schedule extended(Schedule schedule, int64_t models);
// Gives the study this schedule where it is longer than its own; true if it was.
bool extend(Study& study, const Schedule& schedule);

// Table look-ups come by the thousand in a second and cost nothing to repeat; trainings do not.
Durability durability(const Configuration& configuration);

// Trials of workers that are known to be dead go back to waiting, at no cost to them, and so do
// reservations of ask() that have expired. Returns how many.
int release_dead_workers(Study& study);

enum class SearchEnd {
  done,       // the schedule, or the limit, is reached; nothing waits any more
  exhausted,  // the space has no new architecture left, or none is found
  stopped     // `stop` was set
};

struct WorkOptions {
  Resources resources;
  int64_t limit = std::numeric_limits<int64_t>::max();  // unique models in all
  bool waiting_only = false;  // train the trials that wait, whatever schedule and limit say
  const std::atomic<bool>* stop = nullptr;  // finish the trial in hand, then stop
  std::string allowed_command{};            // as check_allowed() wants it
  // Another than the configuration's: of a program with an evaluator of its own.
  std::function<std::unique_ptr<Evaluator>(const Configuration&, const Resources&)> make_evaluator =
      [](const Configuration& configuration, const Resources& available) {
        return search::make_evaluator(configuration.evaluator, configuration.data, available);
      };
};

// So many trials in a row that fail without counting mean that something else is broken than the
// networks: another program has taken the memory, the limits leave next to nothing. Without an end
// a search would go on for ever, and no network that failed is proposed again.
class FailureStreak {
 public:
  // A trial that has finished, in the order of finishing. Throws FailureError at the end of patience.
  void add(const Trial& trial);

 private:
  int failures_ = 0, too_large_ = 0;
};

// True if the schedule or the limit still asks for models, or a stopped one is to be trained to its
// end.
bool has_work(Study& study, const Configuration& configuration, int64_t limit);

// True if a trial waits for a worker.
bool has_waiting(Study& study);

// Throws DeviceFault where the device can do no more for this process; the trial in hand keeps the
// text and goes to another worker.
SearchEnd work(Study& study, const WorkOptions& options);

}  // namespace metaqnn::search
