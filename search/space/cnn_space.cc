#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>

#include "metaqnn/base/error.h"
#include "search/space/builder.h"
#include "search/space/cnn_rules.h"

namespace metaqnn::search {
namespace {

int32_t choice_named(const Space& space, int32_t position, const std::string& name) {
  const std::span<const Choice> choices = space.choices(position);
  for (size_t i = 0; i < choices.size(); ++i) {
    if (space.label(choices[i].label) == name) return static_cast<int32_t>(i);
  }
  fail_assertion(__FILE__, __LINE__,
                 name + " is no choice of position " + std::to_string(position));
}

// Which layer a symbol is, counted as in the string: "2.1.3" is the third of the first list of layer 2.
class LayerNumber {
 public:
  void advance(const Symbol& symbol) {
    const Bracket* bracket = std::get_if<Bracket>(&symbol);
    if (bracket && *bracket == Bracket::end) {
      counts_.resize(counts_.size() - 2);
    } else if (bracket && *bracket == Bracket::next_branch) {
      ++counts_[counts_.size() - 2];
      counts_.back() = 0;
    } else {
      ++counts_.back();
      if (bracket) counts_.insert(counts_.end(), {1, 0});
    }
  }
  // Of the next symbol.
  std::string text() const {
    std::string text;
    for (size_t i = 0; i + 1 < counts_.size(); ++i) text += std::to_string(counts_[i]) + ".";
    return text + std::to_string(counts_.back() + 1);
  }

 private:
  std::vector<int> counts_{0};
};

Space::Found find_walk(const Rules& rules, const Space& space, std::string_view text) {
  Architecture architecture = parse_architecture(text);
  Space::Found found;
  found.canonical = identity(architecture);
  std::erase_if(architecture.layers,
                [](const Layer& layer) { return std::holds_alternative<Dropout>(layer); });
  Walk walk;
  LayerNumber number;
  Place place = rules.start();
  int32_t position = space.start();
  for (const Symbol& symbol : symbols(architecture.layers)) {
    if (const Rule rule = rules.check(place, symbol); rule != Rule::allowed) {
      found.refusal = "layer " + number.text() + ", " + to_string(symbol) + ": " +
                      rules.explain(rule, place, symbol);
      return found;
    }
    const int32_t choice = choice_named(space, position, to_string(symbol));
    walk.push_back({position, choice});
    position = space.choices(position)[choice].target;
    place = rules.advance(place, symbol);
    number.advance(symbol);
  }
  found.walk = std::move(walk);
  return found;
}

// Numbers positions so that every choice leads to a higher number, and the earlier the fewer choices
// lead there: breadth-first, where all walks to a position are of one length.
class CnnSpaceBuilder {
 public:
  explicit CnnSpaceBuilder(const CnnSpaceSettings& settings)
      : rules_(settings), vocabulary_(rules_.vocabulary()) {
    for (const Symbol& symbol : vocabulary_) labels_.push_back(builder_.label(to_string(symbol)));
    builder_.classify(settings.input, settings.classes);
    builder_.write_as(
        "[",
        [vocabulary = vocabulary_](int32_t before, int32_t after) {
          return separator(vocabulary[static_cast<size_t>(before)],
                           vocabulary[static_cast<size_t>(after)]);
        },
        "]");
  }

  Space build() {
    found_at(rules_.start());
    for (size_t next = 0; next < places_.size(); ++next) expand(Place(places_[next]));
    add_positions();
    builder_.find_by([rules = rules_](const Space& space, std::string_view text) {
      return find_walk(rules, space, text);
    });
    return builder_.finish();
  }

 private:
  // In the order in which places are found.
  int32_t found_at(const Place& place) {
    const auto next = static_cast<int32_t>(places_.size());
    const auto [entry, is_new] = found_.try_emplace(place, next);
    if (is_new) places_.push_back(place);
    return entry->second;
  }

  void expand(const Place& place) {
    std::vector<Choice>& choices = choices_.emplace_back();
    for (size_t i = 0; i < vocabulary_.size(); ++i) {
      if (rules_.check(place, vocabulary_[i]) != Rule::allowed) continue;
      const Layer* layer = std::get_if<Layer>(&vocabulary_[i]);
      const bool ends = layer && std::holds_alternative<Softmax>(*layer);
      const int32_t target = ends ? Space::kEnd : found_at(rules_.advance(place, vocabulary_[i]));
      choices.push_back({labels_[i], target});
    }
    choice_count_ += choices.size();
    SpaceBuilder::check_choices(choice_count_);
  }

  // Of the places to which all choices lead from earlier ones, always the first.
  std::vector<int32_t> sorted_places() const {
    std::vector<int32_t> ways(places_.size(), 0);
    const auto for_each_target = [&](size_t place, const auto& act) {
      for (const Choice& choice : choices_[place]) {
        if (choice.target != Space::kEnd) act(choice.target);
      }
    };
    for (size_t place = 0; place < places_.size(); ++place)
      for_each_target(place, [&](int32_t target) { ++ways[static_cast<size_t>(target)]; });
    std::priority_queue<int32_t, std::vector<int32_t>, std::greater<>> free;
    free.push(0);
    std::vector<int32_t> sorted;
    for (; !free.empty();) {
      sorted.push_back(free.top());
      free.pop();
      for_each_target(static_cast<size_t>(sorted.back()), [&](int32_t target) {
        if (--ways[static_cast<size_t>(target)] == 0) free.push(target);
      });
    }
    METAQNN_ASSERT(sorted.size() == places_.size(), "the space has a cycle");
    return sorted;
  }

  void add_positions() {
    const std::vector<int32_t> sorted = sorted_places();
    std::vector<int32_t> number(sorted.size());
    for (size_t i = 0; i < sorted.size(); ++i)
      number[static_cast<size_t>(sorted[i])] = static_cast<int32_t>(i);
    for (const int32_t place : sorted) {
      std::vector<Choice> choices = std::move(choices_[static_cast<size_t>(place)]);
      for (Choice& choice : choices) {
        if (choice.target != Space::kEnd)
          choice.target = number[static_cast<size_t>(choice.target)];
      }
      const auto next = static_cast<int32_t>(states_.size());
      const Place seen = rules_.state(places_[static_cast<size_t>(place)]);
      builder_.add_position(states_.try_emplace(seen, next).first->second, choices);
    }
  }

  Rules rules_;
  std::vector<Symbol> vocabulary_;
  std::vector<int32_t> labels_;  // of the vocabulary
  SpaceBuilder builder_;
  std::vector<Place> places_;                 // as they were found
  std::vector<std::vector<Choice>> choices_;  // of each, to such
  size_t choice_count_ = 0;
  std::unordered_map<Place, int32_t, PlaceHash> found_, states_;
};

}  // namespace

Space build_cnn_space(const CnnSpaceSettings& settings) {
  check(settings);
  return CnnSpaceBuilder(settings).build();
}

}  // namespace metaqnn::search
