#include "metaqnn/search/import.h"

#include <memory>

#include "cli/command.h"
#include "cli/log_options.h"
#include "cli/output.h"
#include "metaqnn/search/search.h"
#include "search/evaluate/accuracies.h"
#include "search/results.h"

namespace metaqnn::cli {
namespace {

struct ImportOptions {
  std::string log, study, config;
  datasets::LogOptions reading;
};

ExitStatus run(const ImportOptions& options) {
  // Before a study is made: what cannot be imported leaves none behind.
  const datasets::Log log =
      search::as_accuracies(search::read_results(options.log, options.reading).log);
  if (log.rows.empty()) throw DataError(options.log + ": there is no result in it to import");
  for (const std::string& remark : log.remarks) say("{}\n", remark);
  const bool exists = search::study_exists(options.study);
  if (!exists && options.config.empty()) throw no_study_yet(options.study);
  if (exists && !options.config.empty())
    throw UsageError(search::shown_url(options.study) +
                     " exists and has its configuration; leave --config out");
  const search::Configuration configuration =
      exists ? search::stored_configuration(*search::open_study_to_read(options.study))
             : search::read_configuration(options.config);
  const search::Space space = search::build_space(configuration);
  const auto study =
      exists ? search::open_study(options.study)
             : search::create_study(options.study, search::describe_study(configuration));
  const search::ImportReport report = search::import_log(log, space, *study);
  std::vector<std::string> problems = log.problems;
  problems.insert(problems.end(), report.problems.begin(), report.problems.end());
  print_problems(problems);
  print("{} trials and {} samples imported", report.trials, report.samples);
  if (!problems.empty()) print(", {} rows left out", problems.size());
  print("\n");
  if (const std::string merged = report.merged.words(); !merged.empty()) print("{}\n", merged);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_import(CLI::App& app) {
  auto options = std::make_shared<ImportOptions>();
  app.add_option("LOG", options->log, "a file of results or the URL of a study")->required();
  app.add_option("--study", options->study, "the study to fill; made if it is not there")
      ->required();
  app.add_option("--config", options->config, "gives a new study its space and schedule");
  add_reading_options(app, options->reading);
  return [options] { return run(*options); };
}

}  // namespace

const Command import_command{"import", "Bring the results of a log into a study",
                             "metaqnn import log.csv --study sqlite:///new.db \\\n"
                             "      --config experiments/cifar10.toml",
                             set_up_import, true};

}  // namespace metaqnn::cli
