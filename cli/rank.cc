#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <unordered_set>

#include "cli/candidates.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "metaqnn/predict/model.h"
#include "metaqnn/search/search.h"
#include "predict/encoding.h"
#include "search/candidates.h"
#include "search/limits.h"

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

// The best candidates of one model.
struct ModelRanking {
  std::string file;
  predict::Model model;
  predict::Ranking ranking;
};

predict::Ranking rank_file(const RankOptions& options, const predict::Model& model) {
  const predict::EncodingSettings& encoding = model.encoding();
  const std::optional<Shape> input =
      encoding.is_grammar() ? std::optional(encoding.input) : std::nullopt;
  const search::Admission within = search::within(options.limits, input, {});
  const auto admits = [&](const std::string& text) {
    return within(predict::string_of(text, encoding));
  };
  const CandidateFile file = read_candidates(options.candidates, model);
  predict::Ranking ranking =
      model.rank(file.readable,
                 {.top = static_cast<size_t>(options.top),
                  .include_known = options.include_known,
                  .admits = within ? std::function<bool(const std::string&)>(admits) : nullptr});
  for (const bool is_readable : file.are_readable) {
    if (!is_readable) ranking.problems.emplace_back();  // told above
  }
  return ranking;
}

predict::Ranking rank_space(const RankOptions& options, const predict::Model& model) {
  const search::Configuration configuration = search::read_configuration(options.config);
  const search::Space space = search::build_space(configuration);
  std::unordered_set<std::string> known;
  if (!options.include_known)
    known.insert(model.samples().architectures.begin(), model.samples().architectures.end());
  const search::Candidates drawn = search::draw_candidates(
      space, options.count, options.seed, model.encoding(),
      search::admission_of(configuration, space.input(), options.limits), std::move(known));
  predict::Ranking ranking =
      model.rank(drawn.architectures,
                 {.top = static_cast<size_t>(options.top), .include_known = true, .admits = {}});
  ranking.known = static_cast<size_t>(drawn.known);
  ranking.refused = static_cast<size_t>(drawn.refused);
  return ranking;
}

ModelRanking rank(const RankOptions& options, const std::string& file) {
  const predict::Model model = predict::Model::load(file);
  predict::Ranking ranking =
      options.candidates.empty() ? rank_space(options, model) : rank_file(options, model);
  if (ranking.ranked == 0) {
    throw DataError(
        fmt::format("no candidate is left to rank: {} are in the model's log (--include-known "
                    "ranks them too), {} over a limit",
                    ranking.known, ranking.refused));
  }
  return {file, model, std::move(ranking)};
}

void print_json(const std::vector<ModelRanking>& rankings) {
  Json list = Json::array();
  for (const auto& [file, model, ranking] : rankings) {
    Json best = Json::array();
    for (const predict::Predicted& predicted : ranking.best)
      best.push_back(prediction_json(predicted, model));
    list.push_back({{"model", file},
                    {"method", model.method()},
                    {"target", model.measure().name},
                    {"direction", datasets::to_string(model.measure().direction)},
                    {"candidates", ranking.ranked},
                    {"left_out",
                     {{"known", ranking.known},
                      {"repeated", ranking.repeated},
                      {"over_limit", ranking.refused},
                      {"unreadable", ranking.problems.size()}}},
                    {"best", best}});
  }
  print_document(list);
}

// ", 3 of its log and 2 over a limit left out"; "" where none was.
std::string left_out(const predict::Ranking& ranking) {
  std::vector<std::string> parts;
  const auto add = [&](size_t count, const char* what) {
    if (count > 0) parts.push_back(grouped(static_cast<int64_t>(count)) + what);
  };
  add(ranking.known, " of its log");
  add(ranking.repeated, " repeated");
  add(ranking.refused, " over a limit");
  add(ranking.problems.size(), " that cannot be read");
  return parts.empty() ? "" : fmt::format("; left out: {}", fmt::join(parts, ", "));
}

// What nine of ten measurements lie in; "" where the method knows no deviation. Shares stay shares.
std::string interval_of(const predict::Predicted& predicted, const predict::Model& model) {
  if (!predicted.deviation) return "";
  constexpr double kDeviations = 1.645;
  const Eigen::VectorXd& targets = model.samples().targets;
  const bool are_shares = targets.minCoeff() >= 0 && targets.maxCoeff() <= 1;
  const auto bound = [&](double sign) {
    const double value = predicted.mean + sign * kDeviations * *predicted.deviation;
    return measured(are_shares ? std::clamp(value, 0.0, 1.0) : value);
  };
  return bound(-1) + " to " + bound(1);
}

bool is_sorted_by_value(const predict::Ranking& ranking, bool least) {
  return std::is_sorted(ranking.best.begin(), ranking.best.end(),
                        [&](const predict::Predicted& a, const predict::Predicted& b) {
                          return least ? a.mean < b.mean : a.mean > b.mean;
                        });
}

void print_tables(const std::vector<ModelRanking>& rankings) {
  for (const auto& [file, model, ranking] : rankings) {
    const bool least = model.measure().direction == datasets::Direction::minimize;
    print("{} ({}): the best {} of {} candidates{}\n", file, model.method(), ranking.best.size(),
          grouped(static_cast<int64_t>(ranking.ranked)), left_out(ranking));
    print("{}, {} first\n", model.measure().name, least ? "least" : "largest");
    Table table({{"", Align::right},
                 {"predicted", Align::right},
                 {"90% interval", Align::right},
                 {"architecture"}});
    for (size_t i = 0; i < ranking.best.size(); ++i) {
      const predict::Predicted& best = ranking.best[i];
      table.add({std::to_string(i + 1), measured(best.mean), interval_of(best, model),
                 shown_network(best.architecture, model)});
    }
    print("{}", table.render());
    if (!is_sorted_by_value(ranking, least)) {
      print(
          "Their order is that of ranks, which are fitted on another scale than values\n"
          "(docs/methods/combined.md).\n");
    }
  }
}

ExitStatus run(const RankOptions& options) {
  if (options.candidates.empty() == options.config.empty())
    throw UsageError("give either --candidates FILE or --config FILE with --count N");
  std::vector<ModelRanking> rankings;
  for (const std::string& file : options.models) rankings.push_back(rank(options, file));
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
