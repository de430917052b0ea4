#include "search/final_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <thread>
#include <utility>

#include "datasets/images/padding.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/search.h"
#include "search/evaluate/device_fault.h"
#include "search/evaluate/image_source.h"
#include "search/front.h"
#include "search/model_locks.h"
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

const std::filesystem::path& made_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw FailureError(folder.string() + ": the folder cannot be made (" + error.message() + ")");
  return folder;
}

// Throws where going on would mix two trainings in one file.
void check_same(const Checkpoint& begun, const FinalTask& task, const std::string& configuration,
                const std::string& file) {
  const TrainingFacts& facts = begun.facts;
  const std::string other = file + ": holds a model that was trained ";
  const std::string remedy = "; give -o a new folder, or remove the file";
  if (begun.architecture != task.architecture)
    throw UsageError(other + "as " + begun.architecture + ", not " + task.architecture + remedy);
  if (facts.started_from != task.facts.started_from) {
    throw UsageError(other + "from " + facts.started_from + ", not from " +
                     task.facts.started_from + remedy);
  }
  if (const auto lines = first_difference(facts.configuration, configuration))
    throw UsageError(other + "with " + lines->first + ", not " + lines->second + remedy);
}

struct FinalJob {
  std::string name;
  FinalTask task;
};

// Throws UsageError; `reason` says why it cannot be trained again.
[[noreturn]] void refuse_trial(int64_t number, const std::string& reason) {
  throw UsageError(
      fmt::format("trial {}: {}; metaqnn trials lists those with a result", number, reason));
}

std::vector<Trial> trials_of(const std::vector<Trial>& all, const std::vector<int64_t>& numbers) {
  std::vector<Trial> chosen;
  for (const int64_t number : numbers) {
    const auto has_number = [&](const Trial& trial) { return trial.number == number; };
    const auto found = std::find_if(all.begin(), all.end(), has_number);
    if (found == all.end()) refuse_trial(number, "the study has no such trial");
    if (found->state != TrialState::complete) {
      refuse_trial(number, found->state == TrialState::failed
                               ? "it has no result, since it failed: " + found->reason()
                               : "it has no result yet");
    }
    if (std::none_of(chosen.begin(), chosen.end(), has_number)) chosen.push_back(*found);
  }
  return chosen;
}

// None where it is no network for such images.
std::optional<int64_t> parameters_of(const Trial& trial, const Shape& input) {
  if (trial.parameters) return trial.parameters;
  try {
    return analyse(parse_architecture(trial.architecture), input).parameters;
  } catch (const UsageError&) {
    return std::nullopt;
  }
}

class FolderTrainer {
 public:
  FolderTrainer(const FinalTrainerSettings& settings, const Configuration& configuration,
                const FinalOptions& options, FinalObserver& observer)
      : settings_(settings),
        seed_(configuration.seed),
        configuration_(deciding_configuration(configuration)),
        options_(options),
        observer_(observer),
        locks_(made_folder(options.folder)) {}

  // In the order of the jobs. What other processes hold is left until nothing else is.
  std::vector<FinalModel> train(const std::vector<FinalJob>& jobs) {
    std::map<size_t, FinalModel> ended;
    for (bool is_first = true; ended.size() < jobs.size(); is_first = false) {
      const size_t before = ended.size();
      for (size_t i = 0; i < jobs.size(); ++i) {
        if (ended.contains(i)) continue;
        if (std::optional<FinalModel> model = attempt(jobs[i], is_first))
          ended.emplace(i, std::move(*model));
      }
      if (!is_first && ended.size() == before) wait();
    }
    std::vector<FinalModel> models;
    for (auto& [i, model] : ended) models.push_back(std::move(model));
    return models;
  }

 private:
  // Nothing while another process trains it, which the observer is told the first time.
  std::optional<FinalModel> attempt(const FinalJob& job, bool is_first) {
    const std::optional<ModelLocks::Held> lock = locks_.take(job.name);
    if (!lock && !is_first) return std::nullopt;
    FinalModel model = model_of(job);
    std::optional<Checkpoint> begun;
    if (std::filesystem::exists(model.file)) {
      begun = read_checkpoint(model.file);
      check_same(*begun, job.task, configuration_, model.file.string());
      if (!begun->unfinished) return finished(std::move(model), std::move(*begun));
    }
    if (!lock) {
      observer_.model_awaited(model);
      return std::nullopt;
    }
    if (const std::optional<std::string> reason = locks_.failure(job.name))
      return failed(std::move(model), *reason);
    return train_model(std::move(model), job.task, std::move(begun));
  }

  FinalModel train_model(FinalModel model, FinalTask task, std::optional<Checkpoint> begun) {
    task.facts.configuration = configuration_;
    task.facts.program_version = program_version();
    task.facts.library_versions = library_versions(true);
    const auto epochs_done = begun ? begun->facts.curve.size() : 0;
    observer_.model_began(model, static_cast<int>(epochs_done), epochs());
    FinalOutcome outcome = run(model, task, std::move(begun));
    if (outcome.checkpoint) return finished(std::move(model), std::move(*outcome.checkpoint));
    model.failure = outcome.failure;
    model.detail = outcome.detail;
    // Another process may have a better device.
    if (!is_device_fault(model.detail)) locks_.add_failure(model.name, model.reason());
    observer_.model_ended(model);
    return model;
  }

