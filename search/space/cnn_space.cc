#include <algorithm>
#include <unordered_map>
#include <utility>

#include "metaqnn/base/error.h"
#include "search/space/builder.h"

namespace metaqnn::search {
namespace {

constexpr int kLargestSize = 65536;  // the limits of the grammar, architecture.h
constexpr int kLargestField = 255;
constexpr int kLargestDepth = 999;

enum class Kind : int { start, convolution, pooling, fully_connected, average };

// All that decides what may follow. With height and width it is a position; with their bin instead,
// a state.
struct Place {
  Kind last = Kind::start;
  int depth = 0;
  int field = 0, stride = 0;
  int units = 0;  // filters or neurons
  int height = 0, width = 0;
  int in_a_row = 0;  // FC
  friend bool operator==(const Place&, const Place&) = default;
};

struct PlaceHash {
  size_t operator()(const Place& place) const {
    uint64_t hash = 0;
    for (int value : {static_cast<int>(place.last), place.depth, place.field, place.stride,
                      place.units, place.height, place.width, place.in_a_row}) {
      hash = (hash ^ static_cast<uint64_t>(value)) * 0x9e3779b97f4a7c15ULL;
      hash ^= hash >> 29;
    }
    return hash;
  }
};

// Why a layer may not stand at a place.
enum class Rule {
  allowed,
  only_softmax_after_average,
  depth_limit,
  no_map_after_fully_connected,
  unknown_filters,
  unknown_stride,
  field_not_at_this_size,
  no_pooling_first,
  no_pooling_after_pooling,
  pooling_not_at_this_size,
  no_fully_connected_first,
  unknown_neurons,
  too_many_in_a_row,
  may_not_grow,
  no_fully_connected_at_this_size,
  no_average,
  classes,
  dropout
};

template <typename T>
bool contains(const std::vector<T>& values, const T& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

std::string written(int value) { return std::to_string(value); }
std::string written(const Pooling& pooling) { return to_string(Layer(pooling)); }

template <typename T>
std::string list(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) text += (text.empty() ? "" : ", ") + written(value);
  return text.empty() ? "none" : text;
}

// The rules of a space. All of them are functions of the state, never of the true size within a
// bin.
class Rules {
 public:
  explicit Rules(CnnSpaceSettings settings) : settings_(std::move(settings)) {}

  Place start() const {
    Place place;
    place.height = settings_.input.height;
    place.width = settings_.input.width;
    return place;
  }

  size_t bin(const Place& place) const {
    const int side = std::min(place.height, place.width);
    size_t index = 0;
    while (settings_.bins[index].smallest > side) ++index;
    return index;
  }

  Place state(Place place) const {
    place.height = static_cast<int>(bin(place));
    place.width = 0;
    return place;
  }

  // Where a layer leads to; SM leads to the end. FC and GAP leave no map: all sizes become 1.
  static Place advance(const Place& place, const Layer& layer) {
    const int depth = place.depth + 1;
    return std::visit(Match{[&](const Convolution& c) {
                              return Place{Kind::convolution,
                                           depth,
                                           c.field,
                                           c.stride,
                                           c.filters,
                                           convolution_output(place.height, c.field, c.stride),
                                           convolution_output(place.width, c.field, c.stride),
                                           0};
                            },
                            [&](const Pooling& p) {
                              return Place{Kind::pooling,
                                           depth,
                                           p.field,
                                           p.stride,
                                           0,
                                           pooling_output(place.height, p.field, p.stride),
                                           pooling_output(place.width, p.field, p.stride),
                                           0};
                            },
                            [&](const FullyConnected& f) {
                              return Place{Kind::fully_connected, depth, 0, 0, f.neurons, 1, 1,
                                           place.in_a_row + 1};
                            },
                            [&](const GlobalAveragePooling& g) {
                              return Place{Kind::average, depth, 0, 0, g.classes, 1, 1, 0};
                            },
                            [&](const auto&) { return place; }},
                      layer);
  }

  Rule check(const Place& place, const Layer& layer) const {
    if (const auto* softmax = std::get_if<Softmax>(&layer))
      return softmax->classes == settings_.classes ? Rule::allowed : Rule::classes;
    if (place.last == Kind::average) return Rule::only_softmax_after_average;
    if (place.depth >= settings_.depth_limit) return Rule::depth_limit;
    return std::visit([&](const auto& it) { return check_layer(place, it); }, layer);
  }

  // The rule in words, with what the place allows instead.
  std::string explain(Rule rule, const Place& place, const Layer& layer) const;

  // Every layer that stands somewhere, in the order of choices: C by filters, field and stride, P,
  // FC, GAP, SM.
  std::vector<Layer> vocabulary() const;

