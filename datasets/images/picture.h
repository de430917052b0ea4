// How does a PNG or JPEG file become an image that a network takes?
//
//   Picture picture = read_picture("cat.jpg");
//   ImageSet one = fit_picture(picture, {3, 32, 32}, Fit::crop);   // one image, one label 0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/images/image_set.h"

namespace metaqnn::datasets {

inline constexpr size_t kColours = 3;  // red, green, blue

// height x width x 3, 0..255, the right way up.
struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> pixels;
};

// More pixels than any camera takes; a decompression bomb has more.
inline constexpr int64_t kLargestPicturePixels = int64_t{1} << 28;

// By content, not by name. PNG: all kinds; 16 bits are rounded to 8, transparent pixels lie on
// white. JPEG: grey and colour, not CMYK; turned as its EXIF orientation says (CIPA DC-008, tag
// 0x0112). `wanted`: for what it is read; a JPEG that is more than four times as wide and high is
// then decoded at a half, a quarter or an eighth of its size, and is still at least twice as large.
// Throws DataError naming the file and what is wrong with it.
Picture read_picture(const std::filesystem::path& file,
                     const std::optional<Shape>& wanted = std::nullopt);

// What its header says, the right way up; of a damaged file perhaps something else than what it
// holds. Throws DataError as read_picture() does.
struct PictureSize {
  int width = 0, height = 0;
  bool is_grey = false;  // stored without colours
};
PictureSize picture_size(const std::filesystem::path& file);

// How a picture of other proportions fills an image: stretched to its sides; its middle, cut to
// their proportion; or whole, with black beside it.
enum class Fit { stretch, crop, pad };
Fit parse_fit(std::string_view name);  // throws UsageError naming the valid values
std::string to_string(Fit fit);
std::vector<std::string> fit_names();

// Each pixel of a smaller image is the mean of the area of the picture that it covers; where the
// picture grows, pixels are interpolated between the centres of its own. Grey (one channel) is 0.299
// R + 0.587 G + 0.114 B (ITU-R BT.601). Throws UsageError for other than 1 or 3 channels.
ImageSet fit_picture(const Picture& picture, const Shape& shape, Fit fit = Fit::stretch);

}  // namespace metaqnn::datasets
