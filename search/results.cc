#include "search/results.h"

#include "base/secrets.h"
#include "metaqnn/search/search.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

Results read_results(const std::string& name, const datasets::LogOptions& options) {
  if (!is_study_url(name)) return {datasets::read_log(name, options), std::nullopt};
  const auto study = open_study_to_read(name);
  Results results{to_log(*study), build_space(stored_configuration(*study))};
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
