// How does a PNG or JPEG file become an image that a network takes?
//
//   Picture picture = read_picture("cat.jpg");
//   ImageSet one = fit_picture(picture, {3, 32, 32});   // one image, one label 0
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "datasets/images/image_set.h"

namespace metaqnn::datasets {

// height x width x 3, red, green, blue, 0..255.
struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> pixels;
};

// More pixels than any camera takes; a decompression bomb has more.
inline constexpr int64_t kLargestPicturePixels = int64_t{1} << 28;

// By content, not by name. PNG: all kinds; 16 bits are rounded to 8, transparent pixels lie on
// white. JPEG: grey and colour, not CMYK; a turn that EXIF asks for is not made. Throws DataError
// naming the file and what is wrong with it.
Picture read_picture(const std::filesystem::path& file);

// Stretched to the shape's sides: each pixel is a mean weighted by a triangle over one pixel of the
// larger grid to each side, so that what shrinks is averaged and what grows is interpolated. Grey
// (one channel) is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601). Throws UsageError for other than 1
// or 3 channels.
ImageSet fit_picture(const Picture& picture, const Shape& shape);

}  // namespace metaqnn::datasets
