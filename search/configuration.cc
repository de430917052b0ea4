#include "metaqnn/search/configuration.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include "base/foreign_text.h"
#include "base/names.h"
#include "base/nesting.h"
#include "base/secrets.h"
#include "datasets/images/picture.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/evaluate/evaluator.h"
#include "search/evaluate/image_source.h"

namespace metaqnn::search {
namespace {

// ---------------------------------------------------------------------------------------------------------------------
// Values between TOML and C++: one `read` and one `write` for each type that a key can have.

// A value that cannot be read; the caller adds file, line and key.
struct Mismatch {
  std::string expected;
};

void read(const toml::node& node, bool& value) {
  const auto found = node.value_exact<bool>();
  if (!found) throw Mismatch{"true or false"};
  value = *found;
}

template <typename Integer>
requires std::is_integral_v<Integer>
void read(const toml::node& node, Integer& value) {
  const auto found = node.value_exact<int64_t>();
  if (!found) throw Mismatch{"a whole number"};
  if (!std::in_range<Integer>(*found)) {
    constexpr uint64_t kLargestInToml = std::numeric_limits<int64_t>::max();
    throw Mismatch{
        fmt::format("a whole number from {} to {}", std::numeric_limits<Integer>::min(),
                    std::min<uint64_t>(std::numeric_limits<Integer>::max(), kLargestInToml))};
  }
  value = static_cast<Integer>(*found);
}

void read(const toml::node& node, double& value) {
  const auto real = node.value_exact<double>();
  const auto whole = node.value_exact<int64_t>();
  if (!real && !whole) throw Mismatch{"a number"};
  value = real ? *real : static_cast<double>(*whole);
}

void read(const toml::node& node, std::string& value) {
  const auto found = node.value_exact<std::string>();
  if (!found) throw Mismatch{"a text in quotes"};
  value = *found;
}

void read(const toml::node& node, std::filesystem::path& value) {
  std::string text;
  read(node, text);
  // Everybody who reads the study would see it.
  if (without_passwords(text) != text) throw Mismatch{"a path without a password"};
  value = text;
}

template <typename First, typename Second>
void read(const toml::node& node, std::pair<First, Second>& value) {
  const toml::array* array = node.as_array();
  if (array == nullptr || array->size() != 2) throw Mismatch{"a pair such as [1.0, 1500]"};
  read((*array)[0], value.first);
  read((*array)[1], value.second);
}

void read(const toml::node& node, Pooling& value) {
  std::pair<int, int> pair;
  read(node, pair);
  value = {pair.first, pair.second};
}

template <typename T>
void read(const toml::node& node, std::vector<T>& values) {
  const toml::array* array = node.as_array();
  if (array == nullptr) throw Mismatch{"a list"};
  values.clear();
  for (const toml::node& element : *array) read(element, values.emplace_back());
}

// One list for all slots, or a list of lists.
void read_alphabets(const toml::node& node, std::vector<std::vector<std::string>>& values) {
  const toml::array* array = node.as_array();
  if (array != nullptr && !array->empty() && (*array)[0].is_string()) {
    values.assign(1, {});
    read(node, values[0]);
  } else {
    read(node, values);
  }
}

// The numbers of an inline table, by name.
void read(const toml::node& node, std::map<std::string, double>& values) {
  const toml::table* table = node.as_table();
  if (table == nullptr) throw Mismatch{"numbers by name, such as { latency_ms = 25.0 }"};
  values.clear();
  for (const auto& [name, value] : *table) {
    double& number = values[std::string(name.str())];
    read(value, number);
    if (!std::isfinite(number)) throw Mismatch{"finite numbers by name"};
  }
}

std::string write(bool value) { return value ? "true" : "false"; }
template <typename Integer>
requires std::is_integral_v<Integer> std::string write(Integer value) {
  return std::to_string(value);
}
std::string write(double value) {
  const std::string text = fmt::format("{}", value);  // shortest that reads back to the same number
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}
std::string write(const std::string& value) {
  std::ostringstream out;
  // Without flags: always one line in double quotes, as people write it.
  const toml::value<std::string> text(value);
  out << toml::toml_formatter(text, toml::format_flags::none);
  return out.str();
}
std::string write(const std::filesystem::path& value) { return write(value.string()); }
template <typename First, typename Second>
std::string write(const std::pair<First, Second>& value) {
  return "[" + write(value.first) + ", " + write(value.second) + "]";
}
std::string write(const Pooling& value) { return write(std::pair(value.field, value.stride)); }
template <typename T>
std::string write(const std::vector<T>& values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) text += (i > 0 ? ", " : "") + write(values[i]);
  return text + "]";
}
std::string write_key(const std::string& name) {
  const bool is_bare = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
  return is_bare ? name : write(name);
}
std::string write(const std::map<std::string, double>& values) {
  std::string text;
  for (const auto& [name, value] : values)
    text += (text.empty() ? "" : ", ") + write_key(name) + " = " + write(value);
  return text.empty() ? "{}" : "{ " + text + " }";
}

// ---------------------------------------------------------------------------------------------------------------------
// The keys: the one description from which the reader, the writer and the commented file are made.

// The numbers that a key allows.
struct Range {
  double from = -std::numeric_limits<double>::infinity();
  double to = std::numeric_limits<double>::infinity();
  bool without_from = false, without_to = false;

