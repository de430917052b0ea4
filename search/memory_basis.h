// What does the estimate of a training's memory rest on, before any image is opened?
#pragma once

#include <cstdint>
#include <string>

#include "metaqnn/search/configuration.h"
#include "search/evaluate/training_memory.h"

namespace metaqnn::search {

// Without a configuration that trains: float32 on the CPU and no images.
struct MemoryBasis {
  TrainingMemorySettings settings;
  std::string device = "cpu", precision = "float32";
  bool device_is_here = true;
  int64_t images = 0;
};

// What a trial of the configuration would be given.
MemoryBasis memory_basis(const Configuration& configuration);

}  // namespace metaqnn::search
