// How long will this search take? Nothing is stored: a few networks are trained for some seconds
// each.
//
// 1. Architectures: as many different uniform walks as the schedule has models (at most
//    kMostWalks), without those over the evaluator's limits. They are what an agent at epsilon 1
//    would train, small networks included once and not as often as walks come upon them.
// 2. Sample: some of them at random, trained for a timed piece each (search/evaluate/timing.h) with
//    the configuration's own data, batch size and precision. That gives t, the seconds of a whole
//    training:
//
//      t = epochs per model x (training + validation seconds of an epoch), at most max_seconds
//      epochs per model = (1 - f) (E + r) + f R
//
//    with E epochs, R initial rates, and what is assumed of restarts: a share f of the networks
//    learns at no rate and leaves after one epoch at each; the others need r restarts in the mean.
// 3. Mean over all the walks, by a ratio to the MACs m, which are known of every walk: networks
//    differ a hundredfold in cost, so the mean of a few alone would tell little.
//
//      mean = M sum t / sum m           M: mean MACs of all the walks
//      standard error = M / (sum m / n) sqrt(sum (t - m sum t / sum m)^2 / (n (n - 1)))
//
// 4. Total = models x mean / share of the sampled that keep max_seconds / parallel trainings. One
//    that runs out of time costs its seconds and is not counted as a model.
//
// The range of the total is all at one end, or all at the other: the mean divided or multiplied by
// exp(2 standard error / mean), which is less or plus two standard errors where they are small;
// restarts as kFewEpochs, kExpectedRestarts or kManyEpochs, whichever is the end; and the networks
// that are not drawn uniformly, but by what a strategy has learned by then, at 0.9 or 2 times the
// cost of the uniform ones (kLearnedCheapest, kLearnedDearest; 1 in the total itself). Nobody can
// know these before the search; the figures are what earlier searches showed.
//
//   SearchEstimate estimate = estimate_search(configuration, {.sample = 12});
//   estimate.cost.hours, estimate.cost.hours_low, estimate.cost.hours_high
//
// A table evaluator trains nothing: its seconds_per_trial for each model.
// Source of the ratio estimate: Cochran, Sampling Techniques, 1977, chapter 6.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "metaqnn/search/configuration.h"
#include "metaqnn/search/evaluate/evaluator.h"

namespace metaqnn::search {

constexpr int64_t kMostWalks = 10000;

struct RestartAssumption {
  double not_learning;  // f
  double restarts;      // r; at most R - 1 count
};
// Of 550 uniform networks in experiments/results/fashion_mnist_log.csv, 88 learned at no rate, and
// the others took 29 restarts.
constexpr RestartAssumption kExpectedRestarts{0.16, 0.06};
// The authors' SVHN logs: 447 of 970 networks at epsilon 1 learned at no rate; the 784 networks of
// the random log, all of which learned, took 1.4 restarts in the mean.
constexpr RestartAssumption kFewEpochs{0.46, 0}, kManyEpochs{0, 1.4};
// Mean MACs at epsilon below 1, by those at 1: 0.93 to 0.97 in the authors' SVHN search (to 0.7);
// 1.0 to 2.4 in ours, 1.4 over the whole schedule.
constexpr double kLearnedCheapest = 0.9, kLearnedDearest = 2;

double epochs_per_model(int epochs, int learning_rates, const RestartAssumption& assumption);

// What the cost follows from.
struct CostBasis {
  struct Network {
    double macs, epoch_seconds;
  };
  std::vector<Network> networks;  // that were timed
  double mean_macs = 0;           // of all walks
  int64_t models = 0, uniform_models = 0;
  int epochs = 1, learning_rates = 1;
  double max_seconds = 0;  // 0 = no limit
  int parallel = 1;        // trainings at a time
};

struct SearchCost {
  double epochs = 0;     // per model, as expected
  int64_t timeouts = 0;  // of the networks: longer than max_seconds
  // Of one model; nothing where no network keeps max_seconds. The error takes two networks.
  std::optional<double> seconds_per_model, standard_error;
  std::optional<double> hours, hours_low, hours_high;
};

SearchCost cost_of(const CostBasis& basis);

// The seconds of one network's training, all epochs.
double training_seconds(const CostBasis& basis, double epoch_seconds,
                        const RestartAssumption& assumption);

struct EstimateOptions {
  int64_t sample = 12;  // networks
  double seconds = 10;  // of each
  Resources resources;
  int parallel = 1;
  int64_t limit = std::numeric_limits<int64_t>::max();  // models, at most those of the schedule
  // So many of the sample are timed; called before the first and after each.
  std::function<void(int64_t timed, int64_t sample)> timed = [](int64_t, int64_t) {};
};

struct SearchEstimate {
  CostBasis basis;
  SearchCost cost;
  std::vector<TimedEpoch> sample;     // failed ones included
  int64_t walks = 0, over_limit = 0;  // different architectures: kept, and too large
};

// Throws what building space, strategy and evaluator throws; FailureError where hardly any walk
// keeps the limits.
SearchEstimate estimate_search(const Configuration& configuration, const EstimateOptions& options);

}  // namespace metaqnn::search
