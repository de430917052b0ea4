#include "metaqnn/predict/cross_validation.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "predict/predictor.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::VectorXd;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<Index> shuffled(Index n, uint64_t seed, int repeat) {
  std::vector<Index> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), Index{0});
  Random random = Random::stream(seed, "split", static_cast<uint64_t>(repeat));
  shuffle(rows, random);
  return rows;
}

VectorXd ranks(const VectorXd& values) {
  std::vector<Index> order(static_cast<size_t>(values.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::sort(order.begin(), order.end(), [&](Index a, Index b) { return values(a) < values(b); });
  VectorXd ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && values(order[end]) == values(order[begin])) ++end;
    for (size_t i = begin; i < end; ++i)
      ranks(order[i]) = 0.5 * static_cast<double>(begin + end - 1);
    begin = end;
  }
  return ranks;
}

// Pairs of equal ones among sorted values.
int64_t count_ties(const std::vector<double>& sorted) {
  int64_t ties = 0;
  for (size_t i = 1, run = 0; i < sorted.size(); ++i) {
    run = sorted[i] == sorted[i - 1] ? run + 1 : 0;
    ties += static_cast<int64_t>(run);
  }
  return ties;
}

// Sorts, and counts the pairs that stood in the wrong order.
int64_t sort_and_count(std::vector<double>& values) {
  std::vector<double> merged(values.size());
  int64_t exchanges = 0;
  for (size_t width = 1; width < values.size(); width *= 2) {
    for (size_t begin = 0; begin < values.size(); begin += 2 * width) {
      const size_t middle = std::min(begin + width, values.size()),
                   end = std::min(begin + 2 * width, values.size());
      for (size_t left = begin, right = middle, to = begin; to < end; ++to) {
        const bool takes_right = left == middle || (right < end && values[right] < values[left]);
        if (takes_right) exchanges += static_cast<int64_t>(middle - left);
        merged[to] = values[takes_right ? right++ : left++];
      }
    }
    std::swap(values, merged);
  }
  return exchanges;
}

void assert_pairs(const VectorXd& a, const VectorXd& b) {
  METAQNN_ASSERT(a.size() == b.size(),
                 std::to_string(a.size()) + " values beside " + std::to_string(b.size()));
}

bool constant(const VectorXd& values) { return values.maxCoeff() == values.minCoeff(); }

// `truth`, `predicted`: larger is better.
void measure_top(const VectorXd& truth, const VectorXd& predicted, Index top, Figures& figures) {
  if (constant(predicted)) return;  // which ten would be arbitrary
  std::vector<Index> order(static_cast<size_t>(truth.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return predicted(a) > predicted(b); });
  const Index count = std::min(top, truth.size());
  double sum = 0, best = -INFINITY;
  for (Index i = 0; i < count; ++i) {
    const double y = truth(order[static_cast<size_t>(i)]);
    sum += y;
    best = std::max(best, y);
  }
  figures.top10_mean = sum / static_cast<double>(count);
  figures.top10_best_rank = 1 + static_cast<double>((truth.array() > best).count());
  figures.top10_regret = truth.maxCoeff() - best;
  figures.top10_hits_best = best == truth.maxCoeff();
}

double spread(const VectorXd& values) { return values.maxCoeff() - values.minCoeff(); }

// What is predicted nearly as the mean of a fold's training targets has no order: over the folds it
// has one, the reverse of the truth, since what is left out of the training is missing from its mean.
// `means`: for each prediction.
bool have_order(const VectorXd& predicted, const VectorXd& means) {
  constexpr double kRounding = 1e-9;
  return spread(predicted - means) > spread(means) + kRounding * means.cwiseAbs().maxCoeff();
}

Eigen::Map<const VectorXd> vector_of(const std::vector<double>& values) {
  return {values.data(), static_cast<Index>(values.size())};
}

Figures without_order(const Figures& figures) {
  Figures rest;
  rest.l2_loss = figures.l2_loss;
  rest.r2 = figures.r2;
  return rest;
}

// The outcome of one split for one method.
struct Outcome {
  VectorXd predicted, score;
  VectorXd deviation;        // empty where it is not asked for or not known
  double training_mean = 0;  // of the targets
  double fit_seconds = 0, predict_seconds = 0;
  std::vector<std::pair<std::string, double>> hyperparameters;
  std::vector<std::string> report;
};

