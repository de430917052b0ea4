#include "search/evaluate/libtorch/training_run.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <numeric>

#include "base/blas_threads.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "metaqnn/search/evaluate/evaluator.h"
#include "search/evaluate/device_fault.h"
#include "search/evaluate/libtorch/tensor_memory.h"

namespace metaqnn::search {
// Sums over batches, kept on the device until somebody asks.
class Measure {
 public:
  // `classes`: 0, unless their accuracies are wanted one by one.
  explicit Measure(const at::Device& device, int classes = 0)
      : sums_(at::zeros({2}, at::TensorOptions().dtype(at::kDouble).device(device))),
        by_class_(at::zeros({2, classes}, sums_.options())) {}

  void add(const at::Tensor& mean_loss, const at::Tensor& logits, const at::Tensor& labels) {
    const at::Tensor is_right = logits.argmax(1).eq(labels);
    const at::Tensor right = is_right.sum().to(at::kDouble);
    sums_.add_(at::stack({mean_loss.to(at::kDouble) * labels.size(0), right}));
    count_ += labels.size(0);
    if (by_class_.numel() == 0) return;
    const at::Tensor ones = at::ones_like(is_right, by_class_.options());
    by_class_.index_add_(1, labels, at::stack({is_right.to(at::kDouble), ones}));
  }

  // Waits for the device. NaN where nothing was added.
  Measured result() const {
    const at::Tensor sums = sums_.cpu();
    const double* values = sums.data_ptr<double>();
    const double n = static_cast<double>(count_);
    Measured measured{values[0] / n, values[1] / n};
    if (by_class_.numel() > 0) {
      const at::Tensor shares =
          (by_class_[0] / by_class_[1]).cpu();  // NaN of a class without images
      measured.balanced_accuracy = shares.nanmean().item<double>();
    }
    return measured;
  }

