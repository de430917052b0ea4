#include "search/evaluate/found_images.h"

#include <algorithm>
#include <numeric>

#include "datasets/images/data_set.h"
#include "datasets/images/split.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "search/evaluate/image_source.h"

namespace metaqnn::search {
namespace {

// Above this share every network that learns nothing seems to be good.
constexpr double kDominant = 0.8;
constexpr size_t kMostNamed = 5;

std::string percent(int64_t part, int64_t all) {
  return std::to_string(100 * part / std::max<int64_t>(all, 1)) + "%";
}

std::vector<int64_t> count_labels(const std::vector<int32_t>& labels, int classes) {
  std::vector<int64_t> counts(static_cast<size_t>(classes));
  for (int32_t label : labels) ++counts[static_cast<size_t>(label)];
  return counts;
}

std::vector<int64_t> count_labels(const std::vector<int32_t>& labels,
                                  const std::vector<int64_t>& which, int classes) {
  std::vector<int64_t> counts(static_cast<size_t>(classes));
  for (int64_t i : which) ++counts[static_cast<size_t>(labels[static_cast<size_t>(i)])];
  return counts;
}

void check_shape(const DataSettings& data, const Shape& shape, const std::optional<Shape>& input) {
  if (!input || *input == shape) return;
  throw UsageError("space.input is " + to_string(*input) + ", but the images of " + data.name +
                   " are " + to_string(shape) + "; leave space.input out");
}

void check_classes(const DataSettings& data, const datasets::ImageSet& images, int classes) {
  const auto largest = std::max_element(images.labels.begin(), images.labels.end());
  if (largest == images.labels.end() || *largest < classes) return;
  throw UsageError("space.classes is " + std::to_string(classes) + ", but " + data.name +
                   " has an image with label " + std::to_string(*largest) +
                   "; leave space.classes out, or set it to at least " +
                   std::to_string(*largest + 1));
}

class Warnings {
 public:
  Warnings(FoundImages& found, int classes)
      : found_(found), classes_(std::min(found.training.size(), static_cast<size_t>(classes))) {}

  void add_all(int64_t expected) {
    missing_files(expected);
    absent_classes("training", found_.training);
    absent_classes("validation", found_.validation);
    dominant_class();
  }

 private:
  void missing_files(int64_t expected) {
    if (found_.available == expected) return;
    add(std::to_string(found_.available) + " training images are there, the whole data set has " +
        std::to_string(expected) + ": a file may be missing");
  }

  // Of those that networks tell apart.
  void absent_classes(const char* part, const std::vector<int64_t>& counts) {
    std::string names;
    size_t absent = 0;
    for (size_t k = 0; k < classes_; ++k) {
      if (counts[k] > 0) continue;
      if (++absent <= kMostNamed) names += (absent > 1 ? ", " : "") + found_.class_names[k];
    }
    if (absent == 0 || absent == classes_) return;
    if (absent > kMostNamed) names += " and " + std::to_string(absent - kMostNamed) + " more";
    add(std::string("no ") + part + " image of the class" + (absent > 1 ? "es " : " ") + names);
  }

  void dominant_class() {
    const auto largest = std::max_element(found_.validation.begin(), found_.validation.end());
    const int64_t all = all_of(found_.validation);
    const std::string name =
        found_.class_names[static_cast<size_t>(largest - found_.validation.begin())];
    if (*largest == all) {
      add("all validation images are of the class " + name + ": every network is right on all");
    } else if (static_cast<double>(*largest) > kDominant * static_cast<double>(all)) {
      add(percent(*largest, all) + " of the validation images are of the class " + name +
          ": so often is a network right that has learned nothing");
    }
  }

  void add(std::string warning) { found_.warnings.push_back(std::move(warning)); }

  FoundImages& found_;
  size_t classes_;
};

}  // namespace

int64_t all_of(const std::vector<int64_t>& per_class) {
  return std::accumulate(per_class.begin(), per_class.end(), int64_t{0});
}

FoundImages find_images(const DataSettings& data, const std::optional<Shape>& input, int classes,
                        uint64_t seed) {
  const datasets::DataSetEntry& entry = datasets::find_data_set(data.name);
  const datasets::DataSet images = datasets::load_data_set(image_source(data));
  check_shape(data, images.training.shape, input);
  check_classes(data, images.training, classes);
  check_classes(data, images.test, classes);
  const std::vector<int32_t>& labels = images.training.labels;
  const datasets::Split split =
      datasets::stratified_split(labels, images.training.classes, data.training_images,
                                 data.validation_images, Random::stream(seed, "split")());
  FoundImages found;
  found.shape = images.training.shape;
  found.class_names = images.class_names;
  found.remarks = images.remarks;
  found.available = images.training.size();
  found.training = count_labels(labels, split.training, images.training.classes);
  found.validation = count_labels(labels, split.validation, images.training.classes);
  found.test = count_labels(images.test.labels, images.training.classes);
  Warnings(found, classes)
      .add_all(entry.is_open() ? found.available : entry.facts->training_images);
  return found;
}

}  // namespace metaqnn::search
