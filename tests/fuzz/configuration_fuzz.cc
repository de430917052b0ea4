// Any bytes are either a configuration or refused with metaqnn::Error. What is one is written in a
// form that reads back equal, and its space and strategy are built or refused. The input is a text
// as it stands, or, where its first byte is odd, lines of which the first byte chooses one of all
// the keys and the rest is its value: so no key has to be guessed.
#include <cstddef>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "metaqnn/base/error.h"
#include "metaqnn/search/configuration.h"

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

struct KeyLine {
  std::string section, name;
};

// Of every key.
std::vector<KeyLine> all_keys() {
  std::vector<KeyLine> keys;
  std::istringstream lines(to_toml(Configuration()));
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind('[', 0) == 0) section = line;
    if (const size_t equals = line.find(" = "); equals != std::string::npos)
      keys.push_back({section, line.substr(0, equals)});
  }
  return keys;
}

std::string chosen_keys(std::string_view input) {
  static const std::vector<KeyLine> keys = all_keys();
  std::map<std::string, std::string> sections;  // "" comes first, as it must
  std::istringstream lines{std::string(input)};
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    const KeyLine& key = keys[static_cast<uint8_t>(line[0]) % keys.size()];
    sections[key.section] += key.name + " = " + line.substr(1) + "\n";
  }
  std::string text;
  for (const auto& [section, values] : sections) text += section + "\n" + values;
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const bool chosen = size > 0 && data[0] % 2 == 1;
  try {
    const Configuration configuration = metaqnn::search::parse_configuration(
        chosen ? chosen_keys(input.substr(1)) : std::string(input), "fuzz", "/");
    check_round_trip(configuration);
    check_space(configuration);
  } catch (const metaqnn::Error&) {
  }
  return 0;
}