  bool holds(double value) const {
    return std::isfinite(value) && (without_from ? value > from : value >= from) &&
           (without_to ? value < to : value <= to);
  }

  std::string words() const {
    if (std::isinf(from)) return "a finite number";
    const std::string lower = (without_from ? "above " : "at least ") + fmt::format("{}", from);
    if (std::isinf(to)) return lower;
    return lower + (without_to ? " and below " : " and at most ") + fmt::format("{}", to);
  }
};
constexpr Range kFinite{};
constexpr Range kFraction{0, 1};
constexpr Range kFractionBelowOne{0, 1, false, true};
constexpr Range kAboveZero{.from = 0, .without_from = true};
constexpr Range at_least(double from) { return {.from = from}; }
constexpr Range between(double from, double to) { return {from, to}; }

// More than anybody wants; beyond it lies a slip of the finger that would take all memory or years.
constexpr double kMostWorkers = 1024;
constexpr double kMostImages = 1e8;
constexpr double kMostModels = 1e7;  // drawn, kept or looked at for one proposal
constexpr double kMostEpochs = 1e6;
constexpr double kMostRates = 1000;
constexpr double kMostClasses = 65536;

struct Key {
  std::string section, name, comment;
  std::function<void(const toml::node&)> read;
  std::function<std::string()> write;
};

class Keys {
 public:
  explicit Keys(Configuration& configuration) {
    top_level(configuration);
    data(configuration.data);
    space(configuration.space);
    strategy(configuration.strategy);
    objective(configuration.evaluator.objective);
    evaluator(configuration.evaluator);
    stopping(configuration.stopping);
    final_training(configuration.final_training);
  }

  const std::vector<Key>& all() const { return keys_; }

 private:
  template <typename T>
  void add(const std::string& name, T& value, const std::string& comment) {
    keys_.push_back({section_, name, comment,
                     [&value](const toml::node& node) { read(node, value); },
                     [&value] { return write(value); }});
  }

  template <typename Number>
  void add(const std::string& name, Number& value, const Range& range, const std::string& comment) {
    keys_.push_back({section_, name, comment,
                     [&value, range](const toml::node& node) {
                       read(node, value);
                       if (!range.holds(static_cast<double>(value)))
                         throw Mismatch{range.words() + ", not " + shown(write(value))};
                     },
                     [&value] { return write(value); }});
  }

  void add(const std::string& name, std::string& value, const std::vector<std::string>& choices,
           const std::string& comment) {
    keys_.push_back({section_, name, comment,
                     [&value, choices](const toml::node& node) {
                       read(node, value);
                       if (std::find(choices.begin(), choices.end(), value) == choices.end())
                         throw Mismatch{list_names(choices) + ", not " + shown(write(value))};
                     },
                     [&value] { return write(value); }});
  }

  void top_level(Configuration& c) {
    section_ = "";
    add("seed", c.seed, "Every random number of the study comes from this.");
    add("workers", c.workers, between(1, kMostWorkers),
        "Worker processes for each device; they share the processor's cores.");
    add("device", c.device,
        "auto (every usable GPU, or the CPU), cpu, cuda, or a list such as \"cuda:0,cuda:2\".");
  }

