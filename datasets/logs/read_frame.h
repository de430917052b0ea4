// A file of any form that is read, told by its content, as a table.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "datasets/logs/data_frame.h"
#include "metaqnn/datasets/logs/log.h"

namespace metaqnn::datasets {

// The text of a file, of standard input for "-", unpacked where it is gzip and without a byte order
// mark. The file is opened once. Throws DataError naming why it cannot be read, or what it is where it is no text.
std::string read_text(const std::filesystem::path& file);

// Throws DataError naming what a text is where it is of a kind that is not read.
void refuse_other_kinds(std::string_view text, const std::string& source);

// Throws what the reader of the form does.
DataFrame data_frame_of(std::string text, const std::string& source, const LogOptions& options);
DataFrame read_data_frame(const std::filesystem::path& file, const LogOptions& options = {});

}  // namespace metaqnn::datasets
