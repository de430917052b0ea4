// Layers that LibTorch computes slowly on a CPU. Included by .cc files of search/evaluate alone.
#pragma once

#include <ATen/ATen.h>

namespace metaqnn::search {

// max(0, maximum over each window): n x channels x height x width, channels-last, to the size of
// at::max_pool2d without padding. Value and gradient are those of at::max_pool2d(at::relu(x));
// where nothing in a window is positive, nothing gets a gradient. NaN in, NaN out.
//
// On the CPU this keeps one byte for each output until the backward pass, and no map: at::relu and
// at::max_pool2d keep the whole map and an index of 8 bytes, and pass over the map three times
// more.
at::Tensor relu_max_pool(const at::Tensor& x, int field, int stride);

// Inverted dropout: each number is 0 with the probability, the others grow so that the mean stays.
// Random numbers are those of at::manual_seed's generator.
//
// On the CPU one random byte decides a number, so the probability is rounded to 1/256, and the
// scale follows the rounded one: at::dropout draws a double each, one after another, and takes
// longer than the layers around it.
at::Tensor dropout(const at::Tensor& x, double probability);

}  // namespace metaqnn::search
