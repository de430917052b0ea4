#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/final_options.h"

namespace metaqnn::cli {
namespace {

struct TransferOptions {
  std::string model;
  FinalArguments arguments;
};

ExitStatus run(const TransferOptions& options) {
  const search::Checkpoint source = search::read_finished_checkpoint(options.model);
  search::Configuration configuration =
      search::settled(search::read_configuration(options.arguments.config));
  apply(options.arguments, configuration);
  FinalProgress progress(2);
  return print_trained(options.arguments.format, [&] {
    return search::transfer(source, fmt::format("{} on {}", source.architecture, source.data_set),
                            configuration, final_options(options.arguments, configuration),
                            progress);
  });
}

std::function<ExitStatus()> set_up_transfer(CLI::App& app) {
  auto options = std::make_shared<TransferOptions>();
  app.add_option("--model", options->model, "checkpoint of metaqnn finetune")->required();
  app.add_option("--config", options->arguments.config,
                 "images, [evaluator] and [final] to train with")
      ->required();
  add_final_options(app, options->arguments);
  return [options] { return run(*options); };
}

}  // namespace

const Command transfer_command{
    "transfer", "Train a network on another data set, from scratch and from its weights",
    "metaqnn transfer --model models/trial-42.checkpoint \\\n"
    "      --config experiments/mnist.toml -o mnist",
    set_up_transfer, true};

}  // namespace metaqnn::cli
