// A project folder of KerasTuner or AutoKeras (keras.io/keras_tuner) as a table: a trial is a row,
// its hyperparameters and metrics are columns, its best metrics over the steps by their direction.
// The objective is the metric that is the score in every trial.
#pragma once

#include <filesystem>
#include <optional>

#include "datasets/logs/data_frame.h"

namespace metaqnn::datasets {

// What holds trial_*/trial.json: the folder itself, or a project in it, as directory and project_name are
// two arguments there. Throws UsageError naming them where it has several.
std::optional<std::filesystem::path> keras_tuner_folder(const std::filesystem::path& folder);

// Throws DataError naming a trial that cannot be read.
DataFrame read_keras_tuner_folder(const std::filesystem::path& folder);

}  // namespace metaqnn::datasets
