#include "cli/candidates.h"

#include <fmt/format.h>

#include "base/foreign_text.h"
#include "cli/output.h"
#include "datasets/logs/description.h"
#include "predict/encoding.h"

namespace metaqnn::cli {
namespace {

std::string alphabet_words(const std::string& tokens) {
  if (tokens == "grammar") return "CNNs as in [C(64,3,1), SM(10)]";
  if (tokens == "characters") return "strings read by characters";
  return "strings split at " + shown(tokens);
}

// What strings of a file are, and what those of the model.
std::string other_alphabet(const std::vector<datasets::ListedNetwork>& networks,
                           const predict::EncodingSettings& encoding) {
  datasets::Log log;
  for (const datasets::ListedNetwork& network : networks)
    log.rows.emplace_back().architecture = network.text;
  const std::string tokens = predict::encoding_for(log).tokens;
  if (tokens == encoding.tokens || !encoding.has_strings()) return "";
  return fmt::format("; they look like {}, those of the model are {}", alphabet_words(tokens),
                     alphabet_words(encoding.tokens));
}

}  // namespace

CandidateFile read_candidates(const std::string& file, const predict::Model& model) {
  const predict::EncodingSettings& encoding = model.encoding();
  CandidateFile candidates;
  candidates.networks =
      datasets::read_networks(file, encoding.has_strings(), encoding.features, encoding.budget);
  if (candidates.networks.empty()) throw DataError(file + ": there is no architecture in it");
  std::vector<std::string> problems;
  for (const datasets::ListedNetwork& network : candidates.networks) {
    const std::string problem = model.problem(network.text);
    candidates.are_readable.push_back(problem.empty());
    if (problem.empty()) {
      candidates.readable.push_back(network.text);
    } else {
      problems.push_back(fmt::format("{}:{}: {}", file, network.line, problem));
    }
  }
  if (candidates.readable.empty()) {
    throw DataError(
        fmt::format("{}: the model can say nothing about {}{}. The first: {}", file,
                    candidates.networks.size() == 1
                        ? "its only line"
                        : fmt::format("any of its {} lines", candidates.networks.size()),
                    other_alphabet(candidates.networks, encoding), problems.front()));
  }
  print_problems(problems);
  return candidates;
}

std::string shown_network(const std::string& text, const predict::Model& model) {
  return model.encoding().features.empty() ? text : datasets::readable(text);
}

Json network_json(const std::string& text, const predict::Model& model) {
  if (model.encoding().features.empty()) return {{"architecture", text}};
  const datasets::Description network = datasets::parse_description(text);
  return {{"architecture", network.architecture.value_or(datasets::readable(text))},
          {"features", network.columns}};
}

Json prediction_json(const predict::Predicted& predicted, const predict::Model& model) {
  Json json = network_json(predicted.architecture, model);
  json["prediction"] = predicted.mean;
  json["standard_deviation"] = or_null(predicted.deviation);
  return json;
}

}  // namespace metaqnn::cli
