#include "search/evaluate/libtorch/device_data.h"

#include <algorithm>

#include "datasets/images/split.h"

namespace metaqnn::search {
namespace {

// How many images of local contrast normalisation exist as float32 at once.
constexpr int64_t kFloatImagesAtOnce = 4096;

at::Tensor to_channels_last(const at::Tensor& images) {
  return images.permute({0, 2, 3, 1}).contiguous();
}

at::Tensor position_constants(const std::vector<float>& values, const Shape& shape,
                              const at::Device& device) {
  const at::Tensor tensor = at::tensor(values).view({1, shape.channels, shape.height, shape.width});
  return to_channels_last(tensor).to(device);
}

std::vector<int64_t> extents(const datasets::ImageSet& images) {
  return {images.size(), images.shape.channels, images.shape.height, images.shape.width};
}

// Images from `begin` on, at most `count`.
datasets::ImageSet slice(const datasets::ImageSet& images, int64_t begin, int64_t count) {
  const int64_t end = std::min(begin + count, images.size()), size = images.shape.elements();
  datasets::ImageSet chosen{images.shape, images.classes, {}, {}};
  chosen.pixels.assign(images.pixels.begin() + begin * size, images.pixels.begin() + end * size);
  chosen.labels.assign(images.labels.begin() + begin, images.labels.begin() + end);
  return chosen;
}

}  // namespace

DeviceNormalization::DeviceNormalization(datasets::Preprocessing preprocessing,
                                         const datasets::Normalization& values, const Shape& shape,
                                         const at::Device& device, at::ScalarType contrast_type)
    : preprocessing_(preprocessing), device_(device), contrast_type_(contrast_type) {
  if (preprocessing == datasets::Preprocessing::local_contrast) return;
  scale_ = position_constants(values.scale, shape, device);
  shift_ = position_constants(values.shift, shape, device);
}

Images DeviceNormalization::upload(const datasets::ImageSet& images) const {
  const at::Tensor labels =
      at::tensor(std::vector<int64_t>(images.labels.begin(), images.labels.end()), at::kLong);
  const bool contrast = preprocessing_ == datasets::Preprocessing::local_contrast;
  return {contrast ? upload_contrast(images) : upload_pixels(images), labels.to(device_)};
}

at::Tensor DeviceNormalization::upload_pixels(const datasets::ImageSet& images) const {
  const at::Tensor pixels =
      at::from_blob(const_cast<uint8_t*>(images.pixels.data()), extents(images), at::kByte);
  // clone: the vector behind the blob ends, and on the CPU neither call below has to copy.
  return to_channels_last(pixels).clone().to(device_);
}

at::Tensor DeviceNormalization::upload_contrast(const datasets::ImageSet& images) const {
  const Shape& shape = images.shape;
  at::Tensor all = at::empty({images.size(), shape.height, shape.width, shape.channels},
                             at::TensorOptions().dtype(contrast_type_).device(device_));
  for (int64_t begin = 0; begin < images.size(); begin += kFloatImagesAtOnce) {
    const datasets::ImageSet some = slice(images, begin, kFloatImagesAtOnce);
    std::vector<float> values = datasets::local_contrast_normalization(some);
    const at::Tensor normalized = at::from_blob(values.data(), extents(some), at::kFloat);
    all.narrow(0, begin, some.size()).copy_(to_channels_last(normalized));
  }
  return all;
}

at::Tensor DeviceNormalization::normalize(const at::Tensor& pixels) const {
  at::Tensor values = pixels.to(at::kFloat);
  return scale_.defined() ? values.mul_(scale_).add_(shift_) : values;
}

at::Tensor DeviceNormalization::gather(const Images& images, const at::Tensor& indices) const {
  return normalize(images.pixels.index_select(0, indices)).permute({0, 3, 1, 2});
}

DeviceData::DeviceData(const datasets::ImageSet& all, const DataSettings& settings, uint64_t seed,
                       const at::Device& device)
    : mirror_(settings.mirror),
      translation_(settings.translation),
      device_(device),
      shape_(all.shape),
      classes_(all.classes) {
  const datasets::Preprocessing preprocessing =
      datasets::parse_preprocessing(settings.preprocessing);
  const datasets::Split split = datasets::stratified_split(
      all.labels, all.classes, settings.training_images, settings.validation_images, seed);
  if (preprocessing != datasets::Preprocessing::local_contrast)
    values_ = datasets::fit_normalization(all, split.training, preprocessing);
  normalization_ = DeviceNormalization(preprocessing, values_, shape_, device);
  training_ = upload(datasets::choose(all, split.training));
  validation_ = upload(datasets::choose(all, split.validation));
}

at::Tensor DeviceData::gather_augmented(const Images& images, const at::Tensor& indices,
                                        Random& random) const {
  at::Tensor batch = normalization_.normalize(images.pixels.index_select(0, indices));
  if (mirror_) batch = mirrored(batch, random);
  if (translation_ > 0) batch = translated(batch, random);
  return batch.permute({0, 3, 1, 2});
}

at::Tensor DeviceData::mirrored(const at::Tensor& batch, Random& random) const {
  at::Tensor flips = at::empty({batch.size(0), 1, 1, 1}, at::kBool);
  bool* flip = flips.data_ptr<bool>();
  for (int64_t i = 0; i < batch.size(0); ++i) flip[i] = random.below(2) == 1;
  return at::where(flips.to(device_), batch.flip({2}), batch);
}

at::Tensor DeviceData::translated(const at::Tensor& batch, Random& random) const {
  const int64_t n = batch.size(0), k = translation_;
  const at::Tensor padded = at::constant_pad_nd(batch, {0, 0, k, k, k, k});
  at::Tensor offsets = at::empty({2, n, 1}, at::kLong);
  int64_t* offset = offsets.data_ptr<int64_t>();
  for (int64_t i = 0; i < 2 * n; ++i)
    offset[i] = static_cast<int64_t>(random.below(static_cast<uint64_t>(2 * k + 1)));
  const at::Tensor rows = (offsets[0] + at::arange(batch.size(1))).view({n, -1, 1}).to(device_);
  const at::Tensor columns = (offsets[1] + at::arange(batch.size(2))).view({n, 1, -1}).to(device_);
  const at::Tensor samples = at::arange(n).view({n, 1, 1}).to(device_);
  return padded.index({samples, rows, columns});
}

}  // namespace metaqnn::search
