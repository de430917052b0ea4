#include "cli/log_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>

#include "base/foreign_text.h"
#include "base/secrets.h"
#include "cli/output.h"
#include "datasets/logs/merge.h"
#include "search/search.h"
#include "search/space/distinct_walks.h"

namespace metaqnn::cli {
namespace {

bool is_grammar(const std::string& text) {
  try {
    parse_architecture(text);
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

std::string guess_tokens(const datasets::Log& log) {
  if (log.rows.empty() || is_grammar(log.rows.front().architecture)) return "grammar";
  for (const char* separator : {"|", ",", ";", " "}) {
    if (log.rows.front().architecture.find(separator) != std::string::npos) return separator;
  }
  return "characters";
}

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

void add_log_options(CLI::App& app, LogChoice& choice) {
  app.add_option("--target", choice.target,
                 "column to predict (default: validation accuracy; of learning curves the best)");
  app.add_option("--architecture-column", choice.architecture_column,
                 "column with the strings (default: net or architecture)");
  app.add_option("--tokens", choice.tokens,
                 "grammar, characters, or a separator (default: grammar if the first string is "
                 "one of ours, else split at | , ; or blanks)");
  app.add_option("--input", choice.input,
                 "the networks' input, CxHxW (default: that of the study, or 3x32x32)");
  app.add_option("--failures", choice.failures,
                 "networks that did not learn: exclude, as-chance, or model (a two-part model)")
      ->capture_default_str();
  app.add_option("--unlabelled", choice.unlabelled,
                 "for the manifold methods: a file, a number to draw from the space, or test");
  app.add_option("--config", choice.config, "the space to draw unlabelled architectures from");
  app.add_flag("--strict", choice.strict, "refuse a log with rows that cannot be used");
  add_seed(app, choice.seed, "for splits, starts and trees");
  add_threads(app, choice.threads, "default: the cores this process may use");
}

LoadedLog load_log(const std::string& name, const LogChoice& choice) {
  LoadedLog loaded;
  loaded.name = without_passwords(name);
  if (search::is_study_url(name)) {
    const auto study = search::open_study_to_read(name);
    loaded.log = search::to_log(*study);
    loaded.log.source = loaded.name;
    loaded.space = search::build_space(search::stored_configuration(*study));
  } else {
    loaded.log = datasets::read_log(name, {choice.architecture_column, choice.target});
  }
  return loaded;
}

predict::EncodingSettings encoding_for(const LoadedLog& log, const LogChoice& choice) {
  predict::EncodingSettings encoding;
  encoding.tokens = choice.tokens.empty() ? guess_tokens(log.log) : choice.tokens;
  if (!choice.input.empty()) {
    encoding.input = parse_shape(choice.input);
  } else if (log.space && log.space->input()) {
    encoding.input = *log.space->input();
  }
  return encoding;
}

predict::Samples samples_of(const LoadedLog& log, const predict::EncodingSettings& encoding,
                            const LogChoice& choice) {
  predict::Samples samples =
      predict::make_samples(log.log, encoding, predict::parse_failures(choice.failures));
  if (choice.strict && !samples.problems.empty()) {
    throw DataError(fmt::format("{} ({} such rows; leave --strict out to go on without them)",
                                samples.problems.front(), samples.problems.size()));
  }
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
    const bool joins = method.baseline ? baselines == Baselines::always : is_asked("all");
    if (joins || is_asked(method.name)) names.push_back(method.name);
  }
  return names;
}

Summary summarise(const std::vector<predict::Figures>& repeats, Figure figure) {
  std::vector<double> values;
  for (const predict::Figures& figures : repeats) {
    if (figures.*figure) values.push_back(*(figures.*figure));
  }
  if (values.empty()) return {};
  double sum = 0, squares = 0;
  for (double value : values) sum += value;
  const double n = static_cast<double>(values.size()), mean = sum / n;
  for (double value : values) squares += (value - mean) * (value - mean);
  return {mean, n > 1 ? std::sqrt(squares / (n - 1)) : 0};
}

void print_merged(const predict::Samples& samples) {
  if (samples.merged.rows == 0) return;
  print("{}\n", samples.merged.words());
  if (samples.other_dropout > 0) {
    print("{} of them {} the same network without D\n", samples.other_dropout,
          samples.other_dropout == 1 ? "is" : "are");
  }
}

std::vector<std::string> unlabelled_for(const LoadedLog& log,
                                        const predict::EncodingSettings& encoding,
                                        const LogChoice& choice) {
  if (choice.unlabelled.empty() || choice.unlabelled == "test") return {};
  const auto count = as_count(choice.unlabelled);
  if (!count) return read_architectures(choice.unlabelled, encoding);
  std::optional<search::Space> space = log.space;
  if (!choice.config.empty()) {
    space = search::build_space(search::read_configuration(choice.config));
  } else if (!space && encoding.tokens == "grammar") {
    search::CnnSpaceSettings settings;
    settings.input = encoding.input;
    space = search::build_cnn_space(settings);
  }
  if (!space) {
    throw UsageError(
        "--unlabelled with a number draws from a space; name it with --config, or give a file");
  }
  std::vector<std::string> drawn = search::DistinctWalks(*space).uniform(*count, choice.seed);
  for (std::string& text : drawn) text = predict::canonical(text, encoding);
  return drawn;
}

std::vector<std::string> read_architectures(const std::string& file,
                                            const predict::EncodingSettings& encoding) {
  std::ifstream in(file);
  if (!in) throw DataError(file + ": cannot be read; give a file with one architecture a line");
  std::vector<std::string> architectures, problems;
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty()) continue;
    try {
      architectures.push_back(predict::canonical(line, encoding));
    } catch (const UsageError& error) {
      problems.push_back(fmt::format("{}:{}: {}", file, number, error.what()));
    }
  }
  print_problems(problems);
  if (architectures.empty()) throw DataError(file + ": there is no architecture in it");
  return architectures;
}

}  // namespace metaqnn::cli
