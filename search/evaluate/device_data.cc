#include "search/evaluate/device_data.h"

#include "datasets/images/split.h"

namespace metaqnn::search {
namespace {

at::Tensor to_channels_last(const at::Tensor& images) {
  return images.permute({0, 2, 3, 1}).contiguous();
}

}  // namespace

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
  if (preprocessing != datasets::Preprocessing::local_contrast) {
    const auto normalization = datasets::fit_normalization(all, split.training, preprocessing);
    scale_ = position_constants(normalization.scale);
    shift_ = position_constants(normalization.shift);
  }
  training_ = part(all, split.training, preprocessing);
  validation_ = part(all, split.validation, preprocessing);
}

at::Tensor DeviceData::gather(const Images& images, const at::Tensor& indices) const {
  return normalize(images.pixels.index_select(0, indices)).permute({0, 3, 1, 2});
}

at::Tensor DeviceData::gather_augmented(const Images& images, const at::Tensor& indices,
                                        Random& random) const {
  at::Tensor batch = normalize(images.pixels.index_select(0, indices));
  if (mirror_) batch = mirrored(batch, random);
  if (translation_ > 0) batch = translated(batch, random);
  return batch.permute({0, 3, 1, 2});
}

at::Tensor DeviceData::position_constants(const std::vector<float>& values) const {
  const at::Tensor tensor =
      at::tensor(values).view({1, shape_.channels, shape_.height, shape_.width});
  return to_channels_last(tensor).to(device_);
}

Images DeviceData::part(const datasets::ImageSet& all, const std::vector<int64_t>& indices,
                        datasets::Preprocessing preprocessing) const {
  datasets::ImageSet chosen{shape_, classes_, {}, {}};
  const int64_t size = shape_.elements();
  chosen.pixels.reserve(indices.size() * static_cast<size_t>(size));
  for (int64_t index : indices) {
    const auto begin = all.pixels.begin() + index * size;
    chosen.pixels.insert(chosen.pixels.end(), begin, begin + size);
    chosen.labels.push_back(all.labels[static_cast<size_t>(index)]);
  }
  const std::vector<int64_t> extents{chosen.size(), shape_.channels, shape_.height, shape_.width};
  at::Tensor pixels;
  if (preprocessing == datasets::Preprocessing::local_contrast) {
    std::vector<float> normalized = datasets::local_contrast_normalization(chosen);
    pixels = at::from_blob(normalized.data(), extents, at::kFloat).to(at::kHalf);
  } else {
    pixels = at::from_blob(chosen.pixels.data(), extents, at::kByte);
  }
  const at::Tensor labels =
      at::from_blob(chosen.labels.data(), {chosen.size()}, at::kByte).to(at::kLong);
  // clone: the vectors behind the blobs end here, and on the CPU neither call below has to copy.
  return {to_channels_last(pixels).clone().to(device_), labels.clone().to(device_)};
}

at::Tensor DeviceData::normalize(const at::Tensor& pixels) const {
  at::Tensor values = pixels.to(at::kFloat);
  return scale_.defined() ? values.mul_(scale_).add_(shift_) : values;
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
