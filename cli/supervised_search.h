// Runs a search's workers under this process, as `search`, `worker` and `screen` do: progress on
// standard error, Ctrl-C finishes the trial in hand, a second Ctrl-C abandons it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/command.h"
#include "metaqnn/search/configuration.h"
#include "search/supervisor.h"
#include "search/surroundings.h"

namespace metaqnn::cli {

struct SupervisedSearch {
  std::string study;
  std::string device;  // where the evaluator trains; "" is the configuration's; a table needs none
  int workers = 1;     // for each device
  int threads = 0;     // of each worker; 0 shares the cores
  std::optional<int64_t> trials;
  bool waiting_only = false;      // train the trials that wait, propose nothing
  std::string allowed_command{};  // as search::check_allowed() wants it
  std::chrono::seconds patience = search::kPatience;
};

// --patience, for the commands that work on a study, and --workers, for those that start some.
void add_patience(CLI::App& app, std::chrono::seconds& patience);
void add_workers(CLI::App& app, std::optional<int>& workers);

// Whether a command that the study would run may be run: --config and --allow-command of the commands
// that go on with a study. Throws UsageError where the configuration has another command.
struct Consent {
  std::string config;
  bool allow_command = false;

  std::string allowed_command(const search::Configuration& stored) const;
};
void add_consent(CLI::App& app, Consent& consent);

void print_found(const search::Surroundings& found, const search::Configuration& configuration,
                 int workers);

// Begins by printing what was found, and looks around for it where `found` is none; what is done
// needs neither images nor a device. Throws InterruptedError, which says how to resume, where it was
// stopped.
search::SearchEnd run_supervised(const SupervisedSearch& wanted,
                                 const search::Configuration& configuration,
                                 std::optional<search::Surroundings> found = std::nullopt);

}  // namespace metaqnn::cli
