#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/log_options.h"
#include "cli/output.h"
#include "datasets/logs/csv.h"
#include "predict/model.h"
#include "search/supervisor.h"

namespace metaqnn::cli {
namespace {

struct PredictOptions {
  std::string model, architectures, format = "csv";
};

ExitStatus run(const PredictOptions& options) {
  const int threads = search::available_cores();
  const predict::Model model = predict::load_model(options.model, threads);
  const std::vector<std::string> texts =
      read_architectures(options.architectures, model.training.encoding->settings());
  const predict::Prediction prediction =
      model.predictor->predict(model.training.encoding->points(texts), {true, threads});
  const bool deviation = prediction.deviation.size() > 0;
  if (options.format == "json") {
    Json list = Json::array();
    for (size_t i = 0; i < texts.size(); ++i) list.push_back(to_json(texts[i], prediction, i));
    print_document(list);
    return ExitStatus::done;
  }
  print_data(fmt::format("architecture,prediction{}\n", deviation ? ",standard_deviation" : ""));
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    print_data(fmt::format("{},{}", datasets::csv_field(texts[i]),
                           datasets::csv_number(prediction.mean(row))));
    if (deviation) print_data(fmt::format(",{}", datasets::csv_number(prediction.deviation(row))));
    print_data("\n");
  }
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_predict(CLI::App& app) {
  auto options = std::make_shared<PredictOptions>();
  app.add_option("--model", options->model, "what metaqnn fit has saved")->required();
  app.add_option("--architectures", options->architectures, "file with one a line")->required();
  add_format(app, options->format, {"csv", "json"});
  return [options] { return run(*options); };
}

}  // namespace

const Command predict_command{"predict", "Predict how well architectures will do",
                              "metaqnn predict --model quick.model --architectures candidates.txt",
                              set_up_predict};

}  // namespace metaqnn::cli
