// Predictors outlive what they were made of, serve several threads at once, and learn nothing while
// they predict.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/predict/model.h"
#include "predict/predictor.h"
#include "tests/predict/some_networks.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::VectorXd;
using tests::some_networks;

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const Method& method : methods()) names.push_back(method.name);
  return names;
}

// Layers that no network of some_networks() has, one of another type.
const std::vector<std::string> kUnseen{
    "[C(100,3,1), SM(10)]", "[C(64,3,1), C(96,7,2), P(3,2), SM(10)]",
    "[C(64,3,1), GAP(10), SM(10)]", "[C(64,3,1), FC(300), SM(10)]"};

std::vector<std::string> candidates() {
  std::vector<std::string> texts = some_networks(15, 99).architectures;
  texts.insert(texts.end(), kUnseen.begin(), kUnseen.end());
  return texts;
}

// Every text is of two tokens; the first decides.
Samples some_texts(int count) {
  Samples samples;
  samples.targets.resize(count);
  for (int i = 0; i < count; ++i) {
    samples.architectures.push_back("a" + std::to_string(i % 5) + "|b" + std::to_string(i));
    samples.targets(i) = 0.5 + 0.05 * (i % 5);
  }
  samples.trained_targets = samples.targets;
  samples.trained = VectorXd::Ones(count);
  return samples;
}

const EncodingSettings kTexts{"|", {3, 32, 32}};

class Lives : public testing::TestWithParam<std::string> {
 protected:
  Predictor fit_on(const Training& training) const {
    return Predictor::fit(find_method(GetParam()), training);
  }
};
INSTANTIATE_TEST_SUITE_P(Methods, Lives, testing::ValuesIn(method_names()),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(Lives, LongerThanItsTraining) {
  for (Failures failures : {Failures::as_chance, Failures::model}) {
    const Training kept = make_training({}, some_networks(30, 1, true), failures, {}, {});
    const kernels::Points points = kept.encoding->points(candidates());
    const Prediction expected = fit_on(kept).predict(points, {true, 1});
    std::optional<Predictor> orphan;
    {
      const Training gone = make_training({}, some_networks(30, 1, true), failures, {}, {});
      orphan = fit_on(gone);
    }
    const Prediction prediction = orphan->predict(points, {true, 1});
    EXPECT_EQ(prediction.mean, expected.mean);
    EXPECT_EQ(prediction.deviation, expected.deviation);
  }
}

std::vector<double> means(const std::vector<Predicted>& predictions) {
  std::vector<double> values;
  for (const Predicted& predicted : predictions) values.push_back(predicted.mean);
  return values;
}

TEST_P(Lives, WhereverItsModelIsMoved) {
  const auto make = [this] {
    return Model::fit(
        some_networks(25, 2), {},
        {.method = GetParam(), .unlabelled = some_networks(10, 3).architectures, .threads = 1});
  };
  const Model kept = make();
  std::vector<Model> models;
  for (int i = 0; i < 3; ++i) models.push_back(make());  // grows, and moves them
  const Model copy = models[0];
  models.clear();
  EXPECT_EQ(means(copy.predict(candidates())), means(kept.predict(candidates())));
}

TEST_P(Lives, AsItWasAfterPredictingUnseenTokens) {
  const Training training = make_training({}, some_networks(30, 4), Failures::as_chance, {}, {});
  const auto predictor = fit_on(training);
  const auto predict = [&](const std::vector<std::string>& texts) {
    return predictor.predict(training.encoding->points(texts), {true, 1});
  };
  const std::vector<std::string> known = some_networks(15, 99).architectures;
  const int alphabet = training.encoding->costs().alphabet;
  const Prediction before = predict(known), unseen = predict(kUnseen);
  const Prediction after = predict(known), again = predict(kUnseen);
  EXPECT_EQ(before.mean, after.mean);
  EXPECT_EQ(before.deviation, after.deviation);
  EXPECT_EQ(unseen.mean, again.mean);
  EXPECT_EQ(training.encoding->costs().alphabet, alphabet);
  EXPECT_EQ(fit_on(make_training({}, some_networks(30, 4), Failures::as_chance, {}, {}))
                .predict(training.encoding->points(known), {})
                .mean,
            before.mean);
}

// Their costs as one matrix would be 20,000 x 20,000: 3.2 GB.
TEST_P(Lives, WithThousandsOfCandidatesOfTokensItNeverSaw) {
  const Training training = make_training(kTexts, some_texts(20), Failures::as_chance, {}, {});
  std::vector<std::string> texts;
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (int t = 0; t < 4; ++t) text += "new" + std::to_string(4 * i + t) + "|";
    texts.push_back(text + "a1");
  }
  const kernels::Points points = training.encoding->points(texts);
  ASSERT_EQ(points.unseen->names.size(), 20000U);
  const VectorXd mean = fit_on(training).predict(points, {}).mean;
  ASSERT_EQ(mean.size(), 5000);
  // All are as unlike anything known as each other.
  EXPECT_EQ(mean.minCoeff(), mean.maxCoeff());
}

