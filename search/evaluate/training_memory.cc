#include "search/evaluate/training_memory.h"

#include <algorithm>
#include <cmath>

namespace metaqnn::search {
namespace {

// Resident after LibTorch 1.13 has trained a tiny network on the CPU.
constexpr int64_t kProgramBytes = int64_t{178} << 20;
// What lies unused between blocks that live until the backward pass, and how many outputs of the
// largest layer live beside its input: fitted to measured peaks.
constexpr double kFragmentation = 1.1;
constexpr double kOutputsAtOnce = 1.6;

// Sizes are exact in double up to 2^53 bytes; what is larger than any memory stays so.
int64_t to_bytes(double bytes) {
  constexpr double kMost = 1e18;  // five of them are below 2^63
  return static_cast<int64_t>(std::min(bytes, kMost));
}

}  // namespace

TrainingMemory estimate_training_memory(const Architecture& architecture, const Shape& input,
                                        const TrainingMemorySettings& settings) {
  const Analysis analysis = analyse(place_dropout(architecture), input);
  const double width = settings.bytes_per_activation;
  const double batch = settings.batch_size;
  TrainingMemory memory{};
  memory.program = settings.on_gpu ? 0 : kProgramBytes;
  memory.data = settings.data_bytes;
  // Weights, gradient, two moments; a cast and its gradient at half width.
  const double copies = settings.bytes_per_activation == 4 ? 4 : 5;
  memory.parameters = to_bytes(copies * 4 * static_cast<double>(analysis.parameters));
  double workspace = 0;
  double gradient = 0;  // of the layer's input; the images need none
  double saved = static_cast<double>(input.elements()) * (4 + width);
  for (size_t i = 0; i < analysis.layers.size(); ++i) {
    const LayerAnalysis& layer = analysis.layers[i];
    const auto elements = static_cast<double>(layer.output.elements());
    // On the CPU pooling keeps the place of each maximum and not its input
    // (search/evaluate/libtorch/layers.h).
    const bool is_forgotten = !settings.on_gpu && i + 1 < analysis.layers.size() &&
                              std::holds_alternative<Pooling>(analysis.layers[i + 1].layer);
    const double beside =
        std::visit(Match{[&](const Pooling&) { return elements * (settings.on_gpu ? 8 : 1); },
                         [&](const Dropout&) { return elements; },  // what was dropped
                         [&](const auto&) { return 0.0; }},
                   layer.layer);
    saved += beside + (is_forgotten ? 0 : elements * width);
    workspace = std::max(workspace, std::floor(kOutputsAtOnce * elements * width) + gradient);
    gradient = elements * width;
  }
  memory.activations = to_bytes(kFragmentation * saved * batch);
  memory.workspace = to_bytes(workspace * batch);
  return memory;
}

}  // namespace metaqnn::search
