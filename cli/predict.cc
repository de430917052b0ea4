#include <memory>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/log_options.h"
#include "cli/output.h"
#include "datasets/logs/csv.h"
#include "metaqnn/predict/model.h"

namespace metaqnn::cli {
namespace {

struct PredictOptions {
  std::string model, architectures, format = "csv";
};

ExitStatus run(const PredictOptions& options) {
  const predict::Model model = predict::Model::load(options.model);
  const std::vector<predict::Predicted> predictions =
      model.predict(read_architectures(options.architectures, model.encoding()));
  if (options.format == "json") {
    Json list = Json::array();
    for (const predict::Predicted& predicted : predictions)
      list.push_back(prediction_json(predicted));
    print_document(list);
    return ExitStatus::done;
  }
  const bool has_deviation = predictions.front().deviation.has_value();
  print_data(has_deviation ? "architecture,prediction,standard_deviation\n"
                           : "architecture,prediction\n");
  for (const predict::Predicted& predicted : predictions) {
    print_data(datasets::csv_field(predicted.architecture) + "," +
               datasets::csv_number(predicted.mean));
    if (has_deviation) print_data("," + datasets::csv_number(*predicted.deviation));
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