 private:
  at::Tensor sums_;      // loss, right answers
  at::Tensor by_class_;  // 2 x classes: right answers, images
  int64_t count_ = 0;
};

namespace {

Breakdown breakdown_of(const at::Device& device, const std::string& message) {
  if (is_out_of_memory(message)) return {Failure::out_of_memory, ""};
  if (is_device_fault(message)) throw DeviceFault(device.str(), message);
  return {Failure::error, message.substr(0, message.find('\n'))};
}

// n / (classes * n_k); 0 of a class without images.
at::Tensor balanced_weights(const DeviceData& data, int classes) {
  const at::Tensor counts = at::bincount(data.training().labels.cpu(), {}, classes).to(at::kDouble);
  const double even = static_cast<double>(data.training().size()) / classes;
  return at::where(counts > 0, even / counts, at::zeros_like(counts)).to(at::kFloat);
}

// time_batches() over `images` images, from the first again where a step would pass the last.
BatchTime time_passes(int64_t images, int64_t batch_size, double seconds, const at::Device& device,
                      const std::function<void(int64_t begin, int64_t count, Measure&)>& step) {
  int64_t begin = 0;
  return time_batches(std::min(batch_size, images), seconds, [&](int64_t count, int64_t steps) {
    const auto start = Clock::now();
    Measure measure(device);
    for (int64_t i = 0; i < steps; ++i, begin += count) {
      if (begin + count > images) begin = 0;
      step(begin, count, measure);
    }
    measure.result();  // waits for the device
    return seconds_since(start);
  });
}

}  // namespace

int classes_of(const Architecture& architecture) {
  return std::get<Softmax>(architecture.layers.back()).classes;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// OpenBLAS keeps threads of its own, which LibTorch's setting does not reach: on a machine with
// other workers they spin for longer than they compute.
void set_threads(int threads) {
  at::set_num_threads(threads);
  set_blas_threads(threads);
}

void prepare_device(const at::Device& device, int threads) {
  set_threads(threads);
  if (device.is_cpu()) keep_tensor_memory();
  at::globalContext().setBenchmarkCuDNN(false);
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setAllowTF32CuDNN(false);  // float32 means all of its 24 bits
}

Breakdown guard(const at::Device& device, const std::function<void()>& body) {
  try {
    body();
  } catch (const UsageError& error) {
    return {Failure::error, error.what()};
  } catch (const std::bad_alloc&) {
    return {Failure::out_of_memory, ""};
  } catch (const c10::Error& error) {
    return breakdown_of(device, error.what_without_backtrace());
  } catch (const Error&) {
    throw;  // of the data or the disk, not of one network
  } catch (const std::exception& error) {
    return breakdown_of(device, error.what());
  }
  return {};
}

void load_onto(const at::Device& device, const std::function<void()>& action) {
  std::string reason;
  try {
    return action();
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    reason = error.what_without_backtrace();
  } catch (const std::exception& error) {  // std::bad_alloc says no more than that
    reason = error.what();
  }
  if (is_device_fault(reason)) throw DeviceFault(device.str(), reason);
  throw FailureError("the images cannot be loaded onto device " + device.str() + " (" +
                     reason.substr(0, reason.find('\n')) +
                     "); use fewer images or workers, or another device");
}

TrainingRun::TrainingRun(const RunSettings& settings, const DeviceData& data,
                         const at::Device& device, at::ScalarType precision,
                         const Architecture& architecture, uint64_t seed)
    : settings_(settings),
      data_(data),
      device_(device),
      precision_(precision),
      network_(architecture, data.shape(), settings.batch_normalization),
      seed_(seed) {
  parameters_ = network_.initial_parameters(seed).to(device).set_requires_grad(true);
  network_.reset_running_statistics(device);
  optimizer_ = make_optimizer(settings.optimizer, parameters_);
  if (settings.balanced_loss)
    class_weights_ = balanced_weights(data, classes_of(architecture)).to(device);
}

void TrainingRun::start_from(const at::Tensor& parameters) {
  at::NoGradGuard no_grad;
  parameters_.narrow(0, 0, parameters.numel()).copy_(parameters);
}

RunState TrainingRun::state() const {
  return {parameters_.detach().cpu().clone(), network_.running_statistics().cpu().clone(),
          optimizer_state(*optimizer_)};
}

void TrainingRun::restore(const RunState& state) {
  if (state.parameters.numel() != network_.parameter_count() ||
      state.running_statistics.numel() != network_.statistic_count()) {
    throw DataError("it holds " + std::to_string(state.parameters.numel()) + " weights and " +
                    std::to_string(state.running_statistics.numel()) +
                    " statistics, the network to train has " +
                    std::to_string(network_.parameter_count()) + " and " +
                    std::to_string(network_.statistic_count()) +
                    "; remove the file to train it again");
  }
  start_from(state.parameters);
  network_.set_running_statistics(state.running_statistics, device_);
  restore_optimizer(state.optimizer, settings_.optimizer, *optimizer_);
}

RunEnd TrainingRun::train(const std::vector<double>& rates, const RunLimits& limits,
                          std::vector<EpochResult>& curve,
                          const std::function<bool(size_t)>& after_epoch) {
  while (curve.size() < rates.size()) {
    optimizer_->param_groups()[0].options().set_lr(rates[curve.size()]);
    RunEnd end = RunEnd::done;
    const auto training = train_epoch(curve.size(), limits, end);
    if (!training) return end;
    const Measured validation = evaluate(data_.validation());
    const bool validated = data_.validation().size() > 0;
    // Without validation images nothing has used the weights of the last step yet.
    const bool is_finite = std::isfinite(training->loss) &&
                           (validated ? std::isfinite(validation.loss) : has_finite_state());
    if (!is_finite) return RunEnd::not_a_number;
    curve.push_back({training->loss, training->accuracy, validation.loss, validation.accuracy,
                     validation.balanced_accuracy});
    if (!after_epoch(curve.size())) return RunEnd::left;
  }
  return RunEnd::done;
}

std::optional<Measured> TrainingRun::train_epoch(uint64_t epoch, const RunLimits& limits,
                                                 RunEnd& end) {
  const auto start = Clock::now();
  Random augment = Random::stream(seed_, "augmentation", epoch);
  at::manual_seed(Random::stream(seed_, "dropout", epoch)());
  const int64_t n = data_.training().size();
  const at::Tensor indices = order(epoch);
  Measure measure(device_);
  for (int64_t begin = 0; begin < n; begin += settings_.batch_size) {
    const int64_t count = std::min<int64_t>(settings_.batch_size, n - begin);
    step(indices.narrow(0, begin, count), augment, measure);
    end = limits.stop != nullptr && *limits.stop ? RunEnd::stopped
          : Clock::now() > limits.deadline       ? RunEnd::timeout
                                                 : RunEnd::done;
    if (end != RunEnd::done) return std::nullopt;
  }
  const Measured result = measure.result();
  images_trained_ += n;
  training_seconds_ += seconds_since(start);
  return result;
}

bool TrainingRun::has_finite_state() const {
  return at::isfinite(parameters_).all().item<bool>() &&
         at::isfinite(network_.running_statistics()).all().item<bool>();
}

at::Tensor TrainingRun::order(uint64_t epoch) const {
  std::vector<int64_t> order(static_cast<size_t>(data_.training().size()));
  std::iota(order.begin(), order.end(), int64_t{0});
  Random random = Random::stream(seed_, "batches", epoch);
  shuffle(order, random);
  return at::tensor(order, at::kLong).to(device_);
}

void TrainingRun::step(const at::Tensor& indices, Random& augment, Measure& measure) {
  at::Tensor batch = data_.gather_augmented(data_.training(), indices, augment).to(precision_);
  const at::Tensor labels = data_.training().labels.index_select(0, indices);
  const at::Tensor logits =
      network_.forward(network_.weights(parameters_, precision_), std::move(batch), true);
  const at::Tensor loss = at::cross_entropy_loss(logits, labels, class_weights_);
  parameters_.mutable_grad().reset();  // zero_grad() of LibTorch 1.13 writes zeros to add to
  loss.backward();
  optimizer_->step();
  at::NoGradGuard no_grad;
  measure.add(loss.detach(), logits.detach(), labels);
}

Measured TrainingRun::evaluate(const Images& images) {
  at::NoGradGuard no_grad;
  const auto weights = network_.weights(parameters_, at::kFloat);
  Measure measure(device_, settings_.balanced_accuracy ? data_.classes() : 0);
  const int64_t batch = evaluation_batch();
  for (int64_t begin = 0; begin < images.size(); begin += batch)
    evaluate_batch(weights, images, begin, std::min(batch, images.size() - begin), measure);
  return measure.result();
}

// Half as many images where training is in half precision, so that the maps fit where its maps
// were.
int64_t TrainingRun::evaluation_batch() const {
  const auto width = static_cast<int64_t>(c10::elementSize(precision_));
  return std::max<int64_t>(1, settings_.batch_size * width / 4);
}

void TrainingRun::evaluate_batch(const std::vector<at::Tensor>& weights, const Images& images,
                                 int64_t begin, int64_t count, Measure& measure) {
  const at::Tensor indices = at::arange(begin, begin + count, images.labels.options());
  const at::Tensor labels = images.labels.narrow(0, begin, count);
  const at::Tensor logits = network_.forward(weights, data_.gather(images, indices), false);
  measure.add(at::cross_entropy_loss(logits, labels), logits, labels);
}

BatchTime TrainingRun::time_training(double rate, double seconds) {
  optimizer_->param_groups()[0].options().set_lr(rate);
  const at::Tensor indices = order(0);
  Random augment = Random::stream(seed_, "augmentation", 0);
  at::manual_seed(Random::stream(seed_, "dropout", 0)());
  return time_passes(indices.size(0), settings_.batch_size, seconds, device_,
                     [&](int64_t begin, int64_t count, Measure& measure) {
                       step(indices.narrow(0, begin, count), augment, measure);
                     });
}

BatchTime TrainingRun::time_validation(double seconds) {
  at::NoGradGuard no_grad;
  const auto weights = network_.weights(parameters_, at::kFloat);
  const Images& images = data_.validation();
  return time_passes(images.size(), evaluation_batch(), seconds, device_,
                     [&](int64_t begin, int64_t count, Measure& measure) {
                       evaluate_batch(weights, images, begin, count, measure);
                     });
}

}  // namespace metaqnn::search
