// Which data sets are known, where do they come from, and how are they read?
//
//   DataSet data = load_data_set("fashion_mnist", "");      // found where Debian installs it
//   data.training.size();                                    // 60000
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/images/image_set.h"

namespace metaqnn::datasets {

struct DataSet {
  ImageSet training;
  ImageSet test;
};

// One row of the table of data sets; adding a data set is one reader plus one row in data_set.cc.
struct DataSetEntry {
  std::string name;
  Shape shape;
  int classes;
  int64_t training_images;     // when all of its files are there
  std::string default_folder;  // "" where there is none
  std::vector<std::string> class_names;
  std::string download;  // what, from where, into which folder: the remedy in errors
  DataSet (*load)(const std::filesystem::path& folder);
};

// mnist, fashion_mnist, cifar10, cifar100, svhn, svhn_extra (train + extra).
const std::vector<DataSetEntry>& data_sets();

// Throws UsageError naming the nearest valid name.
const DataSetEntry& find_data_set(std::string_view name);

// Reads both parts; `folder` "" means the default folder. Throws DataError naming the file, the
// byte and what was expected there, or, where a file is missing, what to download, from where and
// into which folder; UsageError saying the same where `folder` is "" and there is no default
// folder.
DataSet load_data_set(std::string_view name, const std::filesystem::path& folder);

// Readers, for tests and fuzzing. `source` names the file in errors.
ImageSet parse_idx(const std::vector<uint8_t>& image_bytes, const std::string& image_source,
                   const std::vector<uint8_t>& label_bytes, const std::string& label_source,
                   int classes);
// CIFAR's binary records: `label_bytes` bytes of label, of which the last counts, then 3x32x32
// pixels. Appends.
void append_cifar(const std::vector<uint8_t>& bytes, const std::string& source, int label_bytes,
                  ImageSet& images);

}  // namespace metaqnn::datasets
