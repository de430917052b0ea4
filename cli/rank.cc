#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "cli/command.h"
#include "cli/draw.h"
#include "cli/json.h"
#include "cli/log_options.h"
#include "cli/output.h"
#include "kernels/dense.h"
#include "predict/model.h"
#include "search/search.h"
#include "search/supervisor.h"

namespace metaqnn::cli {
namespace {

struct RankOptions {
  std::vector<std::string> models;
  std::string candidates, config, format = "table";
  int64_t count = 10000, top = 10;
  uint64_t seed = 0;
};

// The best candidates of one model, best first.
struct Ranking {
  std::string file, method;
  size_t candidates;
  std::vector<std::string> architectures;
  predict::Prediction prediction;  // of these
};

Ranking rank(const RankOptions& options, const std::string& file, int threads) {
  const predict::Model model = predict::load_model(file, threads);
  const predict::EncodingSettings& encoding = model.training.encoding->settings();
  std::vector<std::string> texts;
  if (!options.candidates.empty()) {
    texts = read_architectures(options.candidates, encoding);
  } else {
    texts = draw_uniformly(search::build_space(search::read_configuration(options.config)),
                           options.count, options.seed);
    for (std::string& text : texts) text = predict::canonical(text, encoding);
  }
  const predict::Prediction all =
      model.predictor->predict(model.training.encoding->points(texts), {false, threads});
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return all.mean(static_cast<Eigen::Index>(a)) > all.mean(static_cast<Eigen::Index>(b));
  });
  order.resize(std::min(order.size(), static_cast<size_t>(options.top)));
  Ranking ranking{file, model.method, texts.size(), {}, {}};
  for (size_t i : order) ranking.architectures.push_back(texts[i]);
  ranking.prediction = model.predictor->predict(
      model.training.encoding->points(ranking.architectures), {true, threads});
  return ranking;
}

void print_json(const std::vector<Ranking>& rankings) {
  Json list = Json::array();
  for (const Ranking& ranking : rankings) {
    Json best = Json::array();
    for (size_t i = 0; i < ranking.architectures.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      best.push_back({{"architecture", ranking.architectures[i]},
                      {"prediction", ranking.prediction.mean(row)},
                      {"standard_deviation", ranking.prediction.deviation.size() > 0
                                                 ? Json(ranking.prediction.deviation(row))
                                                 : Json(nullptr)}});
    }
    list.push_back({{"model", ranking.file},
                    {"method", ranking.method},
                    {"candidates", ranking.candidates},
                    {"best", best}});
  }
  print_document(list);
}

void print_tables(const std::vector<Ranking>& rankings) {
  for (const Ranking& ranking : rankings) {
    print("{} ({}): the best {} of {} candidates\n", ranking.file, ranking.method,
          ranking.architectures.size(), grouped(static_cast<int64_t>(ranking.candidates)));
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
  kernels::set_blas_threads(threads);
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
  app.add_option("--count", options->count, "how many to draw")
      ->check(count_up_to(kMostCounted))
      ->capture_default_str();
  app.add_option("--top", options->top, "how many to show")
      ->check(count_up_to(kMostCounted))
      ->capture_default_str();
  app.add_option("--seed", options->seed, "of the draw")
      ->check(whole_number(0, std::numeric_limits<uint64_t>::max()))
      ->capture_default_str();
  app.add_option("--format", options->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  return [options] { return run(*options); };
}

}  // namespace

const Command rank_command{"rank", "The most promising of many untrained architectures",
                           "metaqnn rank --model quick.model --count 10000 --top 10 \\\n"
                           "      --config experiments/fashion_mnist_quick.toml",
                           set_up_rank};

}  // namespace metaqnn::cli
