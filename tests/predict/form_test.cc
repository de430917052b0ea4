// On which scale a prediction is made, and what becomes of it in the unit of the targets.
#include "predict/form.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "metaqnn/base/random.h"
#include "metaqnn/predict/cross_validation.h"
#include "predict/boosting.h"
#include "predict/error_size.h"
#include "predict/predictor.h"
#include "tests/predict/some_networks.h"
#include "tests/tolerances.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using tests::some_networks;

constexpr Warp kWarps[] = {Warp::none, Warp::normal_scores, Warp::log_distance};

// Roughly normal.
double normal(Random& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.uniform();
  return sum;
}

VectorXd skewed(Index n, uint64_t seed) {
  Random random(seed);
  VectorXd targets(n);
  for (double& y : targets) y = 0.9 - 0.1 * std::exp(normal(random));
  return targets;
}

// quantile(5/6) = 0.96742 of the standard normal distribution.
TEST(NormalScores, WorkedByHand) {
  const VectorXd scores = normal_scores((VectorXd(3) << 0.9, 0.1, 0.5).finished());
  EXPECT_NEAR(scores(0), 0.967421566, 1e-9);
  EXPECT_NEAR(scores(1), -0.967421566, 1e-9);
  EXPECT_NEAR(scores(2), 0, tests::kRounding);
}

TEST(NormalScores, OfTiesAreEqual) {
  const VectorXd scores = normal_scores((VectorXd(3) << 0.1, 0.7, 0.1).finished());
  EXPECT_EQ(scores(0), scores(2));
  EXPECT_NEAR(scores(0), -0.430727300, 1e-9);  // quantile(1/3)
  EXPECT_NEAR(scores(1), 0.967421566, 1e-9);
}

TEST(TargetScale, TakesTrainingTargetsThereAndBack) {
  const VectorXd targets = skewed(60, 1);
  for (Warp warp : kWarps) {
    for (auto direction : {datasets::Direction::maximize, datasets::Direction::minimize}) {
      const TargetScale scale(targets, warp, direction);
      const VectorXd& z = scale.standardised();
      EXPECT_NEAR(z.mean(), 0, tests::kRounding);
      EXPECT_NEAR(z.squaredNorm() / 60, 1, tests::kRounding);
      const VectorXd back = scale.restored(Moments{z, VectorXd::Zero(60)}).mean;
      EXPECT_LT((back - targets).cwiseAbs().maxCoeff(), 1e-9) << to_string(warp);
      EXPECT_NEAR(*kendall_tau(scale.better(z), scale.sign() * targets), 1, tests::kRounding);
    }
  }
}

TEST(TargetScale, MeansAreThoseOfTheDistributionThatIsPredicted) {
  const VectorXd targets = skewed(200, 2);
  for (Warp warp : {Warp::normal_scores, Warp::log_distance}) {
    const TargetScale scale(targets, warp);
    Random random(3);
    const double m = 0.4, s = 0.7;
    double sum = 0, squares = 0;
    constexpr int kDraws = 20000;
    for (int i = 0; i < kDraws; ++i) {
      const VectorXd z = VectorXd::Constant(1, m + s * normal(random));
      const double y = scale.restored(Moments{z, VectorXd::Zero(1)}).mean(0);
      sum += y;
      squares += y * y;
    }
    const Moments found =
        scale.restored(Moments{VectorXd::Constant(1, m), VectorXd::Constant(1, s)});
    const double mean = sum / kDraws, deviation = std::sqrt(squares / kDraws - mean * mean);
    EXPECT_NEAR(found.mean(0), mean, 0.05 * deviation) << to_string(warp);
    EXPECT_NEAR(found.deviation(0), deviation, 0.15 * deviation) << to_string(warp);
  }
}

TEST(TargetScale, NeverLeavesTheRangeByMoreThanATenth) {
  const VectorXd targets = skewed(30, 4);
  const double low = targets.minCoeff(), high = targets.maxCoeff(), margin = 0.1 * (high - low);
  for (Warp warp : kWarps) {
    const TargetScale scale(targets, warp);
    for (double z : {-1e6, -5.0, 5.0, 1e6}) {
      const double y =
          scale.restored(Moments{VectorXd::Constant(1, z), VectorXd::Constant(1, 1.0)}).mean(0);
      EXPECT_GE(y, low - margin - tests::kRounding);
      EXPECT_LE(y, high + margin + tests::kRounding);
    }
    const TargetScale equal(VectorXd::Constant(5, 0.3), warp);
    const Moments far{VectorXd::Constant(1, 2.0), VectorXd::Constant(1, 1.0)};
    EXPECT_NEAR(equal.restored(far).mean(0), 0.3, tests::kRounding);
  }
}

