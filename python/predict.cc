#include <cmath>
#include <memory>

#include "metaqnn/predict/cross_validation.h"
#include "metaqnn/predict/model.h"
#include "metaqnn/search/results.h"
#include "python/bindings.h"

namespace metaqnn::python {
namespace {

using datasets::Direction;
using search::Results;

std::optional<Direction> direction_of(std::optional<bool> minimize) {
  if (!minimize) return std::nullopt;
  return *minimize ? Direction::minimize : Direction::maximize;
}

std::optional<Shape> shape_of(const std::optional<std::string>& input) {
  return input ? std::optional(parse_shape(*input)) : std::nullopt;
}

// ---- Logs ----

Results read_log(const std::string& name, const datasets::LogOptions& options) {
  return interruptible([&](const auto*) { return search::read_results(name, options); });
}

// Networks by their strings, by named columns of cells, or by both. One of `failed` did not learn.
Results make_log(const std::optional<std::vector<std::string>>& strings,
                 const std::vector<std::pair<std::string, std::vector<std::string>>>& columns,
                 const std::vector<double>& values, const std::vector<bool>& failed,
                 const std::string& measure, bool minimize, const std::string& budget) {
  Results results;
  datasets::Log& log = results.log;
  log.source = "the data";
  log.measure = {measure, *direction_of(minimize), ""};
  log.has_strings = strings.has_value();
  log.budget = budget;
  for (const auto& [name, cells] : columns) log.features.push_back(name);
  for (size_t i = 0; i < values.size(); ++i) {
    datasets::LogRow& row = log.rows.emplace_back();
    if (strings) row.architecture = (*strings)[i];
    if (!columns.empty()) {
      std::vector<std::pair<std::string, std::string>> cells;
      for (const auto& [name, column] : columns) cells.emplace_back(name, column[i]);
      row.architecture =
          datasets::described(strings ? std::optional((*strings)[i]) : std::nullopt, cells);
    }
    row.value = values[i];
    if (failed[i]) row.state = "failed";
  }
  return results;
}

py::dict log_columns(const datasets::Log& log) {
  Columns columns;
  for (const datasets::LogRow& row : log.rows) {
    columns.add("architecture", row.architecture);
    columns.add("state", row.state);
    columns.add("reason", row.reason);
    columns.add(log.measure.name, row.value);
    columns.add("prediction", row.prediction);
    columns.add("epsilon", row.epsilon);
    columns.add("parameters", row.parameters);
    columns.add("macs", row.macs);
    columns.add("memory_bytes", row.memory_bytes);
    columns.add("learning_rate", row.learning_rate);
    columns.add("seconds", row.seconds);
    columns.add("images_per_second", row.images_per_second);
    columns.add("attempts", row.attempts);
    columns.add("origin", row.origin);
    columns.add("measures", row.measures);
    std::vector<double> curve;
    for (const datasets::EpochResult& epoch : row.curve)
      curve.push_back(std::isnan(epoch.value) ? epoch.validation_accuracy : epoch.value);
    columns.add("curve", curve);
  }
  return columns.take();
}

void bind_logs(py::module_& module) {
  py::class_<datasets::LogOptions>(module, "LogOptions")
      .def(py::init([](std::optional<std::string> architecture_column, std::string target,
                       std::vector<std::string> features, bool keeps_constant_features,
                       std::vector<std::string> measures, std::optional<bool> minimize,
                       std::string unit, std::string budget, std::string study_name,
                       bool has_header) {
             return datasets::LogOptions{std::move(architecture_column),
                                         std::move(target),
                                         std::move(features),
                                         keeps_constant_features,
                                         std::move(measures),
                                         direction_of(minimize),
                                         std::move(unit),
                                         std::move(budget),
                                         std::move(study_name),
                                         has_header};
           }),
           py::kw_only(), py::arg("architecture_column"), py::arg("target"), py::arg("features"),
           py::arg("keeps_constant_features"), py::arg("measures"), py::arg("minimize"),
           py::arg("unit"), py::arg("budget"), py::arg("study_name"), py::arg("has_header"));
  py::class_<Results>(module, "Log")
      .def("columns", [](const Results& results) { return log_columns(results.log); })
      .def_property_readonly("measure",
                             [](const Results& results) { return results.log.measure.name; })
      .def_property_readonly("minimize",
                             [](const Results& results) {
                               return results.log.measure.direction == Direction::minimize;
                             })
      .def_property_readonly("features",
                             [](const Results& results) { return results.log.features; })
      .def_property_readonly("has_strings",
                             [](const Results& results) { return results.log.has_strings; })
      .def_property_readonly("budget", [](const Results& results) { return results.log.budget; })
      .def_property_readonly("problems",
                             [](const Results& results) { return results.log.problems; });
  module.def("read_log", read_log, py::arg("name"), py::arg("options"));
  module.def("make_log", make_log, py::arg("strings"), py::arg("columns"), py::arg("values"),
             py::arg("failed"), py::arg("measure"), py::arg("minimize"), py::arg("budget"));
}

// ---- Models ----

// A model, and on how many threads it predicts, which its text does not say.
struct Fitted {
  predict::Model model;
  int threads = 0;
};

struct Reading {
  std::string tokens;
  std::optional<std::string> input;
  std::string failures;
};

predict::EncodingSettings encoding_for(const Results& results, const Reading& reading) {
  return predict::encoding_for(results.log, reading.tokens,
                               reading.input ? shape_of(reading.input) : results.input());
}

Fitted fit(const Results& results, const std::string& method, const Reading& reading,
           const std::vector<std::string>& unlabelled, std::optional<double> graph_weight,
           bool exact, uint64_t seed, int threads) {
  return interruptible([&](const std::atomic<bool>* stop) -> Fitted {
    predict::FitOptions options;
    options.method = method;
    options.failures = predict::parse_failures(reading.failures);
    options.unlabelled = unlabelled;
    options.graph_weight = graph_weight;
    if (exact) options.centres = 0;
    options.seed = seed;
    options.threads = threads;
    options.stop = stop;
    const predict::EncodingSettings encoding = encoding_for(results, reading);
    const predict::Samples samples = predict::make_samples(results.log, encoding, options.failures);
    return {predict::Model::fit(samples, encoding, options), threads};
  });
}

// Of predictions, a list for each of what they hold.
py::tuple lists_of(const std::vector<predict::Predicted>& predicted) {
  py::list architectures, means, deviations, scores;
  for (const predict::Predicted& one : predicted) {
    architectures.append(one.architecture);
    means.append(one.mean);
    deviations.append(one.deviation.value_or(NAN));
    scores.append(one.score);
  }
  return py::make_tuple(architectures, means, deviations, scores);
}

py::tuple predict_all(const Fitted& fitted, const std::vector<std::string>& architectures) {
  return lists_of(interruptible([&](const auto*) { return fitted.model.predict(architectures); }));
}

py::tuple rank(const Fitted& fitted, const std::vector<std::string>& candidates, size_t top,
               bool include_known) {
  const predict::Ranking ranking = interruptible([&](const auto*) {
    return fitted.model.rank(candidates,
                             {.top = top, .include_known = include_known, .admits = {}});
  });
  return py::make_tuple(ranking.places, lists_of(ranking.best), ranking.problems);
}

// ["[C(64,3,1), SM(10)]",{"lr":0.01}], of cells by column.
std::vector<std::string> describe_networks(
    const std::optional<std::vector<std::string>>& strings,
    const std::vector<std::pair<std::string, std::vector<std::string>>>& columns, size_t rows) {
  const std::vector<double> values(rows);
  std::vector<std::string> texts;
  for (datasets::LogRow& row :
       make_log(strings, columns, values, std::vector<bool>(rows), "", false, "").log.rows)
    texts.push_back(std::move(row.architecture));
  return texts;
}

void bind_models(py::module_& module) {
  const auto load = [](const std::filesystem::path& file, int threads) {
    return interruptible([&](const auto*) -> Fitted {
      return {predict::Model::load(file, threads), threads};
    });
  };
  py::class_<Reading>(module, "Reading")
      .def(py::init<std::string, std::optional<std::string>, std::string>(), py::arg("tokens"),
           py::arg("input"), py::arg("failures"));
  py::class_<Fitted>(module, "Model")
      .def("predict", predict_all, py::arg("architectures"))
      .def("rank", rank, py::arg("candidates"), py::arg("top"), py::arg("include_known"))
      .def("problem",
           [](const Fitted& f, const std::string& text) { return f.model.problem(text); })
      .def("save",
           [](const Fitted& f, const std::filesystem::path& file) {
             interruptible([&](const auto*) { f.model.save(file); });
           })
      .def_property_readonly("method", [](const Fitted& f) { return f.model.method(); })
      .def_property_readonly("tokens", [](const Fitted& f) { return f.model.encoding().tokens; })
      .def_property_readonly("input",
                             [](const Fitted& f) { return to_string(f.model.encoding().input); })
      .def_property_readonly("features",
                             [](const Fitted& f) { return f.model.encoding().features; })
      .def_property_readonly("budget", [](const Fitted& f) { return f.model.encoding().budget; })
      .def_property_readonly("has_strings",
                             [](const Fitted& f) { return f.model.encoding().has_strings(); })
      .def_property_readonly("failures",
                             [](const Fitted& f) { return predict::to_string(f.model.failures()); })
      .def_property_readonly("measure", [](const Fitted& f) { return f.model.measure().name; })
      .def_property_readonly(
          "minimize",
          [](const Fitted& f) { return f.model.measure().direction == Direction::minimize; })
      .def_property_readonly("problems", [](const Fitted& f) { return f.model.samples().problems; })
      .def_property_readonly("hyperparameters",
                             [](const Fitted& f) { return f.model.hyperparameters(); })
      .def_property_readonly("report", [](const Fitted& f) { return f.model.report(); })
      .def(py::pickle(
          [](const Fitted& f) {
            return py::make_tuple(interruptible([&](const auto*) { return f.model.text(); }),
                                  f.threads);
          },
          [](const py::tuple& state) {
            const auto text = state[0].cast<std::string>();
            const auto threads = state[1].cast<int>();
            return interruptible([&](const auto*) -> Fitted {
              return {predict::Model::parse(text, "the pickled model", threads), threads};
            });
          }));
  module.def("fit", fit, py::arg("log"), py::arg("method"), py::arg("reading"),
             py::arg("unlabelled"), py::arg("graph_weight"), py::arg("exact"), py::arg("seed"),
             py::arg("threads"));
  module.def("load_model", load, py::arg("file"), py::arg("threads"));
  module.def("describe_networks", describe_networks, py::arg("strings"), py::arg("columns"),
             py::arg("rows"));
  module.def("method_names", predict::method_names);
}

// ---- Evaluation ----

struct Split {
  int folds = 0;
  std::vector<int64_t> train_sizes;
  int repeats = 1;
};

struct Evaluated {
  size_t train = 0, test = 0;
  std::vector<predict::MethodResult> methods;
};

// Of both logs where there are two, the first to fit on.
std::vector<predict::TestSplits> splits_of(const predict::Samples& samples, Eigen::Index first,
                                           bool is_second, const Split& split, uint64_t seed) {
  const auto n = static_cast<Eigen::Index>(samples.size());
  if (is_second) return {predict::one_split(n, first)};
  if (split.folds > 0) return {predict::fold_splits(n, split.folds, split.repeats, seed)};
  std::vector<predict::TestSplits> all;
  for (const int64_t size : split.train_sizes)
    all.push_back(predict::random_splits(n, size, split.repeats, seed));
  return all;
}

std::vector<Evaluated> evaluate_all(const Results& results, const std::optional<Results>& test,
                                    const Split& split, const Reading& reading,
                                    const std::vector<std::string>& unlabelled, bool exact,
                                    int64_t top, predict::CrossValidationSettings settings) {
  settings.encoding = encoding_for(results, reading);
  settings.failures = predict::parse_failures(reading.failures);
  settings.unlabelled = unlabelled;
  if (exact) settings.fit.centres = 0;
  settings.top = top;
  predict::Samples samples =
      predict::make_samples(results.log, settings.encoding, settings.failures);
  const auto first = static_cast<Eigen::Index>(samples.size());
  if (test) samples.append(predict::make_samples(test->log, settings.encoding, settings.failures));
  std::vector<Evaluated> all;
  for (const predict::TestSplits& splits :
       splits_of(samples, first, test.has_value(), split, settings.fit.seed)) {
    const predict::TestSplit& one = splits[0][0];
    all.push_back({one.train.size(), splits[0].size() == 1 ? one.test.size() : samples.size(),
                   predict::cross_validate(samples, splits, settings)});
  }
  return all;
}

// The names are those of `metaqnn evaluate --format json`.
void add_figures(const predict::MethodResult& result, Columns& columns) {
  using predict::Figures;
  const std::pair<const char*, std::optional<double> Figures::*> figures[] = {
      {"l2_loss", &Figures::l2_loss},
      {"r2", &Figures::r2},
      {"kendall_tau", &Figures::kendall_tau},
      {"spearman", &Figures::spearman},
      {"top10_mean_accuracy", &Figures::top10_mean},
      {"top10_best_true_rank", &Figures::top10_best_rank},
      {"top10_regret", &Figures::top10_regret},
      {"top10_hits_best", &Figures::top10_hits_best}};
  for (const auto& [name, figure] : figures) {
    const predict::Summary summary = predict::summarise(result.repeats, figure);
    columns.add(name, summary.mean.value_or(NAN));
    if (result.repeats.size() > 1)
      columns.add(std::string(name) + "_std", summary.deviation.value_or(NAN));
  }
}

py::dict evaluate(const Results& results, const std::optional<Results>& test, const Split& split,
                  const Reading& reading, const std::vector<std::string>& methods,
                  const std::vector<std::string>& unlabelled, bool exact, int64_t top,
                  uint64_t seed, int threads) {
  const auto all = interruptible([&](const std::atomic<bool>* stop) {
    predict::CrossValidationSettings settings;
    settings.methods = methods;
    settings.fit.seed = seed;
    settings.fit.threads = threads;
    settings.fit.stop = stop;
    return evaluate_all(results, test, split, reading, unlabelled, exact, top, settings);
  });
  Columns columns;
  for (const Evaluated& evaluated : all) {
    for (const predict::MethodResult& result : evaluated.methods) {
      columns.add("method", result.method);
      columns.add("train", evaluated.train);
      columns.add("test", evaluated.test);
      add_figures(result, columns);
      columns.add("fit_seconds", result.fit_seconds);
      columns.add("predict_seconds", result.predict_seconds);
      columns.add("hyperparameters", result.hyperparameters);
    }
  }
  return columns.take();
}

}  // namespace

void bind_predict(py::module_& module) {
  bind_logs(module);
  bind_models(module);
  py::class_<Split>(module, "Split")
      .def(py::init<int, std::vector<int64_t>, int>(), py::arg("folds"), py::arg("train_sizes"),
           py::arg("repeats"));
  module.def("evaluate", evaluate, py::arg("log"), py::arg("test"), py::arg("split"),
             py::arg("reading"), py::arg("methods"), py::arg("unlabelled"), py::arg("exact"),
             py::arg("top"), py::arg("seed"), py::arg("threads"));
}

}  // namespace metaqnn::python
