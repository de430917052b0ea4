// Trains a network again, at length, so that it can be used: what it ends with is a checkpoint.
//
// The schedule, the optimizer and the images are those of FinalSettings. After each epoch the
// checkpoint of the best epoch so far is handed out, together with all that the next epoch needs,
// so that a training which is cut off goes on from its last whole epoch; on a CPU it ends with the
// same weights as one that was not. The best epoch is the one with the highest accuracy on the
// images that were held back, the first of equals; where none were it is the last. The test images
// are looked at once, after the last epoch, and decide nothing.
//
//   auto trainer = torch_library().make_final_trainer(settings, {.device = "cpu", .threads = 2});
//   FinalOutcome outcome = trainer->train({.architecture = "[C(8,3,1), SM(10)]"}, {}, nullptr, save);
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "metaqnn/search/evaluate/evaluator.h"
#include "metaqnn/search/evaluate/settings.h"
#include "search/evaluate/checkpoint.h"

namespace metaqnn::search {

struct FinalTrainerSettings {
  DataSettings data;
  TrainingSettings training;
  FinalSettings final_training;
  std::optional<Shape> input;  // of the network; images are padded to it (datasets::pad)
};

struct FinalTask {
  std::string architecture;
  TrainingFacts facts;                  // origin and the like; the trainer adds the rest
  const Checkpoint* weights = nullptr;  // first weights of all layers but the last; none is random
};

struct FinalOutcome {
  Failure failure = Failure::none;
  std::string detail;
  std::optional<Checkpoint> checkpoint;  // finished; none where it failed
};

class FinalTrainer {
 public:
  virtual ~FinalTrainer() = default;

  // The images, of the training part and of the test part; on which device and how.
  virtual int64_t training_images() const = 0;
  virtual int64_t validation_images() const = 0;
  virtual int64_t test_images() const = 0;

  // `begun`: what an earlier call handed out last for the same task and settings. Throws
  // InterruptedError once `stop` is set; a network that cannot be trained is an outcome.
  virtual FinalOutcome train(const FinalTask& task, std::optional<Checkpoint> begun,
                             const std::atomic<bool>* stop,
                             const std::function<void(const Checkpoint&)>& after_epoch) = 0;
};

// The settings with which images are loaded: those of the search with FinalSettings' own in their
// place. Throws UsageError where extra images are wanted of a data set that has none.
DataSettings final_data(const DataSettings& data, const FinalSettings& final_training);

}  // namespace metaqnn::search
