#include "predict/kernel_system.h"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <set>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "predict/boosting.h"
#include "predict/gaussian_process.h"
#include "predict/state.h"
#include "tests/error_message.h"
#include "tests/matrix.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using tests::random_matrix;

kernels::Points points_of(const MatrixXd& features) {
  kernels::Points points;
  points.features = features;
  points.tokens.resize(static_cast<size_t>(features.rows()));
  return points;
}

kernels::KernelPointer rbf() { return kernels::make_rbf({{"all", {0, 3}}}); }
kernels::KernelPointer linear() { return kernels::make_linear({{"all", {0, 3}}}); }

// By `system` as by the whole of `gram`.
void expect_same(const KernelSystem& system, const MatrixXd& gram, const VectorXd& y,
                 double tolerance) {
  const auto whole = make_system(std::make_shared<const Decomposition>(kernels::decompose(gram)));
  for (double penalty : {1e-3, 0.1, 10.0}) {
    const LeastSquaresFit a = system.solve(y, penalty), b = whole->solve(y, penalty);
    EXPECT_NEAR(a.intercept, b.intercept, tolerance);
    EXPECT_LT((a.left_out - b.left_out).cwiseAbs().maxCoeff(), tolerance) << penalty;
    EXPECT_LT((a.left_out_gain - b.left_out_gain).cwiseAbs().maxCoeff(),
              tolerance * b.left_out_gain.maxCoeff())
        << penalty;
  }
  EXPECT_NEAR(std::log(system.best_penalty(y)), std::log(whole->best_penalty(y)), 1e-6);
}

TEST(KernelSystem, UpToTheCentresIsExact) {
  const kernels::Points points = points_of(random_matrix(30, 3, 1));
  const VectorXd parameters = kernels::starts(*rbf());
  const auto system = make_system(*rbf(), parameters, points, {.centres = 30});
  EXPECT_EQ(system->landmarks(), nullptr);
  ASSERT_NE(system->decomposition(), nullptr);
  expect_same(*system, rbf()->gram(parameters, points), random_matrix(30, 1, 2), 1e-9);
}

// A linear kernel of three columns is known by any landmarks that span them.
TEST(KernelSystem, LandmarksThatSpanTheKernelLoseNothing) {
  const kernels::Points points = points_of(random_matrix(80, 3, 1)),
                        others = points_of(random_matrix(9, 3, 7));
  const VectorXd parameters = kernels::starts(*linear()), y = random_matrix(80, 1, 2);
  const auto system = make_system(*linear(), parameters, points, {.centres = 20});
  ASSERT_NE(system->landmarks(), nullptr);
  EXPECT_EQ(system->landmarks()->rows.size(), 20U);
  EXPECT_EQ(system->decomposition(), nullptr);
  expect_same(*system, linear()->gram(parameters, points), y, 1e-6);
  const auto by_landmarks = GaussianProcess::fit(linear(), parameters, 0.1, points, y, *system);
  const auto by_all = GaussianProcess::fit(linear(), parameters, 0.1, points, y);
  EXPECT_LT((by_landmarks.mean(others) - by_all.mean(others)).cwiseAbs().maxCoeff(), 1e-6);
  for (Spread spread : {Spread::of_function, Spread::of_measurements}) {
    const VectorXd a = by_landmarks.deviation(others, spread), b = by_all.deviation(others, spread);
    EXPECT_LT((a - b).cwiseAbs().maxCoeff(), 1e-4 * b.maxCoeff());
  }
}

// Points that repeat each other are one landmark, so that 40 stand for 120.
TEST(KernelSystem, RepeatedPointsAreOneLandmark) {
  const kernels::Points different = points_of(random_matrix(40, 3, 3));
  kernels::Points points = different;
  points.append(different);
  points.append(different);
  const VectorXd parameters = kernels::starts(*rbf());
  const auto system = make_system(*rbf(), parameters, points, {.centres = 60});
  ASSERT_NE(system->landmarks(), nullptr);
  EXPECT_EQ(system->landmarks()->rows.size(), 40U);
  expect_same(*system, rbf()->gram(parameters, points), random_matrix(120, 1, 2), 1e-5);
}

// However many they are, points that are all alike are one.
TEST(KernelSystem, PointsThatAreAllAlikeHaveOneLandmark) {
  kernels::Points points = points_of(MatrixXd::Constant(70, 3, 0.5));
  const auto system = make_system(*rbf(), kernels::starts(*rbf()), points, {.centres = 20});
  ASSERT_NE(system->landmarks(), nullptr);
  EXPECT_EQ(system->landmarks()->rows.size(), 1U);
  const LeastSquaresFit fit = system->solve(VectorXd::LinSpaced(70, -1, 1), 0.1);
  EXPECT_TRUE(fit.left_out.allFinite());
  EXPECT_NEAR(fit.intercept, 0, 1e-9);
}

TEST(KernelSystem, IsLeastSquaresWithNystromsGramMatrix) {
  const kernels::Points points = points_of(random_matrix(90, 3, 3));
  const VectorXd parameters = kernels::starts(*rbf()), y = random_matrix(90, 1, 2);
  const auto system = make_system(*rbf(), parameters, points, {.centres = 25});
  const kernels::Points landmarks = points.subset(system->landmarks()->rows);
  const MatrixXd cross = rbf()->gram(parameters, points, landmarks);
  const MatrixXd gram =
      cross * rbf()->gram(parameters, landmarks).fullPivLu().solve(cross.transpose());
  expect_same(*system, 0.5 * (gram + gram.transpose()), y, 1e-4);
  const auto again = make_system(*rbf(), parameters, points, {.threads = 2, .centres = 25});
  EXPECT_EQ(again->landmarks()->rows, system->landmarks()->rows);
  const auto other = make_system(*rbf(), parameters, points, {.seed = 1, .centres = 25});
  EXPECT_NE(other->landmarks()->rows, system->landmarks()->rows);
}

TEST(Trees, ThatWereSavedPredictTheSame) {
  const MatrixXd x = random_matrix(50, 3, 1), others = random_matrix(20, 3, 2);
  const Boosting boosting(x, x.col(0) + x.col(1).cwiseAbs(), {}, 1, 1);
  const Boosting again(boosting.state(), 3);
  EXPECT_EQ(again.predict(others, 1), boosting.predict(others, 1));
  EXPECT_EQ(again.state(), boosting.state());
}

// Whatever stands in a file, no tree goes astray.
TEST(Trees, ThatAreNoneAreRefused) {
  const auto refusal = [](const std::vector<int32_t>& columns, size_t values) {
    const std::vector<double> numbers(values, 0.5);
    const nlohmann::json state{{"columns", packed(columns.data(), columns.size())},
                               {"values", packed(numbers.data(), numbers.size())}};
    return tests::message_of<DataError>([&] { trees_from(state, 3); });
  };
  EXPECT_EQ(refusal({2, -1, -1, -1}, 4), "nothing was thrown");
  EXPECT_NE(refusal({3, -1, -1}, 3).find("splits column 3 of 3"), std::string::npos);
  EXPECT_NE(refusal({2, -1}, 2).find("cut short"), std::string::npos);
  EXPECT_NE(refusal({0, 1, -1, -1}, 4).find("cut short"), std::string::npos);
  EXPECT_NE(refusal({-1, -1}, 3).find("a column or a value too few"), std::string::npos);
  EXPECT_NE(tests::message_of<DataError>([] {
              trees_from({{"columns", 1}}, 3);
            }).find("packed numbers"),
            std::string::npos);
}

}  // namespace
}  // namespace metaqnn::predict
