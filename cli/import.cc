#include "metaqnn/search/import.h"

#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/log_options.h"
#include "cli/output.h"
#include "metaqnn/search/results.h"
#include "metaqnn/search/search.h"

namespace metaqnn::cli {
namespace {

struct ImportOptions {
  std::string log, study, config;
  datasets::LogOptions reading;
};

// What the study searches for is looked for by its name and in its direction, unless others are named; its other
// measures by theirs.
datasets::Log read(const ImportOptions& options, const search::Objective& objective) {
  const datasets::Measure measure = search::measure_of(objective);
  datasets::LogOptions reading = options.reading;
  for (const datasets::Measure& other : objective.others) reading.measures.push_back(other.name);
  const bool is_accuracy = measure.is_accuracy();
  if (!is_accuracy && reading.target.empty()) reading.target = measure.name;
  if (!is_accuracy && !reading.direction) reading.direction = measure.direction;
  datasets::Log log = search::read_results(options.log, reading).log;
  if (search::is_study_url(options.log) && log.measure.name != measure.name) {
    throw UsageError(fmt::format("{} holds {}, and the study searches for {}", log.source,
                                 log.measure.name, measure.name));
  }
  return search::as_results(std::move(log), measure);
}

ExitStatus run(const ImportOptions& options) {
  const bool exists = search::study_exists(options.study);
  if (!exists && options.config.empty()) throw no_study_yet(options.study);
  if (exists && !options.config.empty())
    throw UsageError(search::shown_url(options.study) +
                     " exists and has its configuration; leave --config out");
  const search::Configuration configuration =
      exists ? search::stored_configuration(*search::open_study_to_read(options.study))
             : search::settled(search::read_configuration(options.config));
  const datasets::Measure measure = search::measure_of(configuration);
  // Before a study is made: what cannot be imported leaves none behind.
  const datasets::Log log = read(options, configuration.evaluator.objective);
  if (log.rows.empty()) throw DataError(options.log + ": there is no result in it to import");
  for (const std::string& remark : log.remarks) say("{}\n", remark);
  const search::Space space = search::build_space(configuration);
  const auto study =
      exists ? search::open_study(options.study)
             : search::create_study(options.study, search::describe_study(configuration));
  const search::ImportReport report = search::import_log(log, space, *study, measure);
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
