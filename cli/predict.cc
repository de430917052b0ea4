#include <algorithm>
#include <memory>
#include <optional>

#include "cli/candidates.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "datasets/logs/csv.h"
#include "metaqnn/predict/model.h"

namespace metaqnn::cli {
namespace {

struct PredictOptions {
  std::string model, architectures, format = "csv";
};

// Of the networks of a file, in their order; none where the model can say nothing.
using Predictions = std::vector<std::optional<predict::Predicted>>;

Predictions predictions_of(const CandidateFile& file, const predict::Model& model) {
  std::vector<predict::Predicted> predicted = model.predict(file.readable);
  Predictions predictions;
  size_t next = 0;
  for (const bool is_readable : file.are_readable) {
    predictions.push_back(is_readable ? std::optional(std::move(predicted[next++])) : std::nullopt);
  }
  return predictions;
}

void print_json(const CandidateFile& file, const Predictions& predictions,
                const predict::Model& model) {
  Json list = Json::array();
  for (size_t i = 0; i < predictions.size(); ++i) {
    const std::optional<predict::Predicted>& predicted = predictions[i];
    Json json =
        predicted ? prediction_json(*predicted, model) : network_json(file.networks[i].text, model);
    if (!predicted) json["prediction"] = json["standard_deviation"] = nullptr;
    json["rank_score"] = predicted ? Json(predicted->score) : Json();
    list.push_back(std::move(json));
  }
  print_document(list);
}

void print_csv(const CandidateFile& file, const Predictions& predictions,
               const predict::Model& model) {
  const bool have_deviation =
      std::any_of(predictions.begin(), predictions.end(),
                  [](const auto& predicted) { return predicted && predicted->deviation; });
  print_data(have_deviation ? "architecture,prediction,standard_deviation\n"
                            : "architecture,prediction\n");
  for (size_t i = 0; i < predictions.size(); ++i) {
    const std::optional<predict::Predicted>& predicted = predictions[i];
    const std::string& text = predicted ? predicted->architecture : file.networks[i].text;
    print_data(datasets::csv_field(shown_network(text, model)) + ",");
    if (predicted) print_data(datasets::csv_number(predicted->mean));
    if (have_deviation)
      print_data("," + (predicted ? datasets::csv_number(*predicted->deviation) : ""));
    print_data("\n");
  }
}

ExitStatus run(const PredictOptions& options) {
  const predict::Model model = predict::Model::load(options.model);
  const CandidateFile file = read_candidates(options.architectures, model);
  const Predictions predictions = predictions_of(file, model);
  options.format == "json" ? print_json(file, predictions, model)
                           : print_csv(file, predictions, model);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_predict(CLI::App& app) {
  auto options = std::make_shared<PredictOptions>();
  app.add_option("--model", options->model, "what metaqnn fit has saved")->required();
  app.add_option("--architectures", options->architectures,
                 "a list with one a line, a table, or - for standard input")
      ->required();
  add_format(app, options->format, {"csv", "json"});
  return [options] { return run(*options); };
}

}  // namespace

const Command predict_command{"predict", "Predict how well architectures will do",
                              "metaqnn predict --model quick.model --architectures candidates.txt",
                              set_up_predict};

}  // namespace metaqnn::cli
