#include "search/results.h"

#include <filesystem>
#include <utility>

#include "base/secrets.h"
#include "datasets/logs/make_log.h"
#include "datasets/logs/read_frame.h"
#include "metaqnn/search/search.h"
#include "metaqnn/search/study/study.h"
#include "search/study/optuna_storage.h"

namespace metaqnn::search {
namespace {

// Its form is told by its content, read once.
datasets::Log read_file(const std::string& name, const datasets::LogOptions& options) {
  if (std::filesystem::is_directory(name)) return datasets::read_log(name, options);
  std::string text = datasets::read_text(name);
  if (is_sqlite(text))
    return datasets::make_log(read_optuna_storage(name, options.study_name), options);
  return datasets::make_log(
      datasets::data_frame_of(std::move(text), name == "-" ? "standard input" : name, options),
      options);
}

}  // namespace

Results read_results(const std::string& name, const datasets::LogOptions& options) {
  if (!is_study_url(name)) return {read_file(name, options), std::nullopt};
  const auto study = open_study_to_read(name);
  const Configuration configuration = stored_configuration(*study);
  Results results{to_log(*study, measure_of(configuration)), build_space(configuration)};
  results.log.source = without_passwords(name);
  return results;
}

std::optional<Space> space_of(const Results& results, const predict::EncodingSettings& encoding) {
  if (results.space) return results.space;
  if (!encoding.is_grammar()) return std::nullopt;
  CnnSpaceSettings settings;
  settings.input = encoding.input;
  return build_cnn_space(settings);
}

}  // namespace metaqnn::search
