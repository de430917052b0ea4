// ReLU and maximum pooling in one pass. Included by .cc files of search/evaluate alone.
#pragma once

#include <ATen/ATen.h>

namespace metaqnn::search {

// max(0, maximum over each window): n x channels x height x width, channels-last, to the size of
// at::max_pool2d without padding. Value and gradient are those of at::max_pool2d(at::relu(x)); where
// nothing in a window is positive, nothing gets a gradient. NaN in, NaN out.
//
// On the CPU this keeps one byte for each output until the backward pass, and no map: at::relu and
// at::max_pool2d keep the whole map and an index of 8 bytes, and pass over the map three times more.
at::Tensor relu_max_pool(const at::Tensor& x, int field, int stride);

}  // namespace metaqnn::search
