#include <memory>

#include "cli/command.h"
#include "cli/final_options.h"
#include "metaqnn/search/search.h"
#include "search/evaluate/image_source.h"

namespace metaqnn::cli {
namespace {

struct FinetuneOptions {
  std::string study;
  search::TrialSelection trials;
  FinalArguments arguments;
};

// The study's, with images and final training of --config in their place.
search::Configuration configuration_for(const FinetuneOptions& options, search::Study& study) {
  search::Configuration configuration = search::stored_configuration(study);
  if (!options.arguments.config.empty()) {
    const search::Configuration given =
        search::settled(search::read_configuration(options.arguments.config));
    configuration.data = given.data;
    configuration.final_training = given.final_training;
  }
  if (configuration.data.name.empty()) {
    throw UsageError(
        "the study knows no images; give --config FILE with [data] and [final], for example a "
        "recipe in experiments/");
  }
  apply(options.arguments, configuration);
  return configuration;
}

ExitStatus run(const FinetuneOptions& options) {
  const auto study = search::open_study_to_read(options.study);
  const search::Configuration configuration = configuration_for(options, *study);
  const std::vector<search::Trial> trials =
      search::choose_trials(*study, options.trials, search::image_facts(configuration.data).shape);
  FinalProgress progress(trials.size());
  return print_trained(options.arguments.format, [&] {
    return search::finetune(trials, configuration, final_options(options.arguments, configuration),
                            progress);
  });
}

std::function<ExitStatus()> set_up_finetune(CLI::App& app) {
  auto options = std::make_shared<FinetuneOptions>();
  app.add_option("--study", options->study, "the study")->required();
  CLI::Option* top = add_count(app, "--top", options->trials.top, "how many of the best networks");
  CLI::Option* most = app.add_option("--max-parameters", options->trials.max_parameters,
                                     "the best among those with at most so many parameters")
                          ->check(at_least_one());
  CLI::Option* one = app.add_option("--trial", options->trials.numbers,
                                    "this trial instead of the best; may be repeated")
                         ->check(at_least_one())
                         ->allow_extra_args(false)
                         ->excludes(top)
                         ->excludes(most);
  app.add_flag("--pareto", options->trials.front,
               "those that no other beats in all measures of the study instead of the best")
      ->excludes(top)
      ->excludes(most)
      ->excludes(one);
  app.add_option("--config", options->arguments.config,
                 "take [data] and [final] from this file (default: the study's)");
  add_final_options(app, options->arguments);
  return [options] { return run(*options); };
}

}  // namespace

const Command finetune_command{
    "finetune", "Train the best networks again with the long schedule",
    "metaqnn finetune --study sqlite:///quick.db --top 5 -o quick-models", set_up_finetune, true};

}  // namespace metaqnn::cli
