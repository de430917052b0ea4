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
  // Images, pooled map, where its maxima were, the D before SM and what it dropped, logits.
  const int64_t pooled = 8 * 16 * 16, images = 3072 * 8, logits = 10 * 4;
  const int64_t kept = images + pooled * (4 + 1) + pooled * (4 + 1) + logits;
  EXPECT_EQ(activations(false), kept * 10 * 11 / 10);
  const int64_t map = 8 * 32 * 32 * 4;
  EXPECT_EQ(activations(true), (kept + map + pooled * 7) * 10 * 11 / 10);
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
