#include "cli/log_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/foreign_text.h"
#include "base/names.h"
#include "base/numbers.h"
#include "cli/output.h"
#include "metaqnn/search/configuration.h"
#include "predict/predictor.h"
#include "search/candidates.h"

namespace metaqnn::cli {
namespace {

std::optional<int64_t> as_count(const std::string& text) {
  if (text.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count > static_cast<int64_t>(kMostCounted)) {
    throw UsageError(fmt::format("--unlabelled: expected at most {} architectures, found {}",
                                 kMostCounted, shown(text)));
  }
  return count;
}

}  // namespace

void add_reading_options(CLI::App& app, datasets::LogOptions& options) {
  app.add_option("--target", options.target,
                 "column to predict (default: the form's own, or the only one of numbers)");
  app.add_option_function<std::string>(
      "--architecture-column",
      [&options](const std::string& name) { options.architecture_column = name; },
      "column with the strings (default: net, architecture, or the only one of text; \"\": none)");
  app.add_option("--features", options.features,
                 "more columns that describe a network, by name or pattern: 'params,flops'")
      ->delimiter(',');
  app.add_option("--budget", options.budget,
                 "column of how long each was trained, which candidates need not have");
  const auto flag = [&](const char* name, datasets::Direction direction, const char* help) {
    return app.add_flag_callback(
        name, [&options, direction] { options.direction = direction; }, help);
  };
  CLI::Option* minimize =
      flag("--minimize", datasets::Direction::minimize, "less of the target is better");
  flag("--maximize", datasets::Direction::maximize, "more of the target is better")
      ->excludes(minimize);
  app.add_option("--unit", options.unit, "percent: the target is in per cent")
      ->check(CLI::IsMember({"percent"}));
  app.add_option("--study-name", options.study_name, "which study of an Optuna storage");
  app.add_flag_callback(
      "--no-header", [&options] { options.has_header = false; },
      "the file has no line of names: columns are 1, 2, ...");
}

void add_log_options(CLI::App& app, LogArguments& arguments) {
  add_reading_options(app, arguments.log);
  app.add_option("--tokens", arguments.tokens,
                 "grammar, characters, or a separator (default: grammar if most strings are "
                 "ours, else split at | , ; blanks : or -)");
  app.add_option("--input", arguments.input,
                 "the networks' input, CxHxW (default: that of the study, or 3x32x32)");
  app.add_option("--failures", arguments.failures,
                 "networks that did not learn: exclude, as-chance, or model (a two-part model)")
      ->capture_default_str();
  app.add_option("--unlabelled", arguments.unlabelled,
                 "for the manifold methods: a file, a number to draw from the space, or test");
  app.add_option("--config", arguments.config, "the space to draw unlabelled architectures from");
  app.add_flag("--exact", arguments.exact,
               "approximate nothing, of however many networks (n^3 and 40 n^2 bytes)");
  app.add_flag("--strict", arguments.strict, "refuse a log with rows that cannot be used");
  add_seed(app, arguments.seed, "for splits, starts and trees");
  add_threads(app, arguments.threads, "default: the cores this process may use");
}

search::Results read_results(const std::string& name, const LogArguments& arguments) {
  return search::read_results(name, arguments.log);
}

predict::EncodingSettings encoding_for(const search::Results& results,
                                       const LogArguments& arguments) {
  return predict::encoding_for(
      results.log, arguments.tokens,
      arguments.input.empty() ? results.input() : std::optional(parse_shape(arguments.input)));
}

predict::Samples samples_of(const search::Results& results,
                            const predict::EncodingSettings& encoding,
                            const LogArguments& arguments) {
  predict::Samples samples =
      predict::make_samples(results.log, encoding, predict::parse_failures(arguments.failures));
  if (arguments.strict && !samples.problems.empty()) {
    throw DataError(fmt::format("{} ({} such rows; leave --strict out to go on without them)",
                                samples.problems.front(), samples.problems.size()));
  }
  for (const std::string& remark : samples.remarks) say("{}\n", remark);
  print_problems(samples.problems);
  return samples;
}

std::vector<std::string> chosen_methods(const std::vector<std::string>& asked,
                                        Baselines baselines) {
  const auto is_asked = [&](const std::string& name) {
    return std::find(asked.begin(), asked.end(), name) != asked.end();
  };
  for (const std::string& name : asked) {
    if (name != "all") predict::find_method(name);
  }
  std::vector<std::string> names;
  for (const predict::Method& method : predict::methods()) {
    const bool joins = method.baseline() ? baselines == Baselines::always : is_asked("all");
    if (joins || is_asked(method.name)) names.push_back(method.name);
  }
  return names;
}

void print_reading(const predict::EncodingSettings& encoding) {
  std::vector<std::string> parts;
  if (encoding.tokens == "characters") {
    parts.emplace_back("strings read by characters");
  } else if (encoding.has_strings() && !encoding.is_grammar()) {
    parts.push_back(fmt::format("strings split at {}", shown(encoding.tokens)));
  }
  if (!encoding.features.empty()) {
    parts.push_back(fmt::format("{}: {}",
                                plural(static_cast<int64_t>(encoding.features.size()), "column"),
                                shown(listed(encoding.features), 200)));
  }
  if (!encoding.budget.empty()) parts.push_back("budget: " + shown(encoding.budget));
  if (!parts.empty()) print_data(wrapped(fmt::format("{}", fmt::join(parts, "; "))) + "\n");
}

void print_merged(const predict::Samples& samples) {
  if (samples.merged.rows == 0) return;
  print("{}\n", samples.merged.words());
  if (samples.other_dropout > 0) {
    print("{} of them {} the same network without D\n", samples.other_dropout,
          samples.other_dropout == 1 ? "is" : "are");
  }
}

std::vector<std::string> unlabelled_for(const search::Results& results,
                                        const predict::EncodingSettings& encoding,
                                        const LogArguments& arguments) {
  if (arguments.unlabelled.empty() || arguments.unlabelled == "test") return {};
  const auto count = as_count(arguments.unlabelled);
  if (!count) return read_architectures(arguments.unlabelled, encoding);
  const std::optional<search::Space> space =
      arguments.config.empty() ? search::space_of(results, encoding)
                               : search::build_space(search::read_configuration(arguments.config));
  if (!space) {
    throw UsageError(
        "--unlabelled with a number draws from a space; name it with --config, or give a file");
  }
  return search::draw_candidates(*space, *count, arguments.seed, encoding).architectures;
}

std::vector<std::string> read_architectures(const std::string& file,
                                            const predict::EncodingSettings& encoding) {
  search::Candidates candidates = search::read_candidates(file, encoding);
  print_problems(candidates.problems);
  if (candidates.architectures.empty()) throw DataError(file + ": there is no architecture in it");
  return std::move(candidates.architectures);
}

}  // namespace metaqnn::cli
