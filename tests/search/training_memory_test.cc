#include "search/evaluate/training_memory.h"

#include <gtest/gtest.h>

namespace metaqnn::search {
namespace {

int64_t total(const std::string& architecture, TrainingMemorySettings settings = {}) {
  return estimate_training_memory(parse_architecture(architecture), {3, 32, 32}, settings).total();
}

TEST(TrainingMemory, OfASoftmaxAloneIsItsParametersTheBatchAndTheProgram) {
  const TrainingMemory memory =
      estimate_training_memory(parse_architecture("[SM(10)]"), {3, 32, 32}, {.data_bytes = 1000});
  // 3072 * 10 + 10 parameters; weight, gradient and two moments of 4 bytes each.
  EXPECT_EQ(memory.parameters, 30730 * 16);
  EXPECT_EQ(memory.data, 1000);
  // 128 images of 3072 values in two float32 copies, and 10 logits each; a tenth between the blocks.
  EXPECT_EQ(memory.activations, int64_t{(3072 * 8 + 10 * 4) * 128} * 11 / 10);
  EXPECT_EQ(memory.workspace, 10 * 4 * 128 * 16 / 10);
}

TEST(TrainingMemory, OfAPooledMapIsTransientOnTheCpuAndKeptOnAGpu) {
  const auto activations = [](bool on_gpu) {
    return estimate_training_memory(parse_architecture("[C(8,3,1), P(2,2), SM(10)]"), {3, 32, 32},
                                    {.batch_size = 10, .on_gpu = on_gpu})
        .activations;
  };
  // Images, where the maxima were, the D before SM and what it dropped, logits.
  const int64_t pooled = 8 * 16 * 16, images = 3072 * 8, logits = 10 * 4;
  const int64_t kept = images + pooled + pooled * (4 + 1) + logits;
  EXPECT_EQ(activations(false), kept * 10 * 11 / 10);
  // And the map, what ReLU made of the pooled one, and where its maxima were in 8 bytes.
  const int64_t map = 8 * 32 * 32 * 4;
  EXPECT_EQ(activations(true), (kept + map + pooled * (4 + 7)) * 10 * 11 / 10);
}

// 4 bytes a number of 100 images of 8 x 8, in units of a map of 16 channels.
TEST(TrainingMemory, OfListsIsWhatTheirOperationsLookAtAgain) {
  const Shape input{16, 8, 8};
  const auto maps = [&](const std::string& body) {
    TrainingMemorySettings settings;
    settings.batch_size = 100;
    const auto activations = [&](const std::string& text) {
      return estimate_training_memory(parse_architecture(text), input, settings).activations;
    };
    // What the layers from SM on keep is that of SM alone.
    const int64_t map = 16 * 8 * 8 * 4 * 100;
    const int64_t all = activations("[" + body + ", SM(10)]") - activations("[SM(10)]");
    return static_cast<double>(all) / (1.1 * static_cast<double>(map));
  };
  // What ReLU gave: of the convolution, and of the sum.
  EXPECT_NEAR(maps("C(16,3,1)"), 1, 1e-3);
  EXPECT_NEAR(maps("R[C(16,3,1)]"), 2, 1e-3);
  // The shortcut's own result nothing looks at; the sum has two maps of 16 channels.
  EXPECT_NEAR(maps("R[C(32,3,1)]"), 4, 1e-3);
  // Two branches, and what they are together.
  EXPECT_NEAR(maps("S[C(16,1,1) ; C(16,3,1)]"), 4, 1e-3);
  // The difference of maximum and mean, the place of each maximum in 8 bytes of images, and the
  // result.
  EXPECT_NEAR(maps("M(1,1)"), 1 + 2 + 1, 1e-3);
}

TEST(TrainingMemory, GrowsWithEachLayer) {
  EXPECT_LT(total("[C(64,3,1), SM(10)]"), total("[C(64,3,1), C(64,3,1), SM(10)]"));
  EXPECT_LT(total("[C(64,3,1), SM(10)]"), total("[C(128,3,1), SM(10)]"));
}

TEST(TrainingMemory, GrowsWithTheBatchAndShrinksWithThePrecision) {
  const std::string architecture = "[C(64,3,1), P(2,2), SM(10)]";
  EXPECT_LT(total(architecture, {.batch_size = 64}), total(architecture, {.batch_size = 128}));
  EXPECT_LT(total(architecture, {.bytes_per_activation = 2}), total(architecture));
}

TEST(TrainingMemory, OnAGpuLeavesOutTheProgram) {
  const TrainingMemory memory =
      estimate_training_memory(parse_architecture("[SM(10)]"), {3, 32, 32}, {.on_gpu = true});
  EXPECT_EQ(memory.program, 0);
}

}  // namespace
}  // namespace metaqnn::search
