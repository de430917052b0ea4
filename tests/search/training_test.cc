// Everything that needs LibTorch: the network, the images on the device, the training.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "metaqnn/base/error.h"
#include "search/evaluate/libtorch/device_data.h"
#include "search/evaluate/libtorch/latency.h"
#include "search/evaluate/libtorch/network.h"
#include "search/evaluate/libtorch/precision.h"
#include "search/evaluate/libtorch/training_run.h"
#include "search/evaluate/torch.h"
#include "tests/folder.h"
#include "tests/idx_images.h"
#include "tests/reference/network.h"
#include "tests/tolerances.h"

namespace metaqnn::search {
namespace {

using ::testing::HasSubstr;

DataSettings small_data() {
  DataSettings data;
  data.name = "fashion_mnist";
  data.training_images = 500;
  data.validation_images = 500;
  data.preprocessing = "standardize";
  return data;
}

TrainingSettings short_training() {
  TrainingSettings training;
  training.epochs = 2;
  training.chance_margin = 0.0;
  training.precision = "float32";
  return training;
}

std::unique_ptr<Evaluator> evaluator(const TrainingSettings& training,
                                     const DataSettings& data = small_data()) {
  return torch_library().make_training_evaluator({.training = training}, data,
                                                 {.device = "cpu", .threads = 1, .seed = 7});
}

Trial train(Evaluator& evaluator, const std::string& architecture) {
  Trial trial;
  trial.architecture = architecture;
  evaluator.evaluate(trial);
  return trial;
}

std::vector<double> to_doubles(const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kDouble).contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

at::Tensor channels_last(const at::Tensor& images) {
  return images.contiguous(at::MemoryFormat::ChannelsLast);
}

class NetworkOfEachKind : public ::testing::TestWithParam<const char*> {};

TEST_P(NetworkOfEachKind, AgreesWithItsSlowTwin) {
  const Architecture architecture = parse_architecture(GetParam());
  const Shape shape{3, 9, 9};
  Network network(architecture, shape, false);
  network.reset_running_statistics(at::kCPU);
  // Biases are 0 at first; a shift of everything makes a wrong one visible.
  const at::Tensor flat = network.initial_parameters(5).add_(0.01);
  at::manual_seed(1);
  const at::Tensor images = at::randn({4, 3, 9, 9});
  const at::Tensor logits =
      network.forward(network.weights(flat, at::kFloat), channels_last(images), false);
  for (int i = 0; i < 4; ++i) {
    reference::Parameters parameters(to_doubles(flat));
    const std::vector<double> expected =
        reference::forward(architecture, {3, 9, 9, to_doubles(images[i])}, parameters);
    EXPECT_TRUE(parameters.at_end());
    EXPECT_THAT(to_doubles(logits[i]),
                ::testing::Pointwise(::testing::DoubleNear(tests::kFloatNetwork), expected));
  }
}

TEST_P(NetworkOfEachKind, HasTheParametersThatTheAnalysisCounts) {
  const Architecture architecture = parse_architecture(GetParam());
  Network network(architecture, {3, 9, 9}, false);
  EXPECT_EQ(network.initial_parameters(1).numel(), analyse(architecture, {3, 9, 9}).parameters);
}

TEST_P(NetworkOfEachKind, HasTheGradientOfFiniteDifferences) {
  const Architecture architecture = parse_architecture(GetParam());
  Network network(architecture, {3, 9, 9}, false);
  network.reset_running_statistics(at::kCPU);
  at::manual_seed(2);
  const at::Tensor images = channels_last(at::randn({2, 3, 9, 9}));
  const at::Tensor labels = at::tensor({1, 3}, at::kLong);
  at::Tensor flat = network.initial_parameters(3).add_(0.01);
  const auto loss = [&](const at::Tensor& parameters) {
    return at::cross_entropy_loss(
        network.forward(network.weights(parameters, at::kFloat), images, false), labels);
  };
  flat.set_requires_grad(true);
  loss(flat).backward();
  const at::Tensor gradient = flat.grad();
  at::NoGradGuard no_grad;
  // Along a random direction, because one float32 parameter moves the loss by less than its
  // rounding.
  for (int i = 0; i < 5; ++i) {
    const at::Tensor direction = at::randn({flat.numel()});
    const double step = 1e-4;
    const double difference =
        (loss(flat + step * direction) - loss(flat - step * direction)).item<double>() / (2 * step);
    const double expected = gradient.dot(direction).item<double>();
    EXPECT_NEAR(difference, expected, 0.02 * std::abs(expected) + 1e-2);
  }
}

INSTANTIATE_TEST_SUITE_P(Layers, NetworkOfEachKind,
                         ::testing::Values("[SM(4)]", "[C(5,3,1), SM(4)]", "[C(4,5,2), SM(4)]",
                                           "[C(4,1,1), P(3,2), SM(4)]", "[FC(6), FC(5), SM(4)]",
                                           "[GAP(4), SM(4)]",
                                           "[C(6,3,1), P(2,2), C(5,1,1), GAP(4), SM(4)]",
                                           "[A(3,2), C(4,3,1), A(3,1), SM(4)]",
                                           "[M(3,2), C(4,3,1), M(2,2), SM(4)]",
                                           "[DC(3,1), C(4,1,1), DC(5,2), SM(4)]",
                                           "[BN, C(4,3,1), BN, P(2,2), FC(5), BN, SM(4)]",
                                           "[R[BN], R[DC(3,1)], R[C(4,3,2), BN], SM(4)]",
                                           "[S[C(4,1,1) ; C(3,3,1), R[C(3,1,1)] ; P(1,1)], SM(4)]",
                                           "[R[S[P(3,3) ; A(3,3)], C(5,3,1)], GAP(4), BN, SM(4)]"));

// The loss and its gradient on three images, through batch normalisation that takes its statistics
// from the batch.
struct Slope {
  double loss;
  at::Tensor gradient;
};

Slope slope(Network& network, const Shape& input, const at::Tensor& parameters) {
  const at::ScalarType type = parameters.scalar_type();
  network.reset_running_statistics(type);
  at::manual_seed(3);
  const at::Tensor images =
      channels_last(at::randn({3, input.channels, input.height, input.width}).to(type));
  const at::Tensor flat = parameters.clone().set_requires_grad(true);
  const at::Tensor loss = at::cross_entropy_loss(
      network.forward(network.weights(flat, type), images, true), at::tensor({1, 0, 2}, at::kLong));
  loss.backward();
  return {loss.item<double>(), flat.grad()};
}

TEST(Network, HasTheGradientOfFiniteDifferencesInEachParameter) {
  const Shape input{2, 5, 4};
  for (const char* text : {"[BN, C(3,3,1), M(2,2), DC(3,1), BN, A(2,1), FC(4), BN, SM(3)]",
                           "[R[C(3,3,2), BN], R[DC(3,1), M(1,1)], GAP(3), BN, SM(3)]",
                           "[S[C(2,1,1), M(3,1) ; M(3,1), DC(5,1) ; BN, P(3,1)], SM(3)]",
                           "[R[S[C(2,3,1), BN ; R[BN], DC(3,1)]], P(2,1), SM(3)]"}) {
    for (const bool batch_normalization : {false, true}) {
      SCOPED_TRACE(std::string(text) + (batch_normalization ? ", batch normalisation" : ""));
      Network network(parse_architecture(text), input, batch_normalization);
      at::manual_seed(4);
      const at::Tensor start = network.initial_parameters(3);
      const at::Tensor flat = (start + 0.1 * at::randn_like(start)).to(at::kDouble);
      const at::Tensor gradient = slope(network, input, flat).gradient;
      const double step = 1e-6;
      for (int64_t i = 0; i < flat.numel(); ++i) {
        at::Tensor more = flat.clone(), less = flat.clone();
        more[i] += step;
        less[i] -= step;
        const double difference =
            slope(network, input, more).loss - slope(network, input, less).loss;
        EXPECT_NEAR(difference / (2 * step), gradient[i].item<double>(), tests::kDerivative) << i;
      }
      const at::Tensor single = slope(network, input, flat.to(at::kFloat)).gradient;
      EXPECT_TRUE(at::allclose(single.to(at::kDouble), gradient, tests::kFloatNetwork,
                               tests::kFloatNetwork));
    }
  }
}

TEST(Network, DropsTheShareOfADropoutLayerAndKeepsTheMean) {
  // No layer but D before the softmax, whose weights are 1/n: the logit is the mean of the dropped
  // image.
  Network network(parse_architecture("[D(1,1), SM(1)]"), {1, 64, 64}, false);
  at::Tensor flat = at::full({64 * 64 + 1}, 1.0 / (64 * 64));
  flat[64 * 64] = 0;
  const at::Tensor images = channels_last(at::ones({16, 1, 64, 64}));
  at::manual_seed(1);
  const at::Tensor means =
      network.forward(network.weights(flat, at::kFloat), images, true).flatten();
  // p = 1/2: kept values are doubled; the mean of 4096 of them deviates by 1/64.
  EXPECT_NEAR(means.mean().item<double>(), 1.0, 0.02);
  EXPECT_GT(means.std().item<double>(), 0.005);
  EXPECT_LT(means.std().item<double>(), 0.04);
}

TEST(Network, StartsFromXavierWeightsAndZeroBiases) {
  Network network(parse_architecture("[SM(10)]"), {1, 20, 20}, false);
  const at::Tensor flat = network.initial_parameters(1);
  const double bound = std::sqrt(6.0 / 410);
  const at::Tensor weights = flat.narrow(0, 0, 4000);
  EXPECT_LE(weights.abs().max().item<double>(), bound);
  EXPECT_NEAR(weights.std().item<double>(), bound / std::sqrt(3.0), 0.03 * bound);
  EXPECT_EQ(flat.narrow(0, 4000, 10).abs().max().item<double>(), 0);
  EXPECT_TRUE(flat.equal(network.initial_parameters(1)));
  EXPECT_FALSE(flat.equal(network.initial_parameters(2)));
}

// 40 images of 2 x 3 x 4 whose pixels are all different, in two classes.
datasets::ImageSet counted_images() {
  datasets::ImageSet images{{2, 3, 4}, 2, {}, {}};
  for (int i = 0; i < 40; ++i) {
    images.labels.push_back(static_cast<uint8_t>(i % 2));
    for (int p = 0; p < 24; ++p) images.pixels.push_back(static_cast<uint8_t>(i * 6 + p / 4));
  }
  for (size_t p = 0; p < images.pixels.size(); ++p)
    images.pixels[p] = static_cast<uint8_t>(images.pixels[p] ^ (p % 4));
  return images;
}

DataSettings forty(const std::string& preprocessing) {
  DataSettings settings;
  settings.training_images = 30;
  settings.validation_images = 10;
  settings.preprocessing = preprocessing;
  return settings;
}

TEST(DeviceData, GivesPixelsOver255InChannelsLastOrder) {
  const datasets::ImageSet all = counted_images();
  const DeviceData data(all, forty("none"), 1, at::Device("cpu"));
  EXPECT_EQ(data.training().size(), 30);
  EXPECT_EQ(data.validation().size(), 10);
  const at::Tensor batch = data.gather(data.training(), at::tensor({0, 5}, at::kLong));
  EXPECT_EQ(batch.sizes(), (std::vector<int64_t>{2, 2, 3, 4}));
  EXPECT_TRUE(batch.is_contiguous(at::MemoryFormat::ChannelsLast));
  // The image is one of the set, pixel by pixel.
  bool found = false;
  for (int i = 0; i < 40; ++i) {
    const at::Tensor image =
        at::from_blob(const_cast<uint8_t*>(all.pixels.data()) + i * 24, {2, 3, 4}, at::kByte)
            .to(at::kFloat) /
        255;
    found |= at::allclose(image, batch[1], 0, tests::kFloatArithmetic);
  }
  EXPECT_TRUE(found);
}

TEST(DeviceData, StandardizesWithTheTrainingPartAlone) {
  const DeviceData data(counted_images(), forty("standardize"), 1, at::Device("cpu"));
  const at::Tensor training = data.gather(data.training(), at::arange(30));
  EXPECT_LT(training.mean(0).abs().max().item<double>(), tests::kFloatArithmetic);
  EXPECT_LT((training.std(0, false) - 1).abs().max().item<double>(), 1e-3);
  const at::Tensor validation = data.gather(data.validation(), at::arange(10));
  EXPECT_GT(validation.mean(0).abs().max().item<double>(), 1e-3);
}

TEST(DeviceData, MirrorsAboutHalfOfTheImagesAndLeavesTheOthers) {
  DataSettings settings = forty("none");
  settings.mirror = true;
  const DeviceData data(counted_images(), settings, 1, at::Device("cpu"));
  Random random(1);
  const at::Tensor indices = at::arange(30);
  const at::Tensor plain = data.gather(data.training(), indices);
  const at::Tensor augmented = data.gather_augmented(data.training(), indices, random);
  int mirrored = 0;
  for (int i = 0; i < 30; ++i) {
    const bool same = augmented[i].equal(plain[i]);
    const bool flipped = augmented[i].equal(plain[i].flip({2}));
    EXPECT_TRUE(same || flipped) << "image " << i;
    mirrored += flipped ? 1 : 0;
  }
  EXPECT_GT(mirrored, 5);
  EXPECT_LT(mirrored, 25);
}

TEST(DeviceData, ShiftsByUpToTheTranslationAndFillsWithZero) {
  DataSettings settings = forty("none");
  settings.translation = 1;
  const DeviceData data(counted_images(), settings, 1, at::Device("cpu"));
  Random random(1);
  const at::Tensor indices = at::arange(30);
  const at::Tensor plain = data.gather(data.training(), indices);
  const at::Tensor augmented = data.gather_augmented(data.training(), indices, random);
  int unmoved = 0;
  for (int i = 0; i < 30; ++i) {
    const at::Tensor padded = at::constant_pad_nd(plain[i], {1, 1, 1, 1});
    int matches = 0;
    for (int y = 0; y < 3; ++y)
      for (int x = 0; x < 3; ++x)
        matches += padded.narrow(1, y, 3).narrow(2, x, 4).equal(augmented[i]) ? 1 : 0;
    EXPECT_EQ(matches, 1) << "image " << i;
    unmoved += augmented[i].equal(plain[i]) ? 1 : 0;
  }
  EXPECT_LT(unmoved, 15);
}

TEST(Training, LearnsAndKeepsTheBestAccuracyOfItsCurve) {
  TrainingSettings settings = short_training();
  settings.epochs = 4;
  const auto trainer = evaluator(settings);
  const Trial trial = train(*trainer, "[C(8,3,1), P(2,2), C(16,3,1), P(2,2), SM(10)]");
  ASSERT_EQ(trial.state, TrialState::complete) << trial.reason();
  ASSERT_EQ(trial.curve.size(), 4u);
  double best = 0;
  for (const EpochResult& epoch : trial.curve) best = std::max(best, epoch.validation_accuracy);
  EXPECT_EQ(trial.validation_accuracy, best);
  EXPECT_GT(best, 0.4);
  EXPECT_LT(trial.curve.back().training_loss, trial.curve.front().training_loss);
  EXPECT_EQ(trial.learning_rate, 0.001);
  EXPECT_GT(*trial.images_per_second, 0);
  EXPECT_GT(*trial.memory_bytes, 0);
  EXPECT_EQ(trial.parameters,
            analyse(parse_architecture(trial.architecture), {1, 28, 28}).parameters);
}

TEST(Training, OfOneArchitectureIsTheSameWhateverWasTrainedBefore) {
  const std::string architecture = "[C(8,3,1), C(8,3,1), P(3,2), SM(10)]";
  const auto first = evaluator(short_training());
  const Trial alone = train(*first, architecture);
  const auto second = evaluator(short_training());
  train(*second, "[C(16,1,1), FC(32), SM(10)]");
  const Trial later = train(*second, architecture);
  ASSERT_EQ(alone.curve.size(), 2u);
  ASSERT_EQ(later.curve.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(alone.curve[i].training_loss, later.curve[i].training_loss);
    EXPECT_EQ(alone.curve[i].validation_accuracy, later.curve[i].validation_accuracy);
  }
}

TEST(Training, DiffersBetweenSeeds) {
  const EvaluatorSettings settings{.training = short_training()};
  const auto one = torch_library().make_training_evaluator(settings, small_data(), {.seed = 1});
  const auto two = torch_library().make_training_evaluator(settings, small_data(), {.seed = 2});
  EXPECT_NE(train(*one, "[C(8,3,1), SM(10)]").curve.at(0).training_loss,
            train(*two, "[C(8,3,1), SM(10)]").curve.at(0).training_loss);
}

TEST(Training, InBfloat16ReachesTheAccuracyOfFloat32) {
  TrainingSettings settings = short_training();
  settings.epochs = 4;
  const std::string architecture = "[C(16,3,1), P(2,2), C(16,3,1), P(2,2), SM(10)]";
  const double full = *train(*evaluator(settings), architecture).validation_accuracy;
  settings.precision = "bfloat16";
  const double mixed = *train(*evaluator(settings), architecture).validation_accuracy;
  EXPECT_NEAR(mixed, full, tests::kPrecisionAccuracy);
}

constexpr const char* kRich =
    "[C(16,3,1), R[C(16,3,1), C(16,3,1)], M(2,2), S[C(8,1,1) ; DC(3,1) ; C(8,5,1)], A(2,2), BN, "
    "SM(10)]";

TEST(Training, OfListsInBfloat16ReachesTheAccuracyOfFloat32) {
  TrainingSettings settings = short_training();
  settings.epochs = 4;
  const double full = *train(*evaluator(settings), kRich).validation_accuracy;
  EXPECT_GT(full, 0.4);
  settings.precision = "bfloat16";
  const double mixed = *train(*evaluator(settings), kRich).validation_accuracy;
  EXPECT_NEAR(mixed, full, tests::kPrecisionAccuracy);
}

TEST(Training, WithBatchNormalizationLearns) {
  TrainingSettings settings = short_training();
  settings.batch_normalization = true;
  settings.epochs = 3;
  const Trial trial = train(*evaluator(settings), "[C(8,3,1), P(2,2), FC(32), SM(10)]");
  ASSERT_EQ(trial.state, TrialState::complete) << trial.reason();
  EXPECT_GT(*trial.validation_accuracy, 0.3);
}

TEST(Training, OfANetworkAtChanceTriesFiveRatesAndFailsAsNotLearning) {
  TrainingSettings settings = short_training();
  settings.learning_rate = 1e-12;
  settings.chance_margin = 0.3;
  const Trial trial = train(*evaluator(settings), "[C(8,3,1), SM(10)]");
  EXPECT_EQ(trial.state, TrialState::failed);
  EXPECT_EQ(trial.reason(), "not learning");
  EXPECT_TRUE(trial.counts());
  EXPECT_DOUBLE_EQ(*trial.validation_accuracy, 0.1);
  // 1e-12 * 0.4^4: the fifth rate.
  EXPECT_NEAR(*trial.learning_rate, 2.56e-14, 1e-20);
  EXPECT_EQ(trial.curve.size(), 1u);
}

// To tell the largest class always is not to have learned, however large it is.
TEST(Training, OnNoiseNeverLearnsWhateverTheSharesOfTheClasses) {
  const std::vector<std::vector<int>> shares{{240, 180, 180}, {570, 30}, {300, 300}};
  for (const std::vector<int>& counts : shares) {
    const tests::Folder folder;
    tests::write_idx(folder, "train", counts);
    tests::write_idx(folder, "t10k", {10, 10});
    DataSettings data;
    data.name = "mnist";
    data.path = folder.path();
    data.validation_images = 150;
    TrainingSettings settings = short_training();
    settings.epochs = 2;
    settings.learning_rates = 2;
    settings.batch_size = 32;
    const auto noise = evaluator(settings, data);
    const auto classes = static_cast<int>(counts.size());
    for (const std::string body : {"[C(4,3,1), ", "[FC(8), ", "["}) {
      const Trial trial = train(*noise, body + "SM(" + std::to_string(classes) + ")]");
      EXPECT_EQ(trial.reason(), "not learning") << trial.validation_accuracy.value_or(-1);
      EXPECT_DOUBLE_EQ(*trial.validation_accuracy, 1.0 / classes) << "the reward is the paper's";
    }
  }
}

// Nine of ten images are of one class and all are black, so that only the shares can be learned: the
// least loss is -0.9 log 0.9 - 0.1 log 0.1 = 0.325, and log 2 = 0.693 where the classes count alike.
TEST(Training, WithBalancedClassWeightsCountsTheClassesAlike) {
  const tests::Folder folder;
  tests::write_idx(folder, "train", {540, 60}, 1);
  tests::write_idx(folder, "t10k", {10, 10}, 1);
  DataSettings data;
  data.name = "mnist";
  data.path = folder.path();
  data.validation_images = 100;
  TrainingSettings settings = short_training();
  settings.epochs = settings.chance_epochs = 20;
  settings.learning_rate = 0.02;
  settings.learning_rates = 1;
  settings.batch_size = 32;
  const auto loss = [&](const std::string& weights) {
    settings.class_weights = weights;
    return train(*evaluator(settings, data), "[SM(2)]").curve.at(19).validation_loss;
  };
  EXPECT_NEAR(loss("none"), 0.325, 0.01);
  EXPECT_NEAR(loss("balanced"), 0.693, 0.05);
}

// Of 40 images one in five is of class 1, none of class 2.
TEST(Training, BalancedAccuracyIsTheMeanOfTheSharesOfTheClasses) {
  datasets::ImageSet images = counted_images();
  images.classes = 3;
  for (size_t i = 0; i < 40; ++i) images.labels[i] = i % 5 == 0 ? 1 : 0;
  const DeviceData data(images, forty("none"), 1, at::Device("cpu"));
  const Architecture architecture = parse_architecture("[C(4,1,1), SM(3)]");
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    TrainingRun run({.batch_size = 7, .balanced_accuracy = true}, data, at::Device("cpu"),
                    at::kFloat, architecture, seed);
    const at::Tensor logits =
        run.network().forward(run.network().weights(run.state().parameters, at::kFloat),
                              data.gather(data.training(), at::arange(30)), false);
    double right[2] = {0, 0}, all[2] = {0, 0};
    for (int64_t i = 0; i < 30; ++i) {
      const auto label = data.training().labels[i].item<int64_t>();
      ++all[label];
      right[label] += logits[i].argmax().item<int64_t>() == label ? 1 : 0;
    }
    const Measured measured = run.evaluate(data.training());
    EXPECT_DOUBLE_EQ(measured.accuracy, (right[0] + right[1]) / 30);
    EXPECT_DOUBLE_EQ(measured.balanced_accuracy, (right[0] / all[0] + right[1] / all[1]) / 2);
  }
}

// All images are black, so that to answer the larger class is all that can be learned: .9 of the
// images, but half of the classes.
TEST(Training, WithBalancedAccuracyTheLargestClassIsNothingLearned) {
  const tests::Folder folder;
  tests::write_idx(folder, "train", {540, 60}, 1);
  tests::write_idx(folder, "t10k", {10, 10}, 1);
  DataSettings data;
  data.name = "mnist";
  data.path = folder.path();
  data.validation_images = 100;
  EvaluatorSettings settings{.training = short_training()};
  settings.objective.measure = datasets::kBalancedAccuracy;
  settings.training.learning_rates = 1;
  const auto trained =
      train(*torch_library().make_training_evaluator(settings, data, {.threads = 1}), "[SM(2)]");
  EXPECT_EQ(trained.reason(), "not learning");
  EXPECT_EQ(trained.value, 0.5);
  ASSERT_FALSE(trained.curve.empty());
  EXPECT_EQ(trained.curve.back().value, 0.5);
  EXPECT_GT(trained.curve.back().validation_accuracy, 0.8);
}

TEST(Training, MayTakeSomeEpochsToExceedChance) {
  TrainingSettings settings = short_training();
  settings.learning_rates = 1;
  settings.chance_margin = 0.999;  // more than any network reaches
  settings.epochs = 4;
  settings.chance_epochs = 3;
  const Trial trial = train(*evaluator(settings), "[SM(10)]");
  EXPECT_EQ(trial.reason(), "not learning");
  EXPECT_EQ(trial.curve.size(), 3u);
}

TEST(Training, IsStoppedByWhoeverWatchesIt) {
  TrainingSettings settings = short_training();
  settings.epochs = 4;
  const auto watched = evaluator(settings);
  std::vector<size_t> seen;
  watched->watch([&](const std::vector<EpochResult>& curve) {
    seen.push_back(curve.size());
    return curve.size() < 2;
  });
  const Trial trial = train(*watched, "[C(8,3,1), SM(10)]");
  EXPECT_EQ(trial.state, TrialState::stopped);
  EXPECT_EQ(trial.reason(), "");
  EXPECT_FALSE(trial.validation_accuracy);
  EXPECT_EQ(trial.curve.size(), 2u);
  EXPECT_THAT(seen, ::testing::ElementsAre(1, 2));
}

TEST(Training, KeepsItsPrecisionWithTheTrial) {
  TrainingSettings settings = short_training();
  settings.precision = "float32";
  EXPECT_EQ(train(*evaluator(settings), "[FC(8), SM(10)]").precision, "float32");
}

TEST(Training, ThatTheDeviceBreaksOffIsNotTheNetworksFault) {
  const auto run = [](const std::string& text) {
    return guard(at::Device(at::kCPU), [&] { throw std::runtime_error(text); });
  };
  EXPECT_EQ(run("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling").failure,
            Failure::out_of_memory);
  EXPECT_EQ(run("Target 7 is out of bounds.").failure, Failure::error);
  try {
    run("CUDA error: an illegal memory access was encountered\nCompile with");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const DeviceFault& fault) {
    EXPECT_EQ(fault.text(), "CUDA error: an illegal memory access was encountered");
  }
  EXPECT_THROW(load_onto(at::Device(at::kCPU), [] { throw std::runtime_error("CUDA error: x"); }),
               DeviceFault);
  EXPECT_THROW(load_onto(at::Device(at::kCPU), [] { throw std::bad_alloc(); }), FailureError);
  EXPECT_THROW(load_onto(at::Device(at::kCPU), [] { throw UsageError("sizes"); }), UsageError);
}

TEST(Training, ThatDivergesFailsAsNan) {
  TrainingSettings settings = short_training();
  // Adam moves the weights of the pixels that are always dark the same way, so their sum overflows.
  // (Behind ReLU a network may die instead, with a finite loss.)
  settings.learning_rate = 3e37;
  const Trial trial = train(*evaluator(settings), "[SM(10)]");
  EXPECT_EQ(trial.state, TrialState::failed);
  EXPECT_EQ(trial.failure, Failure::not_a_number);
  EXPECT_FALSE(trial.counts());
  EXPECT_FALSE(trial.validation_accuracy.has_value());
}

TEST(Training, StopsAtItsLimits) {
  TrainingSettings settings = short_training();
  settings.max_parameters = 1000;
  Trial trial = train(*evaluator(settings), "[C(64,3,1), SM(10)]");
  EXPECT_EQ(trial.failure, Failure::too_large);
  EXPECT_THAT(trial.detail, HasSubstr("limit 1000"));
  EXPECT_TRUE(trial.curve.empty());

  settings = short_training();
  settings.max_memory = int64_t{200} << 20;
  trial = train(*evaluator(settings), "[C(256,3,1), SM(10)]");
  EXPECT_EQ(trial.failure, Failure::too_large);
  EXPECT_EQ(train(*evaluator(settings), "[SM(10)]").state, TrialState::complete);

  settings = short_training();
  settings.max_seconds = 1e-6;
  trial = train(*evaluator(settings), "[C(8,3,1), SM(10)]");
  EXPECT_EQ(trial.failure, Failure::timeout);
}

TEST(Training, SaysBeforehandWhatItsLimitsRefuse) {
  TrainingSettings settings = short_training();
  EXPECT_TRUE(evaluator(settings)->keeps_limits("[C(512,5,1), C(512,5,1), SM(10)]"));
  settings.max_parameters = 10000;
  const auto limited = evaluator(settings);
  EXPECT_TRUE(limited->keeps_limits("[SM(10)]"));           // 7,850 parameters
  EXPECT_FALSE(limited->keeps_limits("[FC(20), SM(10)]"));  // 15,910
  EXPECT_TRUE(
      limited->keeps_limits("[P(5,3), P(5,3), P(5,3), SM]"));  // evaluate() says what is wrong
}

TEST(Training, OfATimedPieceGivesTheTimeOfAnEpoch) {
  const auto timer = evaluator(short_training());
  const TimedEpoch timed = timer->time_epoch("[C(8,3,1), P(2,2), SM(10)]", 0.1).value();
  EXPECT_NE(timed.trial.state, TrialState::failed);
  EXPECT_EQ(timed.trial.parameters,
            analyse(parse_architecture("[C(8,3,1), P(2,2), SM(10)]"), {1, 28, 28}).parameters);
  EXPECT_GT(timed.batch_size, 0);
  EXPECT_LE(timed.batch_size, 128);
  EXPECT_NEAR(timed.training_seconds * timed.images_per_second, 500, 1e-9);  // images
  EXPECT_GT(timed.validation_seconds, 0);
}

TEST(Training, OfATimedPieceLeavesLaterTrainingsAsTheyAre) {
  const std::string architecture = "[C(8,3,1), P(2,2), SM(10)]";
  const auto fresh = evaluator(short_training()), used = evaluator(short_training());
  used->time_epoch(architecture, 0.1);
  EXPECT_EQ(train(*fresh, architecture).curve.at(1).training_loss,
            train(*used, architecture).curve.at(1).training_loss);
}

TEST(Training, OfATimedPieceFailsAsTrainingWould) {
  TrainingSettings settings = short_training();
  settings.max_parameters = 1000;
  const auto limited = evaluator(settings);
  EXPECT_EQ(limited->time_epoch("[SM(10)]", 0.1)->trial.failure, Failure::too_large);
  const TimedEpoch impossible =
      limited->time_epoch("[P(5,3), P(5,3), P(5,3), SM(10)]", 0.1).value();
  EXPECT_EQ(impossible.trial.state, TrialState::failed);
  EXPECT_THAT(impossible.trial.detail, HasSubstr("larger than its input"));
}

TEST(Training, OfAnImpossibleShapeFailsAndSaysWhy) {
  const Trial trial = train(*evaluator(short_training()), "[P(5,3), P(5,3), P(5,3), SM(10)]");
  EXPECT_EQ(trial.failure, Failure::error);
  EXPECT_THAT(trial.detail, HasSubstr("larger than its input"));
}

// Memory of this process in MiB: a line of /proc/self/status.
double memory_mib(const char* key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) == 0) return std::atof(line.c_str() + std::strlen(key)) / 1024;
  }
  return 0;
}