 private:
  Rule check_layer(const Place& place, const Convolution& c) const {
    if (place.last == Kind::fully_connected) return Rule::no_map_after_fully_connected;
    if (!contains(settings_.convolution_filters, c.filters)) return Rule::unknown_filters;
    if (!contains(settings_.convolution_strides, c.stride)) return Rule::unknown_stride;
    const bool fits = contains(settings_.bins[bin(place)].convolution_fields, c.field);
    return fits ? Rule::allowed : Rule::field_not_at_this_size;
  }

  Rule check_layer(const Place& place, const Pooling& p) const {
    if (place.last == Kind::fully_connected) return Rule::no_map_after_fully_connected;
    if (place.last == Kind::start && !settings_.pooling_first) return Rule::no_pooling_first;
    if (place.last == Kind::pooling && !settings_.pooling_after_pooling)
      return Rule::no_pooling_after_pooling;
    const bool fits = contains(settings_.bins[bin(place)].pooling, p);
    return fits ? Rule::allowed : Rule::pooling_not_at_this_size;
  }

  Rule check_layer(const Place& place, const FullyConnected& f) const {
    if (place.last == Kind::start) return Rule::no_fully_connected_first;
    if (!contains(settings_.fully_connected_neurons, f.neurons)) return Rule::unknown_neurons;
    if (place.in_a_row >= settings_.fully_connected_in_a_row) return Rule::too_many_in_a_row;
    if (place.last == Kind::fully_connected) {
      const bool grows = f.neurons > place.units;
      return grows && !settings_.fully_connected_may_grow ? Rule::may_not_grow : Rule::allowed;
    }
    const bool fits = settings_.bins[bin(place)].fully_connected;
    return fits ? Rule::allowed : Rule::no_fully_connected_at_this_size;
  }

  Rule check_layer(const Place& place, const GlobalAveragePooling& g) const {
    if (!settings_.global_average_pooling) return Rule::no_average;
    if (place.last == Kind::fully_connected) return Rule::no_map_after_fully_connected;
    return g.classes == settings_.classes ? Rule::allowed : Rule::classes;
  }

  Rule check_layer(const Place&, const Dropout&) const { return Rule::dropout; }
  Rule check_layer(const Place&, const Softmax&) const { return Rule::allowed; }

  // "4 to 7"
  std::string range(size_t index) const {
    const int smallest = settings_.bins[index].smallest;
    if (index == 0) return std::to_string(smallest) + " or more";
    const int largest = settings_.bins[index - 1].smallest - 1;
    return smallest == largest ? std::to_string(smallest)
                               : std::to_string(smallest) + " to " + std::to_string(largest);
  }

  static std::string size(const Place& place) {
    const std::string height = std::to_string(place.height);
    return place.height == place.width ? height : height + "x" + std::to_string(place.width);
  }

  // "at size 7 (4 to 7: 1, 3)"
  std::string at_size(const Place& place, const std::string& allowed) const {
    return "at size " + size(place) + " (" + range(bin(place)) + ": " + allowed + ")";
  }