  void data(DataSettings& d) {
    section_ = "data";
    add("name", d.name,
        "mnist, fashion_mnist, cifar10, cifar100, svhn, svhn_extra, folder or idx; \"\" with a "
        "table.");
    add("path", d.path,
        "Folder of its files; \"\" is where Debian installs it (fashion_mnist only).");
    add("input", d.input,
        "folder: CxHxW that each picture becomes, such as \"3x32x32\"; \"\" is the usual size, at "
        "most 64.");
    add("fit", d.fit, datasets::fit_names(),
        "folder: pictures of other proportions are stretched, cropped or padded to it.");
    add("class_names", d.class_names,
        "folder, idx: names of the classes in their order; [] is the folders' names, the labels' "
        "numbers.");
    add("test_share", d.test_share,
        Range{.from = 0, .to = 1, .without_from = true, .without_to = true},
        "folder, idx: how much becomes the test part where there is none.");
    add("test_seed", d.test_seed, "folder, idx: which images those are.");
    add("training_images", d.training_images, between(0, kMostImages),
        "How many images train; 0 is all that do not validate.");
    add("validation_images", d.validation_images, between(0, kMostImages),
        "How many of the training images validate, stratified; 0 is a fifth.");
    add("preprocessing", d.preprocessing, {"none", "mean", "standardize", "local_contrast"},
        "none, mean, standardize (per pixel over the training images) or local_contrast.");
    add("mirror", d.mirror, "Mirror each training image left to right with probability 1/2.");
    add("translation", d.translation, Range{0, 64},
        "Shift each training image by up to so many pixels each way.");
  }

  void space(SpaceSettings& s) {
    section_ = "space";
    add("kind", s.kind, {"cnn", "sequence"},
        "cnn: convolutional networks; sequence: strings of another alphabet.");
    add("input", s.input, "CxHxW, for example \"3x32x32\"; \"\" is that of the data set.");
    add("classes", s.classes, between(0, kMostClasses), "0 is those of the data set.");
    add("depth_limit", s.cnn.depth_limit, "Most layers, dropout and softmax not counted.");
    add("convolution_filters", s.cnn.convolution_filters, "Filters of a convolution.");
    add("convolution_strides", s.cnn.convolution_strides, "Strides of a convolution.");
    add_bins(s.cnn.bins);
    add("fully_connected_neurons", s.cnn.fully_connected_neurons,
        "Neurons of a fully connected layer.");
    add("fully_connected_in_a_row", s.cnn.fully_connected_in_a_row,
        "Most fully connected layers in a row.");
    add("fully_connected_may_grow", s.cnn.fully_connected_may_grow,
        "May one be larger than the one before it?");
    add("global_average_pooling", s.cnn.global_average_pooling,
        "May GAP stand before the softmax?");
    add("pooling_first", s.cnn.pooling_first, "May the first layer be a pooling?");
    add("pooling_after_pooling", s.cnn.pooling_after_pooling, "May a pooling follow a pooling?");
    add("average_pooling", s.cnn.average_pooling, "May A stand wherever P may?");
    add("mixed_pooling", s.cnn.mixed_pooling, "May M stand wherever P may?");
    add("depthwise_convolution", s.cnn.depthwise_convolution,
        "May DC stand wherever C may, with its fields above 1 and its strides?");
    add("batch_normalization", s.cnn.batch_normalization, "May BN be chosen as a layer?");
    add("residual_layers", s.cnn.residual_layers, "Most layers in the body of R; 0: no R.");
    add("residual_filters", s.cnn.residual_filters,
        "Filters of a convolution in R; none: those of convolution_filters.");
    add("split_branches", s.cnn.split_branches, "Most branches of S, 2 or more; 0: no S.");
    add("split_layers", s.cnn.split_layers, "Most layers in a branch of S.");
    add("split_filters", s.cnn.split_filters,
        "Filters of a convolution in S; none: those of convolution_filters.");
    add("nested_lists", s.cnn.nested_lists, "May R and S stand in R and S, one in another?");
    add("template", s.sequence.pattern, "Sequence: the text, with {} for each slot.");
    keys_.push_back({section_, "alphabet",
                     "Sequence: the tokens; one list for all slots, or a list of lists.",
                     [&s](const toml::node& node) { read_alphabets(node, s.sequence.alphabets); },
                     [&s] {
                       return s.sequence.alphabets.size() == 1 ? write(s.sequence.alphabets[0])
                                                               : write(s.sequence.alphabets);
                     }});
  }

