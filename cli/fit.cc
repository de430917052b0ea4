#include <memory>

#include "base/parallel.h"
#include "cli/command.h"
#include "cli/log_options.h"
#include "cli/output.h"
#include "metaqnn/predict/cross_validation.h"
#include "metaqnn/predict/model.h"
#include "predict/predictor.h"

namespace metaqnn::cli {
namespace {

struct FitOptions {
  LogArguments arguments;
  std::string log, method = "combined", output;
};

// How good the method is on networks of the log that it is not fitted on. The residuals by which
// hyper-parameters were chosen would look better than that.
void print_left_out(const predict::Model& model, const predict::FitOptions& how) {
  const auto n = static_cast<Eigen::Index>(model.samples().size());
  const auto plan = predict::fold_plan(n);
  if (!plan) {
    print("  no figures on networks left out: {} {}\n", plural(n, "network"),
          n < 3 ? "are too few" : "take long; metaqnn evaluate --folds 5 has them");
    return;
  }
  predict::CrossValidationSettings settings{
      .encoding = model.encoding(),
      .failures = how.failures,
      .fit = {how.seed, how.threads, how.graph_weight, how.centres},
      .methods = {how.method},
      .unlabelled = how.unlabelled};
  const auto splits = predict::fold_splits(n, plan->folds, plan->repeats, how.seed);
  const auto repeats = while_telling(settings.fit.tell, [&] {
    return predict::cross_validate(model.samples(), splits, settings)[0].repeats;
  });
  print(
      "  on networks left out, the choice of hyper-parameters included:\n"
      "    R2 {}, Kendall's tau {} ({} of {} folds)\n",
      fixed(predict::summarise(repeats, &predict::Figures::r2).mean, 2),
      fixed(predict::summarise(repeats, &predict::Figures::kendall_tau).mean, 2),
      plural(plan->repeats, "repeat"), plan->folds);
}

// In lines of the terminal's width, two columns in, four from the second on.
std::string indented(const std::string& line) {
  const int width = terminal_width();
  std::string text = "  ";
  for (char c : width > 4 ? wrapped(line, width - 4) : line) {
    text += c;
    if (c == '\n') text += "    ";
  }
  return text;
}

ExitStatus run(const FitOptions& options) {
  predict::find_method(options.method);
  prepare_output(options.output);
  const search::Results log = read_results(options.log, options.arguments);
  const predict::EncodingSettings encoding = encoding_for(log, options.arguments);
  if (options.arguments.unlabelled == "test")
    throw UsageError("fit has no test set; give --unlabelled a file or a number");
  predict::FitOptions how;
  how.method = options.method;
  how.failures = predict::parse_failures(options.arguments.failures);
  how.unlabelled = unlabelled_for(log, encoding, options.arguments);
  if (options.arguments.exact) how.centres = 0;
  how.seed = options.arguments.seed;
  how.threads = threads_or_cores(options.arguments.threads);
  const predict::Samples samples = samples_of(log, encoding, options.arguments);
  const predict::Model model =
      while_telling(how.tell, [&] { return predict::Model::fit(samples, encoding, how); });
  model.save(options.output);
  print("{}: {} on {} architectures of {}\n", options.output, options.method,
        model.samples().size(), options.log);
  print("predicts {}; {} is better\n", model.measure().name,
        model.measure().direction == datasets::Direction::minimize ? "less" : "more");
  print_reading(model.encoding());
  print_merged(model.samples());
  print_left_out(model, how);
  for (const std::string& line : model.report()) print("{}\n", indented(line));
  for (const auto& [name, value] : model.hyperparameters()) print("  {} = {:.4g}\n", name, value);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_fit(CLI::App& app) {
  auto options = std::make_shared<FitOptions>();
  app.add_option("--log", options->log, "study URL, or a file of results")->required();
  app.add_option("--method", options->method, "which predictor")->capture_default_str();
  app.add_option("-o,--output", options->output, "file for the model")->required();
  add_log_options(app, options->arguments);
  return [options] { return run(*options); };
}

}  // namespace

const Command fit_command{"fit", "Fit a predictor and save it",
                          "metaqnn fit --log sqlite:///quick.db --method combined -o quick.model",
                          set_up_fit, true};

}  // namespace metaqnn::cli
