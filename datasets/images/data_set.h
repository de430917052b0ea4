// Which data sets are there, what do they hold, and how are they read?
//
//   DataSet data = load_data_set({.name = "fashion_mnist"});    // found where Debian installs it
//   data.training.size();                                        // 60000
//
//   ImageSource source{.name = "folder", .folder = "pictures"};  // a folder of PNG and JPEG a class
//   look_at(source).class_names;                                 // {"bolt", "gear", ...}
//
// Of a known data set everything is known beforehand. Of an open one, `folder` and `idx`, the files
// tell, as far as the source leaves it open.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/images/image_set.h"
#include "datasets/images/picture.h"

namespace metaqnn::datasets {

// Where images are taken from, and what is made of them. All but name and folder is of open data
// sets.
struct ImageSource {
  std::string name;                   // a row of data_sets()
  std::filesystem::path folder = {};  // "" = the default folder
  std::optional<Shape> input =
      {};  // of `folder`: what each picture becomes; none = as look_at() says
  Fit fit = Fit::stretch;
  // In the order of the labels; {} = all that are found: folders by name, labels by number.
  std::vector<std::string> class_names = {};
  // Where the files have no test part, this share of them is one: stratified, and drawn with
  // `test_seed`, so that every study of these images has the same.
  double test_share = 0.2;
  uint64_t test_seed = 1;
};

// What is known of a data set before its images are read.
struct DataSetFacts {
  Shape shape{};
  std::vector<std::string> class_names;
  // To train and to validate with; of a known one: when all of its files are there.
  int64_t training_images = 0;

  int classes() const { return static_cast<int>(class_names.size()); }
};

struct DataSet {
  ImageSet training;
  ImageSet test;
  std::vector<std::string> class_names = {};
  std::vector<std::string> remarks = {};  // what was left out and why, one line each
};

// One row of the table of data sets; adding a data set is one reader plus one row in data_set.cc.
struct DataSetEntry {
  std::string name;
  std::string default_folder;         // "" where there is none
  std::string remedy;                 // in errors: what to download, from where, into which folder
  std::optional<DataSetFacts> facts;  // none of an open one
  DataSet (*load)(const ImageSource& source, const DataSetEntry& entry);
  DataSetFacts (*look)(const ImageSource& source);  // of an open one

  bool is_open() const { return !facts.has_value(); }
};

// mnist, fashion_mnist, cifar10, cifar100, svhn, svhn_extra (train + extra), folder, idx.
const std::vector<DataSetEntry>& data_sets();

// Throws UsageError naming the nearest valid name.
const DataSetEntry& find_data_set(std::string_view name);

// Opens no file of a known data set; of an open one as many as it takes, of pictures their headers.
// Throws as load_data_set() does.
DataSetFacts look_at(const ImageSource& source);

// Reads both parts. Throws DataError naming the file, the byte and what was expected there, or, where
// a file is missing, what to download, from where and into which folder; UsageError saying the same
// where no folder is given and there is no default one, and where an open data set holds too
// little. A picture that cannot be read is left out, and told.
DataSet load_data_set(const ImageSource& source);

// Readers, for tests and fuzzing. `source` names the file in errors.
ImageSet parse_idx(const std::vector<uint8_t>& image_bytes, const std::string& image_source,
                   const std::vector<uint8_t>& label_bytes, const std::string& label_source,
                   int classes);
// CIFAR's binary records: `label_bytes` bytes of label, of which the last counts, then 3x32x32
// pixels. Appends.
void append_cifar(const std::vector<uint8_t>& bytes, const std::string& source, int label_bytes,
                  ImageSet& images);

}  // namespace metaqnn::datasets