  // A bin's parts are lists beside each other in the file: bin i of one belongs to bin i of the
  // others.
  template <typename T>
  void add_bin_part(const std::string& name, std::vector<SizeBin>& bins, T SizeBin::*part,
                    const std::string& comment) {
    keys_.push_back({section_, name, comment,
                     [&bins, part](const toml::node& node) {
                       const toml::array* array = node.as_array();
                       if (array == nullptr || array->size() != bins.size()) {
                         throw Mismatch{fmt::format(
                             "a list of {} values, one for each of size_bins", bins.size())};
                       }
                       for (size_t i = 0; i < bins.size(); ++i) read((*array)[i], bins[i].*part);
                     },
                     [&bins, part] {
                       std::string text = "[";
                       for (size_t i = 0; i < bins.size(); ++i)
                         text += (i > 0 ? ", " : "") + write(bins[i].*part);
                       return text + "]";
                     }});
  }

  void add_bins(std::vector<SizeBin>& bins) {
    keys_.push_back({section_, "size_bins",
                     "Smallest side of each bin of the representation's size, from large to small.",
                     [&bins](const toml::node& node) {
                       std::vector<int> smallest;
                       read(node, smallest);
                       bins.resize(smallest.size());
                       for (size_t i = 0; i < bins.size(); ++i) bins[i].smallest = smallest[i];
                     },
                     [&bins] {
                       std::vector<int> smallest;
                       for (const SizeBin& bin : bins) smallest.push_back(bin.smallest);
                       return write(smallest);
                     }});
    add_bin_part("convolution_fields", bins, &SizeBin::convolution_fields,
                 "Receptive fields of a convolution in each bin.");
    add_bin_part("pooling", bins, &SizeBin::pooling, "[field, stride] of a pooling in each bin.");
    add_bin_part("fully_connected", bins, &SizeBin::fully_connected,
                 "May fully connected layers begin in this bin?");
  }

  void strategy(StrategySettings& s) {
    section_ = "strategy";
    add("kind", s.kind, strategy_kinds(), list_names(strategy_kinds()) + ".");
    add("alpha", s.alpha, kFraction, "Learning rate of the Q-values.");
    add("gamma", s.gamma, kFraction, "Discount of the next state's value.");
    add("initial_q", s.initial_q, kFinite, "Every Q-value before anything is known.");
    add("replay", s.replay, between(0, kMostModels),
        "Draws from all samples so far, after each sample.");
    add("schedule", s.schedule, "Pairs of epsilon and number of unique models.");
    add("population", s.population, between(1, kMostModels),
        "regularized_evolution: samples that live at a time.");
    add("tournament", s.tournament, between(1, kMostModels),
        "regularized_evolution: members of which the best has a child.");
    add("initial_models", s.initial_models, between(2, kMostModels),
        "guided: models before it predicts.");
    add("exploration", s.exploration, at_least(0),
        "guided: deviations that are added to the predicted mean.");
    add("candidates", s.candidates, between(1, kMostModels),
        "guided: architectures to choose from, where the space has more than 20,000.");
  }