TEST(TrainingMemory, PeaksWhereTheEstimateSays) {
  TrainingSettings settings = short_training();
  settings.epochs = 1;
  settings.learning_rates = 1;
  const auto trainer = evaluator(settings);
  train(*trainer, "[C(8,3,1), SM(10)]");  // so that everything that is loaded once is there
  for (const char* architecture :
       {"[SM(10)]", "[C(8,3,1), P(2,2), FC(128), SM(10)]",
        "[C(32,5,1), C(32,3,1), C(8,5,1), C(8,5,1), C(32,1,1), C(8,3,1), SM(10)]",
        "[C(32,1,1), C(16,5,1), SM(10)]", "[C(32,3,1), P(2,2), C(32,3,1), GAP(10), SM(10)]",
        "[C(64,3,1), C(64,3,1), P(2,2), SM(10)]", "[C(128,3,1), P(2,2), C(256,3,1), SM(10)]",
        "[C(64,5,1), P(2,2), C(128,3,1), P(3,2), FC(512), FC(256), SM(10)]",
        "[C(256,1,1), C(256,1,1), P(2,2), C(64,3,1), SM(10)]",
        "[C(512,1,1), P(5,3), C(512,3,1), GAP(10), SM(10)]",
        "[C(64,1,1), C(64,1,1), C(64,1,1), C(64,1,1), C(64,1,1), C(64,1,1), SM(10)]",
        "[C(64,3,1), R[C(64,3,1), C(64,3,1)], R[C(64,3,1), C(64,3,1)], GAP(10), SM(10)]",
        "[C(32,3,1), R[C(64,3,1), R[C(64,3,1)]], R[C(128,3,2)], SM(10)]",
        "[C(64,3,1), S[C(32,1,1) ; C(32,3,1) ; C(64,5,1), P(1,1)], M(2,2), GAP(10), SM(10)]",
        "[S[C(64,1,1) ; C(64,3,1), S[C(64,1,1) ; DC(3,1) ; BN]], A(2,2), SM(10)]",
        "[C(96,1,1), DC(3,1), BN, C(96,1,1), DC(5,1), BN, M(3,1), SM(10)]"}) {
    std::ofstream("/proc/self/clear_refs") << 5;  // the peak starts again from here
    const Trial trial = train(*trainer, architecture);
    const double peak = memory_mib("VmHWM:");
    const double estimate = static_cast<double>(*trial.memory_bytes) / (1 << 20);
    EXPECT_NEAR(estimate / peak, 1.0, tests::kMemoryEstimate)
        << architecture << ": estimate " << estimate << " MiB, peak " << peak << " MiB";
  }
}

