// What an evaluator needs to know. Every default is the paper's search (Baker et al., ICLR 2017,
// section 5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

// The images: which data set, which of its training images train and which validate, and how pixels
// become inputs.
struct DataSettings {
  std::string name;             // a row of datasets::data_sets(); "" where no images are needed
  std::filesystem::path path;   // folder; "" = where the data set is installed by default
  int64_t training_images = 0;  // 0 = all that do not validate
  int64_t validation_images = 5000;    // stratified; 0 = a fifth of the training part
  std::string preprocessing = "none";  // none, mean, standardize, local_contrast
  bool mirror = false;                 // mirror each image left to right with probability 1/2
  int translation = 0;                 // shift by up to so many pixels each way, padding with zero
  // Of open data sets, as in datasets::ImageSource. settled() fills in the first two.
  std::string input = {};  // CxHxW; "" = as the files say
  std::vector<std::string> class_names = {};
  std::string fit = "stretch";
  double test_share = 0.2;
  uint64_t test_seed = 1;
};

// Training one network. Adam, cross-entropy; the best over the epochs of what is searched for, the
// validation accuracy or the balanced accuracy of the validation images, is the result.
struct TrainingSettings {
  int epochs = 20;       // 0 = by the number of images (settled(), search/configuration.h)
  int batch_size = 128;  // 0 = the same
  double learning_rate = 0.001;
  double learning_rate_factor = 0.2;  // after each `learning_rate_every` epochs
  int learning_rate_every = 5;
  double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;
  double weight_decay = 0;           // L2, added to the gradient
  bool batch_normalization = false;  // before each ReLU
  bool dropout = true;               // after every second layer and each FC (place_dropout)
  // none, or balanced: in the loss each class weighs as much as any other, an image of class k
  // n / (classes * n_k) of the n that train.
  std::string class_weights = "none";
  int learning_rates =
      5;  // how many initial rates are tried before a network counts as not learning
  double restart_factor = 0.4;     // from one initial rate to the next
  double chance_margin = 0.05;     // what the best accuracy must exceed chance by ...
  int chance_epochs = 1;           // ... after so many epochs; 0 = those of 300 steps
  double max_seconds = 0;          // 0 = no limit; of one training, restarts included
  int64_t max_parameters = 0;      // 0 = no limit; checked before training
  int64_t max_memory = 0;          // bytes, 0 = no limit; the estimate, checked before training
  std::string precision = "auto";  // auto, float32, bfloat16
  // On which latency_ms is measured, where the objective names it.
  std::string latency_device = "cpu";
};

// Training the best networks again, at length, for use. Batch size, batch normalisation, dropout,
// Adam's constants and precision are those of TrainingSettings. Every default is the paper's final
// training on CIFAR-10 (appendix, "final training").
struct FinalSettings {
  std::string optimizer = "sgd";  // sgd, adam
  double momentum = 0.9;          // of sgd
  double weight_decay = 5e-4;     // L2, added to the gradient
  // Pairs of learning rate and epochs, one after another.
  std::vector<std::pair<double, int>> schedule = {
      {0.025, 40}, {0.0125, 40}, {1e-4, 160}, {1e-5, 60}};
  int translation = 5;          // as in DataSettings
  std::string preprocessing;    // as in DataSettings; "" = the same as there
  bool extra_images = false;    // SVHN: train on its extra images too
  int64_t training_images = 0;  // 0 = all that do not validate
  // Held back to choose the best epoch; 0 = all train, and the last epoch is kept, as in the paper.
  int64_t validation_images = 0;
};

// Looking results up in a table that others measured.
struct TableSettings {
  std::filesystem::path file;
  // As in datasets::LogOptions.
  std::string architecture_column;  // "" = net, architecture, or the only one of text
  std::string target;               // "" = the form's own, or the only one of numbers
  std::vector<std::string> features;
  double seconds_per_trial = 0;  // more imitates slow training
};

// Having a program of the user's train and measure. It is told TrainingSettings::epochs, and has
// TrainingSettings::max_seconds.
struct CommandSettings {
  std::vector<std::string> words;  // the program and what it is told; no shell
  std::filesystem::path folder;    // in which it runs
  double grace_seconds = 5;        // from SIGTERM to SIGKILL
  std::string result = "last";     // which value that it reports: last, best
  bool keep = false;               // folders of trials that did not fail too
};

// When a training is ended before its end (search/stopping.h).
struct StoppingSettings {
  std::string kind;      // "": never; prediction
  int after = 1;         // epochs, at least
  double chance = 0.05;  // of becoming one of the best, below which a training is stopped
  int top = 10;          // how many are the best
  int initial = 20;      // networks that are trained to their end first
  bool pause = false;    // what is stopped keeps its state on disk
  double max_checkpoints_bytes = 1e9;  // all these states together

  bool is_on() const { return !kind.empty(); }
};

struct EvaluatorSettings {
  std::string kind = "train";  // train, table, command, told
  Objective
      objective{};  // what is measured: the validation accuracy, a column of the table, or reported
  TrainingSettings training{};
  TableSettings table{};
  CommandSettings command{};

  bool trains() const { return kind == "train"; }
  bool looks_up() const { return kind == "table"; }
  bool runs_command() const { return kind == "command"; }
  bool is_told() const { return kind == "told"; }  // results come by tell() alone
};

}  // namespace metaqnn::search
