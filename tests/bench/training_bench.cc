// How fast does the training evaluator train, against the loop that a LibTorch user would write?
//
//   training_bench [--quick | --pooling | PART...]
//
// Both train the same networks on the same images of Fashion-MNIST, in turn, on one thread: (a) our
// evaluator; (b) torch::nn::Sequential in float32 on contiguous images, torch::data's DataLoader,
// torch::optim::Adam. Both validate after each epoch, and that is in the time. The processor's time
// is reported beside the wall's, because on one thread it is what the wall would show on an idle
// machine. Prints Markdown; docs/performance.md holds a run's figures.
//
// --quick: one repetition of the first networks of each list, to see that it works. --pooling: ReLU
// and max pooling alone, against LibTorch's. PART: only the networks whose string contains one of
// the parts.
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <torch/torch.h>
#include <torch/version.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "datasets/images/data_set.h"
#include "datasets/images/preprocessing.h"
#include "datasets/images/split.h"
#include "metaqnn/architecture/architecture.h"
#include "metaqnn/architecture/shapes.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "metaqnn/search/evaluate/evaluator.h"
#include "search/evaluate/libtorch/layers.h"

namespace metaqnn::search {
namespace {

constexpr const char* kDataSet = "fashion_mnist";
constexpr int kBatchSize = 128;

// One list of networks and how long each is trained.
struct Group {
  const char* title;
  int64_t training_images, validation_images;
  int epochs;
  int repetitions;
  std::vector<const char*> architectures;
};

// At the widths and depths of experiments/fashion_mnist_quick.toml.
Group narrow_networks() {
  return {"8 to 32 filters",
          3000,
          1000,
          3,
          3,
          {"[C(16,3,1), P(2,2), C(32,3,1), P(2,2), FC(64), SM(10)]",
           "[C(32,5,1), C(16,3,1), P(3,2), SM(10)]", "[C(8,3,1), SM(10)]",
           "[C(32,3,1), C(32,3,1), P(2,2), GAP(10), SM(10)]",
           "[C(8,5,1), P(5,3), FC(128), FC(64), SM(10)]",
           "[C(16,1,1), C(32,3,1), P(2,2), C(16,1,1), SM(10)]",
           "[C(32,3,1), P(2,2), C(32,3,1), P(2,2), C(32,3,1), SM(10)]",
           "[C(8,3,1), C(16,3,1), P(3,2), C(8,1,1), P(2,2), FC(32), SM(10)]",
           "[C(16,5,1), C(16,5,1), P(2,2), C(32,3,1), P(3,2), FC(128), SM(10)]",
           "[C(32,1,1), P(2,2), C(16,5,1), SM(10)]"}};
}

// At the paper's widths, and with its proportion of validation images.
Group wide_networks() {
  return {"64 to 256 filters",
          1800,
          200,
          1,
          3,
          {"[C(64,3,1), P(2,2), C(128,3,1), P(2,2), FC(256), SM(10)]",
           "[C(64,5,1), P(3,2), C(64,5,1), P(3,2), SM(10)]",
           "[C(128,3,1), P(2,2), C(256,3,1), GAP(10), SM(10)]",
           "[C(256,1,1), P(2,2), C(64,3,1), C(128,1,1), P(2,2), FC(128), SM(10)]"}};
}

TrainingSettings training_settings(const Group& group) {
  TrainingSettings settings;
  settings.epochs = group.epochs;
  settings.batch_size = kBatchSize;
  settings.learning_rate_every = 2;
  // The plain loop never starts again from another rate, so neither may the evaluator.
  settings.learning_rates = 1;
  settings.chance_margin = -1;
  return settings;
}

DataSettings data_settings(const Group& group) {
  DataSettings settings;
  settings.name = kDataSet;
  settings.training_images = group.training_images;
  settings.validation_images = group.validation_images;
  settings.preprocessing = "standardize";
  return settings;
}

// ------------------------------------------------------------------------------------------------
// The plain loop.

// Normalised images in memory, one at a time as DataLoader wants them.
class FloatImages : public torch::data::datasets::Dataset<FloatImages> {
 public:
  FloatImages(const datasets::ImageSet& all, const std::vector<int64_t>& indices,
              const datasets::Normalization& normalization) {
    const Shape& shape = all.shape;
    const std::vector<int64_t> extents{shape.channels, shape.height, shape.width};
    const torch::Tensor scale = torch::tensor(normalization.scale).view(extents);
    const torch::Tensor shift = torch::tensor(normalization.shift).view(extents);
    const torch::Tensor chosen = torch::tensor(indices, torch::kLong);
    const torch::Tensor pixels =
        torch::from_blob(const_cast<uint8_t*>(all.pixels.data()),
                         {all.size(), shape.channels, shape.height, shape.width}, torch::kByte);
    const torch::Tensor labels =
        torch::from_blob(const_cast<int32_t*>(all.labels.data()), {all.size()}, torch::kInt);
    images_ = pixels.index_select(0, chosen).to(torch::kFloat) * scale + shift;
    labels_ = labels.index_select(0, chosen).to(torch::kLong);
  }

