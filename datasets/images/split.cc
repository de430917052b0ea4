#include "datasets/images/split.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>

#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"

namespace metaqnn::datasets {
namespace {

// Largest remainder method (Hamilton): each class gets the whole part of size * counts[k] /
// sum(counts), and the rest goes, one each, to the largest fractional parts; of equal ones to the
// first class. Never more than counts[k].
std::vector<int64_t> apportion(int64_t size, const std::vector<int64_t>& counts) {
  const int64_t total = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  std::vector<int64_t> shares(counts.size()), remainders(counts.size());
  int64_t left = size;
  for (size_t k = 0; k < counts.size(); ++k) {
    shares[k] = size * counts[k] / total;
    remainders[k] = size * counts[k] % total;
    left -= shares[k];
  }
  std::vector<size_t> order(counts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return remainders[a] > remainders[b]; });
  for (size_t i = 0; i < static_cast<size_t>(left); ++i) ++shares[order[i]];
  return shares;
}

void check_sizes(int64_t images, int64_t training_size, int64_t validation_size) {
  const std::string have = "the training part has " + std::to_string(images) + " images";
  if (validation_size < 0) {
    throw UsageError("validation_images is " + std::to_string(validation_size) +
                     ": expected at least 0; " + have);
  }
  if (training_size < 0) {
    throw UsageError("training_images is " + std::to_string(training_size) +
                     ": expected at least 1, or 0 for all images that do not validate");
  }
  const int64_t least_training = std::max<int64_t>(training_size, 1);
  if (validation_size > images || least_training > images - validation_size) {
    throw UsageError("training_images " + std::to_string(training_size) +
                     " and validation_images " + std::to_string(validation_size) +
                     " ask for more images than there are: " + have +
                     " and at least one must train; make one of the two smaller");
  }
}

std::vector<std::vector<int64_t>> indices_by_class(const std::vector<int32_t>& labels,
                                                   int classes) {
  std::vector<std::vector<int64_t>> indices(static_cast<size_t>(classes));
  for (size_t i = 0; i < labels.size(); ++i) {
    METAQNN_ASSERT(labels[i] >= 0 && labels[i] < classes, "label " + std::to_string(labels[i]) +
                                                              " is not from 0 to below classes " +
                                                              std::to_string(classes));
    indices[static_cast<size_t>(labels[i])].push_back(static_cast<int64_t>(i));
  }
  return indices;
}

}  // namespace

ImageSet choose(const ImageSet& all, const std::vector<int64_t>& indices) {
  const std::ptrdiff_t size = all.shape.elements();
  ImageSet chosen{all.shape, all.classes, {}, {}};
  chosen.pixels.reserve(indices.size() * static_cast<size_t>(size));
  for (const int64_t index : indices) {
    const auto begin = all.pixels.begin() + index * size;
    chosen.pixels.insert(chosen.pixels.end(), begin, begin + size);
    chosen.labels.push_back(all.labels[static_cast<size_t>(index)]);
  }
  return chosen;
}

Split stratified_split(const std::vector<int32_t>& labels, int classes, int64_t training_size,
                       int64_t validation_size, uint64_t seed) {
  const int64_t images = static_cast<int64_t>(labels.size());
  check_sizes(images, training_size, validation_size);
  if (training_size == 0) training_size = images - validation_size;

  std::vector<std::vector<int64_t>> indices = indices_by_class(labels, classes);
  std::vector<int64_t> counts;
  for (const auto& of_class : indices) counts.push_back(static_cast<int64_t>(of_class.size()));
  const std::vector<int64_t> validating = apportion(validation_size, counts);
  for (size_t k = 0; k < counts.size(); ++k) counts[k] -= validating[k];
  const std::vector<int64_t> training = apportion(training_size, counts);

  Split split;
  for (size_t k = 0; k < indices.size(); ++k) {
    Random random = Random::stream(seed, "split", k);
    shuffle(indices[k], random);
    const auto begin = indices[k].begin(), middle = begin + validating[k];
    split.validation.insert(split.validation.end(), begin, middle);
    split.training.insert(split.training.end(), middle, middle + training[k]);
  }
  std::sort(split.training.begin(), split.training.end());
  std::sort(split.validation.begin(), split.validation.end());
  return split;
}

}  // namespace metaqnn::datasets
