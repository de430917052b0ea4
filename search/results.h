// What predictors learn from, wherever it lies: a log in a file, or a study.
//
//   Results results = read_results("sqlite:///quick.db");
//   Model::fit(results.log, {.input = results.input()});
#pragma once

#include <optional>
#include <string>

#include "metaqnn/datasets/logs/log.h"
#include "metaqnn/predict/options.h"
#include "metaqnn/search/space/space.h"

namespace metaqnn::search {

struct Results {
  datasets::Log log;
  std::optional<Space> space;  // that a study searches

  // Of its networks, where that is known.
  std::optional<Shape> input() const { return space ? space->input() : std::nullopt; }
};

// `name`: a study URL, of whose measures `options.target` may name another, or a file of any form that datasets::read_log() reads, or an Optuna storage in
// SQLite. The source that the log names shows no password. Throws what
// open_study_to_read() and datasets::read_log() throw.
Results read_results(const std::string& name, const datasets::LogOptions& options = {});

// The space to draw unlabelled architectures from: the study's own, else the largest of ours for
// networks that the grammar reads; none for other strings.
std::optional<Space> space_of(const Results& results, const predict::EncodingSettings& encoding);

}  // namespace metaqnn::search
