#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "base/names.h"
#include "base/output_file.h"
#include "base/parallel.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/log_options.h"
#include "cli/output.h"
#include "datasets/logs/csv.h"
#include "metaqnn/predict/cross_validation.h"
#include "predict/predictor.h"
#include "report/training_sizes.h"

namespace metaqnn::cli {
namespace {

using predict::Figures;
using predict::MethodResult;

struct EvaluateOptions {
  LogArguments arguments;
  std::string log, train, test, format = "table";
  std::vector<std::string> methods{"all"};
  int folds = 0, repeats = 0;  // repeats: 0 = by the size of the log
  int64_t top = predict::kTop;
  std::vector<int64_t> train_sizes;
  std::string predictions, svg;
};

// What was evaluated.
struct Setting {
  predict::EncodingSettings encoding;
  predict::Samples samples;                // of both logs where there are two
  std::vector<predict::TestSplits> sizes;  // of each size of training set; one but for --train-size
  std::vector<std::string> unlabelled;
  size_t unlabelled_points = 0;  // in all, test set included where it is used
};

// The columns of the result, in the order of the table.
struct Column {
  const char* title;
  const char* json;
  std::optional<double> Figures::*figure;
  int decimals;
  enum Better { larger, smaller, of_measure } better;
  bool in_unit;  // of the target, or of its square
};
const Column kColumns[] = {
    {"L2", "l2_loss", &Figures::l2_loss, 5, Column::smaller, true},
    {"R2", "r2", &Figures::r2, 3, Column::larger, false},
    {"tau", "kendall_tau", &Figures::kendall_tau, 3, Column::larger, false},
    {"rho", "spearman", &Figures::spearman, 3, Column::larger, false},
    {"top 10", "mean_accuracy", &Figures::top10_mean, 3, Column::of_measure, true},
    {"rank", "best_true_rank", &Figures::top10_best_rank, 1, Column::smaller, false},
    {"regret", "regret", &Figures::top10_regret, 3, Column::smaller, true},
    {"hit", "hits_best", &Figures::top10_hits_best, 2, Column::larger, false},
};
constexpr size_t kFirstOfTop = 4;

// A second log by the columns of the first, some of which may be the same in all of its rows.
LogArguments read_alike(LogArguments arguments, const predict::EncodingSettings& encoding) {
  if (encoding.features.empty()) return arguments;
  arguments.log.features = encoding.features;
  arguments.log.keeps_constant_features = true;
  arguments.log.budget = encoding.budget;
  if (!encoding.has_strings()) arguments.log.architecture_column = "";
  return arguments;
}

// So many tell a difference between methods from one between draws, where that does not take long.
int repeats_for(Eigen::Index n) {
  constexpr Eigen::Index kMostForRepeats = 2000;
  return n <= kMostForRepeats ? 3 : 1;
}

Setting prepare(const EvaluateOptions& options) {
  const bool files = !options.train.empty() || !options.test.empty();
  if (files ? (options.train.empty() || options.test.empty() || !options.log.empty())
            : options.log.empty())
    throw UsageError("give --train LOG with --test LOG, or --log LOG");
  if (!files && (options.folds > 0) == !options.train_sizes.empty())
    throw UsageError("give --log with either --folds K or --train-size N");
  Setting setting;
  const search::Results log = read_results(files ? options.train : options.log, options.arguments);
  setting.encoding = encoding_for(log, options.arguments);
  setting.samples = samples_of(log, setting.encoding, options.arguments);
  const auto n = static_cast<Eigen::Index>(setting.samples.size());
  const int repeats = options.repeats > 0 ? options.repeats : repeats_for(n);
  if (files) {
    setting.samples.append(
        samples_of(read_results(options.test, read_alike(options.arguments, setting.encoding)),
                   setting.encoding, options.arguments));
    setting.sizes = {predict::one_split(static_cast<Eigen::Index>(setting.samples.size()), n)};
  } else if (options.folds > 0) {
    setting.sizes = {predict::fold_splits(n, options.folds, repeats, options.arguments.seed)};
  }
  for (const int64_t size : options.train_sizes) {
    setting.sizes.push_back(predict::random_splits(n, size, repeats, options.arguments.seed));
  }
  setting.unlabelled = unlabelled_for(log, setting.encoding, options.arguments);
  setting.unlabelled_points = setting.unlabelled.size();
  if (options.arguments.unlabelled == "test")
    setting.unlabelled_points = setting.sizes[0][0][0].test.size();
  return setting;
}

double test_variance(const Setting& setting, const predict::TestSplits& splits) {
  double sum = 0;
  for (const auto& repeat : splits) {
    std::vector<Eigen::Index> rows;
    for (const predict::TestSplit& split : repeat)
      rows.insert(rows.end(), split.test.begin(), split.test.end());
    const Eigen::VectorXd y = setting.samples.targets(rows);
    sum += (y.array() - y.mean()).square().mean();
  }
  return sum / static_cast<double>(splits.size());
}

Json to_json(const MethodResult& result) {
  Json json{{"method", result.method}, {"baseline", result.baseline}};
  Json top;
  const bool repeated = result.repeats.size() > 1;
  for (size_t c = 0; c < std::size(kColumns); ++c) {
    const Column& column = kColumns[c];
    Json& into = c < kFirstOfTop ? json : top;
    const predict::Summary summary = predict::summarise(result.repeats, column.figure);
    into[column.json] = or_null(summary.mean);
    if (repeated) into[std::string(column.json) + "_std"] = or_null(summary.deviation);
  }
  json["top10"] = top;
  if (const auto learned = predict::summarise(result.repeats, &Figures::kendall_tau_learned).mean)
    json["kendall_tau_learned"] = *learned;
  json["fit_seconds"] = result.fit_seconds;
  json["predict_seconds"] = result.predict_seconds;
  json["hyperparameters"] = result.hyperparameters;
  return json;
}

using Results = std::vector<MethodResult>;

// Of one size of training set.
Json to_json(const Setting& setting, const predict::TestSplits& splits, const Results& results) {
  const predict::TestSplit& first = splits[0][0];
  Json json{{"train", first.train.size()},
            {"test", splits[0].size() == 1 ? first.test.size() : setting.samples.size()},
            {"test_variance", test_variance(setting, splits)},
            {"methods", Json::array()}};
  for (const MethodResult& result : results) json["methods"].push_back(to_json(result));
  return json;
}

// Sizes are a list where several are compared; one alone is the document itself.
void print_json(const EvaluateOptions& options, const Setting& setting,
                const std::vector<Results>& results) {
  const predict::TestSplits& splits = setting.sizes[0];
  Json json;
  if (results.size() == 1) json = to_json(setting, splits, results[0]);
  json.update({{"repeats", splits.size()},
               {"folds", splits[0].size()},
               {"unlabelled", setting.unlabelled_points},
               {"target", setting.samples.measure.name},
               {"direction", datasets::to_string(setting.samples.measure.direction)},
               {"unit", setting.samples.measure.unit},
               {"tokens", setting.encoding.tokens},
               {"features", setting.encoding.features},
               {"rows", setting.samples.rows},
               {"merged", setting.samples.merged.rows},
               {"repeated", setting.samples.merged.architectures},
               {"disagreeing", setting.samples.merged.disagreeing},
               {"other_dropout", setting.samples.other_dropout},
               {"not_learning", setting.samples.not_learning},
               {"without_result", setting.samples.without_result},
               {"left_out", setting.samples.problems.size()},
               {"top", options.top}});
  if (results.size() > 1) {
    json["sizes"] = Json::array();
    for (size_t i = 0; i < results.size(); ++i)
      json["sizes"].push_back(to_json(setting, setting.sizes[i], results[i]));
  }
  print_document(json);
}

bool is_minimised(const Setting& setting) {
  return setting.samples.measure.direction == datasets::Direction::minimize;
}

// Values of a unit of their own have the digits that they need; fractions line up.
std::string figure(std::optional<double> value, const Column& column, const Setting& setting) {
  const double largest = setting.samples.targets.cwiseAbs().maxCoeff();
  const bool are_fractions = largest <= 1 && largest > 0.01;
  if (!value || !column.in_unit || are_fractions) return fixed(value, column.decimals);
  return measured(*value);
}

// A star behind the best of each column, as it is shown, a blank behind the others.
void mark_best(const Setting& setting, const std::vector<MethodResult>& results,
               std::vector<std::vector<std::string>>& rows) {
  for (size_t c = 0; c < std::size(kColumns); ++c) {
    const bool larger = kColumns[c].better == Column::larger ||
                        (kColumns[c].better == Column::of_measure && !is_minimised(setting));
    std::optional<double> best;
    std::string shown_best;
    for (size_t r = 0; r < results.size(); ++r) {
      const auto mean = predict::summarise(results[r].repeats, kColumns[c].figure).mean;
      if (!mean || (best && (larger ? *mean <= *best : *mean >= *best))) continue;
      best = mean;
      shown_best = figure(mean, kColumns[c], setting);
    }
    // No hit is best of none.
    const bool is_void = kColumns[c].figure == &Figures::top10_hits_best && best == 0.0;
    for (size_t r = 0; r < results.size(); ++r) {
      const auto mean = predict::summarise(results[r].repeats, kColumns[c].figure).mean;
      const bool marked =
          !is_void && best && mean && figure(mean, kColumns[c], setting) == shown_best;
      rows[r][c + 1] += marked ? "*" : " ";
    }
  }
}

// The means, the best of each column marked with *.
std::vector<std::vector<std::string>> cells(const Setting& setting, const Results& results) {
  std::vector<std::vector<std::string>> rows;
  for (const MethodResult& result : results) {
    std::vector<std::string> row{result.method};
    for (const Column& column : kColumns)
      row.push_back(
          figure(predict::summarise(result.repeats, column.figure).mean, column, setting));
    row.push_back(fixed(result.fit_seconds, 2));
    rows.push_back(std::move(row));
  }
  mark_best(setting, results, rows);
  return rows;
}

// Their deviations over the repeats.
std::vector<std::string> deviations(const Setting& setting, const MethodResult& result) {
  std::vector<std::string> row{"  ±"};
  for (const Column& column : kColumns) {
    const auto deviation = predict::summarise(result.repeats, column.figure).deviation;
    row.push_back(deviation ? figure(deviation, column, setting) + " " : "");
  }
  row.emplace_back();
  return row;
}

void print_head(const EvaluateOptions& options, const Setting& setting) {
  const predict::Samples& samples = setting.samples;
  print("{}: {} of {}\n",
        options.log.empty() ? options.train + " and " + options.test : options.log,
        plural(samples.size(), "different architecture"), plural(samples.rows, "row"));
  print("{} {} ± {}{}\n", samples.measure.name, measured(samples.targets.mean()),
        measured(std::sqrt((samples.targets.array() - samples.targets.mean()).square().mean())),
        is_minimised(setting) ? ", less is better" : "");
  print_reading(setting.encoding);
  print_merged(samples);
  if (samples.not_learning > 0) {
    const char* what = options.arguments.failures == "exclude"     ? "left out"
                       : options.arguments.failures == "as-chance" ? "counted at chance"
                                                                   : "modelled apart";
    print("{} did not learn: {} (--failures {})\n", plural(samples.not_learning, "network"), what,
          options.arguments.failures);
  }
  if (samples.without_result > 0)
    print("{} without a result left out\n", plural(samples.without_result, "row"));
  if (!samples.problems.empty())
    print("{} left out, see above\n", plural(samples.problems.size(), "unusable row"));
  if (setting.unlabelled_points > 0)
    print("{} for the manifold methods ({})\n",
          plural(setting.unlabelled_points, "unlabelled architecture"),
          options.arguments.unlabelled);
}

std::string splits_in_words(const predict::TestSplits& splits) {
  const predict::TestSplit& first = splits[0][0];
  return (splits[0].size() > 1 ? fmt::format("{} folds", splits[0].size())
                               : fmt::format("{} for training, {} for test", first.train.size(),
                                             first.test.size())) +
         (splits.size() > 1 ? fmt::format(", mean ± deviation of {} repeats", splits.size()) : "");
}

// "top 10", or as many as are looked at.
std::string title_of(const Column& column, const EvaluateOptions& options) {
  return column.figure == &Figures::top10_mean ? fmt::format("top {}", options.top) : column.title;
}

void print_results(const EvaluateOptions& options, const Setting& setting,
                   const predict::TestSplits& splits, const Results& results) {
  std::vector<Table::Column> columns{{"method"}};
  for (const Column& column : kColumns)
    columns.push_back({title_of(column, options) + " ", Align::right});
  columns.push_back({"fit", Align::right});
  Table table(columns, 1);  // the star's place parts them too
  const auto rows = cells(setting, results);
  for (size_t r = 0; r < rows.size(); ++r) {
    if (results[r].baseline && (r == 0 || !results[r - 1].baseline))
      table.add(std::vector<std::string>(columns.size(), ""));
    table.add(rows[r]);
    if (splits.size() > 1) table.add(deviations(setting, results[r]));
  }
  print("\n{}\n{}", splits_in_words(splits), table.render(0));
  std::vector<std::string> learned;
  for (const MethodResult& result : results) {
    const auto tau = predict::summarise(result.repeats, &Figures::kendall_tau_learned).mean;
    if (tau && !result.baseline) learned.push_back(fmt::format("{} {:.3f}", result.method, *tau));
  }
  if (!learned.empty())
    print_data(wrapped("tau among those that learned: " + listed(learned), 80) + "\n");
}

void print_table(const EvaluateOptions& options, const Setting& setting,
                 const std::vector<Results>& results) {
  print_head(options, setting);
  for (size_t i = 0; i < results.size(); ++i)
    print_results(options, setting, setting.sizes[i], results[i]);
  print(
      "\n{}\n",
      wrapped(fmt::format(
                  "* best of its column. L2: mean squared error; tau: Kendall's, rho: Spearman's "
                  "rank correlation; top {0}: mean target of the {0} ranked best; rank: true rank "
                  "of the best of them; regret: by how much it misses the best of all; hit: share "
                  "of repeats in which it is the best of all; fit: seconds.",
                  options.top),
              80));
}

// Every prediction, so that other predictors can be compared on the same splits.
void write_predictions(const EvaluateOptions& options, const Setting& setting,
                       const std::vector<Results>& results) {
  std::string text = "repeat,split,method,row,architecture,target,prediction,deviation\n";
  size_t before = 0;  // splits of smaller training sets
  for (size_t i = 0; i < results.size(); before += setting.sizes[i++][0].size()) {
    for (const MethodResult& result : results[i]) {
      for (const predict::TestPrediction& p : result.predictions) {
        const std::string& architecture = setting.samples.architectures[static_cast<size_t>(p.row)];
        text += fmt::format("{},{},{},{},{},{},{},{}\n", p.repeat + 1, before + p.split + 1,
                            result.method, p.row + 1, datasets::csv_field(architecture),
                            datasets::csv_number(setting.samples.targets(p.row)),
                            datasets::csv_number(p.value),
                            p.deviation ? datasets::csv_number(*p.deviation) : "");
      }
    }
  }
  write_file(options.predictions, text);
}

// Kendall's tau of each method that is no baseline against the number of networks.
void write_svg(const EvaluateOptions& options, const Setting& setting,
               const std::vector<Results>& results) {
  std::vector<report::SizeCurve> curves;
  for (size_t m = 0; m < results[0].size(); ++m) {
    if (results[0][m].baseline) continue;
    report::SizeCurve curve{results[0][m].method, {}};
    for (size_t i = 0; i < results.size(); ++i) {
      const auto tau = predict::summarise(results[i][m].repeats, &Figures::kendall_tau);
      const auto networks = static_cast<double>(setting.sizes[i][0][0].train.size());
      if (tau.mean) curve.points.push_back({networks, *tau.mean, tau.deviation.value_or(0)});
    }
    if (!curve.points.empty()) curves.push_back(std::move(curve));
  }
  write_file(options.svg, report::picture_of_sizes("Kendall's tau", curves));
}

ExitStatus run(const EvaluateOptions& options) {
  for (const std::string& file : {options.predictions, options.svg}) {
    if (!file.empty()) check_output(file);
  }
  predict::CrossValidationSettings settings;
  settings.methods = chosen_methods(options.methods, Baselines::always);
  settings.failures = predict::parse_failures(options.arguments.failures);
  const Setting setting = prepare(options);
  settings.encoding = setting.encoding;
  if (options.arguments.exact) settings.fit.centres = 0;
  settings.fit.seed = options.arguments.seed;
  settings.fit.threads = threads_or_cores(options.arguments.threads);
  settings.unlabelled = setting.unlabelled;
  settings.test_as_unlabelled = options.arguments.unlabelled == "test";
  settings.keep_predictions = !options.predictions.empty();
  settings.top = options.top;
  const std::vector<Results> results = while_telling(settings.fit.tell, [&] {
    std::vector<Results> of_sizes;
    for (const predict::TestSplits& splits : setting.sizes)
      of_sizes.push_back(predict::cross_validate(setting.samples, splits, settings));
    return of_sizes;
  });
  if (!options.predictions.empty()) write_predictions(options, setting, results);
  if (!options.svg.empty()) write_svg(options, setting, results);
  options.format == "json" ? print_json(options, setting, results)
                           : print_table(options, setting, results);
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_evaluate(CLI::App& app) {
  auto options = std::make_shared<EvaluateOptions>();
  app.add_option("--log", options->log,
                 "study URL or file of results, with --folds or --train-size");
  app.add_option("--train", options->train, "log to fit on");
  app.add_option("--test", options->test, "log to test on");
  app.add_option("--folds", options->folds, "cross-validation with so many folds")
      ->check(count_up_to(kMostCounted));
  app.add_option("--train-size", options->train_sizes,
                 "fit on so many drawn at random, test on the rest; several: 20,50,100")
      ->delimiter(',')
      ->check(count_up_to(kMostCounted));
  app.add_option("--repeats", options->repeats,
                 "of the folds or draws; 3 where the log has 2,000 networks at most, else 1")
      ->check(count_up_to(kMostRepeats));
  add_count(app, "--top", options->top, "how many of the best predicted are looked at");
  app.add_option("--method", options->methods,
                 "methods, separated by commas; baselines always join")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--predictions", options->predictions,
                 "file for every prediction with its split, as CSV");
  app.add_option("--svg", options->svg,
                 "file for a picture: Kendall's tau by the size of the training set");
  add_format(app, options->format, {"table", "json"});
  add_log_options(app, options->arguments);
  return [options] { return run(*options); };
}

}  // namespace

const Command evaluate_command{"evaluate", "How well do predictors predict on this log?",
                               "metaqnn evaluate --log networks.csv --folds 5 --repeats 10",
                               set_up_evaluate};

}  // namespace metaqnn::cli
