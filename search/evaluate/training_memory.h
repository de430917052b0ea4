// How much memory will training this network take at its peak?
//
// An estimate from the shapes alone, made before anything is allocated, so that a search can refuse
// what does not fit:
//
//   program      LibTorch and its libraries, loaded
//   data         the images, 8 bits a pixel
//   parameters   weights, gradient, Adam's two moments in float32; the cast copy and its gradient
//   activations  what the backward pass needs of every layer, for one batch
//   workspace    the map in hand, its gradient and its input's, of the layer where they are largest
//
// A test compares it with measured peaks (tests/search/training_test.cc).
#pragma once

#include <cstdint>

#include "metaqnn/architecture/shapes.h"

namespace metaqnn::search {

struct TrainingMemorySettings {
  int batch_size = 128;
  int bytes_per_activation = 4;  // 2 in bfloat16
  int64_t data_bytes = 0;
  bool on_gpu = false;  // the program's own memory is then the host's
};

struct TrainingMemory {  // bytes
  int64_t program, data, parameters, activations, workspace;
  int64_t total() const { return program + data + parameters + activations + workspace; }
};

// Throws what analyse() throws. Dropout is placed by rule, as in training.
TrainingMemory estimate_training_memory(const Architecture& architecture, const Shape& input,
                                        const TrainingMemorySettings& settings);

}  // namespace metaqnn::search