  void evaluator(EvaluatorSettings& e) {
    section_ = "evaluator";
    add("kind", e.kind, evaluator_kinds(),
        "train: with LibTorch; table: look results up; command: run a program; told: by tell.");
    TrainingSettings& t = e.training;
    add("epochs", t.epochs, between(0, kMostEpochs),
        "Passes over the training images; 0: as many as make 1,200 steps, 20 to 100.");
    add("batch_size", t.batch_size, between(0, kMostImages),
        "Images in a step; 0: 128, or fewer so that an epoch has 30 steps.");
    add("learning_rate", t.learning_rate, kAboveZero, "First initial rate of Adam.");
    add("learning_rate_factor", t.learning_rate_factor, kAboveZero,
        "The rate is multiplied by this ...");
    add("learning_rate_every", t.learning_rate_every, between(0, kMostEpochs),
        "... after every so many epochs; 0: a third of them.");
    add("adam_beta1", t.adam_beta1, kFractionBelowOne, "Decay of Adam's first moment.");
    add("adam_beta2", t.adam_beta2, kFractionBelowOne, "Decay of Adam's second moment.");
    add("adam_epsilon", t.adam_epsilon, kAboveZero, "Adam's epsilon.");
    add("weight_decay", t.weight_decay, at_least(0), "L2 penalty, added to the gradient.");
    add("batch_normalization", t.batch_normalization, "Batch normalization before each ReLU.");
    add("dropout", t.dropout, "Dropout after every second layer and each fully connected one.");
    add("class_weights", t.class_weights, {"none", "balanced"},
        "balanced: in the loss each class counts alike, however many images it has.");
    add("learning_rates", t.learning_rates, between(1, kMostRates),
        "Initial rates to try before a network counts as not learning.");
    add("restart_factor", t.restart_factor, kAboveZero, "From one initial rate to the next.");
    add("chance_margin", t.chance_margin, kFraction,
        "The best accuracy must exceed chance by more than this ...");
    add("chance_epochs", t.chance_epochs, between(0, kMostEpochs),
        "... after so many epochs; 0: those of 300 steps.");
    add("max_seconds", t.max_seconds, at_least(0),
        "Longest training, restarts included; 0 is no limit.");
    add("max_parameters", t.max_parameters, at_least(0),
        "Most trainable parameters; 0 is no limit.");
    add("max_memory", t.max_memory, at_least(0),
        "Most bytes by the estimate that is stored with each trial; 0 is no limit.");
    add("precision", t.precision, {"auto", "float32", "bfloat16"},
        "auto (bfloat16 where the hardware has it), float32 or bfloat16.");
    add("latency_device", t.latency_device,
        "cpu or cuda:0: where latency_ms is measured, if [objective] names it.");
    add("file", e.table.file, "Table: the file, of any form that is read (docs/logs.md).");
    add("architecture_column", e.table.architecture_column,
        "Table: \"\" is net, architecture, or the only one of text.");
    add("target", e.table.target,
        "Table: the column that is looked up; \"\" is the form's own, or the only one of numbers.");
    add("features", e.table.features,
        "Table: columns that are part of what a network is called, by name or pattern.");
    add("seconds_per_trial", e.table.seconds_per_trial, Range{0, 86400},
        "Table: wait so long to imitate training.");
    CommandSettings& c = e.command;
    add("command", c.words,
        "Command: the program and what it is told, such as [\"python3\", \"train.py\"] "
        "(docs/command.md).");
    add("folder", c.folder, "Command: where it runs; \"\" is the configuration's folder.");
    add("grace_seconds", c.grace_seconds, Range{0, 86400},
        "Command: from SIGTERM, which tells it to end, to SIGKILL.");
    add("result", c.result, {"last", "best"}, "Command: last or best of the values it reports.");
    add("keep", c.keep, "Command: keep the folders of trials that did not fail too.");
  }

  void stopping(StoppingSettings& s) {
    section_ = "stopping";
    add("kind", s.kind, {"", "prediction"},
        "prediction: end trainings that are predicted to come to little; \"\": end none.");
    add("after", s.after, between(1, kMostEpochs), "Never before so many epochs.");
    add("chance", s.chance, kFraction,
        "A training ends when the chance of being among the best falls below this.");
    add("top", s.top, between(1, kMostModels), "How many networks are the best.");
    add("initial", s.initial, between(2, kMostModels),
        "Networks that are trained to their end before any is stopped.");
    add("pause", s.pause,
        "train: keep the state of what is stopped beside the study's file, to go on from there.");
    add("max_checkpoints_bytes", s.max_checkpoints_bytes, at_least(0),
        "Most bytes of these states; the least promising go first.");
  }

  void final_training(FinalSettings& f) {
    section_ = "final";
    add("optimizer", f.optimizer, {"sgd", "adam"},
        "Of `metaqnn finetune` and `transfer`: sgd, or adam with the constants of [evaluator].");
    add("momentum", f.momentum, kFractionBelowOne, "Of sgd.");
    add("weight_decay", f.weight_decay, at_least(0), "L2 penalty, added to the gradient.");
    keys_.push_back({section_, "schedule", "Pairs of learning rate and epochs, one after another.",
                     [&f](const toml::node& node) {
                       read(node, f.schedule);
                       check_schedule(f.schedule);
                     },
                     [&f] { return write(f.schedule); }});
    add("translation", f.translation, Range{0, 64},
        "Shift each training image by up to so many pixels each way.");
    add("preprocessing", f.preprocessing, {"", "none", "mean", "standardize", "local_contrast"},
        "As in [data]; \"\" is the one there.");
    add("extra_images", f.extra_images, "SVHN: train on its extra images too.");
    add("training_images", f.training_images, between(0, kMostImages),
        "How many images train; 0 is all that do not validate.");
    add("validation_images", f.validation_images, between(0, kMostImages),
        "Held back to choose the best epoch; 0: all train, the last epoch is kept.");
  }