  torch::data::Example<> get(size_t index) override {
    const auto i = static_cast<int64_t>(index);
    return {images_[i], labels_[i]};
  }
  torch::optional<size_t> size() const override { return static_cast<size_t>(labels_.size(0)); }

 private:
  torch::Tensor images_, labels_;
};

struct PlainData {
  FloatImages training, validation;
};

// The split and the normalisation of the evaluator whose study has this seed.
PlainData plain_data(const datasets::ImageSet& all, const Group& group, uint64_t seed) {
  const datasets::Split split =
      datasets::stratified_split(all.labels, all.classes, group.training_images,
                                 group.validation_images, Random::stream(seed, "split")());
  const datasets::Normalization normalization =
      datasets::fit_normalization(all, split.training, datasets::Preprocessing::standardize);
  return {{all, split.training, normalization}, {all, split.validation, normalization}};
}

torch::nn::Sequential plain_network(const Architecture& architecture, const Shape& input) {
  torch::nn::Sequential network;
  const torch::nn::ReLU relu(torch::nn::ReLUOptions(true));
  Shape shape = input;
  bool is_map = true;
  const auto flatten = [&] {
    if (is_map) network->push_back(torch::nn::Flatten());
    is_map = false;
  };
  for (const LayerAnalysis& layer : analyse(architecture, input).layers) {
    const int64_t channels = shape.channels;
    std::visit(
        Match{[&](const Convolution& c) {
                network->push_back(
                    torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, c.filters, c.field)
                                          .stride(c.stride)
                                          .padding(c.field / 2)));
                network->push_back(relu);
              },
              [&](const Pooling& p) {
                network->push_back(
                    torch::nn::MaxPool2d(torch::nn::MaxPool2dOptions(p.field).stride(p.stride)));
              },
              [&](const GlobalAveragePooling& g) {
                network->push_back(
                    torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, g.classes, 1)));
                network->push_back(relu);
                network->push_back(torch::nn::AdaptiveAvgPool2d(1));
              },
              [&](const FullyConnected& f) {
                flatten();
                network->push_back(torch::nn::Linear(shape.elements(), f.neurons));
                network->push_back(relu);
              },
              [&](const Dropout& d) { network->push_back(torch::nn::Dropout(d.probability())); },
              [&](const Softmax& s) {
                flatten();
                network->push_back(torch::nn::Linear(shape.elements(), s.classes));
              },
              [&](const auto&) {
                METAQNN_ASSERT(false, to_string(layer.layer) + " in the plain loop");
              }},
        layer.layer);
    shape = layer.output;
  }
  for (const torch::Tensor& parameter : network->parameters()) {
    if (parameter.dim() > 1) {
      torch::nn::init::xavier_uniform_(parameter);
    } else {
      torch::nn::init::zeros_(parameter);
    }
  }
  return network;
}

template <typename Loader>
double validate(torch::nn::Sequential& network, Loader& loader, int64_t images) {
  torch::NoGradGuard no_grad;
  network->eval();
  double loss = 0;
  int64_t correct = 0;
  for (const auto& batch : loader) {
    const torch::Tensor logits = network->forward(batch.data);
    loss += torch::nn::functional::cross_entropy(logits, batch.target).template item<double>() *
            static_cast<double>(batch.target.size(0));
    correct += logits.argmax(1).eq(batch.target).sum().template item<int64_t>();
  }
  METAQNN_ASSERT(std::isfinite(loss), "the plain loop diverged");
  return static_cast<double>(correct) / static_cast<double>(images);
}

