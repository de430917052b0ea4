// What the commands that learn from logs have in common: where the log is, what its columns mean,
// how strings become features, which methods learn, and what their figures are over repeats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "predict/evaluation.h"
#include "search/space/space.h"

namespace metaqnn::cli {

struct LogChoice {
  std::string target, architecture_column, tokens, input, failures = "as-chance", unlabelled,
                                                          config;
  bool strict = false;
  uint64_t seed = 0;
  int threads = 0;  // 0 = the cores this process may use
};

void add_log_options(CLI::App& app, LogChoice& choice);

// A log that has been read, and what was found out about its strings.
struct LoadedLog {
  datasets::Log log;
  std::string name;
  std::optional<search::Space> space;  // where it is a study
};

// A study URL or a CSV file.
LoadedLog load_log(const std::string& name, const LogChoice& choice);

// What the choice says, and where it says nothing what the log's first string looks like.
predict::EncodingSettings encoding_for(const LoadedLog& log, const LogChoice& choice);

// Prints row-level problems; with --strict they are an error.
predict::Samples samples_of(const LoadedLog& log, const predict::EncodingSettings& encoding,
                            const LogChoice& choice);

// The methods that --method asks for, in the order of the tables; "all" are those that are no
// baselines. Throws UsageError for an unknown name.
enum class Baselines { always, named };  // which of them join
std::vector<std::string> chosen_methods(const std::vector<std::string>& asked, Baselines baselines);

// A figure over the repeats in which it is defined.
using Figure = std::optional<double> predict::Figures::*;
struct Summary {
  std::optional<double> mean, deviation;
};
Summary summarise(const std::vector<predict::Figures>& repeats, Figure figure);

// Which rows of a log are the same networks, and whether their results agree; nothing where none
// are.
void print_merged(const predict::Samples& samples);

// Canonical strings for --unlabelled FILE or COUNT; none for "" and "test".
std::vector<std::string> unlabelled_for(const LoadedLog& log,
                                        const predict::EncodingSettings& encoding,
                                        const LogChoice& choice);

// One string a line; empty lines and what cannot be encoded are left out, the latter told.
std::vector<std::string> read_architectures(const std::string& file,
                                            const predict::EncodingSettings& encoding);

}  // namespace metaqnn::cli
