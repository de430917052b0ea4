// The images that train and validate, on the training device.
//
// They lie there as 8-bit pixels in channels-last order (as 16-bit floats for local contrast
// normalisation, which is computed once). A batch is gathered, normalised and then augmented there,
// so no loader stands between two steps. Included by .cc files of search/evaluate alone.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "datasets/images/image_set.h"
#include "datasets/images/preprocessing.h"
#include "metaqnn/architecture/shapes.h"
#include "metaqnn/base/random.h"
#include "metaqnn/search/evaluate/settings.h"

namespace metaqnn::search {

// Images of one part, on the device.
struct Images {
  at::Tensor
      pixels;  // n x height x width x channels, uint8, or floats where they are normalised already
  at::Tensor labels;  // n, int64
  int64_t size() const { return labels.size(0); }
};

// Turns the pixels of a device into what a network sees.
class DeviceNormalization {
 public:
  DeviceNormalization() = default;
  // `values` is not used for local_contrast, whose images are normalised when they are uploaded, and
  // kept as `contrast_type`.
  DeviceNormalization(datasets::Preprocessing preprocessing, const datasets::Normalization& values,
                      const Shape& shape, const at::Device& device,
                      at::ScalarType contrast_type = at::kHalf);

  Images upload(const datasets::ImageSet& images) const;
  // Of uploaded pixels, n x height x width x channels; float32.
  at::Tensor normalize(const at::Tensor& pixels) const;
  // Normalised images at `indices` (n, int64, on the device): n x channels x height x width,
  // channels-last, float32.
  at::Tensor gather(const Images& images, const at::Tensor& indices) const;

 private:
  at::Tensor upload_pixels(const datasets::ImageSet& images) const;
  at::Tensor upload_contrast(const datasets::ImageSet& images) const;

  datasets::Preprocessing preprocessing_ = datasets::Preprocessing::none;
  at::Device device_{at::kCPU};
  at::ScalarType contrast_type_ = at::kHalf;
  // 1 x height x width x channels; undefined where images are normalised already
  at::Tensor scale_, shift_;
};

class DeviceData {
 public:
  // Splits `all` by the settings' sizes and the seed; statistics come from the training part alone.
  // Throws UsageError for sizes or a preprocessing that cannot be.
  DeviceData(const datasets::ImageSet& all, const DataSettings& settings, uint64_t seed,
             const at::Device& device);

  const Shape& shape() const { return shape_; }
  int classes() const { return classes_; }
  const Images& training() const { return training_; }
  const Images& validation() const { return validation_; }
  int64_t size_bytes() const { return training_.pixels.nbytes() + validation_.pixels.nbytes(); }

  // What the statistics are; empty for local_contrast.
  const datasets::Normalization& normalization() const { return values_; }
  // Other images of the same shape, for gather().
  Images upload(const datasets::ImageSet& images) const { return normalization_.upload(images); }

  at::Tensor gather(const Images& images, const at::Tensor& indices) const {
    return normalization_.gather(images, indices);
  }
  // The same, mirrored and shifted as the settings say.
  at::Tensor gather_augmented(const Images& images, const at::Tensor& indices,
                              Random& random) const;

 private:
  at::Tensor mirrored(const at::Tensor& batch, Random& random) const;
  at::Tensor translated(const at::Tensor& batch, Random& random) const;

  bool mirror_;
  int translation_;
  at::Device device_;
  Shape shape_{};
  int classes_ = 0;
  datasets::Normalization values_;
  DeviceNormalization normalization_;
  Images training_, validation_;
};

}  // namespace metaqnn::search