// Best validation accuracy over the epochs.
double train_plainly(const std::string& text, const Shape& input, const PlainData& data,
                     const TrainingSettings& settings, uint64_t seed) {
  torch::manual_seed(seed);
  torch::nn::Sequential network = plain_network(place_dropout(parse_architecture(text)), input);
  torch::optim::Adam adam(network->parameters(), torch::optim::AdamOptions(settings.learning_rate));
  const auto options = torch::data::DataLoaderOptions().batch_size(kBatchSize).workers(0);
  const auto training = torch::data::make_data_loader<torch::data::samplers::RandomSampler>(
      FloatImages(data.training).map(torch::data::transforms::Stack<>()), options);
  const auto validation = torch::data::make_data_loader<torch::data::samplers::SequentialSampler>(
      FloatImages(data.validation).map(torch::data::transforms::Stack<>()), options);
  double best = 0;
  for (int epoch = 0; epoch < settings.epochs; ++epoch) {
    const double rate = settings.learning_rate * std::pow(settings.learning_rate_factor,
                                                          epoch / settings.learning_rate_every);
    for (auto& parameters : adam.param_groups())
      static_cast<torch::optim::AdamOptions&>(parameters.options()).lr(rate);
    network->train();
    for (const auto& batch : *training) {
      adam.zero_grad();
      torch::nn::functional::cross_entropy(network->forward(batch.data), batch.target).backward();
      adam.step();
    }
    const auto images = static_cast<int64_t>(*data.validation.size());
    best = std::max(best, validate(network, *validation, images));
  }
  return best;
}

// ------------------------------------------------------------------------------------------------
// Measuring.

// Of one training. The processor's time is not lengthened by what else the machine does.
struct Timing {
  double wall_seconds = 0, processor_seconds = 0;
};

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <typename Function>
Timing measure(const Function& function) {
  const auto start = std::chrono::steady_clock::now();
  const double processor_start = processor_seconds();
  function();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
          processor_seconds() - processor_start};
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// All repetitions of one network by one of the two.
struct Record {
  std::vector<Timing> timings;
  double accuracy_sum = 0;

  void add(const Timing& timing, double accuracy) {
    timings.push_back(timing);
    accuracy_sum += accuracy;
  }
  double median(double Timing::*part) const {
    std::vector<double> values;
    for (const Timing& timing : timings) values.push_back(timing.*part);
    return median_of(std::move(values));
  }
  double accuracy() const { return accuracy_sum / static_cast<double>(timings.size()); }
};

struct Comparison {
  Record ours, plain;
  double ratio(double Timing::*part) const { return plain.median(part) / ours.median(part); }
};

// Another seed gives another split, other weights and another order.
uint64_t seed_of(int repetition) { return static_cast<uint64_t>(repetition) + 1; }

// Trained once before anything is measured.
constexpr const char* kWarmUp = "[C(8,3,1), FC(16), SM(10)]";

const char* architecture_of(const Group& group, int network) {
  return network < 0 ? kWarmUp : group.architectures.at(static_cast<size_t>(network));
}

// The plain loop in a process of its own, begun before LibTorch has computed anything: what the
// evaluator sets for its whole process must neither help nor hinder the loop.
class PlainProcess {
 public:
  PlainProcess(const std::vector<Group>& groups, const datasets::ImageSet& all) {
    int requests[2], answers[2];
    METAQNN_ASSERT(pipe(requests) == 0 && pipe(answers) == 0, "no pipe");
    child_ = fork();
    METAQNN_ASSERT(child_ >= 0, "no process");
    if (child_ == 0) {
      close(requests[1]);
      close(answers[0]);
      serve(groups, all, requests[0], answers[1]);
      _exit(0);
    }
    close(requests[0]);
    close(answers[1]);
    requests_ = requests[1];
    answers_ = answers[0];
    std::signal(SIGPIPE, SIG_IGN);  // a child that has ended shall be an error with a message
  }
  ~PlainProcess() {
    close(requests_);  // the child's read ends, and so does the child
    close(answers_);
    waitpid(child_, nullptr, 0);
  }
  PlainProcess(const PlainProcess&) = delete;
  PlainProcess& operator=(const PlainProcess&) = delete;

  struct Answer {
    Timing timing;
    double accuracy;
  };
  Answer train(int group, int network, int repetition) const {
    const Request request{group, network, repetition};
    Answer answer{};
    METAQNN_ASSERT(write(requests_, &request, sizeof request) == sizeof request &&
                       read(answers_, &answer, sizeof answer) == sizeof answer,
                   "the process of the plain loop has ended");
    return answer;
  }

 private:
  struct Request {
    int group, network, repetition;  // network: kWarmUp where it is negative
  };

