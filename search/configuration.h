// Everything a search can be told, as one value: read from a TOML file, written back whole into the
// study.
//
//   Configuration configuration = read_configuration("experiments/fashion_mnist_quick.toml");
//   Space space = build_space(configuration);
//   to_toml(configuration);  // every key, so that a study repeats itself even when defaults change
//
// Sections [data], [space], [strategy], [objective], [evaluator], [stopping], [final] and the top-level keys seed, workers,
// device; `metaqnn config --defaults` prints all of them with comments. Unknown keys, wrong types
// and values out of range are UsageErrors with file, line and, for an unknown key, the nearest
// valid one. Relative paths are relative to the file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "metaqnn/search/agent/strategy.h"
#include "metaqnn/search/evaluate/settings.h"
#include "metaqnn/search/space/space.h"

namespace metaqnn::search {

struct SpaceSettings {
  std::string kind = "cnn";  // cnn, sequence
  std::string input;         // "3x32x32"; "" = that of the data set
  int classes = 0;           // 0 = those of the data set
  CnnSpaceSettings cnn;      // its input and classes are filled in from the above
  SequenceSpaceSettings sequence;

  bool is_sequence() const { return kind == "sequence"; }
};

struct Configuration {
  uint64_t seed = 1;
  int workers = 1;
  std::string device = "auto";
  DataSettings data;
  SpaceSettings space;
  StrategySettings strategy;
  EvaluatorSettings evaluator;
  StoppingSettings stopping;
  FinalSettings final_training;
};

Configuration read_configuration(const std::filesystem::path& file);
// `source` names the text in errors; relative paths are taken from `folder`.
Configuration parse_configuration(std::string_view text, const std::string& source,
                                  const std::filesystem::path& folder);

// What a configuration leaves open is told: a study keeps such a one, so that it repeats itself even
// where defaults, a table or a folder of pictures change. From a table come its measure and direction;
// from images of an open data set (`folder`, `idx`) their input and class names; and from the number
// of images, where these are 0:
//
//   validation_images   a fifth of the training part
//   batch_size          128, or the power of 2 that makes an epoch at least 30 steps; 16 at least
//   epochs              as many as make 1,200 steps; from 20 to 100
//   learning_rate_every a third of the epochs
//   chance_epochs       as many as make 300 steps
//
// Throws what reading the table or looking at the images throws, and UsageError where something has to
// be told.
Configuration settled(Configuration configuration);
// Where `requested` leaves open what `stored` has, it becomes that: a configuration given again to
// resume the study that was made with it.
Configuration settled_as(Configuration requested, const Configuration& stored);

// Every key with its value. Reading it back gives an equal configuration.
std::string to_toml(const Configuration& configuration);
// The same with a comment above each key: what it does, its unit and its choices.
std::string commented_toml(const Configuration& configuration);

// The first lines that differ between two results of to_toml(); nothing where they are equal.
std::optional<std::pair<std::string, std::string>> first_difference(const std::string& a,
                                                                    const std::string& b);

// The space of a configuration. Throws UsageError where a CNN space knows neither input nor data
// set.
Space build_space(const Configuration& configuration);

}  // namespace metaqnn::search
