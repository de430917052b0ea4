#include "architecture/memory.h"

#include <algorithm>

namespace metaqnn {
namespace {

constexpr int64_t kProgramBytes = int64_t{190} << 20;  // resident after LibTorch 1.13 has trained a tiny network

}  // namespace

TrainingMemory estimate_training_memory(const Architecture& architecture, const Shape& input,
                                        const TrainingMemorySettings& settings) {
  const Analysis analysis = analyse(place_dropout(architecture), input);
  const int64_t width = settings.bytes_per_activation;
  const int64_t batch = settings.batch_size;
  TrainingMemory memory{};
  memory.program = settings.on_gpu ? 0 : kProgramBytes;
  memory.data = settings.data_bytes;
  const int64_t copies = width == 4 ? 4 : 5;  // weights, gradient, two moments; a cast and its gradient at half width
  memory.parameters = copies * 4 * analysis.parameters;
  int64_t largest = input.elements() * 4;
  int64_t saved = input.elements() * (4 + width);
  for (const LayerAnalysis& layer : analysis.layers) {
    const int64_t elements = layer.output.elements();
    const int64_t kept = std::visit(
        Match{[&](const Pooling&) { return elements * (width + 8); },   // and the indices of maxima
              [&](const Dropout&) { return elements * 2 * width; },     // and the mask
              [&](const auto&) { return elements * width; }},
        layer.layer);
    saved += kept;
    largest = std::max(largest, elements * width);
  }
  memory.activations = saved * batch;
  memory.workspace = 2 * largest * batch;
  return memory;
}

}  // namespace metaqnn
