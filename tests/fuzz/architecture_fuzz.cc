// Any bytes are either an architecture or refused with metaqnn::Error. What is one is printed in a
// form that reads back equal, and its shapes and memory are computed or refused, never wrong by an
// overflow.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "metaqnn/architecture/architecture.h"
#include "metaqnn/architecture/shapes.h"
#include "metaqnn/base/error.h"
#include "search/evaluate/training_memory.h"

namespace {

using metaqnn::Architecture;

void check_round_trip(const Architecture& architecture) {
  const std::string text = to_string(architecture);
  METAQNN_ASSERT(metaqnn::parse_architecture(text) == architecture,
                 text + " reads back differently");
  const std::string name = identity(architecture);
  METAQNN_ASSERT(identity(metaqnn::parse_architecture(name)) == name,
                 name + " is not its own identity");
  const Architecture placed = place_dropout(architecture);
  METAQNN_ASSERT(identity(placed) == name, "dropout changes the identity of " + name);
  METAQNN_ASSERT(place_dropout(placed) == placed, "dropout is placed differently twice in " + name);
}

void check_costs(const Architecture& architecture) {
  const metaqnn::Shape input{3, 32, 32};
  const metaqnn::Analysis analysis = analyse(architecture, input);
  METAQNN_ASSERT(analysis.layers.size() == architecture.layers.size(),
                 "a layer is missing in the analysis");
  METAQNN_ASSERT(analysis.parameters >= 0 && analysis.macs >= 0 &&
                     analysis.hidden_weights <= analysis.parameters,
                 "impossible costs of " + to_string(architecture));
  const metaqnn::search::TrainingMemory memory = metaqnn::search::estimate_training_memory(
      architecture, input, metaqnn::search::TrainingMemorySettings());
  METAQNN_ASSERT(memory.parameters >= 0 && memory.activations > 0 && memory.total() > 0,
                 "impossible memory of " + to_string(architecture));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const Architecture architecture =
        metaqnn::parse_architecture(std::string_view(reinterpret_cast<const char*>(data), size));
    check_round_trip(architecture);
    check_costs(architecture);
  } catch (const metaqnn::Error&) {
  }
  return 0;
}
