#include "predict/curve_predictor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "metaqnn/base/random.h"
#include "metaqnn/predict/samples.h"

namespace metaqnn::predict {
namespace {

using datasets::Direction;
using datasets::EpochResult;
using datasets::LogRow;

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr int kEpochs = 8;

EpochResult with_accuracy(double accuracy) { return {kUnknown, kUnknown, kUnknown, accuracy}; }

std::string network(int filters) { return "[C(" + std::to_string(filters) + ",3,1), SM(10)]"; }

// Accuracies that rise from a start to an end of their own: a_e = end - (end - start) / e. The end is
// a linear function of the first two: a_2 = (end + a_1) / 2, so end = 2 a_2 - a_1.
LogRow rising(int filters, double start, double end) {
  LogRow row;
  row.architecture = network(filters);
  for (int e = 1; e <= kEpochs; ++e) row.curve.push_back(with_accuracy(end - (end - start) / e));
  row.value = row.curve.back().validation_accuracy;
  return row;
}

datasets::Log rising_log(int trainings) {
  datasets::Log log;
  Random random(1);
  for (int i = 0; i < trainings; ++i)
    log.rows.push_back(rising(8 + i, 0.1 + 0.2 * random.uniform(), 0.4 + 0.5 * random.uniform()));
  return log;
}

std::vector<EpochResult> first(const LogRow& row, size_t epochs) {
  return {row.curve.begin(), row.curve.begin() + static_cast<std::ptrdiff_t>(epochs)};
}

CurvePredictor fitted(const datasets::Log& log) { return CurvePredictor(log, encoding_for(log)); }

TEST(CurvePredictor, FindsWhatTwoEpochsDetermineAndOneDoesNot) {
  CurvePredictor predictor = fitted(rising_log(60));
  const LogRow other = rising(100, 0.2, 0.8);  // ends at 0.8 - 0.6 / 8 = 0.725
  const auto after_two = predictor.predict(other.architecture, first(other, 2));
  ASSERT_TRUE(after_two.has_value());
  EXPECT_NEAR(after_two->mean, 0.725, 0.005);
  EXPECT_LT(after_two->deviation, 0.01);
  const auto after_one = predictor.predict(other.architecture, first(other, 1));
  ASSERT_TRUE(after_one.has_value());
  EXPECT_GT(after_one->deviation, 0.05);
}

TEST(CurvePredictor, SeesWhatTheArchitectureTellsWhereTheCurveTellsNothing) {
  datasets::Log log;
  for (int i = 0; i < 60; ++i) {
    LogRow row = rising(8 + 4 * i, 0.2, 0.4 + 0.1 * std::log2(1 + i / 8.0));
    row.curve[0] = with_accuracy(0.2);
    log.rows.push_back(row);
  }
  CurvePredictor predictor = fitted(log);
  const LogRow &small = log.rows[4], &large = log.rows[55];
  const auto low = predictor.predict(small.architecture, first(small, 1));
  const auto high = predictor.predict(large.architecture, first(large, 1));
  EXPECT_NEAR(low->mean, *small.value, 0.03);
  EXPECT_NEAR(high->mean, *large.value, 0.03);
}

TEST(CurvePredictor, UsesWhateverElseTheCurvesHold) {
  datasets::Log log;
  Random random(2);
  for (int i = 0; i < 40; ++i) {
    const double end = 0.4 + 0.5 * random.uniform();
    LogRow row = rising(8, 0.2, end);
    row.curve[0] = {2 - end, kUnknown, kUnknown, 0.2};  // the loss knows
    log.rows.push_back(row);
  }
  CurvePredictor predictor = fitted(log);
  const auto forecast = predictor.predict(network(8), {{2 - 0.72, kUnknown, kUnknown, 0.2}});
  ASSERT_TRUE(forecast.has_value());
  EXPECT_NEAR(forecast->mean, 0.72 - 0.52 / kEpochs, 0.005);
  // Without the loss nothing is known.
  EXPECT_FALSE(predictor.predict(network(8), {with_accuracy(0.2)}).has_value());
}

TEST(CurvePredictor, NeverForetellsAnEndBelowTheBestSeenWhereNoTrainingEndedThere) {
  CurvePredictor predictor = fitted(rising_log(60));
  std::vector<EpochResult> falling = {with_accuracy(0.85), with_accuracy(0.2)};
  EXPECT_GE(predictor.predict(network(9), falling)->mean, 0.85);
}

TEST(CurvePredictor, ForetellsAnyMeasureInItsOwnUnitAndDirection) {
  datasets::Log log = rising_log(60);
  log.measure = {"latency_ms", Direction::minimize, ""};
  for (LogRow& row : log.rows) {
    for (EpochResult& epoch : row.curve) {
      epoch.value = 100 - 100 * epoch.validation_accuracy;
      epoch.validation_accuracy = kUnknown;
    }
    row.value = 100 - 100 * *row.value;
  }
  CurvePredictor predictor = fitted(log);
  EpochResult one = with_accuracy(kUnknown), two = one;
  one.value = 80;
  two.value = 50;
  const auto forecast = predictor.predict(network(100), {one, two});  // 100 - 72.5
  ASSERT_TRUE(forecast.has_value());
  EXPECT_NEAR(forecast->mean, 27.5, 0.5);
  EXPECT_GT(forecast->chance_to_beat(30, Direction::minimize), 0.95);
  EXPECT_LT(forecast->chance_to_beat(25, Direction::minimize), 0.05);
}

TEST(CurvePredictor, SaysNothingWhereItKnowsTooLittle) {
  CurvePredictor few = fitted(rising_log(CurvePredictor::kFewestTrainings - 1));
  EXPECT_FALSE(few.predict(network(8), {with_accuracy(0.3)}).has_value());
  const datasets::Log log = rising_log(CurvePredictor::kFewestTrainings);
  CurvePredictor predictor = fitted(log);
  EXPECT_TRUE(predictor.predict(network(8), {with_accuracy(0.3)}).has_value());
  EXPECT_FALSE(predictor.predict(network(8), {}).has_value());
  EXPECT_FALSE(predictor.predict(network(8), {with_accuracy(kUnknown)}).has_value());
  // All end here: nothing is left to be foretold.
  EXPECT_FALSE(predictor.predict(network(8), log.rows[0].curve).has_value());
  EXPECT_FALSE(fitted({}).predict(network(8), {with_accuracy(0.3)}).has_value());
}

// The normal distribution: a mean two deviations above is beaten with a chance of 0.977.
TEST(Forecast, IsTakenAsNormal) {
  const Forecast forecast{.mean = 0.8, .deviation = 0.05};
  EXPECT_NEAR(forecast.chance_to_beat(0.7, Direction::maximize), 0.97725, 1e-5);
  EXPECT_NEAR(forecast.chance_to_beat(0.7, Direction::minimize), 0.02275, 1e-5);
  EXPECT_EQ((Forecast{.mean = 0.8}.chance_to_beat(0.7, Direction::maximize)), 1);
  EXPECT_EQ((Forecast{.mean = 0.8}.chance_to_beat(0.8, Direction::maximize)), 0);
}

// On 100 of the authors' curves, from 6 epochs of 20, the final accuracies of the others: R2, and the
// share within two deviations.
TEST(CurvePredictor, ForetellsTheAuthorsCurvesFromSixEpochsOfTwenty) {
  const std::filesystem::path file =
      std::filesystem::path(METAQNN_SHARED_DATA) / "logs/metaqnn_cifar10.csv";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not here";
  const datasets::Log log = datasets::read_log(file);
  constexpr int kRepeats = 5;
  double sum = 0, within = 0, all = 0;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    std::vector<LogRow> rows = log.rows;
    Random random = Random::stream(1, "split", static_cast<uint64_t>(repeat));
    for (size_t i = rows.size() - 1; i > 0; --i) std::swap(rows[i], rows[random.below(i + 1)]);
    datasets::Log training;
    training.rows.assign(rows.begin(), rows.begin() + 100);
    CurvePredictor predictor = fitted(training);
    double squares = 0, mean = 0, variance = 0;
    for (size_t i = 100; i < rows.size(); ++i) mean += *rows[i].value;
    mean /= static_cast<double>(rows.size() - 100);
    for (size_t i = 100; i < rows.size(); ++i) {
      const auto forecast = predictor.predict(rows[i].architecture, first(rows[i], 6));
      ASSERT_TRUE(forecast.has_value());
      const double error = forecast->mean - *rows[i].value;
      squares += error * error;
      variance += std::pow(*rows[i].value - mean, 2);
      within += std::abs(error) < 2 * forecast->deviation;
      ++all;
    }
    sum += 1 - squares / variance;
  }
  RecordProperty("r2", std::to_string(sum / kRepeats));
  RecordProperty("within_two_deviations", std::to_string(within / all));
  EXPECT_GE(sum / kRepeats, 0.98);
  EXPECT_GT(within / all, 0.9);
}

}  // namespace
}  // namespace metaqnn::predict
