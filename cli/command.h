// One subcommand of the program: its options, and what it does when it is chosen; and the options
// that several have.
//
// Adding one: a new file with a Command, its declaration below, and one line in the table in
// main.cc.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/base/error.h"

namespace metaqnn::search {
struct SizeLimits;
}

namespace metaqnn::cli {

struct Command {
  const char* name;
  const char* summary;
  const char* example;  // shown by --help
  // Adds the options to `app` and returns what runs when the command is chosen. Results go to
  // standard output; the return value is the exit status.
  std::function<ExitStatus()> (*setup)(CLI::App& app);
  // It does more than print: it goes on to its end where nobody reads its output any more, as in
  // `metaqnn search ... | head -3`. The others end at once.
  bool outlives_reader = false;
};

// More than anybody draws, picks or shows; beyond it lies a slip of the finger.
constexpr uint64_t kMostCounted = 10'000'000;
constexpr uint64_t kMostRepeats = 10'000;
constexpr uint64_t kMostParallel = 1024;                            // workers, threads
constexpr uint64_t kLargest = std::numeric_limits<int64_t>::max();  // that a study stores
constexpr uint64_t kLargestSeed = std::numeric_limits<uint64_t>::max();

// Checks an option that takes a whole number, which is written in decimal digits.
CLI::Validator whole_number(uint64_t least, uint64_t most);
// Of an option that counts something, and of one that limits something.
inline CLI::Validator count_up_to(uint64_t most) { return whole_number(1, most); }
inline CLI::Validator at_least_one() { return whole_number(1, kLargest); }

// What asks the program to end, Ctrl-C above all, calls `handler`; where `once`, the second ends it.
void on_interrupt(void (*handler)(int), bool once = false);
// Looks every so many seconds until `look` returns false or the program is asked to end.
void watch(uint64_t seconds, const std::function<bool()>& look);
// Adds --watch.
void add_watch(CLI::App& app, uint64_t& seconds, const char* description);
// Where --study names no study and there is no --config to make it of.
UsageError no_study_yet(const std::string& url);
// As `search --create-only` does: makes the study of a configuration, or sees that it is the study's.
void make_or_check_study(const std::string& config, const std::string& url,
                         std::chrono::seconds patience);

// ---- Options that several commands have ----

// What counts something, with its default.
template <typename Count>
CLI::Option* add_count(CLI::App& app, const char* name, Count& count, const char* description,
                       uint64_t most = kMostCounted) {
  return app.add_option(name, count, description)->check(count_up_to(most))->capture_default_str();
}
// --format, one of these; described by their names where nothing else is said.
CLI::Option* add_format(CLI::App& app, std::string& format, const std::vector<std::string>& formats,
                        const std::string& description = "");
// --max-parameters, --max-macs and --max-memory, of a candidate.
void add_limits(CLI::App& app, search::SizeLimits& limits);
// --seed, with its default, or where it has none up to `most`.
void add_seed(CLI::App& app, uint64_t& seed, const char* description);
void add_seed(CLI::App& app, std::optional<uint64_t>& seed, const char* description, uint64_t most);
// --threads; what it is without one, the description says.
void add_threads(CLI::App& app, int& threads, const char* description);

extern const Command describe_command, space_command, sample_command, search_command,
    worker_command, ask_command, tell_command, status_command, trials_command, q_values_command,
    import_command, export_command, config_command, fit_command, predict_command, evaluate_command,
    rank_command, screen_command, finetune_command, ensemble_command, transfer_command,
    predict_image_command, export_model_command, report_command;

}  // namespace metaqnn::cli
