#include <memory>

#include "architecture/output_file.h"
#include "cli/command.h"
#include "cli/log_options.h"
#include "cli/output.h"
#include "kernels/dense.h"
#include "predict/model.h"

namespace metaqnn::cli {
namespace {

struct FitOptions {
  LogChoice choice;
  std::string log, method = "combined", output;
};

ExitStatus run(const FitOptions& options) {
  predict::find_method(options.method);
  check_output(options.output);
  const LoadedLog log = load_log(options.log, options.choice);
  const predict::EncodingSettings encoding = encoding_for(log, options.choice);
  if (options.choice.unlabelled == "test")
    throw UsageError("fit has no test set; give --unlabelled a file or a number");
  predict::FitSettings settings;
  settings.seed = options.choice.seed;
  settings.threads = threads_of(options.choice);
  kernels::set_blas_threads(settings.threads);
  const predict::Model model =
      predict::fit_model(options.method, encoding, samples_of(log, encoding, options.choice),
                         predict::parse_failures(options.choice.failures),
                         unlabelled_for(log, encoding, options.choice), settings);
  predict::save_model(model, options.output);
  print("{}: {} on {} architectures of {}\n", options.output, options.method, model.samples.size(),
        options.log);
  for (const std::string& line : model.predictor->report()) print("  {}\n", line);
  for (const auto& [name, value] : model.predictor->hyperparameters())
    print("  {} = {:.4g}\n", name, value);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_fit(CLI::App& app) {
  auto options = std::make_shared<FitOptions>();
  app.add_option("--log", options->log, "study URL or CSV file")->required();
  app.add_option("--method", options->method, "which predictor")->capture_default_str();
  app.add_option("-o,--output", options->output, "file for the model")->required();
  add_log_options(app, options->choice);
  return [options] { return run(*options); };
}

}  // namespace

const Command fit_command{"fit", "Fit a predictor and save it",
                          "metaqnn fit --log sqlite:///quick.db --method combined -o quick.model",
                          set_up_fit, true};

}  // namespace metaqnn::cli
