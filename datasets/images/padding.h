// How do images fill a network that wants larger ones, or colour?
//
// Each side gets zeros (black): floor of half of what is missing above and to the left, the rest
// below and to the right. A grey image is repeated over all channels.
//
//   ImageSet wide = pad(mnist, {3, 32, 32});   // from 1x28x28
#pragma once

#include "datasets/images/image_set.h"

namespace metaqnn::datasets {

// Zeros before and after the pixels of one side.
struct Padding {
  int before, after;
};
// Both are negative where the side is too long.
Padding padding_of(int side, int wanted);

// Throws UsageError where an image is larger than `shape`, or has other channels than that and is
// not grey.
void check_padding(const Shape& image, const Shape& shape);
ImageSet pad(const ImageSet& images, const Shape& shape);

}  // namespace metaqnn::datasets