TEST(TrainingMemory, DoesNotGrowOver200Networks) {
  DataSettings data = small_data();
  data.training_images = 128;
  data.validation_images = 50;
  TrainingSettings settings = short_training();
  settings.epochs = 1;
  settings.learning_rates = 1;
  const auto trainer = evaluator(settings, data);
  const char* const architectures[] = {"[C(8,3,1), SM(10)]", "[C(32,3,1), P(2,2), FC(64), SM(10)]",
                                       "[C(16,5,1), C(16,1,1), GAP(10), SM(10)]"};
  double after_20 = 0;
  for (int i = 0; i < 200; ++i) {
    train(*trainer, architectures[i % 3]);
    if (i == 20) after_20 = memory_mib("VmRSS:");
  }
  EXPECT_LT(memory_mib("VmRSS:"), after_20 + 16);
}

TEST(Devices, AreTheOnesThatWereAskedFor) {
  EXPECT_EQ(resolve_devices("cpu"), std::vector<std::string>{"cpu"});
  for (const char* wrong : {"gpu", "cuda:x", "cuda:-1", "cuda:0,", "cpu,cuda:0"})
    EXPECT_THROW(resolve_devices(wrong), UsageError) << wrong;
}

TEST(Devices, AGpuThatIsNotThereIsAnErrorAndNeverTheCpu) {
  if (resolve_devices("auto") != std::vector<std::string>{"cpu"}) GTEST_SKIP() << "there is a GPU";
  for (const char* gpu : {"cuda", "cuda:0", "cuda:0,cuda:1"}) {
    try {
      resolve_devices(gpu);
      ADD_FAILURE() << gpu;
    } catch (const FailureError& error) {
      EXPECT_THAT(error.what(), HasSubstr("finds no usable GPU"));
      EXPECT_THAT(error.what(), HasSubstr("docs/gpu.md"));
    }
  }
}

