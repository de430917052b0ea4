#include "datasets/images/padding.h"

#include <algorithm>

#include "metaqnn/base/error.h"

namespace metaqnn::datasets {

Padding padding_of(int side, int wanted) {
  const int before = (wanted - side) / 2;
  return {before, wanted - side - before};
}

void check_padding(const Shape& image, const Shape& shape) {
  const bool channels_fit = image.channels == shape.channels || image.channels == 1;
  if (channels_fit && image.height <= shape.height && image.width <= shape.width) return;
  throw UsageError("images of " + to_string(image) + " do not fit a network for " +
                   to_string(shape) +
                   ": smaller ones are padded and grey ones repeated over the channels, nothing "
                   "else; choose a network for images at least as large, and for colour if they "
                   "have it");
}

ImageSet pad(const ImageSet& images, const Shape& shape) {
  const Shape& from = images.shape;
  check_padding(from, shape);
  if (from == shape) return images;
  ImageSet padded{shape, images.classes, {}, images.labels};
  padded.pixels.resize(static_cast<size_t>(images.size() * shape.elements()));
  const int top = padding_of(from.height, shape.height).before;
  const int left = padding_of(from.width, shape.width).before;
  for (int64_t n = 0; n < images.size(); ++n) {
    for (int channel = 0; channel < shape.channels; ++channel) {
      const int source = from.channels == 1 ? 0 : channel;
      for (int y = 0; y < from.height; ++y) {
        const auto* row =
            images.pixels.data() + ((n * from.channels + source) * from.height + y) * from.width;
        std::copy_n(row, from.width,
                    padded.pixels.data() +
                        ((n * shape.channels + channel) * shape.height + top + y) * shape.width +
                        left);
      }
    }
  }
  return padded;
}

}  // namespace metaqnn::datasets
