#include <cmath>
#include <string>

#include "datasets/images/readers.h"
#include "datasets/images/split.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"

namespace metaqnn::datasets {

int64_t test_images_of(const ImageSource& source, int64_t images) {
  return std::llround(source.test_share * static_cast<double>(images));
}

void split_off_test(const ImageSource& source, DataSet& data) {
  const int64_t images = data.training.size();
  const int64_t tests = test_images_of(source, images);
  if (images < 2 || tests >= images) {
    throw UsageError(source.folder.string() + ": has " + std::to_string(images) +
                     " images that can be read, of which data.test_share = " +
                     std::to_string(source.test_share) + " leaves none to train with");
  }
  const uint64_t seed = Random::stream(source.test_seed, "test")();
  const Split split = stratified_split(data.training.labels, data.training.classes, 0, tests, seed);
  data.test = choose(data.training, split.validation);
  data.training = choose(data.training, split.training);
}

}  // namespace metaqnn::datasets
