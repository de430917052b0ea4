#include <memory>
#include <sstream>

#include "base/output_file.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "metaqnn/datasets/logs/log.h"
#include "metaqnn/search/search.h"
#include "search/optuna_journal.h"

namespace metaqnn::cli {
namespace {

struct ExportOptions {
  std::string study, format = "csv", output;
};

ExitStatus run(const ExportOptions& options) {
  if (!options.output.empty()) prepare_output(options.output);
  const auto study = search::open_study_to_read(options.study);
  const search::Configuration configuration = search::stored_configuration(*study);
  if (options.format == "optuna-journal") {
    write_or_print(options.output, search::to_optuna_journal(*study));
    if (!options.output.empty())
      print("{}\n", Json{{"file", options.output}, {"trials", study->trials(false).size()}}.dump());
    return ExitStatus::done;
  }
  if (options.format == "replay" && !configuration.evaluator.objective.is_accuracy()) {
    throw UsageError(
        "the replay form holds validation accuracies, which this study does not search for; give "
        "--format csv");
  }
  const datasets::Log log = search::to_log(*study, search::measure_of(configuration));
  std::ostringstream text;
  options.format == "csv" ? datasets::write_log_csv(log, text)
                          : datasets::write_replay_csv(log, text);
  write_or_print(options.output, text.view());
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_export(CLI::App& app) {
  auto options = std::make_shared<ExportOptions>();
  app.add_option("--study", options->study, "the study")->required();
  add_format(app, options->format, {"csv", "replay", "optuna-journal"},
             "csv: everything, with learning curves; replay: the form of the paper's authors; "
             "optuna-journal: for JournalStorage of Optuna and its dashboard");
  app.add_option("-o,--output", options->output, "file to write (default: standard output)");
  return [options] { return run(*options); };
}

}  // namespace

const Command export_command{"export", "Write a study as CSV, or for Optuna",
                             "metaqnn export --study sqlite:///quick.db -o quick.csv",
                             set_up_export};

}  // namespace metaqnn::cli