  CnnSpaceSettings settings_;
};

// The number that a rule about a layer's number is about.
int number_of(Rule rule, const Layer& layer) {
  return std::visit(Match{[&](const Convolution& c) {
                            return rule == Rule::unknown_filters  ? c.filters
                                   : rule == Rule::unknown_stride ? c.stride
                                                                  : c.field;
                          },
                          [](const Pooling& p) { return p.field; },
                          [](const FullyConnected& f) { return f.neurons; },
                          [](const Dropout& d) { return d.index; },
                          [](const auto& last) { return last.classes; }},
                    layer);
}

std::string kind_of(const Layer& layer) {
  const std::string text = to_string(layer);
  return text.substr(0, text.find('('));
}

std::string Rules::explain(Rule rule, const Place& place, const Layer& layer) const {
  const std::string name = to_string(layer);
  const std::string kind = kind_of(layer);
  const std::string number = std::to_string(number_of(rule, layer));
  const std::string classes = "(" + std::to_string(settings_.classes) + ")";
  const SizeBin& here = settings_.bins[bin(place)];
  switch (rule) {
    case Rule::allowed:
      return "";
    case Rule::only_softmax_after_average:
      return "only SM" + classes + " may follow GAP";
    case Rule::depth_limit:
      return "the depth limit is " + std::to_string(settings_.depth_limit);
    case Rule::no_map_after_fully_connected:
      return "no " + kind + " after FC; only FC or SM may follow it";
    case Rule::unknown_filters:
      return number + " filters are not in the list " + list(settings_.convolution_filters);
    case Rule::unknown_stride:
      return "stride " + number + " is not in the list " + list(settings_.convolution_strides);
    case Rule::field_not_at_this_size:
      return "receptive field " + number + " is not allowed " +
             at_size(place, list(here.convolution_fields));
    case Rule::no_pooling_first:
      return "no pooling at the start";
    case Rule::no_pooling_after_pooling:
      return "no pooling directly after pooling";
    case Rule::pooling_not_at_this_size:
      return name + " is not allowed " + at_size(place, list(here.pooling));
    case Rule::no_fully_connected_first:
      return "no FC at the start";
    case Rule::unknown_neurons:
      return number + " neurons are not in the list " + list(settings_.fully_connected_neurons);
    case Rule::too_many_in_a_row:
      return "at most " + std::to_string(settings_.fully_connected_in_a_row) + " FC in a row";
    case Rule::may_not_grow:
      return "FC may not be larger than the FC before it";
    case Rule::no_fully_connected_at_this_size:
      return "FC is not allowed " + at_size(place, "no FC");
    case Rule::no_average:
      return "this space has no GAP";
    case Rule::classes:
      return kind + classes + " expected, not " + name;
    case Rule::dropout:
      return "D is placed by rule and is no choice";
  }
  fail_assertion(__FILE__, __LINE__, "unknown rule " + std::to_string(static_cast<int>(rule)));
}

std::vector<Layer> Rules::vocabulary() const {
  std::vector<int> fields;
  std::vector<Pooling> pooling;
  for (const SizeBin& bin : settings_.bins) {
    for (int field : bin.convolution_fields) {
      if (!contains(fields, field)) fields.push_back(field);
    }
    for (const Pooling& layer : bin.pooling) {
      if (!contains(pooling, layer)) pooling.push_back(layer);
    }
  }
  std::vector<Layer> layers;
  for (int filters : settings_.convolution_filters) {
    for (int field : fields) {
      for (int stride : settings_.convolution_strides)
        layers.push_back(Convolution{filters, field, stride});
    }
  }
  layers.insert(layers.end(), pooling.begin(), pooling.end());
  for (int neurons : settings_.fully_connected_neurons) layers.push_back(FullyConnected{neurons});
  layers.push_back(GlobalAveragePooling{settings_.classes});
  layers.push_back(Softmax{settings_.classes});
  return layers;
}

[[noreturn]] void refuse(const std::string& key, const std::string& why) {
  throw UsageError("space." + key + ": " + why);
}

void check_range(const std::string& key, int value, int smallest, int largest) {
  if (value >= smallest && value <= largest) return;
  refuse(key, std::to_string(value) + " is not a whole number from " + std::to_string(smallest) +
                  " to " + std::to_string(largest));
}

template <typename T>
void check_different(const std::string& key, const std::vector<T>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::find(values.begin(), values.begin() + i, values[i]) != values.begin() + i)
      refuse(key, written(values[i]) + " stands there twice");
  }
}

void check_list(const std::string& key, const std::vector<int>& values, int largest,
                const std::string& instead) {
  if (values.empty()) refuse(key, "the list is empty; " + instead);
  for (int value : values) check_range(key, value, 1, largest);
  check_different(key, values);
}

void check_bin(const SizeBin& bin, size_t index) {
  const std::string key = "size_bins, bin " + std::to_string(index + 1) + ", ";
  for (int field : bin.convolution_fields) {
    check_range(key + "convolution_fields", field, 1, kLargestField);
    if (field % 2 == 0) {
      refuse(key + "convolution_fields",
             std::to_string(field) + " is even, which cannot keep the size; use an odd field");
    }
  }
  check_different(key + "convolution_fields", bin.convolution_fields);
  for (const Pooling& pooling : bin.pooling) {
    check_range(key + "pooling, field", pooling.field, 1, kLargestField);
    check_range(key + "pooling, stride", pooling.stride, 1, kLargestField);
    if (pooling.field > bin.smallest) {
      refuse(key + "pooling", written(pooling) + " is larger than the bin's smallest size, " +
                                  std::to_string(bin.smallest) +
                                  "; every layer of a bin must fit all its sizes");
    }
  }
  check_different(key + "pooling", bin.pooling);
}

void check_bins(const std::vector<SizeBin>& bins) {
  if (bins.empty()) refuse("size_bins", "the list is empty; the last bin begins at size 1");
  for (size_t i = 0; i < bins.size(); ++i) {
    check_range("size_bins, bin " + std::to_string(i + 1) + ", smallest", bins[i].smallest, 1,
                kLargestSize);
    if (i > 0 && bins[i].smallest >= bins[i - 1].smallest) {
      refuse("size_bins", "bin " + std::to_string(i + 1) + " begins at size " +
                              std::to_string(bins[i].smallest) + " after one that begins at " +
                              std::to_string(bins[i - 1].smallest) +
                              "; order them from the largest sizes to the smallest");
    }
    check_bin(bins[i], i);
  }
  if (bins.back().smallest != 1) {
    refuse("size_bins", "the last bin begins at size " + std::to_string(bins.back().smallest) +
                            "; it must begin at 1, so that every size has a bin");
  }
}

