// The images and labels of one part of a data set, in memory, as 8-bit pixels.
#pragma once

#include <cstdint>
#include <vector>

#include "metaqnn/architecture/shapes.h"

namespace metaqnn::datasets {

// n images of shape.channels x shape.height x shape.width.
struct ImageSet {
  Shape shape{};
  int classes = 0;
  std::vector<uint8_t> pixels;  // n x channels x height x width, 0..255
  std::vector<int32_t> labels;  // n values in [0, classes)

  int64_t size() const { return static_cast<int64_t>(labels.size()); }
};

}  // namespace metaqnn::datasets
