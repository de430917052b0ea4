// Studies of Optuna in an SQLite database, as a table (datasets/logs/optuna.h). Nothing is written.
#pragma once

#include <filesystem>
#include <string>

#include "datasets/logs/data_frame.h"

namespace metaqnn::search {

// Storages of Optuna 2.4 and later, told apart by their columns. Throws DataError for an older one,
// naming the remedy, and for any other database, naming what it is; UsageError as optuna_frame().
datasets::DataFrame read_optuna_storage(const std::filesystem::path& file,
                                        const std::string& study_name);

// A file or folder of any form that datasets::read_data_frame() reads, or such a storage: told by its
// content, read once.
datasets::DataFrame read_any_frame(const std::filesystem::path& file,
                                   const datasets::LogOptions& options);

}  // namespace metaqnn::search
