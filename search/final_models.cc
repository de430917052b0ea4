#include "search/final_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "architecture/error.h"
#include "datasets/images/data_set.h"
#include "datasets/images/padding.h"
#include "search/evaluate/torch.h"
#include "search/version.h"

namespace metaqnn::search {
namespace {

constexpr const char* kExtension = ".checkpoint";

// What decides the weights, and nothing else: neither the device nor the search's settings.
std::string deciding_configuration(Configuration configuration) {
  const Configuration defaults;
  configuration.workers = defaults.workers;
  configuration.device = defaults.device;
  configuration.strategy = defaults.strategy;
  configuration.space = defaults.space;
  return to_toml(configuration);
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw FailureError(folder.string() + ": the folder cannot be made (" + error.message() + ")");
}

// Throws where going on would mix two trainings in one file.
void check_same(const Checkpoint& begun, const FinalTask& task, const std::string& file) {
  const TrainingFacts &a = begun.facts, &b = task.facts;
  const std::string other = file + ": holds a model that was trained ";
  const std::string remedy = "; give -o a new folder, or remove the file";
  if (begun.architecture != task.architecture)
    throw UsageError(other + "as " + begun.architecture + ", not " + task.architecture + remedy);
  if (a.started_from != b.started_from)
    throw UsageError(other + "from " + a.started_from + ", not from " + b.started_from + remedy);
  if (const auto lines = first_difference(a.configuration, b.configuration))
    throw UsageError(other + "with " + lines->first + ", not " + lines->second + remedy);
}

class FolderTrainer {
 public:
  FolderTrainer(const FinalTrainerSettings& settings, const Configuration& configuration,
                const FinalOptions& options, FinalObserver& observer)
      : settings_(settings),
        seed_(configuration.seed),
        configuration_(deciding_configuration(configuration)),
        options_(options),
        observer_(observer) {
    make_folder(options.folder);
  }

  FinalModel train(const std::string& name, FinalTask task) {
    FinalModel model;
    model.name = name;
    model.file = options_.folder / (name + kExtension);
    model.architecture = task.architecture;
    model.search_accuracy = task.facts.search_accuracy;
    task.facts.configuration = configuration_;
    task.facts.program_version = program_version();
    task.facts.library_versions = library_versions(true);
    std::optional<Checkpoint> begun;
    if (std::filesystem::exists(model.file)) {
      begun = read_checkpoint(model.file);
      check_same(*begun, task, model.file.string());
      if (!begun->unfinished) return finished(std::move(model), std::move(*begun));
    }
    const auto epochs_done = begun ? begun->facts.curve.size() : 0;
    observer_.model_began(model, static_cast<int>(epochs_done), epochs());
    FinalOutcome outcome =
        trainer().train(task, std::move(begun), options_.stop, [&](const Checkpoint& checkpoint) {
          write_checkpoint(checkpoint, model.file);
          observer_.epoch_ended(model, checkpoint.facts);
        });
    if (outcome.checkpoint) return finished(std::move(model), std::move(*outcome.checkpoint));
    model.failure = outcome.failure;
    model.detail = outcome.detail;
    observer_.model_ended(model);
    return model;
  }

 private:
  int epochs() const {
    int total = 0;
    for (const auto& [rate, epochs] : settings_.final_training.schedule) total += epochs;
    return total;
  }

  // Images are read only if there is something left to train.
  FinalTrainer& trainer() {
    if (!trainer_) {
      trainer_ = make_final_trainer(settings_, {options_.device, options_.threads, seed_});
      observer_.images_loaded(*trainer_);
    }
    return *trainer_;
  }

  FinalModel finished(FinalModel model, Checkpoint checkpoint) {
    checkpoint.parameters = {};  // a folder of large networks would not fit the memory
    model.checkpoint = std::move(checkpoint);
    observer_.model_ended(model);
    return model;
  }