TEST(Precision, OfAnUnknownNameIsRefused) {
  EXPECT_EQ(choose_precision("float32", at::Device("cpu")), at::kFloat);
  EXPECT_THROW(choose_precision("half", at::Device("cpu")), UsageError);
}

// A training that ends after `epochs` of three, and what comes of it when it goes on.
std::pair<Trial, Trial> paused_and_resumed(const std::filesystem::path& folder, size_t epochs) {
  TrainingSettings settings = short_training();
  settings.epochs = 3;
  const auto first = evaluator(settings);
  first->pause_in(folder);
  first->watch([&](const auto& curve) { return curve.size() < epochs; });
  const Trial stopped = train(*first, "[C(8,3,1), P(2,2), FC(16), SM(10)]");
  const auto second = evaluator(settings);
  second->pause_in(folder);
  Trial resumed = stopped;
  second->evaluate(resumed);
  return {stopped, resumed};
}

TEST(Training, ThatIsPausedAndGoesOnIsAsOneThatWasNotPaused) {
  TrainingSettings settings = short_training();
  settings.epochs = 3;
  const Trial whole = train(*evaluator(settings), "[C(8,3,1), P(2,2), FC(16), SM(10)]");
  ASSERT_EQ(whole.state, TrialState::complete) << whole.reason();
  for (size_t epochs : {1, 2}) {
    const tests::Folder folder;
    const auto [stopped, resumed] = paused_and_resumed(folder.path(), epochs);
    EXPECT_EQ(stopped.state, TrialState::stopped);
    EXPECT_EQ(stopped.curve.size(), epochs);
    EXPECT_FALSE(stopped.validation_accuracy);
    EXPECT_EQ(resumed.state, TrialState::complete) << resumed.reason();
    EXPECT_EQ(resumed.validation_accuracy, whole.validation_accuracy);
    ASSERT_EQ(resumed.curve.size(), 3u);
    for (size_t i = 0; i < 3; ++i)
      EXPECT_EQ(resumed.curve[i].training_loss, whole.curve[i].training_loss) << i;
  }
}

