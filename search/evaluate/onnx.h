// How does a trained network run where there is no LibTorch: in OpenCV, in a browser, on a phone?
//
// As an ONNX model (IR version 7, opset 13), whose operators are standard ones alone:
//
//   images         n x channels x height x width, float32, pixels from 0 to 1
//   probabilities  n x classes, float32
//
// The shape is the checkpoint's `image`; padding and preprocessing are inside. Batch normalisation
// is part of the weights before it, if there are any. `metadata_props` holds class_names (a JSON array), architecture,
// image, data_set, and fit: how a picture of other proportions fills an image.
//
//   write_onnx(read_finished_checkpoint("trial-42.checkpoint"), program_version(), "net.onnx");
#pragma once

#include <filesystem>
#include <string>

#include "search/evaluate/checkpoint.h"

namespace metaqnn::search {

// The content of the file; `version` is that of the program that makes it. Throws what
// check_network() throws, and UsageError for a network of 2 GiB, the most that an ONNX file holds.
std::string to_onnx(const Checkpoint& checkpoint, const std::string& version);

// Throws what write_file() does where it cannot be written (base/output_file.h).
void write_onnx(const Checkpoint& checkpoint, const std::string& version,
                const std::filesystem::path& file);

}  // namespace metaqnn::search
