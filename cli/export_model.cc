#include <memory>

#include "cli/command.h"
#include "cli/output.h"
#include "search/evaluate/torch.h"
#include "search/evaluate/trained_network.h"

namespace metaqnn::cli {
namespace {

struct ExportModelOptions {
  std::string model, output;
};

ExitStatus run(const ExportModelOptions& options) {
  prepare_output(options.output);
  const search::Checkpoint checkpoint = search::read_finished_checkpoint(options.model);
  search::torch_library().export_torchscript(checkpoint, options.output);
  const Shape& image = checkpoint.image;
  print(
      "{}: {}\n"
      "takes    n x {} x {} x {} images, floating point from 0 to 1, not normalised\n"
      "returns  n x {} probabilities; the labels are in its class_names\n",
      options.output, checkpoint.architecture, image.channels, image.height, image.width,
      checkpoint.classes);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_export_model(CLI::App& app) {
  auto options = std::make_shared<ExportModelOptions>();
  app.add_option("--model", options->model, "checkpoint of metaqnn finetune")->required();
  app.add_option("-o,--output", options->output, "TorchScript file")->required();
  return [options] { return run(*options); };
}

}  // namespace

const Command export_model_command{
    "export-model", "Write a trained network as TorchScript, for LibTorch or PyTorch",
    "metaqnn export-model --model quick-models/trial-42.checkpoint -o net.pt", set_up_export_model,
    true};

}  // namespace metaqnn::cli
