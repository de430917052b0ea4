// One worker's search: propose, evaluate, store, again. Everything it knows it reads from the
// study, so any number of workers can do this at once and each can be killed at any moment.
//
// A proposal is one transaction: learn from the samples that are new, count finished and reserved
// models, walk with the epsilon that follows from the count. A walk onto an architecture that is
// known becomes a sample and trains nothing; a walk onto one that failed without counting is thrown
// away and the next is drawn from the same stream; any other reserves a trial.
#pragma once

#include <atomic>
#include <limits>

#include "search/agent/strategy.h"
#include "search/configuration.h"
#include "search/evaluate/evaluator.h"
#include "search/space/space.h"
#include "search/study/study.h"

namespace metaqnn::search {

// Every study that this program makes says what made it.
StudyInfo describe_study(const Configuration& configuration);

// Configuration and seed of a study as stored in it.
Configuration stored_configuration(Study& study);

// Table look-ups come by the thousand in a second and cost nothing to repeat; trainings do not.
Durability durability(const Configuration& configuration);

// Trials of workers that are known to be dead go back to waiting, at no cost to them. Returns how
// many.
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
};

// True if the schedule or the limit still asks for models.
bool has_work(Study& study, const Configuration& configuration, int64_t limit);

// True if a trial waits for a worker.
bool has_waiting(Study& study);

SearchEnd work(Study& study, const WorkOptions& options);

}  // namespace metaqnn::search