  void objective(Objective& o) {
    section_ = "objective";
    add("measure", o.measure,
        "What is searched for; \"\" is validation_accuracy, or the target of a table.");
    keys_.push_back({section_, "direction",
                     "maximize or minimize; \"\" is maximize, or as the table's form says.",
                     [&o](const toml::node& node) {
                       std::string text;
                       read(node, text);
                       o.direction = parse_direction(text);
                     },
                     [&o] { return write(o.direction ? to_string(*o.direction) : ""); }});
    add_measures(o);
    keys_.push_back({section_, "reward_range",
                     "Worst and best value, rewarded with 0 and 1; [] only for accuracies, or "
                     "without Q-values.",
                     [&o](const toml::node& node) {
                       std::vector<double> range;
                       read(node, range);
                       const bool is_range = range.size() == 2 && kFinite.holds(range[0]) &&
                                             kFinite.holds(range[1]) && range[0] != range[1];
                       if (!is_range && !range.empty())
                         throw Mismatch{"the worst and the best value, such as [20.0, 5.0]"};
                       o.reward_range.reset();
                       if (is_range) o.reward_range.emplace(range[0], range[1]);
                     },
                     [&o] { return o.reward_range ? write(*o.reward_range) : "[]"; }});
    add("limits", o.limits,
        "Most that a network may have of a measure, such as { latency_ms = 25.0 }; one above "
        "fails.");
  }

  // Measure and direction of the objective are the first of these.
  void add_measures(Objective& o) {
    keys_.push_back({section_, "measures",
                     "Several measures, the first as `measure`, such as "
                     "[\"validation_accuracy\", \"latency_ms\"].",
                     [&o](const toml::node& node) { read_measures(node, o); },
                     [&o] {
                       std::vector<std::string> names;
                       for (const datasets::Measure& other : o.others) names.push_back(other.name);
                       if (!names.empty()) names.insert(names.begin(), o.measure);
                       return write(names);
                     }});
    keys_.push_back(
        {section_, "directions", "Of each, maximize or minimize; [] or \"\" is as its name says.",
         [&o](const toml::node& node) { read_directions(node, o); },
         [&o] {
           std::vector<std::string> directions;
           for (const datasets::Measure& other : o.others)
             directions.push_back(to_string(other.direction));
           if (!directions.empty())
             directions.insert(directions.begin(), o.direction ? to_string(*o.direction) : "");
           return write(directions);
         }});
    keys_.push_back(
        {section_, "reference",
         "Of each, the value from which on better ones count, such as [0.85, 25.0]; [] is a worse "
         "quartile.",
         [&o](const toml::node& node) {
           read(node, o.reference);
           const size_t wanted = o.others.size() + 1;
           if (o.reference.empty()) return;
           if (o.reference.size() != wanted || !o.has_several() ||
               !std::all_of(o.reference.begin(), o.reference.end(),
                            [](double value) { return kFinite.holds(value); }))
             throw Mismatch{
                 fmt::format("a number for each of several measures, not {}", write(o.reference))};
         },
         [&o] { return write(o.reference); }});
  }

  static void read_measures(const toml::node& node, Objective& o) {
    std::vector<std::string> names;
    read(node, names);
    if (names.empty()) return;
    if (!o.measure.empty() && o.measure != names.front()) {
      throw Mismatch{"a list that begins with objective.measure, " + shown(write(o.measure)) +
                     ", not with " + shown(write(names.front()))};
    }
    const std::set<std::string> different(names.begin(), names.end());
    if (different.size() != names.size() || different.contains(""))
      throw Mismatch{"a list of different names, not " + shown(write(names))};
    o.measure = names.front();
    o.others.clear();
    for (size_t i = 1; i < names.size(); ++i)
      o.others.push_back({names[i], direction_by_name(names[i]), ""});
    if (o.has_several() && !o.direction && !o.is_accuracy())
      o.direction = direction_by_name(o.measure);
  }

  static void read_directions(const toml::node& node, Objective& o) {
    std::vector<std::string> texts;
    read(node, texts);
    if (texts.empty()) return;
    if (texts.size() != o.others.size() + 1) {
      throw Mismatch{
          fmt::format("a list with a direction for each of objective.measures, {}, not {}",
                      o.others.size() + 1, texts.size())};
    }
    for (size_t i = 0; i < texts.size(); ++i) {
      const std::optional<datasets::Direction> direction = parse_direction(texts[i]);
      if (!direction) continue;
      if (i > 0) {
        o.others[i - 1].direction = *direction;
      } else {
        o.direction = direction;
      }
    }
  }

