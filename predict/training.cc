#include "predict/training.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/blas_threads.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "predict/form.h"
#include "predict/kernel_regressor.h"

namespace metaqnn::predict {

using Eigen::Index;
using Eigen::VectorXd;

namespace {

// What reading cells as they are written has to gain, as a share of the squared residuals.
constexpr double kWrittenGain = 0.1;
constexpr Index kMostToAsk = 300;  // networks that tell

// Hyper-parameters that a few hundred points choose are too smooth for many thousands.
int points_to_choose_on(Index n) {
  return static_cast<int>(std::clamp<Index>(n / 4, HyperparameterSettings().most_points, 1000));
}

double residuals_of(const Encoding& encoding, const std::vector<std::string>& architectures,
                    const VectorXd& scores) {
  const kernels::Points points = encoding.points(architectures);
  const kernels::KernelPointer kernel = sum_kernel(encoding);
  const LeastSquares system(kernels::decompose(kernel->gram(kernels::starts(*kernel), points)),
                            scores);
  const double penalty = system.best_penalty(kSmallestPenalty, kLargestPenalty);
  return system.solve(penalty).left_out.squaredNorm();
}

std::shared_ptr<const Encoding> make_encoding(const EncodingSettings& settings,
                                              const Samples& samples, uint64_t seed,
                                              const std::optional<Reading>& reading) {
  const auto make = [&](const Reading& how) {
    return std::make_shared<const Encoding>(settings, samples.architectures, how);
  };
  auto computed = make(reading.value_or(Reading{}));
  if (reading || !computed->cells()) return computed;
  auto written = make({.cells = Cells::as_written});
  return gains_as_written(*computed, *written, samples.architectures, samples.targets, seed)
             ? written
             : computed;
}

std::vector<Index> rows_where(const VectorXd& values, bool (*holds)(double)) {
  std::vector<Index> rows;
  for (Index i = 0; i < values.size(); ++i) {
    if (holds(values(i))) rows.push_back(i);
  }
  return rows;
}

// The same architectures with other targets.
Training with_targets(const Training& training, const VectorXd& targets) {
  Training part = training;
  part.targets = targets;
  part.parts = nullptr;
  part.forms = std::make_shared<MadeOnce<Form>>();
  return part;
}

// Some of the architectures.
Training part_of(const Training& training, const std::vector<Index>& rows,
                 const VectorXd& targets) {
  Training part = with_targets(training, targets);
  part.architectures.clear();
  for (Index row : rows)
    part.architectures.push_back(training.architectures[static_cast<size_t>(row)]);
  part.points = training.points.subset(rows);
  part.rows = rows;
  part.systems = std::make_shared<MadeOnce<Training::System>>();
  return part;
}

std::shared_ptr<const TwoParts> make_parts(const Training& training, const Samples& samples) {
  const std::vector<Index> trained = rows_where(samples.trained, [](double p) { return p > 0; });
  const bool failures = (samples.trained.array() < 1).any();
  if (!failures || trained.size() < 2) return nullptr;
  const Training trains = with_targets(training, samples.trained);
  const Training accuracy = part_of(training, trained, samples.trained_targets(trained));
  return std::make_shared<TwoParts>(
      TwoParts{trains.on(Warp::none), accuracy.on(Warp::normal_scores), trained, samples.chance});
}

}  // namespace

bool gains_as_written(const Encoding& computed, const Encoding& written,
                      const std::vector<std::string>& architectures, const VectorXd& targets,
                      uint64_t seed) {
  std::vector<Index> rows(architectures.size());
  std::iota(rows.begin(), rows.end(), Index{0});
  Random random = Random::stream(seed, "cells as written");
  shuffle(rows, random);
  rows.resize(std::min(rows.size(), static_cast<size_t>(kMostToAsk)));
  std::vector<std::string> some;
  for (Index row : rows) some.push_back(architectures[static_cast<size_t>(row)]);
  const VectorXd scores = TargetScale(targets(rows), Warp::normal_scores).standardised();
  return residuals_of(written, some, scores) <
         (1 - kWrittenGain) * residuals_of(computed, some, scores);
}

const Hyperparameters& Training::hyperparameters_of(const KernelKind& kind) const {
  return *hyperparameters->get(kind.name, [&] {
    tell("choosing hyper-parameters of the " + std::string(kind.name) + " kernel");
    HyperparameterSettings choice;
    choice.seed = settings.seed;
    choice.stop = settings.stop;
    choice.most_points = points_to_choose_on(points.size());
    const TargetScale scores(targets, Warp::normal_scores, direction);
    Hyperparameters chosen =
        choose_hyperparameters(*kind.make(*encoding), points, scores.standardised(), choice);
    chosen.report.kernel = kind.name;
    return chosen;
  });
}

Training::System Training::system_of(const KernelKind& kind) const {
  return *systems->get(kind.name, [&] {
    const VectorXd& parameters = hyperparameters_of(kind).parameters;
    tell("comparing networks by the " + std::string(kind.name) + " kernel");
    return make_system(
        *kind.make(*encoding), parameters, points,
        {.seed = settings.seed, .threads = settings.threads, .centres = settings.centres});
  });
}

void Training::release_systems() const {
  systems->forget();
  if (!parts) return;
  parts->trains.systems->forget();
  parts->accuracy.systems->forget();
}

Training Training::on(Warp warp) const {
  Training other = *this;
  other.scale = TargetScale(targets, warp, direction);
  return other;
}

Training make_training(const EncodingSettings& encoding, const Samples& samples, Failures failures,
                       const std::vector<std::string>& unlabelled, const FitSettings& settings,
                       const std::optional<Reading>& reading) {
  if (samples.size() < 2) {
    throw UsageError("a predictor needs at least 2 different architectures with a target, not " +
                     std::to_string(samples.size()));
  }
  check(samples, encoding);
  if (settings.graph_weight &&
      !(std::isfinite(*settings.graph_weight) && *settings.graph_weight >= 0))
    throw UsageError("the weight of the graph is " + std::to_string(*settings.graph_weight) +
                     "; give a number from 0 on");
  const BlasThreads threads(settings.threads);
  auto made = make_encoding(encoding, samples, settings.seed, reading);
  kernels::Points points = made->points(samples.architectures);
  std::set<std::string> known(samples.architectures.begin(), samples.architectures.end());
  std::vector<std::string> others;
  for (const std::string& text : unlabelled) {
    if (known.insert(text).second) others.push_back(text);
  }
  kernels::Points other_points = made->points(others);
  Training training{.encoding = std::move(made),
                    .architectures = samples.architectures,
                    .points = std::move(points),
                    .targets = samples.targets,
                    .direction = samples.measure.direction,
                    .scale = TargetScale(samples.targets),
                    .unlabelled_architectures = std::move(others),
                    .unlabelled = std::move(other_points),
                    .settings = settings,
                    .failures = failures,
                    .parts = nullptr,
                    .forms = std::make_shared<MadeOnce<Form>>()};
  if (failures != Failures::exclude) training.parts = make_parts(training, samples);
  return training;
}

}  // namespace metaqnn::predict