// The largest costs that the kernels of the methods ask for.
TEST(UnseenTokens, AreCountedInBlocks) {
  const Training training = make_training(kTexts, some_texts(20), Failures::as_chance, {}, {});
  std::vector<std::string> texts;
  for (int i = 0; i < 2000; ++i) texts.push_back("new" + std::to_string(i) + "|a1");
  const kernels::Points points = training.encoding->points(texts);
  kernels::CostFamily family = training.encoding->costs();
  std::atomic<Index> largest{0};
  family.costs = [&largest, costs = family.costs](const VectorXd& parameters,
                                                  const std::vector<std::string>& unseen) {
    const kernels::EditCosts result = costs(parameters, unseen);
    largest = std::max<Index>(largest, result.substitution.rows());
    return result;
  };
  const auto kernel = kernels::make_edit(family);
  const VectorXd parameters = starts(*kernel);
  const Eigen::MatrixXd gram = kernel->gram(parameters, points, training.points);
  const VectorXd ones = VectorXd::Ones(training.points.size());
  EXPECT_LT((kernel->expansion(parameters, points, training.points, ones) - gram.rowwise().sum())
                .cwiseAbs()
                .maxCoeff(),
            1e-9);
  EXPECT_LE(largest, family.alphabet + static_cast<Index>(kernels::kUnseenAtOnce));
  const Eigen::MatrixXd square = kernel->gram(parameters, points);
  EXPECT_LE(largest, family.alphabet + 2 * static_cast<Index>(kernels::kUnseenAtOnce));
  // One token differs, whichever two are compared.
  EXPECT_EQ(square(0, 1), square(0, 1999));
  EXPECT_EQ(square(3, 3), 1);
}

TEST(UnseenTokens, OfUnlabelledArchitecturesAreKeptBySavedModels) {
  std::vector<std::string> unlabelled;
  for (int i = 0; i < 40; ++i)
    unlabelled.push_back("a" + std::to_string(i % 5) + "|c" + std::to_string(i % 7));
  FitSettings settings;
  settings.graph_weight = 0.3;
  const Training training =
      make_training(kTexts, some_texts(20), Failures::as_chance, unlabelled, settings);
  const auto fitted = Predictor::fit(find_method("ed-mr"), training);
  const Training alone = make_training(kTexts, some_texts(20), Failures::as_chance, {}, settings);
  const auto restored = Predictor::restore(find_method("ed-mr"), alone, fitted.state());
  const std::vector<std::string> texts{"a1|c3", "a2|c6", "a3|x", "c1|a1", "y|z"};
  EXPECT_EQ(fitted.predict(training.encoding->points(texts), {}).mean,
            restored.predict(alone.encoding->points(texts), {}).mean);
}

void run_beside(const std::vector<std::function<void()>>& parts) {
  std::vector<std::jthread> threads;
  for (const auto& part : parts) threads.emplace_back(part);
}

// The same kernels are chosen for by several at once, and every thread reads strings of its own.
TEST(Threads, FitAndPredictOnOneTrainingAsOneAloneDoes) {
  const auto train = [] {
    return make_training({}, some_networks(24, 5), Failures::as_chance,
                         some_networks(12, 6).architectures, {});
  };
  const std::vector<std::string> names{"ed-ls", "ed-ls", "ed-mr", "combined", "nearest", "lls"};
  const auto predict = [](const Training& training, const std::string& name) {
    return Predictor::fit(find_method(name), training)
        .predict(training.encoding->points(candidates()), {true, 1});
  };
  const Training shared = train();
  std::vector<Prediction> predictions(names.size());
  std::vector<std::function<void()>> parts;
  for (size_t i = 0; i < names.size(); ++i)
    parts.emplace_back([&, i] { predictions[i] = predict(shared, names[i]); });
  run_beside(parts);
  for (size_t i = 0; i < names.size(); ++i) {
    const Prediction alone = predict(train(), names[i]);
    EXPECT_EQ(predictions[i].mean, alone.mean) << names[i];
    EXPECT_EQ(predictions[i].deviation, alone.deviation) << names[i];
  }
}

TEST(Threads, PredictWithOneModelAsOneAloneDoes) {
  const Model model = Model::fit(some_networks(24, 7), {}, {.threads = 1});
  const auto predict = [&](size_t thread) {
    std::vector<std::string> texts = candidates();
    texts.push_back("[C(" + std::to_string(100 + thread) + ",3,1), SM(10)]");
    return model.predict(texts);
  };
  std::vector<std::vector<Predicted>> predictions(4);
  std::vector<std::function<void()>> parts;
  for (size_t i = 0; i < predictions.size(); ++i)
    parts.emplace_back([&, i] { predictions[i] = predict(i); });
  run_beside(parts);
  for (size_t i = 0; i < predictions.size(); ++i) {
    const std::vector<Predicted> alone = predict(i);
    ASSERT_EQ(predictions[i].size(), alone.size());
    for (size_t k = 0; k < alone.size(); ++k) {
      EXPECT_EQ(predictions[i][k].mean, alone[k].mean);
      EXPECT_EQ(predictions[i][k].deviation, alone[k].deviation);
    }
  }
}

TEST(MadeOnce, HoweverManyAskForIt) {
  MadeOnce<double> shared;
  std::atomic<int> made{0};
  std::vector<MadeOnce<double>::Pointer> got(4);
  std::vector<std::function<void()>> parts;
  for (MadeOnce<double>::Pointer& value : got) {
    parts.emplace_back([&] {
      value = shared.get("edit", [&] {
        ++made;
        return 0.25;
      });
    });
  }
  run_beside(parts);
  EXPECT_EQ(made, 1);
  shared.forget();
  for (const MadeOnce<double>::Pointer& value : got) {
    EXPECT_EQ(value, got[0]);
    EXPECT_EQ(*value, 0.25);
  }
  EXPECT_EQ(*shared.get("edit", [] { return 3.0; }), 3);
}

TEST(MadeOnce, AnewWhereItFailed) {
  MadeOnce<double> shared;
  const auto fail = []() -> double { throw FailureError("not this time"); };
  EXPECT_THROW(shared.get("rbf", fail), FailureError);
  EXPECT_EQ(*shared.get("rbf", [] { return 2.0; }), 2);
}

}  // namespace
}  // namespace metaqnn::predict
