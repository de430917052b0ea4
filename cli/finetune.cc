#include <memory>

#include "cli/command.h"
#include "cli/final_options.h"
#include "search/search.h"

namespace metaqnn::cli {
namespace {

struct FinetuneOptions {
  std::string study;
  int64_t top = 10;
  FinalChoice choice;
};

// The study's, with images and final training of --config in their place.
search::Configuration configuration_for(const FinetuneOptions& options, search::Study& study) {
  search::Configuration configuration = search::stored_configuration(study);
  if (!options.choice.config.empty()) {
    const search::Configuration given = search::read_configuration(options.choice.config);
    configuration.data = given.data;
    configuration.final_training = given.final_training;
  }
  if (configuration.data.name.empty()) {
    throw UsageError(
        "the study knows no images; give --config FILE with [data] and [final], for example a "
        "recipe in experiments/");
  }
  apply(options.choice, configuration);
  return configuration;
}

ExitStatus run(const FinetuneOptions& options) {
  const auto study = search::open_study_to_read(options.study);
  const search::Configuration configuration = configuration_for(options, *study);
  const std::vector<search::Trial> trials = search::best_trials(*study, options.top);
  if (trials.empty())
    throw UsageError("the study has no complete trial yet; run metaqnn search first");
  FinalProgress progress(trials.size());
  const auto models = train_models([&] {
    return search::finetune(trials, configuration, final_options(options.choice, configuration),
                            progress);
  });
  print_models(models, options.choice.format);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_finetune(CLI::App& app) {
  auto options = std::make_shared<FinetuneOptions>();
  app.add_option("--study", options->study, "the study")->required();
  app.add_option("--top", options->top, "how many of the best networks")
      ->check(count_up_to(kMostCounted))
      ->capture_default_str();
  app.add_option("--config", options->choice.config,
                 "take [data] and [final] from this file (default: the study's)");
  add_final_options(app, options->choice);
  return [options] { return run(*options); };
}

}  // namespace

const Command finetune_command{
    "finetune", "Train the best networks again with the long schedule",
    "metaqnn finetune --study sqlite:///quick.db --top 5 -o quick-models", set_up_finetune, true};

}  // namespace metaqnn::cli
