#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/output.h"
#include "datasets/logs/csv.h"
#include "search/screen.h"
#include "search/search.h"

namespace metaqnn::cli {
namespace {

struct TrialsOptions {
  std::string study, state, format = "table";
  std::optional<int64_t> top;
  bool samples = false;
};

std::string csv_optional(const std::optional<double>& value) {
  return value ? datasets::csv_number(*value) : "";
}

// Best first for --top, otherwise in order.
std::vector<search::Trial> select(const TrialsOptions& options, search::Study& study) {
  std::vector<search::Trial> trials = study.trials(false);
  if (!options.state.empty()) {
    std::erase_if(trials, [&](const search::Trial& trial) {
      return search::to_string(trial.state) != options.state;
    });
  }
  if (!options.top) return trials;
  std::erase_if(trials, [](const search::Trial& trial) { return !trial.validation_accuracy; });
  std::stable_sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) {
    return *a.validation_accuracy > *b.validation_accuracy;
  });
  if (static_cast<int64_t>(trials.size()) > *options.top)
    trials.resize(static_cast<size_t>(*options.top));
  return trials;
}

Json to_json(const search::Trial& trial) {
  return {{"number", trial.number},
          {"architecture", trial.architecture},
          {"state", search::to_string(trial.state)},
          {"validation_accuracy", or_null(trial.validation_accuracy)},
          {"epsilon", trial.epsilon},
          {"parameters", or_null(trial.parameters)},
          {"macs", or_null(trial.macs)},
          {"memory_bytes", or_null(trial.memory_bytes)},
          {"learning_rate", or_null(trial.learning_rate)},
          {"seconds", or_null(trial.seconds)},
          {"images_per_second", or_null(trial.images_per_second)},
          {"reason", trial.reason()},
          {"attempts", trial.attempts},
          {"origin", trial.origin}};
}

void print_trials(const TrialsOptions& options, const std::vector<search::Trial>& trials,
                  bool has_epsilon) {
  if (options.format == "json") {
    Json list = Json::array();
    for (const search::Trial& trial : trials) list.push_back(to_json(trial));
    print_document(list);
  } else if (options.format == "csv") {
    print_data(
        "number,architecture,state,validation_accuracy,epsilon,parameters,seconds,reason,"
        "attempts\n");
    for (const search::Trial& trial : trials) {
      print_data(fmt::format(
          "{},{},{},{},{},{},{},{},{}\n", trial.number, datasets::csv_field(trial.architecture),
          search::to_string(trial.state), csv_optional(trial.validation_accuracy),
          datasets::csv_number(trial.epsilon),
          trial.parameters ? std::to_string(*trial.parameters) : "", csv_optional(trial.seconds),
          datasets::csv_field(trial.reason()), trial.attempts));
    }
  } else {
    Table table({{"trial", Align::right},
                 {"accuracy", Align::right},
                 {"epsilon", Align::right},
                 {"params", Align::right},
                 {"time", Align::right},
                 {"architecture"}});
    for (const search::Trial& trial : trials) {
      const bool complete = trial.state == search::TrialState::complete;
      const std::string result = complete                 ? fixed(trial.validation_accuracy, 4)
                                 : trial.reason().empty() ? search::to_string(trial.state)
                                                          : search::to_string(trial.failure);
      table.add({std::to_string(trial.number), result,
                 has_epsilon && !search::is_screened(trial) ? fixed(trial.epsilon, 1) : "-",
                 short_count(trial.parameters),
                 trial.seconds ? fixed(trial.seconds, 1) + " s" : "-", trial.architecture});
    }
    print("{}", table.render());
  }
}

void print_samples(const TrialsOptions& options, search::Study& study, bool has_epsilon) {
  std::vector<search::Sample> samples = study.samples();
  std::vector<search::Trial> trials = study.trials(false);
  const auto trial_of = [&](const search::Sample& sample) -> const search::Trial& {
    return trials.at(static_cast<size_t>(sample.trial) - 1);
  };
  if (options.format == "json") {
    Json list = Json::array();
    for (const search::Sample& sample : samples) {
      list.push_back({{"number", sample.number},
                      {"trial", sample.trial},
                      {"architecture", trial_of(sample).architecture},
                      {"validation_accuracy", or_null(trial_of(sample).validation_accuracy)},
                      {"epsilon", sample.epsilon},
                      {"proposed_at", sample.proposed_at},
                      {"sequence", or_null(sample.sequence)}});
    }
    print_document(list);
  } else if (options.format == "csv") {
    print_data("number,trial,architecture,validation_accuracy,epsilon,proposed_at,sequence\n");
    for (const search::Sample& sample : samples) {
      print_data(fmt::format("{},{},{},{},{},{},{}\n", sample.number, sample.trial,
                             datasets::csv_field(trial_of(sample).architecture),
                             csv_optional(trial_of(sample).validation_accuracy),
                             datasets::csv_number(sample.epsilon), sample.proposed_at,
                             sample.sequence ? std::to_string(*sample.sequence) : ""));
    }
  } else {
    Table table({{"sample", Align::right},
                 {"sequence", Align::right},
                 {"trial", Align::right},
                 {"accuracy", Align::right},
                 {"epsilon", Align::right},
                 {"architecture"}});
    for (const search::Sample& sample : samples) {
      table.add({std::to_string(sample.number),
                 sample.sequence ? std::to_string(*sample.sequence) : "-",
                 std::to_string(sample.trial), fixed(trial_of(sample).validation_accuracy, 4),
                 has_epsilon && search::is_walk(sample, trial_of(sample)) ? fixed(sample.epsilon, 1)
                                                                          : "-",
                 trial_of(sample).architecture});
    }
    print("{}", table.render());
  }
}

ExitStatus run(const TrialsOptions& options) {
  const auto study = search::open_study(options.study);
  const bool has_epsilon =
      search::heeds_epsilon(search::stored_configuration(*study).strategy.kind);
  if (options.samples) {
    print_samples(options, *study, has_epsilon);
  } else {
    print_trials(options, select(options, *study), has_epsilon);
  }
  return ExitStatus::done;
}

std::function<ExitStatus()> set_up_trials(CLI::App& app) {
  auto options = std::make_shared<TrialsOptions>();
  app.add_option("--study", options->study, "the study")->required();
  app.add_option("--top", options->top, "the best so many, best first")
      ->check(count_up_to(kMostCounted));
  app.add_option("--state", options->state, "only trials in this state")
      ->check(CLI::IsMember({"complete", "failed", "running", "waiting"}));
  app.add_flag("--samples", options->samples, "every walk of the agent instead");
  app.add_option("--format", options->format, "table, csv or json")
      ->check(CLI::IsMember({"table", "csv", "json"}))
      ->capture_default_str();
  return [options] { return run(*options); };
}

}  // namespace

const Command trials_command{"trials", "The trials of a study, or the best of them",
                             "metaqnn trials --study sqlite:///quick.db --top 10", set_up_trials};

}  // namespace metaqnn::cli
