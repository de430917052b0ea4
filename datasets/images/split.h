// Which images train the network and which validate it?
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/images/image_set.h"

namespace metaqnn::datasets {

// Indices into the labels; the parts do not overlap and each is sorted.
struct Split {
  std::vector<int64_t> training;
  std::vector<int64_t> validation;
};

// Stratified: `validation_size` images validate, with the classes in the proportion of `labels`;
// `training_size` of the rest train, or all the rest where it is 0, with the classes in the
// proportion of the rest; both to within one image per class (largest remainders). A function of
// (labels, sizes, seed); the validation part does not depend on training_size. Throws UsageError
// where the two sizes ask for more images than there are, none is left to train, or one
// is negative.
Split stratified_split(const std::vector<int32_t>& labels, int classes, int64_t training_size,
                       int64_t validation_size, uint64_t seed);

// The images at these indices, in their order.
ImageSet choose(const ImageSet& all, const std::vector<int64_t>& indices);

}  // namespace metaqnn::datasets
