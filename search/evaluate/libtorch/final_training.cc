#include "search/evaluate/final_training.h"

#include <cmath>

#include "datasets/images/padding.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "search/evaluate/image_source.h"
#include "search/evaluate/libtorch/libtorch.h"
#include "search/evaluate/libtorch/precision.h"
#include "search/evaluate/libtorch/tensor_memory.h"
#include "search/evaluate/libtorch/training_run.h"
#include "search/evaluate/libtorch/unfinished.h"

namespace metaqnn::search {
namespace {

RunSettings run_settings(const FinalTrainerSettings& settings) {
  const TrainingSettings& training = settings.training;
  const FinalSettings& final_training = settings.final_training;
  return {training.batch_size,
          training.batch_normalization,
          {final_training.optimizer, final_training.momentum, training.adam_beta1,
           training.adam_beta2, training.adam_epsilon, final_training.weight_decay},
          training.class_weights == "balanced"};
}

// The rate of each epoch.
std::vector<double> rates(const FinalSettings& settings) {
  std::vector<double> all;
  for (const auto& [rate, epochs] : settings.schedule)
    all.insert(all.end(), static_cast<size_t>(epochs), rate);
  return all;
}

void check_classes(const Architecture& architecture, int classes) {
  const Softmax* softmax = std::get_if<Softmax>(&architecture.layers.back());
  METAQNN_ASSERT(softmax != nullptr, to_string(architecture) + " does not end in SM");
  if (softmax->classes != classes) {
    throw UsageError("the network tells " + std::to_string(softmax->classes) +
                     " classes apart, the data set has " + std::to_string(classes));
  }
}

class TorchFinalTrainer : public FinalTrainer {
 public:
  TorchFinalTrainer(const FinalTrainerSettings& settings, const Resources& resources)
      : TorchFinalTrainer(settings, resources,
                          datasets::load_data_set(image_source(images(settings)))) {}

  int64_t training_images() const override { return data_.training().size(); }
  int64_t validation_images() const override { return data_.validation().size(); }
  int64_t test_images() const override { return test_.size(); }

  FinalOutcome train(const FinalTask& task, std::optional<Checkpoint> begun,
                     const std::atomic<bool>* stop,
                     const std::function<void(const Checkpoint&)>& after_epoch) override {
    FinalOutcome outcome;
    Checkpoint checkpoint = begun ? std::move(*begun) : blank(task);
    const Breakdown breakdown = guard(device_, [&] {
      if (run(task, checkpoint, stop, after_epoch)) {
        outcome.checkpoint = std::move(checkpoint);
      } else {
        outcome.failure = Failure::not_a_number;
        outcome.detail = "in epoch " + std::to_string(checkpoint.facts.curve.size() + 1);
      }
    });
    release_tensor_memory();
    if (breakdown.failure == Failure::none) return outcome;
    return {breakdown.failure, breakdown.detail, std::nullopt};
  }

 private:
  TorchFinalTrainer(const FinalTrainerSettings& settings, const Resources& resources,
                    const datasets::DataSet& all)
      : settings_(settings),
        seed_(resources.seed),
        device_(resources.device),
        precision_(choose_precision(settings.training.precision, device_)),
        image_(all.training.shape),
        data_(padded(all.training, settings), images(settings),
              Random::stream(resources.seed, "split")(), device_),
        test_(data_.upload(padded(all.test, settings))) {
    prepare_device(device_, resources.threads);
  }

  static DataSettings images(const FinalTrainerSettings& settings) {
    return final_data(settings.data, settings.final_training);
  }

  static datasets::ImageSet padded(const datasets::ImageSet& all,
                                   const FinalTrainerSettings& settings) {
    return datasets::pad(all, settings.input.value_or(all.shape));
  }

  // What is known before the first epoch.
  Checkpoint blank(const FinalTask& task) const {
    Checkpoint checkpoint = blank_checkpoint(parse_architecture(task.architecture),
                                             images(settings_), settings_.training, data_, image_);
    checkpoint.facts = task.facts;
    checkpoint.facts.seed = seed_;
    checkpoint.facts.device = device_.str();
    checkpoint.facts.precision = precision_ == at::kFloat ? "float32" : "bfloat16";
    checkpoint.facts.epochs = static_cast<int>(rates(settings_.final_training).size());
    return checkpoint;
  }

  // False for not a number.
  bool run(const FinalTask& task, Checkpoint& checkpoint, const std::atomic<bool>* stop,
           const std::function<void(const Checkpoint&)>& after_epoch) const {
    TrainingRun run = start(task, checkpoint);
    std::vector<EpochResult> curve = checkpoint.facts.curve;
    const std::vector<double> schedule = rates(settings_.final_training);
    auto last_time = Clock::now();
    const RunEnd end = run.train(schedule, {.stop = stop}, curve, [&](size_t epochs) {
      // A loss can be finite where a weight is not: ReLU makes 0 of minus infinity.
      if (!run.has_finite_state()) return false;
      checkpoint.facts.curve = curve;
      checkpoint.facts.seconds += seconds_since(last_time);
      last_time = Clock::now();
      take_state(run.state(), checkpoint);
      if (epochs < schedule.size()) after_epoch(checkpoint);
      return true;
    });
    if (end == RunEnd::stopped) throw InterruptedError("the training was stopped");
    if (end == RunEnd::not_a_number || end == RunEnd::left) return false;
    METAQNN_ASSERT(end == RunEnd::done, "run end " + std::to_string(static_cast<int>(end)));
    run.start_from(to_tensor(checkpoint.parameters));
    run.network().set_running_statistics(to_tensor(checkpoint.running_statistics), device_);
    // From whole numbers of images, so that 0.1686 is not 0.16859999999999997.
    const double images = static_cast<double>(test_.size());
    const double right = std::round(run.evaluate(test_).accuracy * images);
    checkpoint.facts.test_error = (images - right) / images;
    checkpoint.unfinished.reset();
    after_epoch(checkpoint);
    return true;
  }

  TrainingRun start(const FinalTask& task, const Checkpoint& checkpoint) const {
    const Architecture architecture = parse_architecture(checkpoint.architecture);
    check_classes(architecture, data_.classes());
    const uint64_t seed =
        Random::stream(seed_, "final training", stable_hash(identity(architecture)))();
    TrainingRun run(run_settings(settings_), data_, device_, precision_,
                    checkpoint.dropout ? place_dropout(architecture) : architecture, seed);
    if (!checkpoint.facts.curve.empty()) {
      restore(checkpoint, run);
    } else if (task.weights != nullptr) {
      const Network source(parse_architecture(task.weights->architecture), task.weights->input,
                           task.weights->batch_normalization);
      METAQNN_ASSERT(task.weights->input == data_.shape(),
                     to_string(task.weights->input) + " and " + to_string(data_.shape()));
      run.start_from(to_tensor(task.weights->parameters)
                         .narrow(0, 0, run.network().shared_parameters(source)));
    }
    return run;
  }

  FinalTrainerSettings settings_;
  uint64_t seed_;
  at::Device device_;
  at::ScalarType precision_;
  Shape image_;
  DeviceData data_;
  Images test_;
};

}  // namespace

std::unique_ptr<FinalTrainer> LibTorch::make_final_trainer(const FinalTrainerSettings& settings,
                                                           const Resources& resources) const {
  std::unique_ptr<FinalTrainer> made;
  load_onto(at::Device(resources.device),
            [&] { made = std::make_unique<TorchFinalTrainer>(settings, resources); });
  return made;
}

}  // namespace metaqnn::search
