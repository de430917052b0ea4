// What the commands that learn from logs have in common: where the log is, what its columns mean,
// how strings become features, which methods learn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "metaqnn/predict/samples.h"
#include "metaqnn/search/results.h"

namespace metaqnn::cli {

struct LogArguments {
  datasets::LogOptions log;
  std::string tokens, input, failures = "as-chance", unlabelled, config;
  bool exact = false, strict = false;
  uint64_t seed = 0;
  int threads = 0;  // 0 = the cores this process may use
};

// How a LOG is read, for every command that reads one.
void add_reading_options(CLI::App& app, datasets::LogOptions& options);
// And what becomes of it.
void add_log_options(CLI::App& app, LogArguments& arguments);

search::Results read_results(const std::string& name, const LogArguments& arguments);

// What the arguments say, and where they say nothing what is known of the log.
predict::EncodingSettings encoding_for(const search::Results& results,
                                       const LogArguments& arguments);

// Prints remarks and row-level problems; with --strict the latter are an error.
predict::Samples samples_of(const search::Results& results,
                            const predict::EncodingSettings& encoding,
                            const LogArguments& arguments);

// The methods that --method asks for, in the order of the tables; "all" are those that are no
// baselines. Throws UsageError for an unknown name.
enum class Baselines { always, named };  // which of them join
std::vector<std::string> chosen_methods(const std::vector<std::string>& asked, Baselines baselines);

// How networks of a log are read: what their strings are split at, which columns describe them.
void print_reading(const predict::EncodingSettings& encoding);

// Which rows of a log are the same networks, and whether their results agree; nothing where none
// are.
void print_merged(const predict::Samples& samples);

// Canonical strings for --unlabelled FILE or COUNT; none for "" and "test".
std::vector<std::string> unlabelled_for(const search::Results& results,
                                        const predict::EncodingSettings& encoding,
                                        const LogArguments& arguments);

// From a list, a table or "-"; what cannot be encoded is left out and told.
std::vector<std::string> read_architectures(const std::string& file,
                                            const predict::EncodingSettings& encoding);

}  // namespace metaqnn::cli
