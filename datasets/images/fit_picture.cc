#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "base/foreign_text.h"
#include "base/names.h"
#include "datasets/images/picture.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

// The part of one side of a picture that is shown, and on how many pixels.
struct Side {
  double begin = 0, extent = 0;
  int pixels = 0;
};

// Which pixels of a side make one pixel of the image, and their weights, which sum to 1.
struct Mix {
  int first = 0;
  std::vector<float> weights;
};

std::vector<Mix> mixes(int from, const Side& side) {
  const double step = side.extent / side.pixels;
  std::vector<Mix> all(static_cast<size_t>(side.pixels));
  for (int i = 0; i < side.pixels; ++i) {
    const double begin = side.begin + i * step, centre = begin + step / 2;
    const double reach = std::max(step / 2, 1.0);
    const int first = std::clamp(static_cast<int>(std::floor(centre - reach)), 0, from - 1);
    const int last = std::clamp(static_cast<int>(std::ceil(centre + reach)), 0, from - 1);
    std::vector<double> weights;
    for (int k = first; k <= last; ++k) {
      const double overlap =
          std::min(begin + step, k + 1.0) - std::max(begin, static_cast<double>(k));
      weights.push_back(std::max(0.0, step > 1 ? overlap : 1 - std::abs(k + 0.5 - centre)));
    }
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    Mix& mix = all[static_cast<size_t>(i)];
    mix.first = first;
    for (const double weight : weights) mix.weights.push_back(static_cast<float>(weight / sum));
  }
  return all;
}

// rows.pixels x columns.pixels x 3, 0 to 255.
std::vector<float> resize(const Picture& picture, const Side& rows, const Side& columns) {
  const auto height = static_cast<size_t>(picture.height),
             width = static_cast<size_t>(picture.width);
  if (rows.pixels == picture.height && rows.extent == rows.pixels &&
      columns.pixels == picture.width && columns.extent == columns.pixels)
    return {picture.pixels.begin(), picture.pixels.end()};
  const std::vector<Mix> column_mixes = mixes(picture.width, columns),
                         row_mixes = mixes(picture.height, rows);
  const size_t line = column_mixes.size() * kColours;
  std::vector<float> narrow(height * line);
  for (size_t y = 0; y < height; ++y) {
    const uint8_t* source = picture.pixels.data() + y * width * kColours;
    float* target = narrow.data() + y * line;
    for (const Mix& mix : column_mixes) {
      const uint8_t* pixel = source + static_cast<size_t>(mix.first) * kColours;
      for (const float weight : mix.weights) {
        for (size_t c = 0; c < kColours; ++c) target[c] += weight * pixel[c];
        pixel += kColours;
      }
      target += kColours;
    }
  }
  std::vector<float> small(row_mixes.size() * line);
  for (size_t y = 0; y < row_mixes.size(); ++y) {
    const Mix& mix = row_mixes[y];
    float* target = small.data() + y * line;
    for (size_t k = 0; k < mix.weights.size(); ++k) {
      const float* source = narrow.data() + (static_cast<size_t>(mix.first) + k) * line;
      for (size_t i = 0; i < line; ++i) target[i] += mix.weights[k] * source[i];
    }
  }
  return small;
}

// What is shown of a picture, and where on the image: from `top` and `left` on.
struct Placement {
  Side rows, columns;
  int top = 0, left = 0;
};

Placement place(const Picture& picture, const Shape& shape, Fit fit) {
  const double width = picture.width, height = picture.height;
  Placement placement{{0, height, shape.height}, {0, width, shape.width}};
  const double across = shape.width / width, down = shape.height / height;
  if (fit == Fit::crop) {
    const double scale = std::max(across, down);
    placement.rows.extent = shape.height / scale;
    placement.columns.extent = shape.width / scale;
    placement.rows.begin = (height - placement.rows.extent) / 2;
    placement.columns.begin = (width - placement.columns.extent) / 2;
  } else if (fit == Fit::pad) {
    const double scale = std::min(across, down);
    placement.rows.pixels =
        std::clamp(static_cast<int>(std::lround(height * scale)), 1, shape.height);
    placement.columns.pixels =
        std::clamp(static_cast<int>(std::lround(width * scale)), 1, shape.width);
    placement.top = (shape.height - placement.rows.pixels) / 2;
    placement.left = (shape.width - placement.columns.pixels) / 2;
  }
  return placement;
}

uint8_t to_pixel(double value) {
  return static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

const std::vector<std::pair<std::string, Fit>> kFits{
    {"stretch", Fit::stretch}, {"crop", Fit::crop}, {"pad", Fit::pad}};

}  // namespace

std::vector<std::string> fit_names() {
  std::vector<std::string> names;
  for (const auto& [name, fit] : kFits) names.push_back(name);
  return names;
}

std::string to_string(Fit fit) {
  const auto found = std::find_if(kFits.begin(), kFits.end(),
                                  [fit](const auto& entry) { return entry.second == fit; });
  return found->first;
}

Fit parse_fit(std::string_view name) {
  for (const auto& [known, fit] : kFits) {
    if (known == name) return fit;
  }
  throw UsageError("fit \"" + shown(name) + "\" is not known; use " + list_names(fit_names()));
}

ImageSet fit_picture(const Picture& picture, const Shape& shape, Fit fit) {
  if (shape.channels != 1 && shape.channels != kColours) {
    throw UsageError("a picture has 1 or 3 channels, the network wants " +
                     std::to_string(shape.channels));
  }
  const Placement placement = place(picture, shape, fit);
  const std::vector<float> resized = resize(picture, placement.rows, placement.columns);
  ImageSet image{shape, 1, std::vector<uint8_t>(static_cast<size_t>(shape.elements())), {0}};
  const auto width = static_cast<size_t>(shape.width),
             positions = static_cast<size_t>(shape.height) * width;
  const float* rgb = resized.data();
  for (int y = 0; y < placement.rows.pixels; ++y) {
    size_t at =
        static_cast<size_t>(placement.top + y) * width + static_cast<size_t>(placement.left);
    for (int x = 0; x < placement.columns.pixels; ++x, ++at, rgb += kColours) {
      if (shape.channels == 1) {
        image.pixels[at] = to_pixel(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]);
      } else {
        for (size_t c = 0; c < kColours; ++c) image.pixels[c * positions + at] = to_pixel(rgb[c]);
      }
    }
  }
  return image;
}

}  // namespace metaqnn::datasets
