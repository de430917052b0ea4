#include <memory>

#include "base/output_file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "metaqnn/search/search.h"
#include "search/candidates.h"
#include "search/limits.h"

namespace metaqnn::cli {
namespace {

struct SampleOptions {
  std::string config, study, output;
  int64_t count = 0;
  std::optional<uint64_t> seed;
  double epsilon = 0.1;
};

std::vector<std::string> from_space(const SampleOptions& options) {
  const search::Configuration configuration = search::read_configuration(options.config);
  const search::Space space = search::build_space(configuration);
  return search::DistinctWalks(space, search::admission_of(configuration, space.input()))
      .uniform(options.count, options.seed.value_or(configuration.seed));
}

std::vector<std::string> from_study(const SampleOptions& options) {
  const auto study = search::open_study_to_read(options.study);
  return search::draw_by_policy(*study, options.count, options.epsilon, options.seed);
}

ExitStatus run(const SampleOptions& options) {
  if (options.config.empty() == options.study.empty())
    throw UsageError("sample: give either --config FILE or --study URL");
  if (!options.output.empty()) check_output(options.output);
  const std::vector<std::string> drawn =
      options.study.empty() ? from_space(options) : from_study(options);
  std::string text;
  for (const std::string& architecture : drawn) text += architecture + "\n";
  write_or_print(options.output, text);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_sample(CLI::App& app) {
  auto options = std::make_shared<SampleOptions>();
  app.add_option("--config", options->config, "the space to walk through uniformly");
  app.add_option("--study", options->study,
                 "walk by its learned policy, leaving out what it has seen");
  app.add_option("--count", options->count, "how many distinct architectures")
      ->required()
      ->check(count_up_to(kMostCounted));
  app.add_option("--epsilon", options->epsilon, "with --study: probability of a uniform choice")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  add_seed(app, options->seed, "default: that of the configuration or the study", kLargestSeed);
  app.add_option("-o,--output", options->output, "file to write (default: standard output)");
  return [options] { return run(*options); };
}

}  // namespace

const Command sample_command{"sample", "Distinct architectures of a space, one a line",
                             "metaqnn sample --config experiments/cifar10.toml --count 10000 \\\n"
                             "      -o candidates.txt",
                             set_up_sample};

}  // namespace metaqnn::cli
