// How is a Space put together? The spaces of this folder add positions one after the other, each
// with its state and its choices, and close the space with the way its strings are written and
// found.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "metaqnn/search/space/space.h"

namespace metaqnn::search {

class SpaceBuilder {
 public:
  // Index of a label; a new one where the text was not met before.
  int32_t label(const std::string& text);

  // Adds the next position. Its state is one that exists, or the next new one; all positions of a
  // state must have the same labels in the same order (asserted). Throws UsageError past 20 million
  // choices.
  void add_position(int32_t state, const std::vector<Choice>& choices);

  void write_as(std::string opening, std::vector<std::string> separators, std::string closing);
  void find_by(std::function<Space::Found(const Space&, std::string_view)> find);
  void classify(const Shape& input, int classes);

  // The builder is empty afterwards.
  Space finish() { return std::move(space_); }

 private:
  Space space_;
  std::unordered_map<std::string, int32_t> label_index_;
  std::vector<int32_t> first_position_;  // of each state
};

}  // namespace metaqnn::search
