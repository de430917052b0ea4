// A trained network as a file, complete in itself: what it is, what it wants to see, its weights,
// how it came about and how good it is. Read and written without LibTorch.
//
// The file:
//
//   "metaqnn checkpoint\n"
//   a JSON object in one line        `head -2 FILE` shows it
//   the blobs that the object lists under "blobs", one after another: float32, little-endian
//   8 bytes                          stable_hash of all before them, little-endian
//
// Nothing in a file is ever executed, and nothing is used before it is checked: the checksum
// excludes accidents, not people. A file that is damaged, cut, of a newer version or whose parts do
// not fit together is refused with the reason; so is an unfinished one of version 1, which held the
// optimizer's state as an archive of LibTorch, in which programs can lie. It is written by
// base/output_file.h: whatever happens, the name stands for a whole file, the old one or
// the new.
//
//   Checkpoint checkpoint = read_checkpoint("final/trial-42.checkpoint");
//   checkpoint.architecture;        // "[C(64,3,1), SM(10)]"
//   checkpoint.facts.test_error;    // 0.083
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/images/picture.h"
#include "datasets/images/preprocessing.h"
#include "metaqnn/architecture/shapes.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

// How the weights came about.
struct TrainingFacts {
  std::string origin;         // "finetune", "transfer"
  std::string started_from;   // "random weights", or what the first weights were
  std::string configuration;  // the effective one, TOML; device and workers are the defaults there
  int64_t trial = 0;          // of the study; 0 where it comes from none
  std::optional<double> search_accuracy;  // validation accuracy in the search
  uint64_t seed = 0;
  std::string device, precision, program_version, library_versions;
  int epochs = 0;                             // of the whole schedule
  int best_epoch = 0;                         // 1-based; whose weights these are
  double seconds = 0;                         // of training, over all its starts
  std::optional<double> validation_accuracy;  // of best_epoch; none where all images trained
  std::optional<double> test_error;           // fraction; none before the end of the training
  std::vector<EpochResult> curve;
};

// What an optimizer has gathered, one value for each weight: "first_moment" and "second_moment" of
// Adam, "momentum" of SGD with momentum, nothing of SGD without.
struct OptimizerState {
  int64_t step = 0;  // how many Adam has made
  std::map<std::string, std::vector<float>> values;
};

// What the next epoch of a training that has not ended needs. `parameters` and `running_statistics`
// are empty where the last epoch is the best: they are then those of the checkpoint.
struct UnfinishedTraining {
  std::vector<float> parameters, running_statistics;
  OptimizerState optimizer;
};

struct Checkpoint {
  std::string architecture;  // its identity, without D
  Shape image{};             // of the data set's images
  Shape input{};  // of the network: images are padded and grey ones repeated (datasets::pad)
  int classes = 0;
  bool batch_normalization = false, dropout = true;
  std::string data_set;
  std::vector<std::string> class_names;        // empty where not known
  datasets::Fit fit = datasets::Fit::stretch;  // of pictures to `image`
  datasets::Preprocessing preprocessing = datasets::Preprocessing::none;
  datasets::Normalization normalization;  // empty for local_contrast
  std::vector<float> parameters;          // flat, as in search/evaluate/libtorch/network.h
  std::vector<float> running_statistics;  // of batch normalisation
  TrainingFacts facts;
  std::optional<UnfinishedTraining> unfinished;

  // What ranks models that were trained in the same way: accuracy on the images that were held
  // back, or else in the search. Never the test error.
  std::optional<double> selection_accuracy() const;
  // The name, or "class 3".
  std::string class_name(int index) const;
};

// Is it a network that can be asked? Throws Error unless the architecture takes the input, tells
// `classes` classes apart and has as many weights and statistics, the images fill the input, and
// the names, the preprocessing and the numbers, all of them finite, are those of such a network.
void check_network(const Checkpoint& checkpoint);

// Throws FailureError where it cannot be written.
void write_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& file);
// Throws DataError naming the file, what is wrong with it, and the remedy.
Checkpoint read_checkpoint(const std::filesystem::path& file);
// Of the content of a file; `name` stands in its errors.
Checkpoint parse_checkpoint(std::string_view content, const std::string& name);
// The same, and throws DataError for one whose training has not ended.
Checkpoint read_finished_checkpoint(const std::filesystem::path& file);

}  // namespace metaqnn::search
