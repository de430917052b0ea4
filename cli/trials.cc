#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "base/foreign_text.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "datasets/logs/csv.h"
#include "datasets/logs/fields.h"
#include "metaqnn/search/search.h"
#include "search/front.h"
#include "search/screen.h"

namespace metaqnn::cli {
namespace {

struct TrialsOptions {
  std::string study, state, format = "table";
  std::optional<int64_t> top;
  bool samples = false, pareto = false;
};

// A walk of the agent, and what it led to.
struct TakenWalk {
  const search::Sample& sample;
  const search::Trial& trial;
};

// Best first for --top, what was measured before what was predicted; otherwise in order.
std::vector<search::Trial> select(const TrialsOptions& options, search::Study& study,
                                  const datasets::Measure& measure) {
  std::vector<search::Trial> trials = study.trials(false);
  if (!options.state.empty()) {
    std::erase_if(trials, [&](const search::Trial& trial) {
      return search::to_string(trial.state) != options.state;
    });
  }
  if (!options.top) return trials;
  std::erase_if(trials, [](const search::Trial& trial) { return !trial.value || !trial.counts(); });
  std::stable_sort(trials.begin(), trials.end(), [&](const auto& a, const auto& b) {
    if (a.predicted != b.predicted) return b.predicted;
    return datasets::is_better(*a.value, *b.value, measure.direction);
  });
  if (static_cast<int64_t>(trials.size()) > *options.top)
    trials.resize(static_cast<size_t>(*options.top));
  return trials;
}

// None of a network that no walk of the agent led to.
std::optional<double> epsilon_of(const search::Trial& trial) {
  return search::is_screened(trial) ? std::nullopt : std::optional(trial.epsilon);
}

std::optional<double> epsilon_of(const TakenWalk& walk) {
  return search::is_walk(walk.sample, walk.trial) ? std::optional(walk.sample.epsilon)
                                                  : std::nullopt;
}

Json to_json(const search::Trial& trial) {
  return {{"number", trial.number},
          {"architecture", trial.architecture},
          {"state", search::to_string(trial.state)},
          {"validation_accuracy", or_null(trial.validation_accuracy)},
          {"value", or_null(trial.value)},
          {"predicted", trial.predicted},
          {"measures", trial.measures},
          {"epsilon", or_null(epsilon_of(trial))},
          {"parameters", or_null(trial.parameters)},
          {"macs", or_null(trial.macs)},
          {"memory_bytes", or_null(trial.memory_bytes)},
          {"learning_rate", or_null(trial.learning_rate)},
          {"seconds", or_null(trial.seconds)},
          {"images_per_second", or_null(trial.images_per_second)},
          {"precision", trial.precision.empty() ? Json() : Json(trial.precision)},
          {"reason", trial.reason()},
          {"attempts", trial.attempts},
          {"origin", trial.origin}};
}

Json to_json(const TakenWalk& walk) {
  return {{"number", walk.sample.number},
          {"trial", walk.sample.trial},
          {"architecture", walk.trial.architecture},
          {"validation_accuracy", or_null(walk.trial.validation_accuracy)},
          {"value", or_null(walk.trial.value)},
          {"epsilon", or_null(epsilon_of(walk))},
          {"proposed_at", walk.sample.proposed_at},
          {"sequence", or_null(walk.sample.sequence)}};
}

std::string csv_optional(const std::optional<double>& value) {
  return value ? datasets::csv_number(*value) : "";
}

std::string csv_optional(const std::optional<int64_t>& value) {
  return value ? std::to_string(*value) : "";
}

// What else was measured, beside what tells of a training's course.
std::vector<std::string> measures_shown(const std::vector<search::Trial>& trials,
                                        const std::string& measure) {
  std::vector<std::string> names = datasets::other_measures(trials, measure);
  std::erase_if(names, [](const std::string& name) {
    return name == "training_loss" || name == "training_accuracy" || name == "validation_loss";
  });
  return names;
}

std::optional<double> measure_of(const search::Trial& trial, const std::string& name) {
  const auto found = trial.measures.find(name);
  return found == trial.measures.end() ? std::nullopt : std::optional(found->second);
}

std::string csv_of(const std::vector<search::Trial>& trials, const std::string& measure) {
  const std::vector<std::string> others = datasets::other_measures(trials, measure);
  std::string text = "number,architecture,state," + datasets::csv_field(measure) +
                     ",epsilon,parameters,seconds,reason,attempts";
  for (const std::string& name : others) text += "," + datasets::csv_field(name);
  text += "\n";
  for (const search::Trial& trial : trials) {
    text += fmt::format("{},{},{},{},{},{},{},{},{}", trial.number,
                        datasets::csv_field(trial.architecture), search::to_string(trial.state),
                        csv_optional(trial.value), csv_optional(epsilon_of(trial)),
                        csv_optional(trial.parameters), csv_optional(trial.seconds),
                        datasets::csv_field(trial.reason()), trial.attempts);
    for (const std::string& name : others) text += "," + csv_optional(measure_of(trial, name));
    text += "\n";
  }
  return text;
}

std::string csv_of(const std::vector<TakenWalk>& walks, const std::string& measure) {
  std::string text = "number,trial,architecture," + datasets::csv_field(measure) +
                     ",epsilon,proposed_at,sequence\n";
  for (const TakenWalk& walk : walks) {
    text += fmt::format("{},{},{},{},{},{},{}\n", walk.sample.number, walk.sample.trial,
                        datasets::csv_field(walk.trial.architecture),
                        csv_optional(walk.trial.value), csv_optional(epsilon_of(walk)),
                        walk.sample.proposed_at, csv_optional(walk.sample.sequence));
  }
  return text;
}

// A value, a prediction of one, or what became of the trial.
std::string result_of(const search::Trial& trial) {
  const std::string value = trial.value ? measured(*trial.value) : "-";
  if (trial.predicted) return "~" + value;
  if (trial.state == search::TrialState::complete) return value;
  return trial.state == search::TrialState::failed ? search::to_string(trial.failure)
                                                   : search::to_string(trial.state);
}

// Results of different precisions are not quite alike.
bool precisions_differ(const std::vector<search::Trial>& trials) {
  std::set<std::string> precisions;
  for (const search::Trial& trial : trials) {
    if (!trial.precision.empty()) precisions.insert(trial.precision);
  }
  return precisions.size() > 1;
}

Table table_of(const std::vector<search::Trial>& trials, const std::string& measure,
               bool has_epsilon) {
  const bool has_precision = precisions_differ(trials);
  std::vector<Table::Column> columns{
      {"trial", Align::right},   {value_heading(measure), Align::right},
      {"epsilon", Align::right}, {"params", Align::right},
      {"time", Align::right},    {"architecture"}};
  if (has_precision) columns.insert(columns.end() - 1, {"precision"});
  const std::vector<std::string> others = measures_shown(trials, measure);
  for (const std::string& name : others)
    columns.insert(columns.end() - 1, {shown(name, 20), Align::right});
  Table table(columns);
  for (const search::Trial& trial : trials) {
    std::vector<std::string> cells{std::to_string(trial.number),
                                   result_of(trial),
                                   has_epsilon ? fixed(epsilon_of(trial), 1) : "-",
                                   short_count(trial.parameters),
                                   trial.seconds ? fixed(trial.seconds, 1) + " s" : "-",
                                   trial.architecture};
    if (has_precision) cells.insert(cells.end() - 1, trial.precision);
    for (const std::string& name : others) {
      const auto value = measure_of(trial, name);
      cells.insert(cells.end() - 1, value ? measured(*value) : "-");
    }
    table.add(std::move(cells));
  }
  return table;
}

Table table_of(const std::vector<TakenWalk>& walks, const std::string& measure, bool has_epsilon) {
  Table table({{"sample", Align::right},
               {"sequence", Align::right},
               {"trial", Align::right},
               {value_heading(measure), Align::right},
               {"epsilon", Align::right},
               {"architecture"}});
  for (const TakenWalk& walk : walks) {
    const search::Sample& sample = walk.sample;
    table.add({std::to_string(sample.number),
               sample.sequence ? std::to_string(*sample.sequence) : "-",
               std::to_string(sample.trial), walk.trial.value ? measured(*walk.trial.value) : "-",
               has_epsilon ? fixed(epsilon_of(walk), 1) : "-", walk.trial.architecture});
  }
  return table;
}

template <typename Row>
void print_rows(const std::vector<Row>& rows, const std::string& format, const std::string& measure,
                bool has_epsilon) {
  if (format == "json") {
    Json list = Json::array();
    for (const Row& row : rows) list.push_back(to_json(row));
    print_document(list);
  } else if (format == "csv") {
    print_data(csv_of(rows, measure));
  } else {
    print("{}", table_of(rows, measure, has_epsilon).render());
  }
}

void print_samples(search::Study& study, const std::string& format, const std::string& measure,
                   bool has_epsilon) {
  const std::vector<search::Sample> samples = study.samples();
  const std::vector<search::Trial> trials = study.trials(false);
  std::vector<TakenWalk> walks;
  for (const search::Sample& sample : samples)
    walks.push_back({sample, trials.at(static_cast<size_t>(sample.trial) - 1)});
  print_rows(walks, format, measure, has_epsilon);
}

ExitStatus run(const TrialsOptions& options) {
  const auto study = search::open_study_to_read(options.study);
  const search::Configuration configuration = search::stored_configuration(*study);
  const bool has_epsilon = search::heeds_epsilon(configuration.strategy.kind);
  const datasets::Measure measure = search::measure_of(configuration);
  if (options.pareto) {
    const search::Front front =
        search::front_of(study->trials(false), configuration.evaluator.objective);
    print_rows(front.trials, options.format, measure.name, has_epsilon);
  } else if (options.samples) {
    print_samples(*study, options.format, measure.name, has_epsilon);
  } else {
    print_rows(select(options, *study, measure), options.format, measure.name, has_epsilon);
  }
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_trials(CLI::App& app) {
  auto options = std::make_shared<TrialsOptions>();
  app.add_option("--study", options->study, "the study")->required();
  CLI::Option* top = app.add_option("--top", options->top, "the best so many, best first")
                         ->check(count_up_to(kMostCounted));
  CLI::Option* state =
      app.add_option("--state", options->state, "only trials in this state")
          ->check(CLI::IsMember({"complete", "failed", "running", "waiting", "stopped"}));
  CLI::Option* samples =
      app.add_flag("--samples", options->samples, "every walk of the agent instead");
  app.add_flag("--pareto", options->pareto,
               "only those that no other beats in all measures, best first by the first")
      ->excludes(top)
      ->excludes(state)
      ->excludes(samples);
  add_format(app, options->format, {"table", "csv", "json"});
  return [options] { return run(*options); };
}

}  // namespace

const Command trials_command{"trials", "The trials of a study, or the best of them",
                             "metaqnn trials --study sqlite:///quick.db --top 10", set_up_trials};

}  // namespace metaqnn::cli