TEST(Training, ThatGoesOnLooksAtTheEpochsThatAreNewAndCountsAllSeconds) {
  TrainingSettings settings = short_training();
  settings.epochs = 4;
  const tests::Folder folder;
  const auto trainer = evaluator(settings);
  trainer->pause_in(folder.path());
  trainer->watch([](const auto& curve) { return curve.size() < 2; });
  Trial trial = train(*trainer, "[C(4,3,1), P(2,2), SM(10)]");
  ASSERT_EQ(trial.state, TrialState::stopped);
  const double before = *trial.seconds;
  std::vector<size_t> seen;
  trainer->watch([&](const auto& curve) {
    seen.push_back(curve.size());
    return true;
  });
  trainer->evaluate(trial);
  EXPECT_THAT(seen, ::testing::ElementsAre(3));
  EXPECT_GT(*trial.seconds, before);
}

// Its file is no more than a saving of time.
TEST(Training, WhosePausedFileIsGoneOrOfOtherSettingsBeginsAnew) {
  TrainingSettings settings = short_training();
  const tests::Folder folder;
  const auto trainer = evaluator(settings);
  trainer->pause_in(folder.path());
  trainer->watch([](const auto&) { return false; });
  Trial trial = train(*trainer, "[C(4,3,1), P(2,2), SM(10)]");
  ASSERT_EQ(trial.state, TrialState::stopped);
  ASSERT_TRUE(std::filesystem::exists(folder / "trial-0.checkpoint"));
  const auto first_epoch_seen = [&](const TrainingSettings& now) {
    const auto another = evaluator(now);
    another->pause_in(folder.path());
    size_t first = 0;
    another->watch([&](const auto& curve) {
      if (first == 0) first = curve.size();
      return true;
    });
    Trial again = trial;
    another->evaluate(again);
    return first;
  };
  settings.epochs = 3;
  EXPECT_EQ(first_epoch_seen(settings), 1u);
  settings.epochs = 2;
  settings.learning_rate = 0.002;
  EXPECT_EQ(first_epoch_seen(settings), 1u);
  settings.learning_rate = 0.001;
  EXPECT_EQ(first_epoch_seen(settings), 0u) << "its one epoch that is new is the last";
  std::filesystem::remove(folder / "trial-0.checkpoint");
  EXPECT_EQ(first_epoch_seen(settings), 1u);
}

