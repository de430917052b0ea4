#include "search/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "metaqnn/architecture/shapes.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/search.h"
#include "metaqnn/search/space/distinct_walks.h"

namespace metaqnn::search {
namespace {

constexpr double kErrorsToEachSide = 2;
// How many walks in a row may find nothing new, and how many architectures may be too large for
// each that is wanted.
constexpr int64_t kWalksWithoutNews = 200000;
constexpr int64_t kRefusedForEach = 100;

struct Walks {
  std::vector<std::string> architectures;
  int64_t over_limit = 0;
};

Walks draw(const Space& space, const Evaluator& evaluator, int64_t count, Random& random) {
  DistinctWalks distinct(space,
                         [&](const std::string& text) { return evaluator.keeps_limits(text); }, {},
                         {kWalksWithoutNews, kRefusedForEach * count});
  Walks walks;
  walks.architectures = distinct.next(count, [&] { return space.uniform_walk(random); });
  walks.over_limit = distinct.refused();
  if (walks.architectures.empty()) {
    throw FailureError(
        fmt::format("none of {} different networks of the space keeps evaluator.max_parameters and "
                    "evaluator.max_memory; raise them, or make the space smaller",
                    walks.over_limit));
  }
  return walks;
}

double mean_macs(const std::vector<std::string>& architectures, const Shape& input) {
  double sum = 0;
  for (const std::string& text : architectures)
    sum += static_cast<double>(analyse(parse_architecture(text), input).macs);
  return sum / static_cast<double>(architectures.size());
}

// Seconds per model that counts, as a multiple of the basis's mean MACs; nothing where none counts.
struct Ratio {
  std::optional<double> mean, error;
};

Ratio ratio_of(const CostBasis& basis, const RestartAssumption& assumption) {
  const auto n = static_cast<double>(basis.networks.size());
  double seconds = 0, macs = 0, counted = 0;
  std::vector<double> costs;
  for (const CostBasis::Network& network : basis.networks) {
    const double whole = training_seconds(basis, network.epoch_seconds, assumption);
    const bool in_time = basis.max_seconds == 0 || whole <= basis.max_seconds;
    costs.push_back(in_time ? whole : basis.max_seconds);
    counted += in_time ? 1 : 0;
    seconds += costs.back();
    macs += network.macs;
  }
  if (counted == 0) return {};
  const double ratio = seconds / macs, each_that_counts = n / counted;
  Ratio result{ratio * basis.mean_macs * each_that_counts, std::nullopt};
  if (basis.networks.size() < 2) return result;
  double squares = 0;
  for (size_t i = 0; i < costs.size(); ++i)
    squares += std::pow(costs[i] - ratio * basis.networks[i].macs, 2);
  result.error =
      basis.mean_macs / (macs / n) * std::sqrt(squares / (n * (n - 1))) * each_that_counts;
  return result;
}

double hours(const CostBasis& basis, double seconds_per_model, double learned_factor) {
  const auto uniform = static_cast<double>(basis.uniform_models);
  const double learned = static_cast<double>(basis.models) - uniform;
  return seconds_per_model * (uniform + learned_factor * learned) / basis.parallel / 3600;
}

void add_range(const CostBasis& basis, SearchCost& cost) {
  for (const RestartAssumption& assumption : {kFewEpochs, kExpectedRestarts, kManyEpochs}) {
    const Ratio ratio = ratio_of(basis, assumption);
    if (!ratio.mean || !ratio.error) continue;
    const double factor = std::exp(kErrorsToEachSide * *ratio.error / *ratio.mean);
    const double low = hours(basis, *ratio.mean / factor, kLearnedCheapest);
    const double high = hours(basis, *ratio.mean * factor, kLearnedDearest);
    cost.hours_low = std::min(cost.hours_low.value_or(low), low);
    cost.hours_high = std::max(cost.hours_high.value_or(high), high);
  }
}

// What the table evaluator waits, the only cost of a search in a table.
SearchCost cost_of_table(const CostBasis& basis, double seconds_per_trial) {
  SearchCost cost;
  cost.seconds_per_model = seconds_per_trial;
  cost.hours = cost.hours_low = cost.hours_high = hours(basis, seconds_per_trial, 1);
  return cost;
}

CostBasis basis_of(const Configuration& configuration, const EstimateOptions& options) {
  const TrainingSettings& training = configuration.evaluator.training;
  CostBasis basis;
  basis.models = std::min(options.limit, total_models(configuration.strategy.schedule));
  basis.uniform_models = uniform_models(configuration.strategy, basis.models);
  basis.epochs = training.epochs;
  basis.learning_rates = training.learning_rates;
  basis.max_seconds = training.max_seconds;
  basis.parallel = options.parallel;
  return basis;
}

void time_sample(const std::vector<std::string>& architectures, const EstimateOptions& options,
                 Evaluator& evaluator, SearchEstimate& estimate) {
  const auto count = static_cast<int64_t>(architectures.size());
  options.timed(0, count);
  for (const std::string& architecture : architectures) {
    const std::optional<TimedEpoch> timed = evaluator.time_epoch(architecture, options.seconds);
    METAQNN_ASSERT(timed.has_value(), "nothing was trained of " + architecture);
    estimate.sample.push_back(*timed);
    options.timed(static_cast<int64_t>(estimate.sample.size()), count);
    if (timed->trial.state == TrialState::failed) continue;
    estimate.basis.networks.push_back({static_cast<double>(timed->trial.macs.value()),
                                       timed->training_seconds + timed->validation_seconds});
  }
}

}  // namespace

double epochs_per_model(int epochs, int learning_rates, const RestartAssumption& assumption) {
  const double restarts = std::min<double>(assumption.restarts, learning_rates - 1);
  return (1 - assumption.not_learning) * (epochs + restarts) +
         assumption.not_learning * learning_rates;
}

double training_seconds(const CostBasis& basis, double epoch_seconds,
                        const RestartAssumption& assumption) {
  return epoch_seconds * epochs_per_model(basis.epochs, basis.learning_rates, assumption);
}

SearchCost cost_of(const CostBasis& basis) {
  SearchCost cost;
  cost.epochs = epochs_per_model(basis.epochs, basis.learning_rates, kExpectedRestarts);
  for (const CostBasis::Network& network : basis.networks) {
    const double seconds = training_seconds(basis, network.epoch_seconds, kExpectedRestarts);
    if (basis.max_seconds > 0 && seconds > basis.max_seconds) ++cost.timeouts;
  }
  const Ratio expected = ratio_of(basis, kExpectedRestarts);
  cost.seconds_per_model = expected.mean;
  cost.standard_error = expected.error;
  if (!expected.mean) return cost;
  cost.hours = hours(basis, *expected.mean, 1);
  add_range(basis, cost);
  return cost;
}

SearchEstimate estimate_search(const Configuration& configuration, const EstimateOptions& options) {
  if (configuration.evaluator.runs_command()) {
    throw UsageError(
        "search --estimate times trainings of [evaluator] kind = \"train\"; how long a command "
        "takes, "
        "a search with --trials 5 tells");
  }
  const Space space = build_space(configuration);
  make_strategy(configuration, space, configuration.seed);  // its settings are checked
  SearchEstimate estimate;
  estimate.basis = basis_of(configuration, options);
  const auto evaluator =
      make_evaluator(configuration.evaluator, configuration.data, options.resources);
  if (configuration.evaluator.looks_up()) {
    estimate.cost = cost_of_table(estimate.basis, configuration.evaluator.table.seconds_per_trial);
    return estimate;
  }
  if (!space.input())
    throw UsageError("the strings of this space are no networks, so there is nothing to time");
  Random random = Random::stream(configuration.seed, "estimate");
  Walks walks = draw(space, *evaluator, std::min(estimate.basis.models, kMostWalks), random);
  estimate.walks = static_cast<int64_t>(walks.architectures.size());
  estimate.over_limit = walks.over_limit;
  estimate.basis.mean_macs = mean_macs(walks.architectures, *space.input());
  shuffle(walks.architectures, random);
  walks.architectures.resize(static_cast<size_t>(
      std::min(options.sample, static_cast<int64_t>(walks.architectures.size()))));
  time_sample(walks.architectures, options, *evaluator, estimate);
  estimate.cost = cost_of(estimate.basis);
  return estimate;
}

}  // namespace metaqnn::search
