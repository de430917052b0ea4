// Trains one network after another on one device.
//
// Images come from DeviceData, the loop is TrainingRun; nothing is copied to the host before an
// epoch has ended.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "metaqnn/architecture/shapes.h"
#include "metaqnn/base/random.h"
#include "search/evaluate/image_source.h"
#include "search/evaluate/libtorch/device_data.h"
#include "search/evaluate/libtorch/latency.h"
#include "search/evaluate/libtorch/libtorch.h"
#include "search/evaluate/libtorch/precision.h"
#include "search/evaluate/libtorch/tensor_memory.h"
#include "search/evaluate/libtorch/training_run.h"
#include "search/evaluate/libtorch/unfinished.h"
#include "search/evaluate/paused_trainings.h"
#include "search/evaluate/training_memory.h"

namespace metaqnn::search {
namespace {

void fail(Trial& trial, Failure failure, std::string detail = "") {
  trial.state = TrialState::failed;
  trial.failure = failure;
  trial.detail = std::move(detail);
}

Clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

RunSettings run_settings(const TrainingSettings& settings, bool balanced_accuracy) {
  return {settings.batch_size,
          settings.batch_normalization,
          {"adam", 0, settings.adam_beta1, settings.adam_beta2, settings.adam_epsilon,
           settings.weight_decay},
          settings.class_weights == "balanced",
          balanced_accuracy};
}

// What is searched for.
double value_of(const EpochResult& epoch) {
  return std::isnan(epoch.value) ? epoch.validation_accuracy : epoch.value;
}

// The first of the best.
const EpochResult& best_of(const std::vector<EpochResult>& curve) {
  return *std::max_element(
      curve.begin(), curve.end(),
      [](const EpochResult& a, const EpochResult& b) { return value_of(a) < value_of(b); });
}

// The rate of each epoch.
std::vector<double> rates(const TrainingSettings& settings, double learning_rate) {
  std::vector<double> all;
  for (int epoch = 0; epoch < settings.epochs; ++epoch) {
    all.push_back(learning_rate *
                  std::pow(settings.learning_rate_factor, epoch / settings.learning_rate_every));
  }
  return all;
}

class TrainingEvaluator : public Evaluator {
 public:
  TrainingEvaluator(const EvaluatorSettings& settings, const DataSettings& data,
                    const Resources& resources)
      : settings_(settings.training),
        objective_(settings.objective),
        images_(data),
        seed_(resources.seed),
        threads_(resources.threads),
        device_(resources.device),
        latency_device_(settings.training.latency_device),
        precision_(choose_precision(settings.training.precision, device_)),
        data_(datasets::load_data_set(image_source(data)).training, data,
              Random::stream(resources.seed, "split")(), device_) {
    prepare_device(device_, resources.threads);
  }

  void evaluate(Trial& trial) override {
    const std::optional<Checkpoint> begun = begun_of(trial);
    const double earlier = begun ? begun->facts.seconds : 0;
    resumed_epochs_ = begun ? static_cast<int64_t>(begun->facts.curve.size()) : 0;
    const auto start = Clock::now() - duration_of(earlier);
    const Breakdown breakdown = guard(device_, [&] {
      const Architecture architecture = parse_architecture(trial.architecture);
      if (fits(architecture, trial) && is_fast(architecture, trial))
        train(architecture, trial, begun, start);
    });
    if (breakdown.failure != Failure::none) fail(trial, breakdown.failure, breakdown.detail);
    trial.seconds = seconds_since(start);
    release_tensor_memory();
  }

  void pause_in(const std::filesystem::path& folder) override { paused_ = PausedTrainings(folder); }

  int64_t resumed_epochs() const override { return resumed_epochs_; }

  bool keeps_limits(const std::string& architecture) const override {
    if (settings_.max_parameters == 0 && settings_.max_memory == 0) return true;
    bool kept = true;
    // What is no network is for evaluate() to say.
    guard(device_, [&] {
      Trial trial;
      kept = fits(parse_architecture(architecture), trial);
    });
    return kept;
  }

  std::optional<TimedEpoch> time_epoch(const std::string& text, double seconds) override {
    TimedEpoch timed;
    timed.trial.architecture = text;
    const Breakdown breakdown = guard(device_, [&] {
      const Architecture architecture = parse_architecture(text);
      if (fits(architecture, timed.trial)) time(architecture, seconds, timed);
    });
    if (breakdown.failure != Failure::none) fail(timed.trial, breakdown.failure, breakdown.detail);
    release_tensor_memory();
    return timed;
  }