// ---- Latency ----

std::unique_ptr<Evaluator> timing_evaluator(const Objective& objective) {
  return torch_library().make_training_evaluator(
      {.objective = objective, .training = short_training()}, small_data(),
      {.device = "cpu", .threads = 2, .seed = 7});
}

Objective accuracy_and_latency() {
  Objective objective;
  objective.others = {{kLatency, datasets::Direction::minimize, ""}};
  return objective;
}

TEST(Latency, IsMeasuredOfEachNetworkWhereTheObjectiveNamesIt) {
  const std::string small = "[C(4,3,1), P(2,2), SM(10)]";
  Trial trial = train(*timing_evaluator(accuracy_and_latency()), small);
  ASSERT_EQ(trial.state, TrialState::complete) << trial.reason();
  EXPECT_GT(trial.measures.at(kLatency), 0);
  EXPECT_LT(trial.measures.at(kLatency), 1000 * *trial.seconds);
  EXPECT_FALSE(train(*timing_evaluator({}), small).measures.contains(kLatency));
}

// More than 400 times as many multiplications.
TEST(Latency, OfALargerNetworkIsLarger) {
  const auto latency = [](const std::string& architecture) {
    const Network network(parse_architecture(architecture), {3, 32, 32}, false);
    return latency_ms(network, network.initial_parameters(1), {3, 32, 32}, at::kCPU, 1);
  };
  EXPECT_GT(latency("[C(64,5,1), C(64,5,1), SM(10)]"), latency("[C(2,1,1), SM(10)]"));
}

