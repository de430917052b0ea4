// What a model is asked about: networks of a file, each as the model reads it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/json.h"
#include "datasets/logs/list.h"
#include "metaqnn/predict/model.h"

namespace metaqnn::cli {

struct CandidateFile {
  std::vector<datasets::ListedNetwork> networks;
  std::vector<bool> are_readable;     // one for each
  std::vector<std::string> readable;  // their texts
};

// Tells the lines about which the model can say nothing. Throws DataError where it can about none.
CandidateFile read_candidates(const std::string& file, const predict::Model& model);

// A network as people read it: its string, and the columns that describe it.
std::string shown_network(const std::string& text, const predict::Model& model);
// "architecture", and where columns describe it "features".
Json network_json(const std::string& text, const predict::Model& model);
Json prediction_json(const predict::Predicted& predicted, const predict::Model& model);

}  // namespace metaqnn::cli
