// Trains one network after another on one device.
//
// Images come from DeviceData, the network from Network; nothing is copied to the host before an
// epoch has ended.
#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <malloc.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/optim/adam.h>

#include <chrono>
#include <cmath>
#include <numeric>

#include "architecture/error.h"
#include "architecture/memory.h"
#include "architecture/random.h"
#include "architecture/shapes.h"
#include "datasets/images/data_set.h"
#include "search/evaluate/device_data.h"
#include "search/evaluate/network.h"
#include "search/evaluate/precision.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Sums over batches, kept on the device until somebody asks.
class Measure {
 public:
  explicit Measure(const at::Device& device)
      : sums_(at::zeros({2}, at::TensorOptions().dtype(at::kDouble).device(device))) {}

  void add(const at::Tensor& mean_loss, const at::Tensor& logits, const at::Tensor& labels) {
    const at::Tensor correct = logits.argmax(1).eq(labels).sum().to(at::kDouble);
    sums_.add_(at::stack({mean_loss.to(at::kDouble) * labels.size(0), correct}));
    count_ += labels.size(0);
  }

  // {mean loss, accuracy}; waits for the device.
  std::pair<double, double> result() const {
    const at::Tensor sums = sums_.cpu();
    const double* values = sums.data_ptr<double>();
    const double n = static_cast<double>(count_);
    return {values[0] / n, values[1] / n};
  }

 private:
  at::Tensor sums_;
  int64_t count_ = 0;
};

enum class RunEnd { done, at_chance, not_a_number, timeout };

// One training of one network from one initial learning rate.
class Run {
 public:
  Run(const TrainingSettings& settings, const DeviceData& data, const at::Device& device,
      at::ScalarType precision, const Architecture& architecture, uint64_t seed)
      : settings_(settings),
        data_(data),
        device_(device),
        precision_(precision),
        network_(architecture, data.shape(), settings.batch_normalization),
        shuffle_(Random::stream(seed, "batches")),
        augment_(Random::stream(seed, "augmentation")) {
    at::manual_seed(seed);  // dropout
    parameters_ = network_.initial_parameters(seed).to(device).set_requires_grad(true);
    network_.reset_running_statistics(device);
  }

  RunEnd train(double learning_rate, Clock::time_point deadline, std::vector<EpochResult>& curve) {
    torch::optim::Adam adam({parameters_}, torch::optim::AdamOptions(learning_rate)
                                               .betas({settings_.adam_beta1, settings_.adam_beta2})
                                               .eps(settings_.adam_epsilon)
                                               .weight_decay(settings_.weight_decay));
    for (int epoch = 0; epoch < settings_.epochs; ++epoch) {
      const double rate = learning_rate * std::pow(settings_.learning_rate_factor,
                                                   epoch / settings_.learning_rate_every);
      static_cast<torch::optim::AdamOptions&>(adam.param_groups()[0].options()).lr(rate);
      const auto training = train_epoch(adam, deadline);
      if (!training) return RunEnd::timeout;
      const auto [validation_loss, validation_accuracy] = validate();
      if (!std::isfinite(training->first) || !std::isfinite(validation_loss))
        return RunEnd::not_a_number;
      curve.push_back({training->first, training->second, validation_loss, validation_accuracy});
      const double chance = 1.0 / data_.classes();
      if (epoch == 0 && validation_accuracy <= chance + settings_.chance_margin)
        return RunEnd::at_chance;
    }
    return RunEnd::done;
  }

  int64_t images_trained() const { return images_trained_; }
  double training_seconds() const { return training_seconds_; }

 private:
  std::optional<std::pair<double, double>> train_epoch(torch::optim::Adam& adam,
                                                       Clock::time_point deadline) {
    const auto start = Clock::now();
    const int64_t n = data_.training().size();
    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), int64_t{0});
    shuffle(order, shuffle_);
    const at::Tensor indices = at::tensor(order, at::kLong).to(device_);
    Measure measure(device_);
    for (int64_t begin = 0; begin < n; begin += settings_.batch_size) {
      const int64_t count = std::min<int64_t>(settings_.batch_size, n - begin);
      step(adam, indices.narrow(0, begin, count), measure);
      if (Clock::now() > deadline) return std::nullopt;
    }
    const auto result = measure.result();
    images_trained_ += n;
    training_seconds_ += seconds_since(start);
    return result;
  }

  void step(torch::optim::Adam& adam, const at::Tensor& indices, Measure& measure) {
    at::Tensor batch = data_.gather_augmented(data_.training(), indices, augment_).to(precision_);
    const at::Tensor labels = data_.training().labels.index_select(0, indices);
    const at::Tensor logits =
        network_.forward(network_.weights(parameters_, precision_), std::move(batch), true);
    const at::Tensor loss = at::cross_entropy_loss(logits, labels);
    adam.zero_grad();
    loss.backward();
    adam.step();
    torch::NoGradGuard no_grad;
    measure.add(loss.detach(), logits.detach(), labels);
  }

  // {loss, accuracy} on the validation images, in float32 whatever the training's precision.
  std::pair<double, double> validate() {
    torch::NoGradGuard no_grad;
    const Images& images = data_.validation();
    const auto weights = network_.weights(parameters_, at::kFloat);
    Measure measure(device_);
    for (int64_t begin = 0; begin < images.size(); begin += settings_.batch_size) {
      const int64_t count = std::min<int64_t>(settings_.batch_size, images.size() - begin);
      const at::Tensor indices = at::arange(begin, begin + count, images.labels.options());
      const at::Tensor labels = images.labels.narrow(0, begin, count);
      const at::Tensor logits = network_.forward(weights, data_.gather(images, indices), false);
      measure.add(at::cross_entropy_loss(logits, labels), logits, labels);
    }
    return measure.result();
  }

  const TrainingSettings& settings_;
  const DeviceData& data_;
  at::Device device_;
  at::ScalarType precision_;
  Network network_;
  Random shuffle_, augment_;
  at::Tensor parameters_;
  int64_t images_trained_ = 0;
  double training_seconds_ = 0;
};