  static void serve(const std::vector<Group>& groups, const datasets::ImageSet& all, int requests,
                    int answers) {
    torch::set_num_threads(1);
    using SetThreads = void (*)(int);
    if (void* symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))
      reinterpret_cast<SetThreads>(symbol)(1);
    std::map<std::pair<int, int>, PlainData> data;  // by group and repetition
    Request request{};
    while (read(requests, &request, sizeof request) == sizeof request) {
      const Group& group = groups.at(static_cast<size_t>(request.group));
      const uint64_t seed = seed_of(request.repetition);
      const std::pair key(request.group, request.repetition);
      if (!data.contains(key)) data.emplace(key, plain_data(all, group, seed));
      Answer answer{};
      answer.timing = measure([&] {
        answer.accuracy = train_plainly(architecture_of(group, request.network), all.shape,
                                        data.at(key), training_settings(group), seed);
      });
      if (write(answers, &answer, sizeof answer) != sizeof answer) return;
    }
  }

  pid_t child_;
  int requests_, answers_;
};

using Evaluators = std::vector<std::unique_ptr<Evaluator>>;  // one for each repetition

Evaluators make_evaluators(const Group& group) {
  EvaluatorSettings settings;
  settings.training = training_settings(group);
  Evaluators evaluators;
  for (int repetition = 0; repetition < group.repetitions; ++repetition) {
    Resources resources;
    resources.seed = seed_of(repetition);
    evaluators.push_back(make_evaluator(settings, data_settings(group), resources));
  }
  return evaluators;
}

Comparison compare(const std::vector<Group>& groups, int group, int network,
                   const Evaluators& evaluators, const PlainProcess& plain_process) {
  Comparison comparison;
  for (size_t repetition = 0; repetition < evaluators.size(); ++repetition) {
    Trial trial;
    trial.architecture = architecture_of(groups[static_cast<size_t>(group)], network);
    const Timing ours = measure([&] { evaluators[repetition]->evaluate(trial); });
    METAQNN_ASSERT(trial.state == TrialState::complete, trial.architecture + ": " + trial.reason());
    comparison.ours.add(ours, *trial.validation_accuracy);
    const auto plain = plain_process.train(group, network, static_cast<int>(repetition));
    comparison.plain.add(plain.timing, plain.accuracy);
  }
  return comparison;
}

void print_row(const Group& group, const char* architecture, const Comparison& comparison) {
  const double images = static_cast<double>(group.training_images) * group.epochs;
  const double ours = comparison.ours.median(&Timing::wall_seconds);
  const double plain = comparison.plain.median(&Timing::wall_seconds);
  fmt::print(
      "| `{}` | {:.3f} | {:.3f} | {:.0f} | {:.0f} | **{:.2f}** | {:.2f} | {:.3f} | {:.3f} |\n",
      architecture, ours, plain, images / ours, images / plain,
      comparison.ratio(&Timing::wall_seconds), comparison.ratio(&Timing::processor_seconds),
      comparison.ours.accuracy(), comparison.plain.accuracy());
  std::fflush(stdout);
}

void print_ratios(const char* name, const std::vector<Comparison>& comparisons,
                  double Timing::*part) {
  double log_ratio = 0, smallest = INFINITY, largest = 0;
  for (const Comparison& comparison : comparisons) {
    const double ratio = comparison.ratio(part);
    log_ratio += std::log(ratio);
    smallest = std::min(smallest, ratio);
    largest = std::max(largest, ratio);
  }
  fmt::print("Ratio of {}: geometric mean {:.2f}, smallest {:.2f}, largest {:.2f}.\n", name,
             std::exp(log_ratio / static_cast<double>(comparisons.size())), smallest, largest);
}

void print_summary(const std::vector<Comparison>& comparisons) {
  fmt::print("\n");
  print_ratios("wall time", comparisons, &Timing::wall_seconds);
  print_ratios("processor time", comparisons, &Timing::processor_seconds);
  double difference = 0;
  for (const Comparison& comparison : comparisons)
    difference += comparison.ours.accuracy() - comparison.plain.accuracy();
  fmt::print("Mean validation accuracy over the {} networks: ours minus plain {:+.4f}.\n",
             comparisons.size(), difference / static_cast<double>(comparisons.size()));
}

void run(const std::vector<Group>& groups, int index, const PlainProcess& plain) {
  const Group& group = groups[static_cast<size_t>(index)];
  fmt::print("\n### {}\n\n", group.title);
  fmt::print(
      "{} training and {} validation images, {} epoch(s), batches of {}; medians of {}. Images a "
      "second are training images over the whole time.\n\n",
      group.training_images, group.validation_images, group.epochs, kBatchSize, group.repetitions);
  fmt::print(
      "| network | ours, s | plain, s | ours, images/s | plain, images/s | ratio | ratio of "
      "processor time | ours, accuracy | plain, accuracy "
      "|\n|---|---|---|---|---|---|---|---|---|\n");
  const Evaluators evaluators = make_evaluators(group);
  compare(groups, index, -1, evaluators, plain);
  std::vector<Comparison> comparisons;
  for (int network = 0; network < static_cast<int>(group.architectures.size()); ++network) {
    comparisons.push_back(compare(groups, index, network, evaluators, plain));
    print_row(group, architecture_of(group, network), comparisons.back());
  }
  print_summary(comparisons);
}

