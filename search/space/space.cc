#include "metaqnn/search/space/space.h"

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <limits>
#include <utility>

#include "metaqnn/base/error.h"
#include "search/space/builder.h"

namespace metaqnn::search {
namespace {

constexpr size_t kMostChoices = 20'000'000;  // 160 MB

using boost::multiprecision::cpp_int;

// count(p) = sum over the choices of p of count(target), and count(end) = 1. Targets have higher
// numbers.
cpp_int count_walks(const Space& space) {
  if (space.positions() == 0) return 0;
  std::vector<cpp_int> counts(static_cast<size_t>(space.positions()));
  for (size_t position = counts.size(); position-- > 0;) {
    for (const Choice& choice : space.choices(static_cast<int32_t>(position))) {
      if (choice.target == Space::kEnd) {
        ++counts[position];
      } else {
        counts[position] += counts[static_cast<size_t>(choice.target)];
      }
    }
  }
  return counts[static_cast<size_t>(space.start())];
}

}  // namespace

std::span<const Choice> Space::choices(int32_t position) const {
  const auto begin = static_cast<size_t>(choice_begin_.at(position));
  const auto end = static_cast<size_t>(choice_begin_.at(position + 1));
  return {choices_.data() + begin, end - begin};
}

const std::string& Space::label(int32_t label) const { return labels_.at(label); }

int32_t Space::state(int32_t position) const { return state_.at(position); }

int32_t Space::q_begin(int32_t state) const { return q_begin_.at(state); }

int32_t Space::choice_count(int32_t state) const {
  return q_begin_.at(state + 1) - q_begin_.at(state);
}

int64_t Space::positions() const { return static_cast<int64_t>(state_.size()); }

int64_t Space::states() const { return static_cast<int64_t>(q_begin_.size()) - 1; }

int64_t Space::transitions() const { return q_begin_.back(); }

std::string Space::architectures() const { return count_walks(*this).str(); }

int64_t Space::architecture_count() const {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const cpp_int count = count_walks(*this);
  return count < kMost ? static_cast<int64_t>(count) : kMost;
}

Walk Space::uniform_walk(Random& random) const {
  Walk walk;
  for (int32_t position = start(); position != kEnd;) {
    const std::span<const Choice> legal = choices(position);
    const auto choice = static_cast<int32_t>(random.below(legal.size()));
    walk.push_back({position, choice});
    position = legal[choice].target;
  }
  return walk;
}

std::string Space::text(const Walk& walk) const {
  std::string text = form_.opening;
  int32_t before = 0;
  for (size_t i = 0; i < walk.size(); ++i) {
    const int32_t label = choices(walk[i].position)[walk[i].choice].label;
    if (i > 0) text += form_.separator ? form_.separator(before, label) : form_.separators[i - 1];
    text += labels_[label];
    before = label;
  }
  return text + form_.closing;
}

Space::Found Space::find(std::string_view text) const { return find_(*this, text); }

int32_t SpaceBuilder::label(const std::string& text) {
  const auto next = static_cast<int32_t>(space_.labels_.size());
  const auto [entry, is_new] = label_index_.try_emplace(text, next);
  if (is_new) space_.labels_.push_back(text);
  return entry->second;
}

void SpaceBuilder::check_choices(size_t count) {
  if (count <= kMostChoices) return;
  throw UsageError(
      "space: it has more than 20 million choices over all its positions; lower the depth limit or "
      "shorten the lists of layers");
}

void SpaceBuilder::add_position(int32_t state, const std::vector<Choice>& choices) {
  check_choices(space_.choices_.size() + choices.size());
  const auto position = static_cast<int32_t>(space_.state_.size());
  if (state == space_.states()) {
    first_position_.push_back(position);
    space_.q_begin_.push_back(space_.q_begin_.back() + static_cast<int32_t>(choices.size()));
  } else {
    const std::span<const Choice> first = space_.choices(first_position_.at(state));
    are_alike_ =
        are_alike_ && std::ranges::equal(first, choices, {}, &Choice::label, &Choice::label);
  }
  space_.choices_.insert(space_.choices_.end(), choices.begin(), choices.end());
  space_.choice_begin_.push_back(static_cast<int32_t>(space_.choices_.size()));
  space_.state_.push_back(state);
}

void SpaceBuilder::write_as(std::string opening, std::vector<std::string> separators,
                            std::string closing) {
  space_.form_ = {std::move(opening), std::move(separators), {}, std::move(closing)};
}

void SpaceBuilder::write_as(std::string opening,
                            std::function<std::string_view(int32_t, int32_t)> separator,
                            std::string closing) {
  space_.form_ = {std::move(opening), {}, std::move(separator), std::move(closing)};
}

// Of each state the labels that some position of it has; and which of them each choice is.
void SpaceBuilder::number_values() {
  std::vector<std::vector<int32_t>> labels(static_cast<size_t>(space_.states()));
  for (int32_t position = 0; position < space_.positions(); ++position) {
    std::vector<int32_t>& all = labels[static_cast<size_t>(space_.state(position))];
    for (const Choice& choice : space_.choices(position)) {
      const auto at = std::ranges::lower_bound(all, choice.label);
      if (at == all.end() || *at != choice.label) all.insert(at, choice.label);
    }
  }
  space_.q_begin_ = {0};
  for (const auto& all : labels)
    space_.q_begin_.push_back(space_.q_begin_.back() + static_cast<int32_t>(all.size()));
  for (int32_t position = 0; position < space_.positions(); ++position) {
    const std::vector<int32_t>& all = labels[static_cast<size_t>(space_.state(position))];
    for (const Choice& choice : space_.choices(position)) {
      const auto at = std::ranges::lower_bound(all, choice.label);
      space_.value_.push_back(static_cast<int32_t>(at - all.begin()));
    }
  }
}

Space SpaceBuilder::finish() {
  if (!are_alike_) number_values();
  return std::move(space_);
}

void SpaceBuilder::find_by(std::function<Space::Found(const Space&, std::string_view)> find) {
  space_.find_ = std::move(find);
}

void SpaceBuilder::classify(const Shape& input, int classes) {
  space_.input_ = input;
  space_.classes_ = classes;
}

}  // namespace metaqnn::search
