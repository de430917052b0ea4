#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Eigen/Core>
#include <algorithm>
#include <limits>
#include <memory>
#include <unordered_set>

#include "base/foreign_text.h"
#include "cli/candidates.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "kernels/pareto.h"
#include "metaqnn/architecture/shapes.h"
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
  bool include_known = false, pareto = false;
  std::vector<std::string> costs;  // of --pareto, beside the models
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

// ---- The front of several models and costs ----

// What candidates are compared by: predictions of each model, and then costs that their strings tell.
struct FrontRanking {
  std::vector<ModelRanking> models;  // of the first all candidates that are left
  std::vector<datasets::Measure> measures;
  std::vector<std::vector<predict::Predicted>> predicted;  // of each model, for each candidate
  Eigen::MatrixXd values;                                  // a row for each candidate
  std::vector<Eigen::Index> picks;                         // best of the first measure first
};

double cost_of(const std::string& cost, const std::string& text, const predict::Model& model) {
  const predict::EncodingSettings& encoding = model.encoding();
  const Analysis analysis =
      analyse(parse_architecture(predict::string_of(text, encoding)), encoding.input);
  return static_cast<double>(cost == "parameters" ? analysis.parameters : analysis.macs);
}

// The value of each column that a quarter of the rows is worse than.
Eigen::VectorXd worse_quartiles(Eigen::MatrixXd values) {
  for (auto column : values.colwise()) std::sort(column.begin(), column.end());
  return values.row((values.rows() - 1) / 4).transpose();
}

FrontRanking rank_front(RankOptions options) {
  if (options.models.size() + options.costs.size() < 2) {
    throw UsageError(
        "--pareto compares by two measures at least: give a --model for each, or --cost parameters "
        "or macs beside a model");
  }
  const auto wanted = static_cast<Eigen::Index>(options.top);
  options.top = std::numeric_limits<int64_t>::max();
  FrontRanking front;
  front.models.push_back(rank(options, options.models.front()));
  for (size_t m = 1; m < options.models.size(); ++m)
    front.models.push_back({options.models[m], predict::Model::load(options.models[m]), {}});
  std::vector<predict::Predicted>& all = front.models.front().ranking.best;
  for (size_t m = 1; m < front.models.size(); ++m) {
    const predict::Model& model = front.models[m].model;
    std::erase_if(all, [&](const predict::Predicted& candidate) {
      std::string problem = model.problem(candidate.architecture);
      if (problem.empty()) return false;
      front.models.front().ranking.problems.push_back(std::move(problem));
      return true;
    });
  }
  if (all.empty()) throw DataError("none of the candidates can be read by all of the models");
  if (!options.costs.empty() && !front.models.front().model.encoding().is_grammar())
    throw UsageError(
        "--cost is told by strings of our grammar alone; give a model that predicts it");
  std::vector<std::string> texts;
  for (const predict::Predicted& candidate : all) texts.push_back(candidate.architecture);
  const size_t columns = options.models.size() + options.costs.size();
  front.values.resize(static_cast<Eigen::Index>(all.size()), static_cast<Eigen::Index>(columns));
  Eigen::MatrixXd goals = front.values;
  for (size_t j = 0; j < columns; ++j) {
    const bool is_model = j < options.models.size();
    if (is_model) front.predicted.push_back(front.models[j].model.predict(texts));
    const auto cost = is_model ? std::string() : options.costs[j - options.models.size()];
    front.measures.push_back(is_model ? front.models[j].model.measure()
                                      : datasets::Measure{cost, datasets::Direction::minimize, ""});
    const auto column = static_cast<Eigen::Index>(j);
    for (size_t i = 0; i < texts.size(); ++i) {
      front.values(static_cast<Eigen::Index>(i), column) =
          is_model ? front.predicted[j][i].mean
                   : cost_of(cost, texts[i], front.models.front().model);
    }
    goals.col(column) =
        datasets::sign_of(front.measures.back().direction) * front.values.col(column);
  }
  front.picks = kernels::spread_over_front(goals, worse_quartiles(goals), wanted);
  std::stable_sort(front.picks.begin(), front.picks.end(),
                   [&](Eigen::Index a, Eigen::Index b) { return goals(a, 0) > goals(b, 0); });
  return front;
}

void print_json(const FrontRanking& front) {
  const ModelRanking& first = front.models.front();
  Json best = Json::array(), files = Json::array(), directions = Json::object();
  for (const ModelRanking& ranking : front.models) files.push_back(ranking.file);
  for (const datasets::Measure& measure : front.measures)
    directions[measure.name] = datasets::to_string(measure.direction);
  for (const Eigen::Index pick : front.picks) {
    const auto row = static_cast<size_t>(pick);
    Json json = prediction_json(front.predicted.front()[row], first.model);
    for (size_t j = 0; j < front.measures.size(); ++j)
      json["predictions"][front.measures[j].name] =
          front.values(pick, static_cast<Eigen::Index>(j));
    for (size_t j = 0; j < front.predicted.size(); ++j)
      json["standard_deviations"][front.measures[j].name] =
          or_null(front.predicted[j][row].deviation);
    best.push_back(std::move(json));
  }
  print_document(Json::array({{{"model", first.file},
                               {"models", files},
                               {"method", first.model.method()},
                               {"target", first.model.measure().name},
                               {"direction", datasets::to_string(first.model.measure().direction)},
                               {"directions", directions},
                               {"candidates", front.values.rows()},
                               {"left_out",
                                {{"known", first.ranking.known},
                                 {"repeated", first.ranking.repeated},
                                 {"over_limit", first.ranking.refused},
                                 {"unreadable", first.ranking.problems.size()}}},
                               {"best", best}}}));
}

void print_table(const FrontRanking& front) {
  const ModelRanking& first = front.models.front();
  print("{} of {} candidates, spread over the front of what is predicted{}\n", front.picks.size(),
        grouped(static_cast<int64_t>(front.values.rows())), left_out(first.ranking));
  std::vector<Table::Column> columns{{"", Align::right}};
  for (const datasets::Measure& measure : front.measures)
    columns.push_back({shown(measure.name, 24), Align::right});
  columns.push_back({"architecture"});
  Table table(columns);
  for (size_t i = 0; i < front.picks.size(); ++i) {
    std::vector<std::string> cells{std::to_string(i + 1)};
    for (Eigen::Index j = 0; j < front.values.cols(); ++j)
      cells.push_back(measured(front.values(front.picks[i], j)));
    cells.push_back(shown_network(
        front.predicted.front()[static_cast<size_t>(front.picks[i])].architecture, first.model));
    table.add(std::move(cells));
  }
  print("{}", table.render());
}

ExitStatus run(const RankOptions& options) {
  if (options.candidates.empty() == options.config.empty())
    throw UsageError("give either --candidates FILE or --config FILE with --count N");
  if (options.pareto) {
    const FrontRanking front = rank_front(options);
    options.format == "json" ? print_json(front) : print_table(front);
    return ExitStatus::done;
  }
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
  CLI::Option* pareto = app.add_flag(
      "--pareto", options->pareto,
      "spread over the front of what several models predict, one of each measure, and of --cost");
  app.add_option("--cost", options->costs,
                 "what a network's string tells, less being better; may be repeated")
      ->check(CLI::IsMember({"parameters", "macs"}))
      ->needs(pareto);
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