 private:
  // Fills in the costs and checks the limits.
  bool fits(const Architecture& architecture, Trial& trial) const {
    const Analysis analysis = analyse(architecture, data_.shape());
    TrainingMemorySettings memory;
    memory.batch_size = settings_.batch_size;
    memory.bytes_per_activation = precision_ == at::kFloat ? 4 : 2;
    memory.data_bytes = data_.size_bytes();
    memory.on_gpu = !device_.is_cpu();
    trial.parameters = analysis.parameters;
    trial.macs = analysis.macs;
    trial.memory_bytes = estimate_training_memory(architecture, data_.shape(), memory).total();
    if (settings_.max_parameters > 0 && *trial.parameters > settings_.max_parameters) {
      fail(trial, Failure::too_large,
           std::to_string(*trial.parameters) + " parameters, limit " +
               std::to_string(settings_.max_parameters));
    } else if (settings_.max_memory > 0 && *trial.memory_bytes > settings_.max_memory) {
      fail(trial, Failure::too_large,
           std::to_string(*trial.memory_bytes) + " bytes, limit " +
               std::to_string(settings_.max_memory));
    } else {
      return true;
    }
    return false;
  }

  // Measures its latency, if that is asked for; what is above the limit is not worth training.
  bool is_fast(const Architecture& architecture, Trial& trial) const {
    if (!objective_.names(kLatency)) return true;
    const Network network(architecture, data_.shape(), settings_.batch_normalization);
    const double latency = latency_ms(network, network.initial_parameters(seed_), data_.shape(),
                                      latency_device_, threads_);
    trial.measures[kLatency] = latency;
    const auto limit = objective_.limits.find(kLatency);
    if (limit == objective_.limits.end() || latency <= limit->second) return true;
    fail_above_limit(kLatency, latency, limit->second, trial);
    return false;
  }

  // The architecture as it trains, and from which weights.
  TrainingRun run_of(const Architecture& architecture) const {
    const Architecture placed = settings_.dropout ? place_dropout(architecture)
                                                  : parse_architecture(identity(architecture));
    const uint64_t seed = Random::stream(seed_, "training", stable_hash(identity(architecture)))();
    return TrainingRun(run_settings(settings_, objective_.is_balanced_accuracy()), data_, device_,
                       precision_, placed, seed);
  }

  void time(const Architecture& architecture, double seconds, TimedEpoch& timed) const {
    constexpr double kShareOfValidation = 0.2;
    TrainingRun run = run_of(architecture);
    const BatchTime training =
        run.time_training(settings_.learning_rate, (1 - kShareOfValidation) * seconds);
    timed.batch_size = training.batch_size;
    timed.images_per_second = 1 / training.seconds_per_image;
    timed.training_seconds =
        static_cast<double>(data_.training().size()) * training.seconds_per_image;
    if (data_.validation().size() == 0) return;
    timed.validation_seconds = static_cast<double>(data_.validation().size()) *
                               run.time_validation(kShareOfValidation * seconds).seconds_per_image;
  }

  // `begun`: what an earlier training came to, at the trial's learning rate.
  void train(const Architecture& architecture, Trial& trial, const std::optional<Checkpoint>& begun,
             Clock::time_point start) const {
    trial.precision = precision_name();
    const Chance chance = chance_of(architecture);
    const auto chance_epochs = static_cast<size_t>(settings_.chance_epochs);
    RunLimits limits;
    if (settings_.max_seconds > 0) limits.deadline = start + duration_of(settings_.max_seconds);
    const std::vector<double> first_rates = learning_rates();
    const auto from = begun
                          ? std::find(first_rates.begin(), first_rates.end(), *trial.learning_rate)
                          : first_rates.begin();
    for (auto rate = from; rate != first_rates.end(); ++rate) {
      const bool goes_on_from_begun = begun && rate == from;
      if (!goes_on_from_begun) trial.curve.clear();
      trial.learning_rate = *rate;
      TrainingRun run = run_of(architecture);
      if (goes_on_from_begun) restore(*begun, run);
      bool is_stopped = false;
      const RunEnd end =
          run.train(rates(settings_, *rate), limits, trial.curve, [&](size_t epochs) {
            if (epochs == chance_epochs && value_of(best_of(trial.curve)) <= chance.with_margin)
              return false;
            const bool is_last = epochs == static_cast<size_t>(settings_.epochs);
            const bool is_wanted = is_last || goes_on(trial.curve);
            is_stopped = epochs >= chance_epochs && !is_wanted;
            return !is_stopped;
          });
      if (run.training_seconds() > 0)
        trial.images_per_second =
            static_cast<double>(run.images_trained()) / run.training_seconds();
      if (end == RunEnd::timeout)
        return fail(trial, Failure::timeout, std::to_string(seconds_since(start)) + " s");
      if (end == RunEnd::not_a_number) return fail(trial, Failure::not_a_number);
      if (is_stopped) return stop(architecture, run, start, trial);
      if (end == RunEnd::done && value_of(best_of(trial.curve)) > chance.luckiest)
        return complete(trial);
    }
    fail(trial, Failure::not_learning);
    const double chance_level = 1.0 / classes_of(architecture);
    set_result({0, 0, 0, chance_level, chance_level}, trial);
  }