void keep_only(const std::vector<std::string>& parts, std::vector<Group>& groups) {
  for (Group& group : groups) {
    std::erase_if(group.architectures, [&](const std::string& architecture) {
      return std::none_of(parts.begin(), parts.end(), [&](const std::string& part) {
        return architecture.find(part) != std::string::npos;
      });
    });
  }
  std::erase_if(groups, [](const Group& group) { return group.architectures.empty(); });
}

void run_all(bool quick, const std::vector<std::string>& parts) {
  std::vector<Group> groups{narrow_networks(), wide_networks()};
  if (!parts.empty()) keep_only(parts, groups);
  if (quick) {
    for (Group& group : groups) {
      group.repetitions = 1;
      group.architectures.resize(2);
    }
  }
  const PlainProcess plain(groups, datasets::load_data_set({.name = kDataSet}).training);
  fmt::print("LibTorch {}\n", TORCH_VERSION);
  for (int index = 0; index < static_cast<int>(groups.size()); ++index) run(groups, index, plain);
}

// ------------------------------------------------------------------------------------------------
// ReLU and max pooling alone.

struct PassTimes {
  std::vector<double> forward, backward;  // milliseconds
};

template <typename Layer>
void time_passes(const at::Tensor& map, const Layer& layer, PassTimes& times) {
  const auto milliseconds = [](const auto& function) {
    return 1e3 * measure(function).wall_seconds;
  };
  // Not the leaf itself: at::relu_ writes into its argument.
  const at::Tensor leaf = map.detach().requires_grad_();
  const at::Tensor x = leaf.clone();
  at::Tensor y;
  times.forward.push_back(milliseconds([&] { y = layer(x); }));
  const at::Tensor gradient = at::ones_like(y);
  times.backward.push_back(milliseconds([&] { y.backward(gradient); }));
}

void compare_pooling() {
  constexpr int kRepetitions = 15;
  struct Case {
    int channels, field, stride;
    at::ScalarType type;
  };
  torch::set_num_threads(1);
  torch::manual_seed(1);
  fmt::print("{} maps of 28 x 28, medians of {}, forward + backward in ms\n\n", kBatchSize,
             kRepetitions);
  fmt::print("| map, pooling | one pass | at::relu_, at::max_pool2d |\n|---|---|---|\n");
  for (const Case& c :
       {Case{8, 2, 2, at::kBFloat16}, Case{32, 2, 2, at::kBFloat16}, Case{64, 2, 2, at::kBFloat16},
        Case{64, 3, 2, at::kBFloat16}, Case{64, 5, 3, at::kBFloat16}, Case{64, 2, 2, at::kFloat}}) {
    const at::Tensor map = at::randn({kBatchSize, c.channels, 28, 28})
                               .to(c.type)
                               .contiguous(at::MemoryFormat::ChannelsLast);
    PassTimes ours, theirs;
    for (int repetition = -1; repetition < kRepetitions; ++repetition) {
      if (repetition == 0) ours = theirs = {};  // the first warms up
      time_passes(
          map, [&](const at::Tensor& x) { return relu_max_pool(x, c.field, c.stride); }, ours);
      time_passes(
          map,
          [&](at::Tensor x) {
            return at::max_pool2d(at::relu_(x), {c.field, c.field}, {c.stride, c.stride});
          },
          theirs);
    }
    fmt::print("| {} channels, {}, P({},{}) | {:.2f} + {:.2f} | {:.2f} + {:.2f} |\n", c.channels,
               c.type == at::kFloat ? "float32" : "bfloat16", c.field, c.stride,
               median_of(ours.forward), median_of(ours.backward), median_of(theirs.forward),
               median_of(theirs.backward));
  }
}

}  // namespace
}  // namespace metaqnn::search

int main(int argc, char** argv) {
  std::vector<std::string> parts(argv + 1, argv + argc);
  const bool quick = parts == std::vector<std::string>{"--quick"};
  if (quick) parts.clear();
  try {
    if (parts == std::vector<std::string>{"--pooling"}) {
      metaqnn::search::compare_pooling();
    } else {
      metaqnn::search::run_all(quick, parts);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "training_bench: {}\n", error.what());
    return 1;
  }
}