// Targets that a linear kernel knows on the scale `warped`, but for noise.
Training known_on(double (*target)(double z)) {
  Samples samples = some_networks(120, 5);
  const Training plain = make_training({}, samples, Failures::as_chance, {}, {});
  Random random(6);
  for (Index i = 0; i < samples.targets.size(); ++i) {
    const double z = plain.points.features.row(i).head(8).sum() / 4;
    samples.targets(i) = target(z + 0.1 * normal(random));
  }
  samples.trained_targets = samples.targets;
  return make_training({}, samples, Failures::as_chance, {}, {});
}

TEST(Form, IsTheScaleOnWhichTheTargetsAreSimple) {
  const KernelKind linear{"linear",
                          [](const Encoding& e) { return kernels::make_linear(e.groups()); }};
  EXPECT_EQ(choose_form(known_on([](double z) { return 3 + z; }), linear).value, Warp::none);
  const Training heavy = known_on([](double z) { return 1 - std::exp(2 * z); });
  EXPECT_EQ(choose_form(heavy, linear).value, Warp::log_distance);
  EXPECT_NE(choose_form(heavy, linear).rank, Warp::none);
}

TEST(Form, HasTwoPartsWhereTheyAreToldTo) {
  const Samples samples = some_networks(60, 9, true);
  for (Failures failures : {Failures::model, Failures::exclude}) {
    const Training training = make_training({}, samples, failures, {}, {});
    const Predictor predictor = Predictor::fit(find_method("lls"), training);
    EXPECT_EQ(predictor.state()["two_parts"], failures == Failures::model);
  }
}

TEST(Boosting, LearnsAnInteractionAndTellsWhatIsLeftOut) {
  Random random(7);
  MatrixXd x(200, 3);
  for (double& value : x.reshaped()) value = random.uniform();
  VectorXd y = (x.col(0).array() > 0.5).cast<double>() * x.col(1).array();
  const Boosting boosting(x, y, {}, 1, 2);
  MatrixXd others(200, 3);
  for (double& value : others.reshaped()) value = random.uniform();
  const VectorXd truth = (others.col(0).array() > 0.5).cast<double>() * others.col(1).array();
  const auto error = [](const VectorXd& a, const VectorXd& b) {
    return (a - b).squaredNorm() / 200;
  };
  const double variance = (truth.array() - truth.mean()).square().mean();
  const double unseen = error(boosting.predict(others, 2), truth);
  EXPECT_LT(unseen, 0.1 * variance);
  EXPECT_LT(error(boosting.left_out(), y), 0.15 * variance);
  EXPECT_GT(error(boosting.left_out(), y), 0.5 * unseen);  // nobody has seen its own target
  EXPECT_EQ(boosting.predict(others, 1), boosting.predict(others, 2));
  EXPECT_EQ(Boosting(x, y, {}, 1, 1).left_out(), boosting.left_out());
}

TEST(ErrorSize, FollowsTheErrorsAndCoversThem) {
  Random random(8);
  const auto draw = [&](Index n, VectorXd& mean, VectorXd& errors) {
    mean.resize(n);
    errors.resize(n);
    for (Index i = 0; i < n; ++i) {
      mean(i) = random.uniform();
      errors(i) = (mean(i) < 0.5 ? 0.2 : 0.02) * normal(random);
    }
  };
  VectorXd mean, errors, others, unseen;
  draw(300, mean, errors);
  draw(3000, others, unseen);
  const ErrorSize size(mean, VectorXd::Constant(300, 0.1), errors, 1, 1);
  const VectorXd claimed = size(others, VectorXd::Constant(3000, 0.1), 1);
  double small = 0, large = 0;
  Index covered = 0;
  for (Index i = 0; i < 3000; ++i) {
    (others(i) < 0.5 ? large : small) += claimed(i) / 1500;
    covered += std::abs(unseen(i)) < 1.645 * claimed(i);
  }
  EXPECT_GT(large, 1.4 * small);
  EXPECT_NEAR(static_cast<double>(covered) / 3000, 0.9, 0.05);
  const ErrorSize again = ErrorSize::restore(size.state(), 1, 1);
  EXPECT_EQ(again(others, VectorXd::Constant(3000, 0.1), 1), claimed);
  const ErrorSize none(mean, VectorXd::Zero(300), VectorXd::Zero(300), 1, 1);
  EXPECT_EQ(none(others, VectorXd::Zero(3000), 1).maxCoeff(), 0);
}

}  // namespace
}  // namespace metaqnn::predict