// Neither its threads nor what it draws at random.
TEST(Latency, LeavesTheTrainingAsItWas) {
  const std::string architecture = "[C(4,3,1), D(1,2), P(2,2), FC(16), SM(10)]";
  const Trial with = train(*timing_evaluator(accuracy_and_latency()), architecture);
  EXPECT_EQ(at::get_num_threads(), 2);
  const Trial without = train(*timing_evaluator({}), architecture);
  EXPECT_EQ(with.validation_accuracy, without.validation_accuracy);
  ASSERT_EQ(with.curve.size(), without.curve.size());
  for (size_t i = 0; i < with.curve.size(); ++i)
    EXPECT_EQ(with.curve[i].training_loss, without.curve[i].training_loss);
}

TEST(Latency, AboveItsLimitCostsNoTraining) {
  Objective objective;
  objective.limits = {{kLatency, 1e-6}};
  const Trial trial = train(*timing_evaluator(objective), "[C(4,3,1), P(2,2), SM(10)]");
  EXPECT_EQ(trial.failure, Failure::too_large);
  EXPECT_THAT(trial.reason(), ::testing::HasSubstr("latency_ms"));
  EXPECT_THAT(trial.curve, ::testing::IsEmpty());
  EXPECT_GT(trial.measures.at(kLatency), 0);
}

TEST(Latency, OfADeviceThatIsNotThereIsRefusedBeforeAnyTraining) {
  TrainingSettings settings = short_training();
  settings.latency_device = "cuda:77";
  EXPECT_ANY_THROW(torch_library().make_training_evaluator(
      {.objective = accuracy_and_latency(), .training = settings}, small_data(),
      {.device = "cpu", .threads = 1, .seed = 7}));
}

}  // namespace
}  // namespace metaqnn::search
