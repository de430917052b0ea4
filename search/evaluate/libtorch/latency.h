// How long does a network take for one picture? The median over single pictures, one after another, in float32 and
// without training's dropout, on one thread; what happens the first times does not count. Pictures are of its input,
// and their content does not matter.
//
//   latency_ms(network, parameters, {3, 32, 32}, at::kCPU, 4)    // 1.7, and this process has 4 threads again
//
// Takes some 0.3 s, or 20 pictures where those take longer. What else the machine does meanwhile slows it; the
// median leaves out what disturbs less than half of the pictures. No random number is drawn, and the threads of
// LibTorch and BLAS are `threads` afterwards, as they were. Errors are LibTorch's (guard() in training_run.h).
#pragma once

#include <ATen/ATen.h>

#include "search/evaluate/libtorch/network.h"

namespace metaqnn::search {

// `parameters`: flat, wherever they are. `threads`: that this process has otherwise (prepare_device).
double latency_ms(Network network, const at::Tensor& parameters, const Shape& input,
                  const at::Device& device, int threads);

}  // namespace metaqnn::search
