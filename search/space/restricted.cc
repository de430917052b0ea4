#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/parallel.h"
#include "metaqnn/base/error.h"
#include "metaqnn/search/space/space.h"

namespace metaqnn::search {
namespace {

// Each once, in the order of their choices.
std::vector<Walk> sorted_walks(const Space& space, const std::vector<std::string>& architectures) {
  std::vector<Walk> walks(architectures.size());
  parallel_for(static_cast<int64_t>(walks.size()), available_cores(), [&](int64_t i) {
    try {
      auto found = space.find(architectures[static_cast<size_t>(i)]);
      if (found.walk) walks[static_cast<size_t>(i)] = std::move(*found.walk);
    } catch (const UsageError&) {
      // No architecture at all.
    }
  });
  std::erase_if(walks, [](const Walk& walk) { return walk.empty(); });
  const auto choices_of = [](const Step& step) { return step.choice; };
  std::sort(walks.begin(), walks.end(), [&](const Walk& a, const Walk& b) {
    return std::ranges::lexicographical_compare(a, b, {}, choices_of, choices_of);
  });
  const auto equal = [&](const Walk& a, const Walk& b) {
    return std::ranges::equal(a, b, {}, choices_of, choices_of);
  };
  walks.erase(std::unique(walks.begin(), walks.end(), equal), walks.end());
  return walks;
}

// A walk of the whole space as one of a part of it, where that has it.
std::optional<Walk> same_walk(const Walk& walk, const Space& whole, const Space& part) {
  if (part.positions() == 0) return std::nullopt;
  Walk same;
  int32_t position = part.start();
  for (const Step& step : walk) {
    const int32_t label = whole.choices(step.position)[static_cast<size_t>(step.choice)].label;
    const auto choices = part.choices(position);
    const auto choice = std::find_if(choices.begin(), choices.end(),
                                     [&](const Choice& own) { return own.label == label; });
    if (choice == choices.end()) return std::nullopt;
    same.push_back({position, static_cast<int32_t>(choice - choices.begin())});
    position = choice->target;
  }
  return same;
}

}  // namespace

// The walks that are left, as a tree: a position for each beginning that some of them share.
Space Space::restricted(const std::vector<std::string>& architectures,
                        const std::string& refusal) const {
  const std::vector<Walk> walks = sorted_walks(*this, architectures);
  if (static_cast<int64_t>(walks.size()) == architecture_count()) return *this;

  // Which choices of each state are ever left: those have a Q-value.
  std::vector<std::set<int32_t>> left(static_cast<size_t>(states()));
  const auto value_of = [&](const Step& step) {
    return q_index(step) - q_begin(state(step.position));
  };
  for (const Walk& walk : walks) {
    for (const Step& step : walk)
      left[static_cast<size_t>(state(step.position))].insert(value_of(step));
  }
  Space result;
  for (const std::set<int32_t>& choices : left)
    result.q_begin_.push_back(result.q_begin_.back() + static_cast<int32_t>(choices.size()));

  struct Shared {
    size_t begin, end, length;  // walks that begin alike, and for how many steps
  };
  std::deque<Shared> open;
  if (!walks.empty()) open.push_back({0, walks.size(), 0});
  for (int32_t next = 1; !open.empty(); open.pop_front()) {
    const auto [begin, end, length] = open.front();
    const int32_t position = walks[begin][length].position;
    const std::set<int32_t>& values = left[static_cast<size_t>(state(position))];
    for (size_t first = begin; first < end;) {
      const int32_t choice = walks[first][length].choice;
      size_t last = first + 1;
      while (last < end && walks[last][length].choice == choice) ++last;
      const bool ends = walks[first].size() == length + 1;
      result.choices_.push_back(
          {choices(position)[static_cast<size_t>(choice)].label, ends ? kEnd : next});
      result.value_.push_back(static_cast<int32_t>(
          std::distance(values.begin(), values.find(value_of({position, choice})))));
      if (!ends) {
        open.push_back({first, last, length + 1});
        ++next;
      }
      first = last;
    }
    result.state_.push_back(state(position));
    result.choice_begin_.push_back(static_cast<int32_t>(result.choices_.size()));
  }

  result.labels_ = labels_;
  result.form_ = form_;
  result.input_ = input_;
  result.classes_ = classes_;
  result.find_ = [whole = std::make_shared<const Space>(*this), refusal](const Space& part,
                                                                         std::string_view text) {
    Found found = whole->find(text);
    if (!found.walk) return found;
    found.walk = same_walk(*found.walk, *whole, part);
    if (!found.walk) found.refusal = refusal;
    return found;
  };
  return result;
}

}  // namespace metaqnn::search