  FinalOutcome run(const FinalModel& model, const FinalTask& task,
                   std::optional<Checkpoint> begun) {
    FinalTrainer& trainer = this->trainer();
    try {
      return trainer.train(task, std::move(begun), options_.stop,
                           [&](const Checkpoint& checkpoint) {
                             write_checkpoint(checkpoint, model.file);
                             observer_.epoch_ended(model, checkpoint.facts);
                           });
    } catch (const DeviceFault& fault) {  // the models that are done stay, and others may go on
      return {Failure::crashed, fault.text(), std::nullopt};
    } catch (const DataError& error) {  // of what was begun
      throw DataError(model.file.string() + ": " + error.what());
    }
  }

  void wait() const {
    constexpr std::chrono::milliseconds kPause{200};
    if (options_.stop != nullptr && *options_.stop)
      throw InterruptedError("stopped while another process trained the rest");
    std::this_thread::sleep_for(kPause);
  }

  FinalModel model_of(const FinalJob& job) const {
    FinalModel model;
    model.name = job.name;
    model.file = options_.folder / (job.name + kExtension);
    model.architecture = job.task.architecture;
    model.search_accuracy = job.task.facts.search_accuracy;
    return model;
  }

  int epochs() const {
    int total = 0;
    for (const auto& [rate, epochs] : settings_.final_training.schedule) total += epochs;
    return total;
  }

  // Images are read only if there is something left to train.
  FinalTrainer& trainer() {
    if (!trainer_) {
      trainer_ = options_.make_trainer(settings_, {options_.device, options_.threads, seed_});
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

  // In another process.
  FinalModel failed(FinalModel model, const std::string& reason) {
    Trial trial;
    trial.fail(reason);
    model.failure = trial.failure;
    model.detail = trial.detail;
    observer_.model_ended(model);
    return model;
  }

  FinalTrainerSettings settings_;
  uint64_t seed_;
  std::string configuration_;
  FinalOptions options_;
  FinalObserver& observer_;
  ModelLocks locks_;
  std::unique_ptr<FinalTrainer> trainer_;
};

}  // namespace

std::string FinalModel::reason() const {
  Trial trial;
  trial.failure = failure;
  trial.detail = detail;
  return trial.reason();
}

std::vector<Trial> choose_trials(Study& study, const TrialSelection& choice, const Shape& input) {
  std::vector<Trial> trials = study.trials(false);
  if (!choice.numbers.empty()) return trials_of(trials, choice.numbers);
  std::erase_if(trials, [](const Trial& trial) { return trial.state != TrialState::complete; });
  if (trials.empty())
    throw UsageError("the study has no complete trial yet; run metaqnn search first");
  if (choice.front) return front_of(trials, stored_configuration(study).evaluator.objective).trials;
  if (choice.max_parameters) {
    std::erase_if(trials, [&](const Trial& trial) {
      const std::optional<int64_t> count = parameters_of(trial, input);
      return !count || *count > *choice.max_parameters;
    });
    if (trials.empty()) {
      throw UsageError(
          fmt::format("no complete trial has at most {} parameters", *choice.max_parameters));
    }
  }
  const datasets::Direction direction = measure_of(stored_configuration(study)).direction;
  std::stable_sort(trials.begin(), trials.end(), [&](const Trial& a, const Trial& b) {
    return b.value && datasets::is_better(*a.value, *b.value, direction);
  });
  if (std::cmp_greater(trials.size(), choice.top)) trials.resize(static_cast<size_t>(choice.top));
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
  std::vector<FinalJob> jobs;
  for (const Trial& trial : trials) {
    FinalTask task{.architecture = trial.architecture, .facts = {}};
    task.facts.origin = "finetune";
    task.facts.started_from = "random weights";
    task.facts.trial = trial.number;
    task.facts.search_accuracy = trial.validation_accuracy;
    jobs.push_back({fmt::format("trial-{}", trial.number), std::move(task)});
  }
  return trainer.train(jobs);
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
  const datasets::DataSetFacts images = image_facts(configuration.data);
  datasets::check_padding(images.shape, source.input);
  FinalTrainerSettings settings{.data = configuration.data,
                                .training = configuration.evaluator.training,
                                .final_training = configuration.final_training,
                                .input = source.input};
  settings.training.batch_normalization = source.batch_normalization;
  settings.training.dropout = source.dropout;
  FolderTrainer trainer(settings, configuration, options, observer);
  std::vector<FinalJob> jobs;
  for (const bool from_weights : {false, true}) {
    FinalTask task{.architecture = with_classes(source.architecture, images.classes()),
                   .facts = {}};
    task.facts.origin = "transfer";
    task.facts.started_from = from_weights ? "the weights of " + source_name : "random weights";
    if (from_weights) task.weights = &source;
    jobs.push_back({from_weights ? "finetuned" : "scratch", std::move(task)});
  }
  return trainer.train(jobs);
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
