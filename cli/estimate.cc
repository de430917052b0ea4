#include "cli/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/json.h"
#include "cli/output.h"
#include "search/estimate.h"
#include "search/surroundings.h"

namespace metaqnn::cli {
namespace {

using search::Machine;
using search::SearchEstimate;
using search::TimedEpoch;
using search::TrialState;

bool failed(const TimedEpoch& timed) { return timed.trial.state == TrialState::failed; }

double epoch_seconds(const TimedEpoch& timed) {
  return timed.training_seconds + timed.validation_seconds;
}

double whole_training(const SearchEstimate& estimate, const TimedEpoch& timed) {
  return search::training_seconds(estimate.basis, epoch_seconds(timed), search::kExpectedRestarts);
}

int64_t failures(const SearchEstimate& estimate) {
  return std::count_if(estimate.sample.begin(), estimate.sample.end(), failed);
}

Json to_json(const SearchEstimate& estimate, const TimedEpoch& timed) {
  const search::Trial& trial = timed.trial;
  Json json{{"architecture", trial.architecture},
            {"state", failed(timed) ? "failed" : "timed"},
            {"reason", trial.reason()},
            {"parameters", or_null(trial.parameters)},
            {"macs", or_null(trial.macs)}};
  for (const char* figure : {"batch_size", "images_per_second", "seconds_per_epoch", "seconds"})
    json[figure] = nullptr;
  if (failed(timed)) return json;
  json["batch_size"] = timed.batch_size;
  json["images_per_second"] = timed.images_per_second;
  json["seconds_per_epoch"] = epoch_seconds(timed);
  json["seconds"] = whole_training(estimate, timed);
  return json;
}

Json assumptions(const SearchEstimate& estimate) {
  return {{"not_learning", search::kExpectedRestarts.not_learning},
          {"restarts", search::kExpectedRestarts.restarts},
          {"epochs_per_model", estimate.cost.epochs},
          {"learned_cost", {search::kLearnedCheapest, search::kLearnedDearest}}};
}

Json to_json(const search::Configuration& configuration, const SearchEstimate& estimate,
             const std::optional<Machine>& machine) {
  Json json{{"evaluator", configuration.evaluator.kind},
            {"models", estimate.basis.models},
            {"uniform_models", estimate.basis.uniform_models},
            {"parallel", estimate.basis.parallel}};
  if (machine) {
    json["devices"] = machine->devices;
    json["workers"] = machine->workers;
    json["threads"] = machine->threads;
    json["precision"] = machine->precision;
    json["epochs"] = configuration.evaluator.training.epochs;
    json["assumed"] = assumptions(estimate);
    json["walks"] = estimate.walks;
    json["over_limit"] = estimate.over_limit;
    json["failed"] = failures(estimate);
    json["timeouts"] = estimate.cost.timeouts;
  }
  json["sample"] = Json::array();
  for (const TimedEpoch& timed : estimate.sample)
    json["sample"].push_back(to_json(estimate, timed));
  json["seconds_per_model"] = or_null(estimate.cost.seconds_per_model);
  json["standard_error"] = or_null(estimate.cost.standard_error);
  json["hours"] = or_null(estimate.cost.hours);
  json["hours_low"] = or_null(estimate.cost.hours_low);
  json["hours_high"] = or_null(estimate.cost.hours_high);
  return json;
}

// With a decimal where seconds are few.
std::string time_text(double seconds) {
  return seconds < 10 ? fixed(seconds, 1) + " s" : duration(seconds);
}

void print_sample(const SearchEstimate& estimate, int64_t batch_size) {
  Table table({{"parameters", Align::right},
               {"images/s", Align::right},
               {"s/epoch", Align::right},
               {"training", Align::right},
               {"network"}});
  bool small_batches = false;
  for (const TimedEpoch& timed : estimate.sample) {
    const search::Trial& trial = timed.trial;
    if (failed(timed)) {
      table.add({short_count(trial.parameters), "-", "-", "-",
                 trial.architecture + ", " + trial.reason()});
      continue;
    }
    const bool small = timed.batch_size < batch_size;
    small_batches |= small;
    const int decimals = timed.images_per_second < 10 ? 2 : 0;
    table.add({short_count(trial.parameters),
               fixed(timed.images_per_second, decimals) + (small ? "*" : " "),
               fixed(epoch_seconds(timed), 1), time_text(whole_training(estimate, timed)),
               trial.architecture});
  }
  print("{}", table.render());
  if (small_batches)
    print("* in smaller steps than the batch, which takes too long here: on the slow side\n");
}

void print_losses(const SearchEstimate& estimate) {
  if (estimate.over_limit > 0) {
    print("too large       {} of {} different walks; not in the sample\n",
          grouped(estimate.over_limit), grouped(estimate.over_limit + estimate.walks));
  }
  std::map<std::string, int> reasons;
  for (const TimedEpoch& timed : estimate.sample) {
    if (failed(timed)) ++reasons[search::to_string(timed.trial.failure)];
  }
  for (const auto& [reason, count] : reasons)
    print("failed          {} of {}: {}\n", count, estimate.sample.size(), reason);
  if (estimate.cost.timeouts > 0) {
    print("out of time     {} of {} would reach max_seconds and not count as models\n",
          estimate.cost.timeouts, estimate.basis.networks.size());
  }
}

void print_total(const SearchEstimate& estimate) {
  const search::SearchCost& cost = estimate.cost;
  if (!cost.hours) {
    print("whole search    no estimate: no network of the sample would finish\n");
    return;
  }
  print("each model      {}", time_text(*cost.seconds_per_model));
  if (cost.standard_error) print(", standard error {}", time_text(*cost.standard_error));
  print("; {:.1f} epochs in the mean\n", cost.epochs);
  print("whole search    {} for {}", time_text(*cost.hours * 3600),
        plural(estimate.basis.models, "model"));
  if (cost.hours_low) {
    print(", from {} to {}", time_text(*cost.hours_low * 3600), time_text(*cost.hours_high * 3600));
  }
  print("\n");
}

void print_assumptions(const SearchEstimate& estimate, const Machine& machine) {
  const int64_t learned = estimate.basis.models - estimate.basis.uniform_models;
  Table table({{"assumed"}, {"total", Align::right}, {"range", Align::right}});
  table.add({"networks that learn at no rate",
             fmt::format("{:.0f}%", 100 * search::kExpectedRestarts.not_learning),
             fmt::format("{:.0f} to {:.0f}%", 100 * search::kManyEpochs.not_learning,
                         100 * search::kFewEpochs.not_learning)});
  table.add({"restarts of each other one, at an epoch",
             fmt::format("{}", search::kExpectedRestarts.restarts),
             fmt::format("{} to {}", search::kFewEpochs.restarts, search::kManyEpochs.restarts)});
  if (learned > 0) {
    table.add(
        {fmt::format("cost of the {} after uniform walks, by theirs", plural(learned, "model")),
         "1", fmt::format("{} to {}", search::kLearnedCheapest, search::kLearnedDearest)});
  }
  print("\n{}\n", table.render());
  if (estimate.basis.parallel > 1) {
    print("{} trainings at a time, each as fast as the timed one on {} alone.\n",
          estimate.basis.parallel, machine.devices.front());
  }
  print("Not included: reading the images, the agent, failed networks, metaqnn finetune.\n");
}

void print_table(const search::Configuration& configuration, const SearchEstimate& estimate,
                 const Machine& machine) {
  const int64_t batch_size = configuration.evaluator.training.batch_size;
  print("{} of {} different uniform walks, timed on {}\n({}, batch {}{})\n\n",
        estimate.sample.size(), grouped(estimate.walks), machine.devices.front(), machine.precision,
        batch_size, machine.is_cpu() ? ", " + plural(machine.threads, "thread") : "");
  print_sample(estimate, batch_size);
  print("\n");
  print_losses(estimate);
  print_total(estimate);
  print_assumptions(estimate, machine);
}

void print_table_evaluator(const search::Configuration& configuration,
                           const SearchEstimate& estimate) {
  const search::TableSettings& table = configuration.evaluator.table;
  print("Nothing is trained: results are looked up in {}.\n\n", table.file.filename().string());
  print("each model      {} s (seconds_per_trial)\n", table.seconds_per_trial);
  print("whole search    {} for {}, without what the strategy itself takes\n",
        time_text(*estimate.cost.hours * 3600), plural(estimate.basis.models, "model"));
}

}  // namespace

ExitStatus print_estimate(const search::Configuration& configuration,
                          const EstimateRequest& request) {
  search::EstimateOptions options;
  options.sample = request.sample;
  options.parallel = request.workers;
  if (request.trials) options.limit = *request.trials;
  LiveLine line;
  std::optional<Machine> machine;
  if (configuration.evaluator.trains()) {
    machine = search::machine_for(configuration, request.workers);
    options.resources = {machine->devices.front(), machine->threads, configuration.seed};
    options.parallel = machine->parallel;
    options.timed = [&line](int64_t timed, int64_t sample) {
      line.show(fmt::format("{}/{} networks timed", timed, sample));
    };
  }
  const SearchEstimate estimate = search::estimate_search(configuration, options);
  line.clear();
  if (request.format == "json") {
    print_document(to_json(configuration, estimate, machine));
  } else if (machine) {
    print_table(configuration, estimate, *machine);
  } else {
    print_table_evaluator(configuration, estimate);
  }
  return ExitStatus::done;
}

}  // namespace metaqnn::cli
