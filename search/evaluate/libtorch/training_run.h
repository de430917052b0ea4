// One training of one network: the loop that the search and the final training share. Included by
// .cc files of search/evaluate alone.
//
// An epoch is a function of the weights before it, the optimizer's state, the seed and its number:
// its random streams are derived anew from those. So a run that is restored from state() after
// epoch e goes on as if it had never stopped.
//
//   TrainingRun run(settings, data, device, precision, place_dropout(architecture), seed);
//   std::vector<EpochResult> curve;
//   RunEnd end = run.train({0.001, 0.001, 0.0002}, limits, curve, [](int) { return true; });
#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/search/study/study.h"
#include "search/evaluate/libtorch/device_data.h"
#include "search/evaluate/libtorch/network.h"
#include "search/evaluate/libtorch/optimizer.h"
#include "search/evaluate/timing.h"

namespace metaqnn::search {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start);

// That the softmax at its end tells apart.
int classes_of(const Architecture& architecture);

struct RunSettings {
  int batch_size = 128;
  bool batch_normalization = false;
  OptimizerSettings optimizer{};
  bool balanced_loss = false;      // TrainingSettings::class_weights
  bool balanced_accuracy = false;  // is EpochResult::value
};

// Of some images. `balanced_accuracy`: NaN unless the run's settings ask for it.
struct Measured {
  double loss = 0, accuracy = 0;
  double balanced_accuracy = std::numeric_limits<double>::quiet_NaN();
};

// When a run ends before its last epoch.
struct RunLimits {
  Clock::time_point deadline = Clock::time_point::max();
  const std::atomic<bool>* stop = nullptr;
};

enum class RunEnd { done, left, not_a_number, timeout, stopped };

// Everything that an epoch leaves to the next one, on the CPU.
struct RunState {
  at::Tensor parameters, running_statistics;  // float32
  OptimizerState optimizer;
};

class Measure;

class TrainingRun {
 public:
  // `architecture` with its dropout where it shall be. Weights start from the seed.
  TrainingRun(const RunSettings& settings, const DeviceData& data, const at::Device& device,
              at::ScalarType precision, const Architecture& architecture, uint64_t seed);

  // The first weights become those of `parameters`; the others stay.
  void start_from(const at::Tensor& parameters);

  RunState state() const;
  // Throws DataError where the state is not one of such a network and optimizer.
  void restore(const RunState& state);

  // One epoch for each rate, from number curve.size() on, each appended to `curve`; validation is
  // NaN there where no images validate. `after_epoch` is told the curve's new size and ends the run
  // (RunEnd::left) by returning false. A run that is stopped, or out of time, breaks off within its
  // epoch, which is not in the curve then.
  RunEnd train(const std::vector<double>& rates, const RunLimits& limits,
               std::vector<EpochResult>& curve, const std::function<bool(size_t)>& after_epoch);

  // Are all weights and statistics finite?
  bool has_finite_state() const;

  // In float32 whatever the training's precision.
  Measured evaluate(const Images& images);

  // How long a training image takes at this learning rate, and a validation image: what a run does
  // with them, for about `seconds`. The weights are of no use afterwards.
  BatchTime time_training(double rate, double seconds);
  BatchTime time_validation(double seconds);

  Network& network() { return network_; }
  int64_t images_trained() const { return images_trained_; }
  double training_seconds() const { return training_seconds_; }

 private:
  // Nothing where `end` says why the epoch broke off.
  std::optional<Measured> train_epoch(uint64_t epoch, const RunLimits& limits, RunEnd& end);
  void step(const at::Tensor& indices, Random& augment, Measure& measure);
  // Training images on the device, in the order of an epoch.
  at::Tensor order(uint64_t epoch) const;
  int64_t evaluation_batch() const;
  void evaluate_batch(const std::vector<at::Tensor>& weights, const Images& images, int64_t begin,
                      int64_t count, Measure& measure);

  const RunSettings settings_;
  const DeviceData& data_;
  at::Device device_;
  at::ScalarType precision_;
  Network network_;
  uint64_t seed_;
  at::Tensor parameters_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  at::Tensor class_weights_;  // of the loss, float32; undefined where all weigh alike
  int64_t images_trained_ = 0;
  double training_seconds_ = 0;
};

// What this process does once before it trains or evaluates on a device: threads, memory, cuDNN's
// deterministic algorithms.
void prepare_device(const at::Device& device, int threads);
// Of LibTorch and BLAS alone.
void set_threads(int threads);

// Why a training broke down.
struct Breakdown {
  Failure failure = Failure::none;
  std::string detail;
};
// Runs `body`; what it, LibTorch or the allocator throws becomes a reason. InterruptedError and
// FailureError pass through: they are not the network's. Throws DeviceFault where the device says
// that it can do no more.
Breakdown guard(const at::Device& device, const std::function<void()>& body);

// For what has to work before there is a network to blame: the images go to the device. Throws
// FailureError where they do not fit it, DeviceFault, and what `action` throws of ours.
void load_onto(const at::Device& device, const std::function<void()>& action);

}  // namespace metaqnn::search
