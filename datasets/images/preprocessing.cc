#include "datasets/images/preprocessing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "base/foreign_text.h"
#include "base/names.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

constexpr std::array<std::pair<Preprocessing, const char*>, 4> kNames{{
    {Preprocessing::none, "none"},
    {Preprocessing::mean, "mean"},
    {Preprocessing::standardize, "standardize"},
    {Preprocessing::local_contrast, "local_contrast"},
}};

constexpr double kWhite = 255.0;
constexpr double kSmallestDeviation = 1e-2;

struct PixelStatistics {
  std::vector<double> mean, deviation;  // of x/255
};

// Sums of whole numbers are exact, so that the order of the images changes nothing.
PixelStatistics pixel_statistics(const ImageSet& images, const std::vector<int64_t>& training) {
  const size_t elements = static_cast<size_t>(images.shape.elements());
  std::vector<uint64_t> sums(elements), squares(elements);
  for (const int64_t image : training) {
    METAQNN_ASSERT(image >= 0 && image < images.size(),
                   "image " + std::to_string(image) + " of " + std::to_string(images.size()));
    const uint8_t* pixels = images.pixels.data() + static_cast<size_t>(image) * elements;
    for (size_t i = 0; i < elements; ++i) {
      const uint32_t pixel = pixels[i];
      sums[i] += pixel;
      squares[i] += pixel * pixel;
    }
  }
  PixelStatistics statistics{std::vector<double>(elements), std::vector<double>(elements)};
  const double count = static_cast<double>(training.size());
  for (size_t i = 0; i < elements; ++i) {
    const double mean = static_cast<double>(sums[i]) / count;
    const double variance = static_cast<double>(squares[i]) / count - mean * mean;
    statistics.mean[i] = mean / kWhite;
    statistics.deviation[i] = std::sqrt(std::max(variance, 0.0)) / kWhite;
  }
  return statistics;
}

// The Gaussian window along one side. weights[k * side + i] weighs position i + k - kReach in the
// mean around position i; the weights of a position sum to 1 over those that exist. A rectangle's
// edges cut the two-dimensional window into a rectangle, so renormalising along each side
// renormalises the whole.
class Window {
 public:
  static constexpr int kReach = kContrastReach;
  static constexpr double kStandardDeviation = kContrastDeviation;

  explicit Window(int side)
      : side_(side), weights_(static_cast<size_t>(2 * kReach + 1) * static_cast<size_t>(side)) {
    for (int i = 0; i < side; ++i) {
      double sum = 0;
      for (int offset = -kReach; offset <= kReach; ++offset) sum += gaussian(offset, i);
      for (int offset = -kReach; offset <= kReach; ++offset) {
        weights_[index(offset, i)] = static_cast<float>(gaussian(offset, i) / sum);
      }
    }
  }

  const float* at(int offset) const { return weights_.data() + index(offset, 0); }
  // Positions from first to before last have a neighbour at `offset`.
  int first(int offset) const { return std::min(side_, std::max(0, -offset)); }
  int last(int offset) const { return std::max(first(offset), std::min(side_, side_ - offset)); }

 private:
  size_t index(int offset, int i) const {
    return static_cast<size_t>(offset + kReach) * static_cast<size_t>(side_) +
           static_cast<size_t>(i);
  }
  double gaussian(int offset, int i) const {
    if (i + offset < 0 || i + offset >= side_) return 0;
    return std::exp(-offset * offset / (2 * kStandardDeviation * kStandardDeviation));
  }

  int side_;
  std::vector<float> weights_;
};

// Works on one plane (height x width) at a time; the buffers are kept from plane to plane.
class ContrastNormalizer {
 public:
  ContrastNormalizer(int height, int width)
      : height_(height),
        width_(width),
        rows_(height),
        columns_(width),
        size_(static_cast<size_t>(height) * static_cast<size_t>(width)),
        values_(size_),
        rows_done_(size_),
        blurred_(size_) {}

