#include <memory>

#include "cli/command.h"
#include "cli/output.h"
#include "search/evaluate/onnx.h"
#include "search/evaluate/torch.h"
#include "search/version.h"

namespace metaqnn::cli {
namespace {

constexpr const char* kOnnx = "onnx";

struct ExportModelOptions {
  std::string model, output, format;
};

bool wants_onnx(const ExportModelOptions& options) {
  return options.format.empty() ? options.output.ends_with(".onnx") : options.format == kOnnx;
}

ExitStatus run(const ExportModelOptions& options) {
  prepare_output(options.output);
  const search::Checkpoint checkpoint = search::read_finished_checkpoint(options.model);
  if (wants_onnx(options)) {
    search::write_onnx(checkpoint, search::program_version(), options.output);
  } else {
    search::torch_library().export_torchscript(checkpoint, options.output);
  }
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
  app.add_option("-o,--output", options->output, "file to write")->required();
  add_format(app, options->format, {"torchscript", kOnnx},
             "torchscript or onnx (default: onnx for NAME.onnx, else torchscript)");
  return [options] { return run(*options); };
}

}  // namespace

const Command export_model_command{
    "export-model", "Write a trained network as ONNX, or as TorchScript for LibTorch and PyTorch",
    "metaqnn export-model --model quick-models/trial-42.checkpoint -o net.onnx",
    set_up_export_model, true};

}  // namespace metaqnn::cli
