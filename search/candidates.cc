#include "search/candidates.h"

#include "datasets/logs/list.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/search.h"
#include "predict/encoding.h"
#include "search/limits.h"

namespace metaqnn::search {

Candidates read_candidates(const std::filesystem::path& file,
                           const predict::EncodingSettings& encoding) {
  Candidates candidates;
  for (datasets::ListedNetwork& network :
       datasets::read_networks(file, encoding.has_strings(), encoding.features, encoding.budget)) {
    try {
      candidates.architectures.push_back(predict::canonical(network.text, encoding));
      candidates.lines.push_back(network.line);
    } catch (const UsageError& error) {
      candidates.problems.push_back(file.string() + ":" + std::to_string(network.line) + ": " +
                                    error.what());
    }
  }
  return candidates;
}

Candidates draw_candidates(const Space& space, int64_t count, uint64_t seed,
                           const predict::EncodingSettings& encoding, Admission admits,
                           std::unordered_set<std::string> known) {
  DistinctWalks walks(space, std::move(admits), std::move(known));
  Candidates candidates;
  for (const std::string& text : walks.uniform(count, seed))
    candidates.architectures.push_back(predict::canonical(text, encoding));
  candidates.known = walks.known();
  candidates.refused = walks.refused();
  return candidates;
}

std::vector<std::string> draw_by_policy(Study& study, int64_t count, double epsilon,
                                        std::optional<uint64_t> seed) {
  const Configuration configuration = stored_configuration(study);
  const Space space = searched_space(configuration);
  const uint64_t study_seed = study.info().seed;
  const Admission admits = admission_of(configuration, space.input());
  const auto strategy = make_strategy(configuration, space, study_seed, admits);
  const bool with_measures = configuration.evaluator.objective.has_several();
  for (const auto& sample : study.sequenced_samples_after(0, with_measures))
    strategy->observe(sample);
  const Situation situation{epsilon, study.pending_architectures()};
  strategy->prepare(situation.pending);
  std::unordered_set<std::string> seen;
  for (const Trial& trial : study.trials(false)) seen.insert(trial.architecture);
  Random random = Random::stream(seed.value_or(study_seed), "sample");
  return DistinctWalks(space, admits, std::move(seen)).exactly(count, [&] {
    return strategy->propose(situation, random);
  });
}

}  // namespace metaqnn::search
