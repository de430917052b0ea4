// What comes after the search: the best networks trained again at length, and one network carried
// over to other images. Each model is one file of a folder (search/evaluate/checkpoint.h), written
// after every epoch while it is trained; the same call later leaves finished models alone, goes on
// with an unfinished one from its last whole epoch, and tries a failed one again. The same call in
// another process at the same time, on another device perhaps, shares the work
// (search/model_locks.h): each trains what no other does, then waits for the others' models, and
// goes on with those of one that dies.
//
//   const std::vector<Trial> trials = choose_trials(*study, {.top = 5}, {1, 28, 28});
//   std::vector<FinalModel> models = finetune(trials, configuration, options, observer);
//   models[0].checkpoint->facts.test_error
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/search/configuration.h"
#include "metaqnn/search/study/study.h"
#include "search/evaluate/final_training.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {

struct FinalModel {
  std::string name;            // "trial-42", "scratch"
  std::filesystem::path file;  // in the folder
  std::string architecture;
  std::optional<double> search_accuracy;
  Failure failure = Failure::none;
  std::string detail;
  std::optional<Checkpoint> checkpoint;  // without weights; none where it failed

  std::string reason() const;  // "", "nan (in epoch 3)"
};

// Told what happens; every call comes from the thread that trains.
class FinalObserver {
 public:
  virtual ~FinalObserver() = default;
  virtual void images_loaded(const FinalTrainer& trainer) = 0;
  // `epochs_done`: those of an earlier run.
  virtual void model_began(const FinalModel& model, int epochs_done, int epochs) = 0;
  virtual void epoch_ended(const FinalModel& model, const TrainingFacts& facts) = 0;
  // Another process trains it; its end is told as that of the others.
  virtual void model_awaited(const FinalModel& model) = 0;
  virtual void model_ended(const FinalModel& model) = 0;
};

struct FinalOptions {
  std::filesystem::path folder;  // made if need be
  std::string device = "cpu";    // one of resolve_devices()
  int threads = 1;
  const std::atomic<bool>* stop = nullptr;  // leave the epoch in hand, or wait no longer
  std::function<std::unique_ptr<FinalTrainer>(const FinalTrainerSettings&, const Resources&)>
      make_trainer = [](const FinalTrainerSettings& settings, const Resources& resources) {
        return torch_library().make_final_trainer(settings, resources);
      };
};

// Which trials are trained again.
struct TrialSelection {
  int64_t top = 10;  // the complete ones with the highest validation accuracy, first of equals,
  std::optional<int64_t> max_parameters{};  // among those with at most so many
  std::vector<int64_t> numbers{};           // or these trials, in this order
  bool front = false;  // or those that no other beats, the best of the first measure first
};

// Parameters that a trial does not tell are counted for `input`, the shape of the images. Throws
// UsageError where no trial is left, or a number is of no trial or of one without a result.
std::vector<Trial> choose_trials(Study& study, const TrialSelection& choice, const Shape& input);

// Every epoch count of the schedule times `factor`, rounded, at least 1.
void scale_epochs(FinalSettings& settings, double factor);

// Trains `trials` with configuration.final_training. Throws UsageError where the folder holds a
// model that was trained with other settings, InterruptedError once `stop` is set, DataError where
// a model there is damaged.
std::vector<FinalModel> finetune(const std::vector<Trial>& trials,
                                 const Configuration& configuration, const FinalOptions& options,
                                 FinalObserver& observer);

// Trains the architecture of `source` on the images of the configuration twice: from random
// weights ("scratch"), and from the weights of `source` ("finetuned") with a new last layer; GAP is
// new too where the number of classes differs. `source_name` says in the files where they come
// from. Throws UsageError where the images do not fit the network, and what finetune() throws.
std::vector<FinalModel> transfer(const Checkpoint& source, const std::string& source_name,
                                 const Configuration& configuration, const FinalOptions& options,
                                 FinalObserver& observer);

// "[C(8,3,1), GAP(100), SM(100)]" from "[C(8,3,1), GAP(10), SM(10)]" for 100 classes.
std::string with_classes(const std::string& architecture, int classes);

// The finished models of a folder by selection_accuracy(), best first, each with its weights; the
// names of unfinished ones go to `unfinished`. Throws DataError where there is no folder or a file
// is damaged.
std::vector<FinalModel> read_models(const std::filesystem::path& folder,
                                    std::vector<std::string>& unfinished);

}  // namespace metaqnn::search
