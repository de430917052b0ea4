// One subcommand of the program: its options, and what it does when it is chosen.
//
// Adding one: a new file with a Command, its declaration below, and one line in the table in
// main.cc.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "architecture/error.h"

namespace metaqnn::cli {

struct Command {
  const char* name;
  const char* summary;
  const char* example;  // shown by --help
  // Adds the options to `app` and returns what runs when the command is chosen. Results go to
  // standard output; the return value is the exit status.
  std::function<ExitStatus()> (*setup)(CLI::App& app);
};

// Checks an option that counts something.
inline CLI::Range at_least_one() { return {int64_t{1}, std::numeric_limits<int64_t>::max()}; }

extern const Command describe_command, space_command, sample_command, search_command,
    worker_command, status_command, trials_command, import_command, export_command, config_command,
    fit_command, predict_command, evaluate_command, rank_command, screen_command, finetune_command,
    ensemble_command, transfer_command, predict_image_command, export_model_command, report_command;

}  // namespace metaqnn::cli