  void normalize(const uint8_t* pixels, float* out) {
    // v does not change when a constant is added to x. Subtracting a pixel makes a flat plane
    // exactly 0, where rounding errors would otherwise be divided by their own size.
    for (size_t i = 0; i < size_; ++i) values_[i] = static_cast<float>(pixels[i] - pixels[0]);
    blur(values_.data());
    for (size_t i = 0; i < size_; ++i) {
      out[i] = values_[i] - blurred_[i];
      values_[i] = out[i] * out[i];
    }
    blur(values_.data());
    double sum = 0;
    for (float& deviation : blurred_) {
      deviation = std::sqrt(deviation);
      sum += static_cast<double>(deviation);
    }
    if (sum == 0) return;  // a flat plane: out is 0
    const float smallest = static_cast<float>(sum / static_cast<double>(size_));
    for (size_t i = 0; i < size_; ++i) out[i] /= std::max(smallest, blurred_[i]);
  }

 private:
  // blurred_ = G * in, along the rows and then along the columns. The inner loops run along a row
  // for the sake of SIMD.
  void blur(const float* in) {
    std::fill(rows_done_.begin(), rows_done_.end(), 0.0F);
    std::fill(blurred_.begin(), blurred_.end(), 0.0F);
    for (int y = 0; y < height_; ++y) {
      for (int offset = -Window::kReach; offset <= Window::kReach; ++offset) {
        const float* weights = columns_.at(offset);
        const float* from = in + row(y);
        float* to = rows_done_.data() + row(y);
        const int last = columns_.last(offset);
        for (int x = columns_.first(offset); x < last; ++x) to[x] += weights[x] * from[x + offset];
      }
    }
    for (int offset = -Window::kReach; offset <= Window::kReach; ++offset) {
      const int last = rows_.last(offset);
      for (int y = rows_.first(offset); y < last; ++y) {
        const float weight = rows_.at(offset)[y];
        const float* from = rows_done_.data() + row(y + offset);
        float* to = blurred_.data() + row(y);
        for (int x = 0; x < width_; ++x) to[x] += weight * from[x];
      }
    }
  }

  ptrdiff_t row(int y) const { return ptrdiff_t{y} * width_; }

  int height_, width_;
  Window rows_, columns_;
  size_t size_;
  std::vector<float> values_, rows_done_, blurred_;
};

}  // namespace

Preprocessing parse_preprocessing(std::string_view name) {
  std::vector<std::string> valid;
  std::string list;
  for (const auto& [preprocessing, valid_name] : kNames) {
    if (name == valid_name) return preprocessing;
    valid.emplace_back(valid_name);
    list += (list.empty() ? "" : ", ") + valid.back();
  }
  throw UsageError("unknown preprocessing \"" + shown(name) + "\": expected one of " + list +
                   "; did you mean \"" + nearest_name(name, valid) + "\"?");
}

std::string to_string(Preprocessing preprocessing) {
  for (const auto& [value, name] : kNames) {
    if (value == preprocessing) return name;
  }
  METAQNN_ASSERT(false, "preprocessing " + std::to_string(static_cast<int>(preprocessing)));
}

Normalization fit_normalization(const ImageSet& images, const std::vector<int64_t>& training,
                                Preprocessing preprocessing) {
  METAQNN_ASSERT(preprocessing != Preprocessing::local_contrast,
                 "local_contrast is not a scale and a shift");
  const size_t elements = static_cast<size_t>(images.shape.elements());
  Normalization normalization{std::vector<float>(elements, static_cast<float>(1 / kWhite)),
                              std::vector<float>(elements, 0.0F)};
  if (preprocessing == Preprocessing::none) return normalization;
  METAQNN_ASSERT(!training.empty(), "statistics over 0 images");
  const PixelStatistics statistics = pixel_statistics(images, training);
  const bool divide = preprocessing == Preprocessing::standardize;
  for (size_t i = 0; i < elements; ++i) {
    const double divisor = divide ? std::max(statistics.deviation[i], kSmallestDeviation) : 1.0;
    normalization.scale[i] = static_cast<float>(1 / (kWhite * divisor));
    normalization.shift[i] = static_cast<float>(-statistics.mean[i] / divisor);
  }
  return normalization;
}

std::vector<float> local_contrast_normalization(const ImageSet& images) {
  std::vector<float> result(images.pixels.size());
  ContrastNormalizer normalizer(images.shape.height, images.shape.width);
  const size_t plane =
      static_cast<size_t>(images.shape.height) * static_cast<size_t>(images.shape.width);
  for (size_t i = 0; i + plane <= result.size(); i += plane) {
    normalizer.normalize(images.pixels.data() + i, result.data() + i);
  }
  return result;
}

}  // namespace metaqnn::datasets
