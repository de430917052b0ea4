#include "architecture/memory.h"

#include <algorithm>

namespace metaqnn {
namespace {

// Resident after LibTorch 1.13 has trained a tiny network on the CPU.
constexpr int64_t kProgramBytes = int64_t{178} << 20;
// What lies unused between blocks that live until the backward pass, and how many outputs of the
// largest layer live beside its input: fitted to measured peaks.
constexpr double kFragmentation = 1.1;
constexpr double kOutputsAtOnce = 1.6;

}  // namespace

TrainingMemory estimate_training_memory(const Architecture& architecture, const Shape& input,
                                        const TrainingMemorySettings& settings) {
  const Analysis analysis = analyse(place_dropout(architecture), input);
  const int64_t width = settings.bytes_per_activation;
  const int64_t batch = settings.batch_size;
  TrainingMemory memory{};
  memory.program = settings.on_gpu ? 0 : kProgramBytes;
  memory.data = settings.data_bytes;
  const int64_t copies =
      width == 4 ? 4 : 5;  // weights, gradient, two moments; a cast and its gradient at half width
  memory.parameters = copies * 4 * analysis.parameters;
  int64_t workspace = 0;
  int64_t gradient = 0;  // of the layer's input; the images need none
  int64_t saved = input.elements() * (4 + width);
  for (size_t i = 0; i < analysis.layers.size(); ++i) {
    const LayerAnalysis& layer = analysis.layers[i];
    const int64_t elements = layer.output.elements();
    // On the CPU pooling keeps the place of each maximum and not its input
    // (search/evaluate/layers.h).
    const bool is_forgotten = !settings.on_gpu && i + 1 < analysis.layers.size() &&
                              std::holds_alternative<Pooling>(analysis.layers[i + 1].layer);
    const int64_t beside =
        std::visit(Match{[&](const Pooling&) { return elements * (settings.on_gpu ? 8 : 1); },
                         [&](const Dropout&) { return elements; },  // what was dropped
                         [&](const auto&) { return int64_t{0}; }},
                   layer.layer);
    saved += beside + (is_forgotten ? 0 : elements * width);
    workspace = std::max(
        workspace,
        static_cast<int64_t>(kOutputsAtOnce * static_cast<double>(elements * width)) + gradient);
    gradient = elements * width;
  }
  memory.activations = static_cast<int64_t>(kFragmentation * static_cast<double>(saved * batch));
  memory.workspace = workspace * batch;
  return memory;
}

}  // namespace metaqnn