// OpenBLAS keeps threads of its own, which LibTorch's setting does not reach: on a machine with
// other workers they spin for longer than they compute. LibTorch may come with another BLAS, so the
// function is looked up.
void set_threads(int threads) {
  at::set_num_threads(threads);
  using SetThreads = void (*)(int);
  if (void* symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))
    reinterpret_cast<SetThreads>(symbol)(threads);
}

// Maps of tens of megabytes are freed and taken again in every step. glibc gives blocks of that size
// back to the system and fetches them page by page, which takes longer than a narrow network's
// arithmetic; this way they stay in the process until malloc_trim() at the end of a trial.
void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
}

bool is_out_of_memory(const std::string& message) {
  return message.find("out of memory") != std::string::npos ||
         message.find("can't allocate memory") != std::string::npos ||
         message.find("not enough memory") != std::string::npos;
}

void fail(Trial& trial, Failure failure, std::string detail = "") {
  trial.state = TrialState::failed;
  trial.failure = failure;
  trial.detail = std::move(detail);
}

class TrainingEvaluator : public Evaluator {
 public:
  TrainingEvaluator(const TrainingSettings& settings, const DataSettings& data,
                    const Resources& resources)
      : settings_(settings),
        seed_(resources.seed),
        device_(resources.device),
        precision_(choose_precision(settings.precision, device_)),
        data_(datasets::load_data_set(data.name, data.path).training, data,
              Random::stream(resources.seed, "split")(), device_) {
    set_threads(resources.threads);
    if (device_.is_cpu()) keep_freed_memory();
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setDeterministicCuDNN(true);
  }

  void evaluate(Trial& trial) override {
    const auto start = Clock::now();
    try {
      const Architecture architecture = parse_architecture(trial.architecture);
      if (fits(architecture, trial)) train(architecture, trial, start);
    } catch (const UsageError& error) {
      fail(trial, Failure::error, error.what());
    } catch (const std::bad_alloc&) {
      fail(trial, Failure::out_of_memory);
    } catch (const c10::Error& error) {
      const std::string message = error.what_without_backtrace();
      if (is_out_of_memory(message)) {
        fail(trial, Failure::out_of_memory);
      } else {
        fail(trial, Failure::error, message.substr(0, message.find('\n')));
      }
    }
    trial.seconds = seconds_since(start);
    malloc_trim(0);  // freed activations go back to the system, so that a small network after a
                     // large one is small
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

  void train(const Architecture& architecture, Trial& trial, Clock::time_point start) const {
    const Architecture placed = settings_.dropout ? place_dropout(architecture)
                                                  : parse_architecture(identity(architecture));
    const auto deadline = settings_.max_seconds > 0
                              ? start + std::chrono::duration_cast<Clock::duration>(
                                            std::chrono::duration<double>(settings_.max_seconds))
                              : Clock::time_point::max();
    const uint64_t seed = Random::stream(seed_, "training", stable_hash(identity(architecture)))();
    double learning_rate = settings_.learning_rate;
    for (int attempt = 0; attempt < settings_.learning_rates; ++attempt) {
      trial.curve.clear();
      trial.learning_rate = learning_rate;
      Run run(settings_, data_, device_, precision_, placed, seed);
      const RunEnd end = run.train(learning_rate, deadline, trial.curve);
      if (run.training_seconds() > 0)
        trial.images_per_second =
            static_cast<double>(run.images_trained()) / run.training_seconds();
      if (end == RunEnd::timeout)
        return fail(trial, Failure::timeout, std::to_string(seconds_since(start)) + " s");
      if (end == RunEnd::not_a_number) return fail(trial, Failure::not_a_number);
      if (end == RunEnd::done) return complete(trial);
      learning_rate *= settings_.restart_factor;
    }
    fail(trial, Failure::not_learning);
    trial.validation_accuracy = 1.0 / data_.classes();
  }

  static void complete(Trial& trial) {
    trial.state = TrialState::complete;
    trial.failure = Failure::none;
    double best = 0;
    for (const EpochResult& epoch : trial.curve) best = std::max(best, epoch.validation_accuracy);
    trial.validation_accuracy = best;
  }

  TrainingSettings settings_;
  uint64_t seed_;
  at::Device device_;
  at::ScalarType precision_;
  DeviceData data_;
};

}  // namespace

std::unique_ptr<Evaluator> make_training_evaluator(const TrainingSettings& settings,
                                                   const DataSettings& data,
                                                   const Resources& resources) {
  return std::make_unique<TrainingEvaluator>(settings, data, resources);
}

}  // namespace metaqnn::search