  FinalTrainerSettings settings_;
  uint64_t seed_;
  std::string configuration_;
  FinalOptions options_;
  FinalObserver& observer_;
  std::unique_ptr<FinalTrainer> trainer_;
};

}  // namespace

std::string FinalModel::reason() const {
  Trial trial;
  trial.failure = failure;
  trial.detail = detail;
  return trial.reason();
}

std::vector<Trial> best_trials(Study& study, int64_t count) {
  std::vector<Trial> trials = study.trials(false);
  std::erase_if(trials, [](const Trial& trial) { return trial.state != TrialState::complete; });
  std::stable_sort(trials.begin(), trials.end(), [](const Trial& a, const Trial& b) {
    return a.validation_accuracy > b.validation_accuracy;
  });
  if (static_cast<int64_t>(trials.size()) > count) trials.resize(static_cast<size_t>(count));
  return trials;
}

void scale_epochs(FinalSettings& settings, double factor) {
  for (auto& [rate, epochs] : settings.schedule)
    epochs = static_cast<int>(std::max(1L, std::lround(epochs * factor)));
}

std::vector<FinalModel> finetune(const std::vector<Trial>& trials,
                                 const Configuration& configuration, const FinalOptions& options,
                                 FinalObserver& observer) {
  FolderTrainer trainer({.data = configuration.data,
                         .training = configuration.evaluator.training,
                         .final_training = configuration.final_training,
                         .input = std::nullopt},
                        configuration, options, observer);
  std::vector<FinalModel> models;
  for (const Trial& trial : trials) {
    FinalTask task{.architecture = trial.architecture, .facts = {}};
    task.facts.origin = "finetune";
    task.facts.started_from = "random weights";
    task.facts.trial = trial.number;
    task.facts.search_accuracy = trial.validation_accuracy;
    models.push_back(trainer.train(fmt::format("trial-{}", trial.number), std::move(task)));
  }
  return models;
}

std::string with_classes(const std::string& architecture, int classes) {
  Architecture changed = parse_architecture(architecture);
  for (Layer& layer : changed.layers) {
    if (auto* pooling = std::get_if<GlobalAveragePooling>(&layer)) pooling->classes = classes;
    if (auto* softmax = std::get_if<Softmax>(&layer)) softmax->classes = classes;
  }
  return to_string(changed);
}

std::vector<FinalModel> transfer(const Checkpoint& source, const std::string& source_name,
                                 const Configuration& configuration, const FinalOptions& options,
                                 FinalObserver& observer) {
  const datasets::DataSetEntry& images = datasets::find_data_set(configuration.data.name);
  datasets::check_padding(images.shape, source.input);
  FinalTrainerSettings settings{.data = configuration.data,
                                .training = configuration.evaluator.training,
                                .final_training = configuration.final_training,
                                .input = source.input};
  settings.training.batch_normalization = source.batch_normalization;
  settings.training.dropout = source.dropout;
  FolderTrainer trainer(settings, configuration, options, observer);
  std::vector<FinalModel> models;
  for (const bool from_weights : {false, true}) {
    FinalTask task{.architecture = with_classes(source.architecture, images.classes), .facts = {}};
    task.facts.origin = "transfer";
    task.facts.started_from = from_weights ? "the weights of " + source_name : "random weights";
    if (from_weights) task.weights = &source;
    models.push_back(trainer.train(from_weights ? "finetuned" : "scratch", std::move(task)));
  }
  return models;
}

std::vector<FinalModel> read_models(const std::filesystem::path& folder,
                                    std::vector<std::string>& unfinished) {
  std::error_code error;
  std::vector<FinalModel> models;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != kExtension) continue;
    Checkpoint checkpoint = read_checkpoint(entry.path());
    const std::string name = entry.path().stem().string();
    if (checkpoint.unfinished) {
      unfinished.push_back(name);
      continue;
    }
    models.push_back({.name = name,
                      .file = entry.path(),
                      .architecture = checkpoint.architecture,
                      .search_accuracy = checkpoint.facts.search_accuracy,
                      .detail = "",
                      .checkpoint = std::move(checkpoint)});
  }
  if (error) {
    throw DataError(folder.string() + ": cannot be read (" + error.message() +
                    "); give the folder of metaqnn finetune");
  }
  std::sort(models.begin(), models.end(), [](const FinalModel& a, const FinalModel& b) {
    const auto rank_a = a.checkpoint->selection_accuracy();
    const auto rank_b = b.checkpoint->selection_accuracy();
    return rank_a != rank_b ? rank_a > rank_b : a.name < b.name;
  });
  return models;
}

}  // namespace metaqnn::search
