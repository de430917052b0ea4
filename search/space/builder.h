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

  // Adds the next position. Its state is one that exists, or the next new one. Where positions of a
  // state have different labels, the state has all of them, by their index. Throws UsageError past 20
  // million choices.
  void add_position(int32_t state, const std::vector<Choice>& choices);

  // Throws UsageError past 20 million.
  static void check_choices(size_t count);

  // One separator for each gap between labels, or what it is by the labels around it.
  void write_as(std::string opening, std::vector<std::string> separators, std::string closing);
  void write_as(std::string opening,
                std::function<std::string_view(int32_t before, int32_t after)> separator,
                std::string closing);
  void find_by(std::function<Space::Found(const Space&, std::string_view)> find);
  void classify(const Shape& input, int classes);

  // The builder is empty afterwards.
  Space finish();

 private:
  void number_values();

  Space space_;
  std::unordered_map<std::string, int32_t> label_index_;
  std::vector<int32_t> first_position_;  // of each state
  bool are_alike_ = true;                // all positions of each state
};

}  // namespace metaqnn::search
