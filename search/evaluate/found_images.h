// Which images will networks be trained on, and what about them will surprise? Looked at before a
// study is made and before a search begins, so that what images and configuration can tell costs no
// trial.
//
//   FoundImages found = find_images(configuration.data, space.input(), space.classes(), seed);
//   found.training;   // images of each class
//   found.warnings;   // "class 7 has no training image"
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metaqnn/architecture/shapes.h"
#include "metaqnn/search/evaluate/settings.h"

namespace metaqnn::search {

struct FoundImages {
  Shape shape{};
  std::vector<std::string> class_names;
  std::vector<int64_t> training, validation, test;  // images of each class
  int64_t available = 0;                            // training images, used or not
  std::vector<std::string> remarks, warnings;       // what was left out; what will surprise
};

int64_t all_of(const std::vector<int64_t>& per_class);

// Reads the images and splits them as a training does. `classes`: that networks tell apart. Throws
// UsageError where the images do not fit `input` or have labels of more classes, or where there are
// fewer than the settings ask for; DataError as datasets::load_data_set().
FoundImages find_images(const DataSettings& data, const std::optional<Shape>& input, int classes,
                        uint64_t seed);

}  // namespace metaqnn::search