void check(const CnnSpaceSettings& settings) {
  for (int side : {settings.input.channels, settings.input.height, settings.input.width})
    check_range("input", side, 1, kLargestSize);
  check_range("classes", settings.classes, 1, kLargestSize);
  check_range("depth_limit", settings.depth_limit, 1, kLargestDepth);
  check_list("convolution_filters", settings.convolution_filters, kLargestSize,
             "for a space without C leave the bins' convolution_fields empty");
  check_list("convolution_strides", settings.convolution_strides, kLargestField,
             "stride 1 keeps the size");
  check_list("fully_connected_neurons", settings.fully_connected_neurons, kLargestSize,
             "for a space without FC set fully_connected_in_a_row = 0");
  check_range("fully_connected_in_a_row", settings.fully_connected_in_a_row, 0, kLargestDepth);
  check_bins(settings.bins);
}

// Numbers positions and states breadth-first from the start.
class CnnSpaceBuilder {
 public:
  explicit CnnSpaceBuilder(const CnnSpaceSettings& settings)
      : rules_(settings), vocabulary_(rules_.vocabulary()) {
    for (const Layer& layer : vocabulary_) labels_.push_back(builder_.label(to_string(layer)));
    builder_.classify(settings.input, settings.classes);
    builder_.write_as("[", {", "}, "]");
  }

  Space build() {
    position_of(rules_.start());
    for (size_t next = 0; next < places_.size(); ++next) expand(Place(places_[next]));
    builder_.find_by([rules = rules_](const Space& space, std::string_view text) {
      return find(rules, space, text);
    });
    return builder_.finish();
  }

 private:
  int32_t position_of(const Place& place) {
    const auto next = static_cast<int32_t>(places_.size());
    const auto [entry, is_new] = positions_.try_emplace(place, next);
    if (is_new) places_.push_back(place);
    return entry->second;
  }

  void expand(const Place& place) {
    choices_.clear();
    for (size_t i = 0; i < vocabulary_.size(); ++i) {
      if (rules_.check(place, vocabulary_[i]) != Rule::allowed) continue;
      const bool ends = std::holds_alternative<Softmax>(vocabulary_[i]);
      const int32_t target =
          ends ? Space::kEnd : position_of(Rules::advance(place, vocabulary_[i]));
      choices_.push_back({labels_[i], target});
    }
    const auto next_state = static_cast<int32_t>(states_.size());
    const int32_t state = states_.try_emplace(rules_.state(place), next_state).first->second;
    builder_.add_position(state, choices_);
  }

  static Space::Found find(const Rules& rules, const Space& space, std::string_view text) {
    const Architecture architecture = parse_architecture(text);
    Space::Found found;
    found.canonical = identity(architecture);
    Walk walk;
    Place place = rules.start();
    int32_t position = space.start();
    for (const Layer& layer : architecture.layers) {
      if (std::holds_alternative<Dropout>(layer)) continue;
      if (const Rule rule = rules.check(place, layer); rule != Rule::allowed) {
        found.refusal = "layer " + std::to_string(walk.size() + 1) + ", " + to_string(layer) +
                        ": " + rules.explain(rule, place, layer);
        return found;
      }
      const int32_t choice = choice_named(space, position, to_string(layer));
      walk.push_back({position, choice});
      position = space.choices(position)[choice].target;
      place = Rules::advance(place, layer);
    }
    found.walk = std::move(walk);
    return found;
  }

  static int32_t choice_named(const Space& space, int32_t position, const std::string& name) {
    const std::span<const Choice> choices = space.choices(position);
    for (size_t i = 0; i < choices.size(); ++i) {
      if (space.label(choices[i].label) == name) return static_cast<int32_t>(i);
    }
    fail_assertion(__FILE__, __LINE__,
                   name + " is no choice of position " + std::to_string(position));
  }

  Rules rules_;
  std::vector<Layer> vocabulary_;
  std::vector<int32_t> labels_;  // of the vocabulary
  SpaceBuilder builder_;
  std::vector<Place> places_;  // of each position
  std::unordered_map<Place, int32_t, PlaceHash> positions_;
  std::unordered_map<Place, int32_t, PlaceHash> states_;
  std::vector<Choice> choices_;
};

}  // namespace

Space build_cnn_space(const CnnSpaceSettings& settings) {
  check(settings);
  return CnnSpaceBuilder(settings).build();
}

}  // namespace metaqnn::search
