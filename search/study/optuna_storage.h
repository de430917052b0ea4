// Studies of Optuna in an SQLite database, as a table (datasets/logs/optuna.h). Nothing is written.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "datasets/logs/data_frame.h"

namespace metaqnn::search {

// Whether a file of this text is an SQLite database.
bool is_sqlite(std::string_view text);

// Storages of Optuna 2.4 and later, told apart by their columns. Throws DataError for an older one,
// naming the remedy, and for any other database, naming what it is; UsageError as optuna_frame().
datasets::DataFrame read_optuna_storage(const std::filesystem::path& file,
                                        const std::string& study_name);

}  // namespace metaqnn::search
