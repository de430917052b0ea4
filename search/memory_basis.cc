#include "search/memory_basis.h"

#include "datasets/images/preprocessing.h"
#include "metaqnn/base/error.h"
#include "search/evaluate/image_source.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {
namespace {

// The device that a first worker would get, and the precision there. A GPU that is not here cannot
// be asked what it does with "auto": float32 takes more memory.
void resolve_device(const Configuration& configuration, MemoryBasis& basis) {
  const std::string& precision = configuration.evaluator.training.precision;
  try {
    basis.device = resolve_devices(configuration.device).front();
    basis.precision = resolve_precision(precision, basis.device);
  } catch (const FailureError&) {
    basis.device = configuration.device;
    basis.device_is_here = false;
    basis.precision = precision == "auto" ? "float32" : precision;
  }
  basis.settings.on_gpu = basis.device != "cpu";
  basis.settings.bytes_per_activation = basis.precision == "float32" ? 4 : 2;
}

// The images that a worker would keep on its device, as in search/evaluate/libtorch/device_data.h.
// They are not opened: a folder that lacks a part of its data set counts as whole.
void count_images(const DataSettings& data, MemoryBasis& basis) {
  if (data.name.empty()) return;
  const datasets::DataSetFacts facts = image_facts(data);
  basis.images = data.training_images > 0 ? data.training_images + data.validation_images
                                          : facts.training_images;
  const bool contrast =
      datasets::parse_preprocessing(data.preprocessing) == datasets::Preprocessing::local_contrast;
  const int64_t pixel_bytes = contrast ? 2 : 1;
  basis.settings.data_bytes = basis.images * facts.shape.elements() * pixel_bytes;
}

}  // namespace

MemoryBasis memory_basis(const Configuration& configuration) {
  MemoryBasis basis;
  basis.settings.batch_size = configuration.evaluator.training.batch_size;
  if (configuration.evaluator.trains()) {
    resolve_device(configuration, basis);
    count_images(configuration.data, basis);
  }
  return basis;
}

}  // namespace metaqnn::search
