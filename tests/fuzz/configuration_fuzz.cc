// Any bytes are either a configuration or refused with metaqnn::Error. What is one is written in a
// form that reads back equal, and its space and strategy are built or refused.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "architecture/error.h"
#include "search/configuration.h"

namespace {

using metaqnn::search::Configuration;

void check_round_trip(const Configuration& configuration) {
  const std::string text = to_toml(configuration);
  const Configuration again = metaqnn::search::parse_configuration(text, "again", "/");
  METAQNN_ASSERT(to_toml(again) == text, "reads back differently:\n" + text);
  const Configuration commented =
      metaqnn::search::parse_configuration(commented_toml(configuration), "commented", "/");
  METAQNN_ASSERT(to_toml(commented) == text, "reads back differently with comments:\n" + text);
}

// Small enough to be built a thousand times a second; what is larger teaches nothing more.
bool is_small(const Configuration& configuration) {
  const auto& cnn = configuration.space.cnn;
  const auto& sequence = configuration.space.sequence;
  return cnn.depth_limit <= 4 && cnn.convolution_filters.size() <= 4 &&
         cnn.convolution_strides.size() <= 2 && cnn.fully_connected_neurons.size() <= 4 &&
         cnn.bins.size() <= 4 && sequence.pattern.size() <= 100;
}

void check_space(const Configuration& configuration) {
  if (!is_small(configuration)) return;
  const metaqnn::search::Space space = build_space(configuration);
  METAQNN_ASSERT(space.transitions() >= space.states(), "a state without a choice");
  make_strategy(configuration.strategy, space, configuration.seed);
  metaqnn::Random random(1);
  const std::string text = space.text(space.uniform_walk(random));
  const auto found = space.find(text);
  METAQNN_ASSERT(found.walk && found.canonical == text, "a walk is not found: " + text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const Configuration configuration = metaqnn::search::parse_configuration(
        std::string_view(reinterpret_cast<const char*>(data), size), "fuzz", "/");
    check_round_trip(configuration);
    check_space(configuration);
  } catch (const metaqnn::Error&) {
  }
  return 0;
}