// `place`: "split 3 of 15".
std::vector<Outcome> run(const Samples& samples, const TestSplit& split,
                         const CrossValidationSettings& settings, int threads,
                         const std::string& place) {
  const Samples train = samples.subset(split.train);
  std::vector<std::string> test;
  for (Index row : split.test) test.push_back(samples.architectures[static_cast<size_t>(row)]);
  std::vector<std::string> unlabelled = settings.unlabelled;
  if (settings.test_as_unlabelled) unlabelled.insert(unlabelled.end(), test.begin(), test.end());
  FitSettings fit_settings = settings.fit;
  fit_settings.threads = threads;
  if (settings.fit.tell)
    fit_settings.tell = [&](const std::string& what) { settings.fit.tell(place + ": " + what); };
  const Training training =
      make_training(settings.encoding, train, settings.failures, unlabelled, fit_settings);
  const kernels::Points points = training.encoding->points(test);
  std::vector<Outcome> outcomes;
  for (const std::string& name : settings.methods) {
    Outcome outcome;
    auto start = Clock::now();
    const Predictor predictor = Predictor::fit(find_method(name), training);
    outcome.fit_seconds = seconds_since(start);
    start = Clock::now();
    Prediction prediction = predictor.predict(points, {settings.keep_predictions, threads});
    outcome.predicted = std::move(prediction.mean);
    outcome.score = std::move(prediction.score);
    outcome.deviation = std::move(prediction.deviation);
    outcome.predict_seconds = seconds_since(start);
    outcome.training_mean = training.targets.mean();
    outcome.hyperparameters = predictor.hyperparameters();
    outcome.report = predictor.report();
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

void add_predictions(const Outcome& outcome, size_t repeat, size_t split,
                     const std::vector<Index>& rows, MethodResult& result) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto at = static_cast<Index>(i);
    TestPrediction prediction{repeat, split, rows[i], outcome.predicted(at), {}};
    if (outcome.deviation.size() > 0) prediction.deviation = outcome.deviation(at);
    result.predictions.push_back(prediction);
  }
}

void check_repeats(int repeats) {
  if (repeats < 1) throw UsageError(std::to_string(repeats) + " repeats; give 1 at least");
}

void check_splits(const TestSplits& splits, Index n) {
  if (splits.empty()) throw UsageError("there is no repeat of a split; give one at least");
  for (const std::vector<TestSplit>& repeat : splits) {
    if (repeat.empty()) throw UsageError("a repeat has no split; give one at least");
    for (const TestSplit& split : repeat) {
      if (split.train.size() < 2 || split.test.empty())
        throw UsageError("a split has " + std::to_string(split.train.size()) +
                         " rows to train on, " + std::to_string(split.test.size()) +
                         " to test on; it needs 2 and 1");
      for (const std::vector<Index>* rows : {&split.train, &split.test}) {
        for (Index row : *rows) {
          if (row < 0 || row >= n)
            throw UsageError("a split has row " + std::to_string(row) + " of " + std::to_string(n) +
                             " samples; rows count from 0");
        }
      }
    }
  }
}

// A fit holds some matrices of as many rows as there are points and as many columns as centres.
int fits_at_once(const Samples& samples, const CrossValidationSettings& settings, int threads) {
  constexpr double kNumbers = 4e8;  // 3 GiB
  constexpr double kMatrices = 4;
  const auto points = static_cast<double>(samples.size() + settings.unlabelled.size());
  const double centres = settings.fit.centres == 0
                             ? points
                             : std::min(points, static_cast<double>(settings.fit.centres));
  return static_cast<int>(
      std::clamp(kNumbers / (kMatrices * points * centres), 1.0, double(threads)));
}

}  // namespace