  // The initial rates that are tried.
  std::vector<double> learning_rates() const {
    std::vector<double> all{settings_.learning_rate};
    while (std::cmp_less(all.size(), settings_.learning_rates))
      all.push_back(all.back() * settings_.restart_factor);
    return all;
  }

  std::string precision_name() const { return precision_ == at::kFloat ? "float32" : "bfloat16"; }

  // Nothing where it was begun otherwise than it would be now.
  std::optional<Checkpoint> begun_of(const Trial& trial) const {
    std::optional<Checkpoint> begun = paused_.find(trial);
    if (!begun || !trial.learning_rate) return std::nullopt;
    const std::vector<double> all = learning_rates();
    const bool is_same = begun->facts.seed == seed_ && begun->facts.epochs == settings_.epochs &&
                         begun->facts.precision == precision_name() &&
                         std::find(all.begin(), all.end(), *trial.learning_rate) != all.end();
    return is_same ? std::move(begun) : std::nullopt;
  }

  // What a network reaches that has learned nothing.
  struct Chance {
    double with_margin;  // to be exceeded early
    double luckiest;     // on as few images as validate
  };

  // Always to tell the largest class among the validation images, or any class; where classes count
  // alike, none is better than another, and each brings its luck. One that is right on every image is
  // above it.
  Chance chance_of(const Architecture& architecture) const {
    constexpr double kDeviations = 3;
    const at::Tensor counts = at::bincount(data_.validation().labels.cpu()).to(at::kDouble);
    const double images = counts.sum().item<double>();
    double accuracy =
        std::max(counts.max().item<double>() / images, 1.0 / classes_of(architecture));
    double variance = accuracy * (1 - accuracy) / images;
    if (objective_.is_balanced_accuracy()) {
      const at::Tensor there = counts.masked_select(counts > 0);
      const double classes = static_cast<double>(there.size(0));
      accuracy = 1 / classes;
      variance =
          accuracy * (1 - accuracy) * there.reciprocal().sum().item<double>() / (classes * classes);
    }
    const double luck = kDeviations * std::sqrt(variance);
    const double most = accuracy < 1 ? 1 - 0.5 / images : 1;
    return {std::min(accuracy + settings_.chance_margin, most), std::min(accuracy + luck, most)};
  }

  void stop(const Architecture& architecture, const TrainingRun& run, Clock::time_point start,
            Trial& trial) const {
    trial.state = TrialState::stopped;
    trial.failure = Failure::none;
    // With a weight that is no number it is better begun anew.
    if (!paused_.keeps() || !run.has_finite_state()) return;
    Checkpoint checkpoint =
        blank_checkpoint(architecture, images_, settings_, data_, data_.shape());
    checkpoint.facts.origin = "search";
    checkpoint.facts.started_from = "random weights";
    checkpoint.facts.trial = trial.number;
    checkpoint.facts.seed = seed_;
    checkpoint.facts.device = device_.str();
    checkpoint.facts.precision = trial.precision;
    checkpoint.facts.epochs = settings_.epochs;
    checkpoint.facts.seconds = seconds_since(start);
    checkpoint.facts.curve = trial.curve;
    take_state(run.state(), checkpoint);
    paused_.keep(checkpoint);
  }

  void complete(Trial& trial) const {
    trial.state = TrialState::complete;
    trial.failure = Failure::none;
    set_result(best_of(trial.curve), trial);
  }

  void set_result(const EpochResult& epoch, Trial& trial) const {
    trial.validation_accuracy = epoch.validation_accuracy;
    if (objective_.is_accuracy()) return;
    trial.value = epoch.value;
    trial.measures[objective_.measure] = epoch.value;
  }

  TrainingSettings settings_;
  Objective objective_;
  DataSettings images_;
  uint64_t seed_;
  int threads_;
  at::Device device_, latency_device_;
  at::ScalarType precision_;
  DeviceData data_;
  PausedTrainings paused_;
  int64_t resumed_epochs_ = 0;
};

}  // namespace

std::unique_ptr<Evaluator> LibTorch::make_training_evaluator(const EvaluatorSettings& settings,
                                                             const DataSettings& data,
                                                             const Resources& resources) const {
  if (settings.objective.names(kLatency) && settings.training.latency_device != "cpu")
    resolve_devices(settings.training.latency_device);  // throws where it is not there
  std::unique_ptr<Evaluator> made;
  load_onto(at::Device(resources.device),
            [&] { made = std::make_unique<TrainingEvaluator>(settings, data, resources); });
  return made;
}

}  // namespace metaqnn::search