  // Costs are to be small; of the rest the name says what is better.
  static datasets::Direction direction_by_name(const std::string& name) {
    static const std::set<std::string> costs{"parameters", "macs",   "memory", "memory_bytes",
                                             "seconds",    "params", "flops"};
    return costs.contains(name) || datasets::is_less_better(name) ? datasets::Direction::minimize
                                                                  : datasets::Direction::maximize;
  }

  static std::optional<datasets::Direction> parse_direction(const std::string& text) {
    if (text.empty()) return std::nullopt;
    if (text != "maximize" && text != "minimize")
      throw Mismatch{"maximize or minimize, not " + shown(write(text))};
    return text == "minimize" ? datasets::Direction::minimize : datasets::Direction::maximize;
  }

  static void check_schedule(const std::vector<std::pair<double, int>>& schedule) {
    if (schedule.empty()) throw Mismatch{"a list of at least one pair such as [0.025, 40]"};
    for (const auto& [rate, epochs] : schedule) {
      if (!kAboveZero.holds(rate) || !between(1, kMostEpochs).holds(epochs)) {
        throw Mismatch{
            "pairs of a learning rate above 0 and at least 1 epoch, at most a million, "
            "not " +
            write(std::pair(rate, epochs))};
      }
    }
  }

  std::string section_;
  std::vector<Key> keys_;
};

// ---------------------------------------------------------------------------------------------------------------------

[[noreturn]] void fail(const std::string& source, const toml::source_region& where,
                       const std::string& message) {
  throw UsageError(
      fmt::format("{}:{}:{}: {}", source, where.begin.line, where.begin.column, message));
}

std::string full_name(const std::string& section, const std::string& name) {
  return section.empty() ? name : section + "." + name;
}

class Reader {
 public:
  Reader(const toml::table& root, const std::string& source, Configuration& configuration)
      : root_(root), source_(source), keys_(configuration) {}

  void read_all() {
    for (const Key& key : keys_.all()) sections_.insert(key.section);
    for (const auto& [name, node] : root_) {
      const std::string section(name.str());
      if (!sections_.contains(section) || section.empty()) {
        check_known("", section, node);
      } else if (const toml::table* table = node.as_table()) {
        for (const auto& [inner, value] : *table)
          check_known(section, std::string(inner.str()), value);
      } else {
        fail(source_, node.source(), fmt::format("{} is a section: write [{}]", section, section));
      }
    }
    // In the order of the keys, because a list over bins needs size_bins first.
    for (const Key& key : keys_.all()) {
      const toml::node* node = find(key);
      if (node != nullptr) read_key(key, *node);
    }
  }

 private:
  void check_known(const std::string& section, const std::string& name, const toml::node& node) {
    std::vector<std::string> valid;
    for (const Key& key : keys_.all()) {
      if (key.section != section) continue;
      if (key.name == name) return;
      valid.push_back(key.name);
    }
    if (section.empty()) {
      for (const std::string& known : sections_) {
        if (!known.empty()) valid.push_back(known);
      }
    }
    fail(source_, node.source(),
         fmt::format("unknown key {}; did you mean {}?", shown(full_name(section, name)),
                     full_name(section, nearest_name(name, valid))));
  }

  const toml::node* find(const Key& key) const {
    const toml::table* table = &root_;
    if (!key.section.empty()) {
      const toml::node* section = root_.get(key.section);
      if (section == nullptr) return nullptr;
      table = section->as_table();
    }
    return table->get(key.name);
  }

  void read_key(const Key& key, const toml::node& node) {
    try {
      key.read(node);
    } catch (const Mismatch& mismatch) {
      fail(source_, node.source(),
           fmt::format("{} must be {}", full_name(key.section, key.name), mismatch.expected));
    }
  }

