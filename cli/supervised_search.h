// Runs a search's workers under this process, as `search`, `worker` and `screen` do: progress on
// standard error, Ctrl-C finishes the trial in hand, a second Ctrl-C abandons it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "search/configuration.h"
#include "search/supervisor.h"

namespace metaqnn::cli {

struct SupervisedSearch {
  std::string study;
  std::string device;  // where the evaluator trains; "" is the configuration's; a table needs none
  int workers = 1;     // for each device
  int threads = 0;     // of each worker; 0 shares the cores
  std::optional<int64_t> trials;
  bool waiting_only = false;  // train the trials that wait, propose nothing
};

// Throws what a worker would stumble over and the user must mend: a device that is not there, images
// or a table that cannot be read.
void check_evaluator(const search::Configuration& configuration);

// Throws InterruptedError, which says how to resume, where it was stopped.
search::SearchEnd run_supervised(const SupervisedSearch& wanted,
                                 const search::Configuration& configuration);

}  // namespace metaqnn::cli
