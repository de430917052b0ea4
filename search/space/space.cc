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
  for (size_t i = 0; i < walk.size(); ++i) {
    if (i > 0) text += form_.separators.size() == 1 ? form_.separators[0] : form_.separators[i - 1];
    text += labels_[choices(walk[i].position)[walk[i].choice].label];
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

void SpaceBuilder::add_position(int32_t state, const std::vector<Choice>& choices) {
  if (space_.choices_.size() + choices.size() > kMostChoices) {
    throw UsageError(
        "space: it has more than 20 million choices over all its positions; lower the depth limit "
        "or shorten the lists of layers");
  }
  const auto position = static_cast<int32_t>(space_.state_.size());
  if (state == space_.states()) {
    first_position_.push_back(position);
    space_.q_begin_.push_back(space_.q_begin_.back() + static_cast<int32_t>(choices.size()));
  } else {
    const std::span<const Choice> first = space_.choices(first_position_.at(state));
    const bool same =
        std::equal(first.begin(), first.end(), choices.begin(), choices.end(),
                   [](const Choice& a, const Choice& b) { return a.label == b.label; });
    METAQNN_ASSERT(same, "positions " + std::to_string(first_position_[state]) + " and " +
                             std::to_string(position) + " of state " + std::to_string(state) +
                             " have different choices");
  }
  space_.choices_.insert(space_.choices_.end(), choices.begin(), choices.end());
  space_.choice_begin_.push_back(static_cast<int32_t>(space_.choices_.size()));
  space_.state_.push_back(state);
}

void SpaceBuilder::write_as(std::string opening, std::vector<std::string> separators,
                            std::string closing) {
  space_.form_ = {std::move(opening), std::move(separators), std::move(closing)};
}

void SpaceBuilder::find_by(std::function<Space::Found(const Space&, std::string_view)> find) {
  space_.find_ = std::move(find);
}

void SpaceBuilder::classify(const Shape& input, int classes) {
  space_.input_ = input;
  space_.classes_ = classes;
}

}  // namespace metaqnn::search