// Sorted by a, and where that is equal by b, the pairs that b orders otherwise are the exchanges of a
// merge sort by b (Knight, Journal of the American Statistical Association 61, 1966).
std::optional<double> kendall_tau(const VectorXd& a, const VectorXd& b) {
  assert_pairs(a, b);
  if (a.hasNaN() || b.hasNaN()) return std::nullopt;
  std::vector<Index> order(static_cast<size_t>(a.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::sort(order.begin(), order.end(),
            [&](Index i, Index j) { return a(i) != a(j) ? a(i) < a(j) : b(i) < b(j); });
  std::vector<double> by_a, by_b;
  for (Index i : order) by_b.push_back(b(i));
  for (Index i : order) by_a.push_back(a(i));
  int64_t tied_both = 0;
  for (size_t i = 0, run = 0; i < order.size(); ++i) {
    run = i > 0 && by_a[i] == by_a[i - 1] && by_b[i] == by_b[i - 1] ? run + 1 : 0;
    tied_both += static_cast<int64_t>(run);
  }
  const int64_t tied_a = count_ties(by_a), exchanges = sort_and_count(by_b),
                tied_b = count_ties(by_b);
  const auto n = static_cast<int64_t>(order.size());
  const int64_t pairs = n * (n - 1) / 2;
  const int64_t agree = pairs - tied_a - tied_b + tied_both - 2 * exchanges;
  const double norm = std::sqrt(static_cast<double>(pairs - tied_a)) *
                      std::sqrt(static_cast<double>(pairs - tied_b));
  if (!(norm > 0)) return std::nullopt;
  return static_cast<double>(agree) / norm;
}

std::optional<double> spearman(const VectorXd& a, const VectorXd& b) {
  assert_pairs(a, b);
  if (a.hasNaN() || b.hasNaN()) return std::nullopt;
  const double middle = 0.5 * static_cast<double>(a.size() - 1);
  const VectorXd x = ranks(a).array() - middle, y = ranks(b).array() - middle;
  const double norm = x.norm() * y.norm();
  if (!(norm > 0)) return std::nullopt;
  return x.dot(y) / norm;
}

Figures measure(const VectorXd& truth, const VectorXd& predicted, datasets::Direction direction) {
  return measure(truth, predicted, direction, datasets::sign_of(direction) * predicted);
}

Figures measure(const VectorXd& truth, const VectorXd& predicted, datasets::Direction direction,
                const VectorXd& scores, Index top) {
  assert_pairs(truth, predicted);
  assert_pairs(truth, scores);
  METAQNN_ASSERT(truth.size() > 0, "no targets");
  Figures figures;
  const double squared = (truth - predicted).squaredNorm();
  figures.l2_loss = squared / static_cast<double>(truth.size());
  const double variance = (truth.array() - truth.mean()).square().sum();
  if (!constant(truth)) figures.r2 = 1 - squared / variance;
  const double sign = datasets::sign_of(direction);
  figures.kendall_tau = kendall_tau(sign * truth, scores);
  figures.spearman = spearman(sign * truth, scores);
  measure_top(sign * truth, scores, top, figures);
  if (figures.top10_mean) *figures.top10_mean *= sign;
  return figures;
}

Summary summarise(const std::vector<Figures>& repeats, std::optional<double> Figures::*figure) {
  std::vector<double> values;
  for (const Figures& figures : repeats) {
    if (figures.*figure) values.push_back(*(figures.*figure));
  }
  if (values.empty()) return {};
  double sum = 0, squares = 0;
  for (double value : values) sum += value;
  const double n = static_cast<double>(values.size()), mean = sum / n;
  for (double value : values) squares += (value - mean) * (value - mean);
  return {mean, n > 1 ? std::sqrt(squares / (n - 1)) : 0};
}

TestSplits fold_splits(Index n, int folds, int repeats, uint64_t seed) {
  if (folds < 2 || folds > n || n < 3) {
    throw UsageError(std::to_string(folds) + " folds of " + std::to_string(n) +
                     " architectures: give from 2 to as many folds as there are architectures, "
                     "which are at least 3");
  }
  check_repeats(repeats);
  TestSplits splits;
  for (int r = 0; r < repeats; ++r) {
    const std::vector<Index> rows = shuffled(n, seed, r);
    std::vector<TestSplit> of_repeat(static_cast<size_t>(folds));
    for (size_t i = 0; i < rows.size(); ++i) {
      for (size_t f = 0; f < of_repeat.size(); ++f)
        (i % of_repeat.size() == f ? of_repeat[f].test : of_repeat[f].train).push_back(rows[i]);
    }
    splits.push_back(std::move(of_repeat));
  }
  return splits;
}

std::optional<FoldPlan> fold_plan(Index n) {
  if (n < 3 || n > kMostForFolds) return std::nullopt;
  // Of few networks each that is missing from the training is missed.
  if (n <= 60) return FoldPlan{static_cast<int>(std::min<Index>(n, 20)), 3};
  if (n <= 100) return FoldPlan{10, 5};
  if (n <= 300) return FoldPlan{10, 1};
  return FoldPlan{5, 1};
}

TestSplits random_splits(Index n, Index train_size, int repeats, uint64_t seed) {
  if (train_size < 2 || train_size >= n) {
    throw UsageError("a training set of " + std::to_string(train_size) + " from " +
                     std::to_string(n) + " architectures: give from 2 to " + std::to_string(n - 1));
  }
  check_repeats(repeats);
  TestSplits splits;
  for (int r = 0; r < repeats; ++r) {
    const std::vector<Index> rows = shuffled(n, seed, r);
    splits.push_back(
        {{{rows.begin(), rows.begin() + train_size}, {rows.begin() + train_size, rows.end()}}});
  }
  return splits;
}

TestSplits one_split(Index n, Index train_size) {
  if (train_size >= n) throw DataError("no test architecture is unlike the training ones");
  if (train_size < 2)
    throw UsageError("a training set of " + std::to_string(train_size) + "; give 2 at least");
  TestSplit split;
  for (Index row = 0; row < n; ++row) (row < train_size ? split.train : split.test).push_back(row);
  return {{split}};
}

std::vector<MethodResult> cross_validate(const Samples& samples, const TestSplits& splits,
                                         const CrossValidationSettings& settings) {
  check_splits(splits, static_cast<Index>(samples.size()));
  const std::vector<bool> is_judged = at_largest_budget(samples.architectures, settings.encoding);
  std::vector<std::pair<size_t, size_t>> parts;
  for (size_t r = 0; r < splits.size(); ++r) {
    for (size_t f = 0; f < splits[r].size(); ++f) parts.emplace_back(r, f);
  }
  const int threads = threads_or_cores(settings.fit.threads);
  const int beside =
      std::min<int>(fits_at_once(samples, settings, threads), static_cast<int>(parts.size()));
  std::vector<std::vector<Outcome>> outcomes(parts.size());
  parallel_for(static_cast<Index>(parts.size()), beside, [&](Index p) {
    const auto [r, f] = parts[static_cast<size_t>(p)];
    outcomes[static_cast<size_t>(p)] =
        run(samples, splits[r][f], settings, beside > 1 ? 1 : threads,
            "split " + std::to_string(p + 1) + " of " + std::to_string(parts.size()));
  });
  const double sign = datasets::sign_of(samples.measure.direction);
  std::vector<MethodResult> results;
  for (size_t m = 0; m < settings.methods.size(); ++m) {
    MethodResult result;
    result.method = settings.methods[m];
    result.baseline = find_method(result.method).baseline();
    result.report = outcomes[0][m].report;
    std::vector<double> truth, predicted, scores, means, learned_truth, learned_scores;
    for (size_t p = 0; p < parts.size(); ++p) {
      const auto [r, f] = parts[p];
      const Outcome& outcome = outcomes[p][m];
      for (size_t i = 0; i < splits[r][f].test.size(); ++i) {
        const Index row = splits[r][f].test[i];
        if (!is_judged[static_cast<size_t>(row)]) continue;
        truth.push_back(samples.targets(row));
        predicted.push_back(outcome.predicted(static_cast<Index>(i)));
        scores.push_back(outcome.score(static_cast<Index>(i)));
        means.push_back(outcome.training_mean);
        if (samples.trained(row) > 0) {
          learned_truth.push_back(truth.back());
          learned_scores.push_back(scores.back());
        }
      }
      if (settings.keep_predictions) add_predictions(outcome, r, f, splits[r][f].test, result);
      result.fit_seconds += outcome.fit_seconds / static_cast<double>(splits.size());
      result.predict_seconds += outcome.predict_seconds / static_cast<double>(splits.size());
      for (const auto& [name, value] : outcome.hyperparameters)
        result.hyperparameters[name] += value / static_cast<double>(parts.size());
      if (f + 1 == splits[r].size()) {
        if (truth.empty())
          throw UsageError("no network of the test set is at its largest budget; test on more");
        Figures figures = measure(vector_of(truth), vector_of(predicted), samples.measure.direction,
                                  vector_of(scores), settings.top);
        if (learned_truth.size() < truth.size())
          figures.kendall_tau_learned =
              kendall_tau(sign * vector_of(learned_truth), vector_of(learned_scores));
        result.repeats.push_back(
            have_order(vector_of(predicted), vector_of(means)) ? figures : without_order(figures));
        for (std::vector<double>* values :
             {&truth, &predicted, &scores, &means, &learned_truth, &learned_scores})
          values->clear();
      }
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace metaqnn::predict
