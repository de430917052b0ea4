// The parts of a text that described() made, or of a plain string.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace metaqnn::datasets {

struct Description {
  std::optional<std::string> architecture;
  nlohmann::json columns = nlohmann::json::object();  // numbers and texts, by name
};

// Any text that described() cannot have made is an architecture.
Description parse_description(const std::string& text);
// "[C(64,3,1), SM(10)] lr=0.01 opt=adam", as people read it.
std::string readable(const std::string& text);

}  // namespace metaqnn::datasets