  const toml::table& root_;
  const std::string& source_;
  Keys keys_;
  std::set<std::string> sections_;
};

// Of images that people bring there are few: what suits the paper's sets leaves networks untrained
// (experiments/README.md).
Configuration defaults_for(const std::string& data_set) {
  Configuration configuration;
  if (data_set != "folder" && data_set != "idx") return configuration;
  configuration.data.validation_images = 0;
  configuration.data.preprocessing = "standardize";
  TrainingSettings& training = configuration.evaluator.training;
  training.batch_size = training.epochs = 0;
  training.learning_rate_every = training.chance_epochs = 0;
  training.learning_rate_factor = 0.3;
  training.batch_normalization = true;
  training.dropout = false;
  FinalSettings& final_training = configuration.final_training;
  final_training.optimizer = "adam";
  final_training.weight_decay = 0;
  final_training.schedule = {{0.001, 60}, {0.0003, 30}, {0.0001, 10}};
  final_training.translation = 2;
  return configuration;
}

void make_absolute(std::filesystem::path& path, const std::filesystem::path& folder) {
  if (!path.empty()) path = std::filesystem::absolute(folder / path).lexically_normal();
}

// Where a command runs: from the folder of the configuration, unless that says another.
void settle_folder(CommandSettings& command, const std::filesystem::path& folder) {
  if (command.folder.empty()) command.folder = ".";
  make_absolute(command.folder, folder);
  if (!command.folder.has_filename()) command.folder = command.folder.parent_path();
}

std::string render(const Configuration& configuration, bool with_comments) {
  Configuration copy = configuration;  // the keys bind to something they may write to
  const Keys keys(copy);
  std::string text, section;
  for (const Key& key : keys.all()) {
    if (key.section != section) {
      section = key.section;
      text += fmt::format("\n[{}]\n", section);
    }
    if (with_comments) text += "# " + key.comment + "\n";
    text += key.name + " = " + key.write() + "\n";
  }
  return text;
}

}  // namespace

Configuration parse_configuration(std::string_view text, const std::string& source,
                                  const std::filesystem::path& folder) {
  if (const auto line = line_nested_deeper_than(kDeepestNesting, text)) {
    throw UsageError(
        fmt::format("{}:{}: brackets or dotted keys are nested more than {} deep; "
                    "no key of a configuration needs that",
                    source, *line, kDeepestNesting));
  }
  toml::table root;
  try {
    root = toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    fail(source, error.source(), std::string(error.description()));
  }
  Configuration configuration = defaults_for(root["data"]["name"].value_or(std::string()));
  Reader(root, source, configuration).read_all();
  make_absolute(configuration.data.path, folder);
  make_absolute(configuration.evaluator.table.file, folder);
  if (configuration.evaluator.runs_command())
    settle_folder(configuration.evaluator.command, folder);
  return configuration;
}

Configuration read_configuration(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  // An empty file is a configuration too, but inserting nothing counts as a failure.
  if (in.is_open() && in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (!in.is_open() || in.bad()) {
    throw UsageError(
        fmt::format("{}: cannot be read; give a configuration file such as experiments/"
                    "fashion_mnist_quick.toml",
                    file.string()));
  }
  return parse_configuration(text.str(), file.string(), file.parent_path());
}

std::string to_toml(const Configuration& configuration) { return render(configuration, false); }

std::string commented_toml(const Configuration& configuration) {
  return "# Every key with its default. Leave out what you do not change.\n" +
         render(configuration, true);
}

std::optional<std::pair<std::string, std::string>> first_difference(const std::string& a,
                                                                    const std::string& b) {
  std::istringstream lines_a(a), lines_b(b);
  std::string line_a, line_b;
  while (true) {
    const bool more_a = !std::getline(lines_a, line_a).fail();
    const bool more_b = !std::getline(lines_b, line_b).fail();
    if (!more_a && !more_b) return std::nullopt;
    if (more_a != more_b || line_a != line_b)
      return std::pair(more_a ? line_a : "nothing", more_b ? line_b : "nothing");
  }
}

Space build_space(const Configuration& configuration) {
  const SpaceSettings& settings = configuration.space;
  if (settings.is_sequence()) return build_sequence_space(settings.sequence);
  if (settings.kind != "cnn") {
    throw UsageError(fmt::format("space.kind = \"{}\" is not known; use \"cnn\" or \"sequence\"",
                                 shown(settings.kind)));
  }
  CnnSpaceSettings cnn = settings.cnn;
  if (settings.input.empty() || settings.classes == 0) {
    if (configuration.data.name.empty()) {
      throw UsageError(
          "space.input and space.classes are missing; give them, or data.name to take "
          "them from a data set");
    }
    const datasets::DataSetFacts facts = image_facts(configuration.data);
    cnn.input = facts.shape;
    cnn.classes = facts.classes();
  }
  if (!settings.input.empty()) cnn.input = parse_shape(settings.input);
  if (settings.classes != 0) cnn.classes = settings.classes;
  return build_cnn_space(cnn);
}

}  // namespace metaqnn::search
