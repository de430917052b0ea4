#include "metaqnn/base/error.h"
#include "search/evaluate/final_training.h"

namespace metaqnn::search {

DataSettings final_data(const DataSettings& data, const FinalSettings& final_training) {
  DataSettings settings = data;
  if (final_training.extra_images && data.name != "svhn_extra") {
    if (data.name != "svhn") {
      throw UsageError("final.extra_images = true: data set \"" + data.name +
                       "\" has no extra images; only svhn has");
    }
    settings.name = "svhn_extra";
  }
  settings.training_images = final_training.training_images;
  settings.validation_images = final_training.validation_images;
  settings.translation = final_training.translation;
  if (!final_training.preprocessing.empty()) settings.preprocessing = final_training.preprocessing;
  return settings;
}

}  // namespace metaqnn::search
