#include "datasets/images/picture.h"

#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "datasets/images/file.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

constexpr int kColours = 3;

void check_size(int64_t width, int64_t height, const std::string& source) {
  if (width >= 1 && height >= 1 && width * height <= kLargestPicturePixels) return;
  throw DataError(source + ": is " + std::to_string(width) + " x " + std::to_string(height) +
                  " pixels; at least 1 and at most " + std::to_string(kLargestPicturePixels) +
                  " are read");
}

Picture blank(int64_t width, int64_t height, const std::string& source) {
  check_size(width, height, source);
  return {static_cast<int>(width), static_cast<int>(height),
          std::vector<uint8_t>(static_cast<size_t>(width * height * kColours))};
}

Picture decode_png(const std::vector<uint8_t>& bytes, const std::string& source) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const auto refuse = [&] {
    const std::string reason = image.message;
    png_image_free(&image);
    throw DataError(source + ": the PNG is damaged (" + reason + ")");
  };
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) refuse();
  image.format = PNG_FORMAT_RGB;
  Picture picture;
  try {
    picture = blank(image.width, image.height, source);
  } catch (const DataError&) {
    png_image_free(&image);
    throw;
  }
  const png_color white{255, 255, 255};
  if (png_image_finish_read(&image, &white, picture.pixels.data(), 0, nullptr) == 0) refuse();
  return picture;
}

Picture decode_jpeg(const std::vector<uint8_t>& bytes, const std::string& source) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  if (!decoder) throw FailureError("the JPEG decoder could not start: out of memory");
  const auto refuse = [&] {
    throw DataError(source + ": the JPEG is damaged or of a kind that is not read (" +
                    tjGetErrorStr2(decoder.get()) + ")");
  };
  int width = 0, height = 0, subsampling = 0, colours = 0;
  const auto size = static_cast<unsigned long>(bytes.size());
  if (tjDecompressHeader3(decoder.get(), bytes.data(), size, &width, &height, &subsampling,
                          &colours) != 0)
    refuse();
  Picture picture = blank(width, height, source);
  if (tjDecompress2(decoder.get(), bytes.data(), size, picture.pixels.data(), width, 0, height,
                    TJPF_RGB, TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING) != 0)
    refuse();
  return picture;
}

// Which pixels of a side make one pixel of the other, and their weights, which sum to 1.
struct Mix {
  int first = 0;
  std::vector<double> weights;
};

std::vector<Mix> mixes(int from, int to) {
  const double step = static_cast<double>(from) / to, reach = std::max(step, 1.0);
  std::vector<Mix> all(static_cast<size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * step;
    const int first = std::max(0, static_cast<int>(std::floor(centre - reach)));
    const int last = std::min(from - 1, static_cast<int>(std::ceil(centre + reach)));
    Mix& mix = all[static_cast<size_t>(i)];
    mix.first = first;
    double sum = 0;
    for (int k = first; k <= last; ++k) {
      mix.weights.push_back(std::max(0.0, 1 - std::abs(k + 0.5 - centre) / reach));
      sum += mix.weights.back();
    }
    for (double& weight : mix.weights) weight /= sum;
  }
  return all;
}

// height x width x 3 of doubles.
std::vector<double> resize(const Picture& picture, int height, int width) {
  const std::vector<Mix> columns = mixes(picture.width, width),
                         rows = mixes(picture.height, height);
  const auto line = static_cast<size_t>(width) * kColours;
  std::vector<double> narrow(static_cast<size_t>(picture.height) * line);
  for (size_t y = 0; y < static_cast<size_t>(picture.height); ++y) {
    const uint8_t* source =
        picture.pixels.data() + y * static_cast<size_t>(picture.width) * kColours;
    for (size_t i = 0; i < line; ++i) {
      const Mix& mix = columns[i / kColours];
      const uint8_t* pixel = source + static_cast<size_t>(mix.first) * kColours + i % kColours;
      for (size_t k = 0; k < mix.weights.size(); ++k)
        narrow[y * line + i] += mix.weights[k] * pixel[k * kColours];
    }
  }
  std::vector<double> small(static_cast<size_t>(height) * line);
  for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
    const Mix& mix = rows[y];
    for (size_t k = 0; k < mix.weights.size(); ++k) {
      const double* source = narrow.data() + (static_cast<size_t>(mix.first) + k) * line;
      for (size_t i = 0; i < line; ++i) small[y * line + i] += mix.weights[k] * source[i];
    }
  }
  return small;
}

uint8_t to_pixel(double value) {
  return static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

}  // namespace

Picture read_picture(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    throw DataError(
        file.string() +
        (std::filesystem::exists(file, error) ? ": no regular file" : ": no such file") +
        "; give a PNG or JPEG file");
  }
  const std::vector<uint8_t> bytes = read_file(file);
  const std::vector<uint8_t> png{0x89, 'P', 'N', 'G'}, jpeg{0xff, 0xd8, 0xff};
  const auto begins_with = [&](const std::vector<uint8_t>& magic) {
    return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
  };
  if (begins_with(png)) return decode_png(bytes, file.string());
  if (begins_with(jpeg)) return decode_jpeg(bytes, file.string());
  throw DataError(file.string() + ": is neither PNG nor JPEG; convert it to one of them");
}

ImageSet fit_picture(const Picture& picture, const Shape& shape) {
  if (shape.channels != 1 && shape.channels != kColours) {
    throw UsageError("a picture has 1 or 3 channels, the network wants " +
                     std::to_string(shape.channels));
  }
  const std::vector<double> resized = resize(picture, shape.height, shape.width);
  const size_t positions = resized.size() / kColours;
  ImageSet image{shape, 1, std::vector<uint8_t>(static_cast<size_t>(shape.elements())), {0}};
  for (size_t i = 0; i < positions; ++i) {
    const double* rgb = resized.data() + i * kColours;
    if (shape.channels == 1) {
      image.pixels[i] = to_pixel(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]);
    } else {
      for (size_t c = 0; c < kColours; ++c) image.pixels[c * positions + i] = to_pixel(rgb[c]);
    }
  }
  return image;
}

}  // namespace metaqnn::datasets
