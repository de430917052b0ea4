// Training for use: runs that go on, the best epoch, first weights of another network, and the
// TorchScript file.
#include "search/evaluate/final_training.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <sstream>

#include "datasets/images/data_set.h"
#include "datasets/images/padding.h"
#include "metaqnn/base/error.h"
#include "search/evaluate/libtorch/training_run.h"
#include "search/evaluate/torch.h"
#include "search/evaluate/trained_network.h"
#include "tests/error_message.h"
#include "tests/folder.h"
#include "tests/tolerances.h"

namespace metaqnn::search {
namespace {

using testing::HasSubstr;

FinalTrainerSettings short_training() {
  FinalTrainerSettings settings;
  settings.data.name = "fashion_mnist";
  settings.data.preprocessing = "standardize";
  settings.training.precision = "float32";
  settings.final_training.schedule = {{0.025, 2}, {0.0025, 2}};
  settings.final_training.translation = 2;
  settings.final_training.training_images = 600;
  return settings;
}

std::unique_ptr<FinalTrainer> trainer(const FinalTrainerSettings& settings) {
  return torch_library().make_final_trainer(settings, {.device = "cpu", .threads = 1, .seed = 3});
}

constexpr const char* kArchitecture = "[C(8,3,1), P(2,2), FC(16), SM(10)]";
// All that a list may hold and batch normalisation in lists and outside.
constexpr const char* kLists =
    "[C(4,3,2), R[C(4,3,1), BN], M(2,2), S[A(1,1) ; C(4,3,1), DC(3,1)], R[C(6,3,2)], BN, FC(16), "
    "SM(10)]";

// What was handed out after each epoch, the finished one last.
std::vector<Checkpoint> train(const FinalTrainerSettings& settings,
                              std::optional<Checkpoint> begun = std::nullopt,
                              const Checkpoint* weights = nullptr,
                              const std::string& architecture = kArchitecture) {
  std::vector<Checkpoint> all;
  const FinalOutcome outcome = trainer(settings)->train(
      {.architecture = architecture, .facts = {}, .weights = weights}, std::move(begun), nullptr,
      [&](const Checkpoint& checkpoint) { all.push_back(checkpoint); });
  EXPECT_EQ(outcome.failure, Failure::none) << outcome.detail;
  return all;
}

// Of what the network answers to the test images.
double error_of(const Checkpoint& checkpoint) {
  const datasets::ImageSet test = datasets::load_data_set({.name = "fashion_mnist"}).test;
  const Eigen::MatrixXd probabilities =
      torch_library().load_network(checkpoint, "cpu", 1)->probabilities(test);
  EXPECT_NEAR((probabilities.rowwise().sum().array() - 1).abs().maxCoeff(), 0, tests::kRounding);
  int64_t wrong = 0;
  for (int64_t i = 0; i < test.size(); ++i) {
    Eigen::Index answer = 0;
    probabilities.row(i).maxCoeff(&answer);
    wrong += answer != test.labels[static_cast<size_t>(i)];
  }
  return static_cast<double>(wrong) / static_cast<double>(test.size());
}

TEST(FinalTraining, ThatGoesOnAfterAnyEpochEndsWithTheSameWeights) {
  for (const char* optimizer : {"sgd", "adam"}) {
    FinalTrainerSettings settings = short_training();
    settings.final_training.optimizer = optimizer;
    settings.final_training.validation_images = 200;
    settings.training.batch_normalization = true;
    const std::vector<Checkpoint> whole = train(settings);
    ASSERT_EQ(whole.size(), 4u);
    for (size_t epochs = 1; epochs < 4; ++epochs) {
      ASSERT_TRUE(whole[epochs - 1].unfinished);
      const std::vector<Checkpoint> rest = train(settings, whole[epochs - 1]);
      EXPECT_EQ(rest.size(), 4 - epochs);
      EXPECT_EQ(rest.back().parameters, whole.back().parameters) << optimizer << " " << epochs;
      EXPECT_EQ(rest.back().running_statistics, whole.back().running_statistics);
      EXPECT_EQ(rest.back().facts.test_error, whole.back().facts.test_error);
      EXPECT_EQ(rest.back().facts.best_epoch, whole.back().facts.best_epoch);
    }
  }
}

// SGD without momentum gathers nothing.
TEST(FinalTraining, ThatGoesOnWithoutMomentumEndsWithTheSameWeights) {
  FinalTrainerSettings settings = short_training();
  settings.final_training.optimizer = "sgd";
  settings.final_training.momentum = 0;
  const std::vector<Checkpoint> whole = train(settings);
  EXPECT_TRUE(whole[0].unfinished->optimizer.values.empty());
  EXPECT_EQ(train(settings, whole[1]).back().parameters, whole.back().parameters);
}

TEST(FinalTraining, OfAFileEndsAsThatOfTheCheckpointWritten) {
  const tests::Folder folder;
  FinalTrainerSettings settings = short_training();
  settings.final_training.optimizer = "adam";
  const std::vector<Checkpoint> whole = train(settings);
  write_checkpoint(whole[1], folder / "a.checkpoint");
  const Checkpoint read = read_checkpoint(folder / "a.checkpoint");
  EXPECT_EQ(read.unfinished->optimizer.step, 2 * 5);  // epochs of 600 images in batches of 128
  EXPECT_THAT(
      read.unfinished->optimizer.values,
      testing::UnorderedElementsAre(testing::Key("first_moment"), testing::Key("second_moment")));
  EXPECT_EQ(train(settings, read).back().parameters, whole.back().parameters);
}

TEST(FinalTraining, OfListsGoesOnFromAFileAndIsAskedAsItWasTested) {
  const tests::Folder folder;
  FinalTrainerSettings settings = short_training();
  settings.final_training.optimizer = "adam";
  settings.final_training.validation_images = 200;
  for (const bool batch_normalization : {false, true}) {
    settings.training.batch_normalization = batch_normalization;
    const std::vector<Checkpoint> whole = train(settings, std::nullopt, nullptr, kLists);
    ASSERT_EQ(whole.size(), 4u);
    write_checkpoint(whole[1], folder / "begun.checkpoint");
    const Checkpoint rest =
        train(settings, read_checkpoint(folder / "begun.checkpoint"), nullptr, kLists).back();
    EXPECT_EQ(rest.parameters, whole.back().parameters);
    EXPECT_EQ(rest.running_statistics, whole.back().running_statistics);
    // BN in the list and behind: 4 + 6; with the setting C, C, C, DC, C, its shortcut, FC as well.
    const size_t channels = 4 + 6 + (batch_normalization ? 4 + 4 + 4 + 4 + 6 + 6 + 16 : 0);
    EXPECT_EQ(rest.running_statistics.size(), 2 * channels);
    write_checkpoint(rest, folder / "ended.checkpoint");
    EXPECT_NEAR(error_of(read_finished_checkpoint(folder / "ended.checkpoint")),
                rest.facts.test_error.value(), 2e-4);
    EXPECT_LT(rest.facts.test_error.value(), 0.7);
  }
}

TEST(FinalTraining, DoesNotGoOnWithTheOptimizerOfAnother) {
  FinalTrainerSettings sgd = short_training(), adam = short_training(), plain = short_training();
  sgd.final_training.optimizer = plain.final_training.optimizer = "sgd";
  adam.final_training.optimizer = "adam";
  plain.final_training.momentum = 0;
  for (const FinalTrainerSettings& begun_with : {sgd, adam, plain}) {
    const Checkpoint begun = train(begun_with)[0];
    for (const FinalTrainerSettings& going_on : {sgd, adam, plain}) {
      const bool is_same =
          going_on.final_training.optimizer == begun_with.final_training.optimizer &&
          going_on.final_training.momentum == begun_with.final_training.momentum;
      if (is_same) continue;
      EXPECT_THAT(tests::message_of<DataError>([&] {
                    trainer(going_on)->train({.architecture = kArchitecture, .facts = {}}, begun,
                                             nullptr, [](const Checkpoint&) {});
                  }),
                  HasSubstr("its optimizer"));
    }
  }
}

// The form in which the state of an optimizer was once stored, and in which programs can lie.
TEST(FinalTraining, NeverOpensAnArchiveInACheckpoint) {
  torch::jit::Module module("optimizer");
  module.define("def forward(self, x):\n    return x\n");
  std::ostringstream archive;
  module.save(archive);
  const std::string bytes = archive.str();
  const FinalTrainerSettings settings = short_training();
  Checkpoint begun = train(settings)[0];
  std::vector<float>& values = begun.unfinished->optimizer.values.at("momentum");
  values.resize(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  const tests::Folder folder;
  EXPECT_THROW(write_checkpoint(begun, folder / "a.checkpoint"), DataError);
  EXPECT_THAT(tests::message_of<DataError>([&] {
                trainer(settings)->train({.architecture = kArchitecture, .facts = {}}, begun,
                                         nullptr, [](const Checkpoint&) {});
              }),
              HasSubstr("the momentum of its optimizer is not that of the"));
}

TEST(FinalTraining, KeepsTheEpochWithTheBestValidation) {
  FinalTrainerSettings settings = short_training();
  settings.final_training.validation_images = 200;
  // A last step that spoils what was learned.
  settings.final_training.schedule = {{0.02, 3}, {3.0, 1}};
  const std::vector<Checkpoint> epochs = train(settings);
  const Checkpoint& last = epochs.back();
  ASSERT_EQ(last.facts.curve.size(), 4u);
  double best = 0;
  for (const EpochResult& epoch : last.facts.curve)
    best = std::max(best, epoch.validation_accuracy);
  EXPECT_EQ(last.facts.validation_accuracy, best);
  ASSERT_LT(last.facts.best_epoch, 4);
  const Checkpoint& kept = epochs[static_cast<size_t>(last.facts.best_epoch) - 1];
  EXPECT_EQ(last.parameters, kept.parameters);
  EXPECT_FALSE(last.unfinished);
  EXPECT_TRUE(last.facts.test_error);
  EXPECT_FALSE(kept.facts.test_error);  // measured at the end alone
}

TEST(FinalTraining, WithoutValidationTrainsOnAllAndKeepsTheLastEpoch) {
  const FinalTrainerSettings settings = short_training();
  EXPECT_EQ(trainer(settings)->validation_images(), 0);
  EXPECT_EQ(trainer(settings)->test_images(), 10000);
  const Checkpoint last = train(settings).back();
  EXPECT_EQ(last.facts.best_epoch, 4);
  EXPECT_EQ(last.facts.validation_accuracy, std::nullopt);
  EXPECT_LT(last.facts.test_error.value(), 0.8);  // chance is 0.9
  EXPECT_EQ(last.class_names[9], "ankle boot");
}

TEST(FinalTraining, ThatDivergesOrDoesNotFitIsAnOutcome) {
  FinalTrainerSettings settings = short_training();
  settings.final_training.schedule = {{3e38, 3}};
  settings.final_training.weight_decay = 1e3;  // an infinite step for nearly every weight
  const auto nothing = [](const Checkpoint&) {};
  FinalOutcome outcome =
      trainer(settings)->train({.architecture = kArchitecture, .facts = {}}, {}, nullptr, nothing);
  EXPECT_EQ(outcome.failure, Failure::not_a_number);
  EXPECT_THAT(outcome.detail, HasSubstr("in epoch"));
  EXPECT_FALSE(outcome.checkpoint);
  outcome =
      trainer(settings)->train({.architecture = "[SM(7)]", .facts = {}}, {}, nullptr, nothing);
  EXPECT_EQ(outcome.failure, Failure::error);
  EXPECT_THAT(outcome.detail, HasSubstr("tells 7 classes apart, the data set has 10"));
}

// The loss of the one step is that of the first weights; only the weights after it are infinite.
TEST(FinalTraining, ThatDivergesInItsLastStepWithoutValidationIsAnOutcome) {
  FinalTrainerSettings settings = short_training();
  settings.training.batch_size = 600;
  settings.final_training.optimizer = "sgd";
  settings.final_training.schedule = {{3e38, 1}};
  settings.final_training.weight_decay = 1e3;
  const FinalOutcome outcome =
      trainer(settings)->train({.architecture = "[SM(10)]", .facts = {}}, {}, nullptr,
                               [](const Checkpoint&) { ADD_FAILURE(); });
  EXPECT_EQ(outcome.failure, Failure::not_a_number);
  EXPECT_EQ(outcome.detail, "in epoch 1");
}

TEST(FinalTraining, IsLeftAtOnceWhenItIsStopped) {
  const std::atomic<bool> stop{true};
  EXPECT_THROW(trainer(short_training())
                   ->train({.architecture = kArchitecture, .facts = {}}, {}, &stop,
                           [](const Checkpoint&) { ADD_FAILURE(); }),
               InterruptedError);
}

TEST(FinalTraining, FromOtherWeightsStartsWithAllLayersButTheLast) {
  FinalTrainerSettings settings = short_training();
  settings.training.dropout = false;
  // A rate that moves no weight of float32, and a bias of 0 by almost nothing.
  settings.final_training.schedule = {{1e-30, 1}};
  settings.final_training.weight_decay = 0;
  for (const char* architecture : {kArchitecture, kLists}) {
    const Checkpoint scratch = train(settings, std::nullopt, nullptr, architecture).back();
    Checkpoint source = scratch;
    for (float& weight : source.parameters) weight = 0.25F;
    const Checkpoint tuned = train(settings, std::nullopt, &source, architecture).back();
    const size_t last = 16 * 10 + 10;  // weights and biases of SM(10) after FC(16)
    const size_t shared = tuned.parameters.size() - last;
    for (size_t i = 0; i < tuned.parameters.size(); ++i)
      EXPECT_NEAR(tuned.parameters[i], i < shared ? 0.25F : scratch.parameters[i], 1e-20) << i;
  }
}

TEST(TrainedNetwork, HasTheTestErrorOfItsTraining) {
  FinalTrainerSettings settings = short_training();
  settings.training.batch_normalization = true;
  const Checkpoint checkpoint = train(settings).back();
  // Another batch size may round one image to another class.
  EXPECT_NEAR(error_of(checkpoint), checkpoint.facts.test_error.value(), 2e-4);
}

// ---- TorchScript ----

struct Exported {
  const char* architecture;
  Shape image, input;
  bool batch_normalization;
  datasets::Preprocessing preprocessing;
};

// Random weights, statistics and constants.
Checkpoint random_checkpoint(const Exported& wanted) {
  Checkpoint checkpoint;
  checkpoint.architecture = wanted.architecture;
  checkpoint.image = wanted.image;
  checkpoint.input = wanted.input;
  checkpoint.classes = 4;
  checkpoint.class_names = {"a", "b", "c", "d"};
  checkpoint.data_set = "none";
  checkpoint.batch_normalization = wanted.batch_normalization;
  checkpoint.preprocessing = wanted.preprocessing;
  Random random(7);
  const auto fill = [&](std::vector<float>& values, int64_t count, double low, double high) {
    for (int64_t i = 0; i < count; ++i)
      values.push_back(static_cast<float>(low + (high - low) * random.uniform()));
  };
  const Network network(parse_architecture(wanted.architecture), wanted.input,
                        wanted.batch_normalization);
  fill(checkpoint.parameters, network.parameter_count(), -0.4, 0.5);
  fill(checkpoint.running_statistics, network.statistic_count() / 2, -0.5, 0.5);
  fill(checkpoint.running_statistics, network.statistic_count() / 2, 0.5, 2);
  if (wanted.preprocessing != datasets::Preprocessing::local_contrast) {
    fill(checkpoint.normalization.scale, wanted.input.elements(), 0.002, 0.01);
    fill(checkpoint.normalization.shift, wanted.input.elements(), -1, 0);
  }
  return checkpoint;
}

datasets::ImageSet random_images(const Shape& shape) {
  datasets::ImageSet images{shape, 4, {}, {}};
  Random random(8);
  for (int64_t i = 0; i < 5 * shape.elements(); ++i)
    images.pixels.push_back(static_cast<uint8_t>(random.below(256)));
  // The last image is flat.
  std::fill(images.pixels.end() - shape.elements(), images.pixels.end(), uint8_t{77});
  images.labels.assign(5, 0);
  return images;
}

class TorchScript : public testing::TestWithParam<Exported> {};

TEST_P(TorchScript, GivesTheProbabilitiesOfTheNetwork) {
  const Checkpoint checkpoint = random_checkpoint(GetParam());
  const datasets::ImageSet images = random_images(GetParam().image);
  const std::string file = testing::TempDir() + "/metaqnn_export_test.pt";
  torch_library().export_torchscript(checkpoint, file);
  torch::jit::Module module = torch::jit::load(file);
  std::filesystem::remove(file);

  const Shape& shape = images.shape;
  const at::Tensor raw = at::from_blob(const_cast<uint8_t*>(images.pixels.data()),
                                       {5, shape.channels, shape.height, shape.width}, at::kByte)
                             .to(at::kFloat) /
                         255;
  const at::Tensor got = module.forward({raw}).toTensor().to(at::kDouble);
  const Eigen::MatrixXd expected =
      torch_library().load_network(checkpoint, "cpu", 1)->probabilities(images);
  ASSERT_EQ(got.sizes(), (std::vector<int64_t>{5, 4}));
  for (int i = 0; i < 5; ++i) {
    for (int k = 0; k < 4; ++k)
      EXPECT_NEAR(got[i][k].item<double>(), expected(i, k), tests::kFloatNetwork) << i << " " << k;
  }
  EXPECT_EQ(module.attr("class_names").toListRef()[3].toStringRef(), "d");
  EXPECT_EQ(module.attr("image").toStringRef(), to_string(shape));
  EXPECT_ANY_THROW(module.forward({raw.slice(2, 1)}));
  EXPECT_ANY_THROW(module.forward({raw.to(at::kByte)}));
}

constexpr auto kConstants = datasets::Preprocessing::standardize;
constexpr auto kContrast = datasets::Preprocessing::local_contrast;

INSTANTIATE_TEST_SUITE_P(
    Networks, TorchScript,
    testing::Values(
        Exported{"[SM(4)]", {1, 6, 7}, {1, 6, 7}, false, kConstants},
        Exported{"[C(5,3,1), P(2,2), FC(6), SM(4)]", {3, 9, 9}, {3, 9, 9}, false, kConstants},
        Exported{"[C(5,3,2), P(3,2), SM(4)]", {2, 12, 9}, {2, 12, 9}, false, kConstants},
        Exported{"[C(5,1,1), GAP(4), SM(4)]", {3, 9, 9}, {3, 9, 9}, false, kConstants},
        Exported{"[C(5,3,1), FC(6), SM(4)]", {1, 6, 7}, {3, 9, 9}, false, kConstants},
        Exported{"[C(5,3,1), FC(6), SM(4)]", {3, 9, 9}, {3, 9, 9}, true, kConstants},
        Exported{"[C(5,3,1), GAP(4), SM(4)]", {3, 9, 9}, {3, 9, 9}, true, kConstants},
        Exported{"[C(5,3,1), P(2,2), SM(4)]", {3, 12, 12}, {3, 12, 12}, false, kContrast},
        Exported{"[C(5,3,1), SM(4)]", {1, 10, 9}, {3, 12, 12}, false, kContrast},
        Exported{"[BN, R[C(5,3,2), BN], M(2,2), S[A(1,1) ; DC(3,1)], FC(6), BN, SM(4)]",
                 {1, 10, 9},
                 {3, 12, 12},
                 true,
                 kContrast}));

TEST(TrainedNetwork, IsNotMadeOfWhatDoesNotFitTogether) {
  const Checkpoint whole =
      random_checkpoint({"[C(5,3,1), SM(4)]", {1, 6, 7}, {1, 6, 7}, true, kConstants});
  const tests::Folder folder;
  const auto expect_refused = [&](const std::function<void(Checkpoint&)>& spoil) {
    Checkpoint spoilt = whole;
    spoil(spoilt);
    EXPECT_THROW(torch_library().load_network(spoilt, "cpu", 1), Error);
    EXPECT_THROW(torch_library().export_torchscript(spoilt, folder / "net.pt"), Error);
    EXPECT_FALSE(std::filesystem::exists(folder / "net.pt"));
  };
  expect_refused([](Checkpoint& checkpoint) { checkpoint.classes = 3; });
  expect_refused([](Checkpoint& checkpoint) { checkpoint.classes = 5; });
  expect_refused([](Checkpoint& checkpoint) { checkpoint.class_names.pop_back(); });
  expect_refused([](Checkpoint& checkpoint) { checkpoint.parameters.pop_back(); });
  expect_refused([](Checkpoint& checkpoint) { checkpoint.running_statistics.push_back(1); });
  expect_refused([](Checkpoint& checkpoint) { checkpoint.normalization.scale.clear(); });
  expect_refused([](Checkpoint& checkpoint) { checkpoint.batch_normalization = false; });
  expect_refused([](Checkpoint& checkpoint) { checkpoint.image = {1, 7, 7}; });
}

TEST(TorchScriptFile, ThatCannotBeWrittenIsAFailure) {
  const Checkpoint checkpoint =
      random_checkpoint({"[SM(4)]", {1, 6, 7}, {1, 6, 7}, false, kConstants});
  try {
    torch_library().export_torchscript(checkpoint, "/no/such/folder/net.pt");
    ADD_FAILURE();
  } catch (const FailureError& error) {
    EXPECT_THAT(error.what(), HasSubstr("/no/such/folder/net.pt: cannot be written"));
  }
}

}  // namespace
}  // namespace metaqnn::search
