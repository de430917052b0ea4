#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <unordered_set>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/log_options.h"
#include "cli/output.h"
#include "predict/model.h"
#include "search/limits.h"
#include "search/search.h"
#include "search/supervisor.h"

namespace metaqnn::cli {
namespace {

struct RankOptions {
  std::vector<std::string> models;
  std::string candidates, config, format = "table";
  int64_t count = 10000, top = 10;
  uint64_t seed = 0;
  search::SizeLimits limits;
  bool include_known = false;
};

// Different networks to rank, and how many were met that are not among them.
struct Candidates {
  std::vector<std::string> texts;  // canonical
  int64_t repeated = 0;            // lines of the file
  int64_t known = 0;               // of the model's log
  int64_t over_limit = 0;
};

// The best candidates of one model, best first.
struct Ranking {
  std::string file, method;
  Candidates candidates;
  std::vector<std::string> architectures;
  predict::Prediction prediction;  // of these
};

std::unordered_set<std::string> known_to(const predict::Model& model, const RankOptions& options) {
  if (options.include_known) return {};
  return {model.samples.architectures.begin(), model.samples.architectures.end()};
}

Candidates from_file(const RankOptions& options, const predict::EncodingSettings& encoding,
                     const std::unordered_set<std::string>& known) {
  const std::optional<Shape> input =
      encoding.tokens == "grammar" ? std::optional(encoding.input) : std::nullopt;
  const search::Admission admits = search::within(options.limits, input, {});
  Candidates candidates;
  std::unordered_set<std::string> met;
  for (std::string& text : read_architectures(options.candidates, encoding)) {
    if (!met.insert(text).second) {
      ++candidates.repeated;
    } else if (known.contains(text)) {
      ++candidates.known;
    } else if (admits && !admits(text)) {
      ++candidates.over_limit;
    } else {
      candidates.texts.push_back(std::move(text));
    }
  }
  return candidates;
}

Candidates from_space(const RankOptions& options, const predict::EncodingSettings& encoding,
                      std::unordered_set<std::string> known) {
  const search::Configuration configuration = search::read_configuration(options.config);
  const search::Space space = search::build_space(configuration);
  search::DistinctWalks walks(
      space, search::admission_of(configuration, space.input(), options.limits), std::move(known));
  Candidates candidates;
  for (const std::string& text : walks.uniform(options.count, options.seed))
    candidates.texts.push_back(predict::canonical(text, encoding));
  candidates.known = walks.known();
  candidates.over_limit = walks.refused();
  return candidates;
}

void check_any(const Candidates& candidates) {
  if (!candidates.texts.empty()) return;
  throw DataError(
      fmt::format("no candidate is left to rank: {} are in the model's log (--include-known ranks "
                  "them too), {} "
                  "over a limit",
                  candidates.known, candidates.over_limit));
}

Ranking rank(const RankOptions& options, const std::string& file, int threads) {
  const predict::Model model = predict::load_model(file, threads);
  const predict::EncodingSettings& encoding = model.training.encoding->settings();
  Candidates candidates = options.candidates.empty()
                              ? from_space(options, encoding, known_to(model, options))
                              : from_file(options, encoding, known_to(model, options));
  check_any(candidates);
  const std::vector<std::string>& texts = candidates.texts;
  const predict::Prediction all =
      model.predictor->predict(model.training.encoding->points(texts), {false, threads});
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return all.mean(static_cast<Eigen::Index>(a)) > all.mean(static_cast<Eigen::Index>(b));
  });
  order.resize(std::min(order.size(), static_cast<size_t>(options.top)));
  Ranking ranking{file, model.method, {}, {}, {}};
  for (size_t i : order) ranking.architectures.push_back(texts[i]);
  ranking.candidates = std::move(candidates);
  ranking.prediction = model.predictor->predict(
      model.training.encoding->points(ranking.architectures), {true, threads});
  return ranking;
}

void print_json(const std::vector<Ranking>& rankings) {
  Json list = Json::array();
  for (const Ranking& ranking : rankings) {
    Json best = Json::array();
    for (size_t i = 0; i < ranking.architectures.size(); ++i)
      best.push_back(to_json(ranking.architectures[i], ranking.prediction, i));
    list.push_back({{"model", ranking.file},
                    {"method", ranking.method},
                    {"candidates", ranking.candidates.texts.size()},
                    {"left_out",
                     {{"known", ranking.candidates.known},
                      {"repeated", ranking.candidates.repeated},
                      {"over_limit", ranking.candidates.over_limit}}},
                    {"best", best}});
  }
  print_document(list);
}

// ", 3 of its log and 2 over a limit left out"; "" where none was.
std::string left_out(const Candidates& candidates) {
  std::vector<std::string> parts;
  const auto add = [&](int64_t count, const char* what) {
    if (count > 0) parts.push_back(grouped(count) + what);
  };
  add(candidates.known, " of its log");
  add(candidates.repeated, " repeated");
  add(candidates.over_limit, " over a limit");
  return parts.empty() ? "" : fmt::format("; left out: {}", fmt::join(parts, ", "));
}

void print_tables(const std::vector<Ranking>& rankings) {
  for (const Ranking& ranking : rankings) {
    print("{} ({}): the best {} of {} candidates{}\n", ranking.file, ranking.method,
          ranking.architectures.size(),
          grouped(static_cast<int64_t>(ranking.candidates.texts.size())),
          left_out(ranking.candidates));
    Table table({{"", Align::right}, {"predicted", Align::right}, {"architecture"}});
    for (size_t i = 0; i < ranking.architectures.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      std::string predicted = fixed(ranking.prediction.mean(row), 4);
      if (ranking.prediction.deviation.size() > 0)
        predicted += fmt::format(" ± {:.4f}", ranking.prediction.deviation(row));
      table.add({std::to_string(i + 1), predicted, ranking.architectures[i]});
    }
    print("{}", table.render());
  }
}

ExitStatus run(const RankOptions& options) {
  if (options.candidates.empty() == options.config.empty())
    throw UsageError("give either --candidates FILE or --config FILE with --count N");
  const int threads = search::available_cores();
  std::vector<Ranking> rankings;
  for (const std::string& file : options.models) rankings.push_back(rank(options, file, threads));
  options.format == "json" ? print_json(rankings) : print_tables(rankings);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_rank(CLI::App& app) {
  auto options = std::make_shared<RankOptions>();
  app.add_option("--model", options->models, "what metaqnn fit has saved; may be repeated")
      ->required();
  app.add_option("--candidates", options->candidates, "file with one architecture a line");
  app.add_option("--config", options->config, "or the space to draw candidates from");
  add_count(app, "--count", options->count, "how many to draw");
  add_limits(app, options->limits);
  app.add_flag("--include-known", options->include_known,
               "rank the networks of the model's log too");
  add_count(app, "--top", options->top, "how many to show");
  add_seed(app, options->seed, "of the draw");
  add_format(app, options->format, {"table", "json"});
  return [options] { return run(*options); };
}

}  // namespace

const Command rank_command{"rank", "The most promising of many untrained architectures",
                           "metaqnn rank --model quick.model --count 10000 --top 10 \\\n"
                           "      --config experiments/fashion_mnist_quick.toml",
                           set_up_rank};

}  // namespace metaqnn::cli
