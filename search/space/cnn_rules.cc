#include "search/space/cnn_rules.h"

#include <algorithm>
#include <utility>

#include "metaqnn/base/error.h"

namespace metaqnn::search {
namespace {

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

bool is_in(const Place& place, Bracket kind) {
  return std::ranges::count(place.open, kind, &OpenList::kind) > 0;
}

// What a list is called in a sentence.
std::string letter(Bracket kind) { return kind == Bracket::residual ? "R" : "S"; }

// Does every branch that is open stand in its order with this symbol, which ends none of them?
bool keeps_order(const Place& place, const Symbol& symbol, size_t branches) {
  const int64_t at = order(symbol);
  return std::all_of(place.open.begin(), place.open.begin() + static_cast<std::ptrdiff_t>(branches),
                     [&](const OpenList& list) {
                       return !list.is_beginning || list.rest.empty() || at >= list.rest.front();
                     });
}

void write(OpenList& list, const Symbol& symbol, int most_branches) {
  if (list.kind != Bracket::split) return;
  const int64_t at = order(symbol);
  if (list.is_beginning) {
    list.is_beginning = !list.rest.empty() && list.rest.front() == at;
    list.is_beginning ? void(list.rest.erase(list.rest.begin())) : list.rest.clear();
  }
  if (list.branch + 1 < most_branches) list.written.push_back(at);
}

}  // namespace

size_t PlaceHash::operator()(const Place& place) const {
  uint64_t hash = 0;
  const auto add = [&](auto value) {
    hash = (hash ^ static_cast<uint64_t>(value)) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 29;
  };
  for (int value : {static_cast<int>(place.last), place.depth, place.field, place.stride,
                    place.units, place.height, place.width, place.in_a_row, place.form})
    add(value);
  for (const OpenList& list : place.open) {
    for (int value : {static_cast<int>(list.kind), list.layers, list.branch, list.opened_at,
                      list.deepest, static_cast<int>(list.is_beginning)})
      add(value);
    for (const int64_t symbol : list.rest) add(symbol);
    add(-1);
    for (const int64_t symbol : list.written) add(symbol);
  }
  return hash;
}

Place Rules::start() const {
  Place place;
  place.height = settings_.input.height;
  place.width = settings_.input.width;
  return place;
}

size_t Rules::bin(const Place& place) const {
  const int side = std::min(place.height, place.width);
  size_t index = 0;
  while (settings_.bins[index].smallest > side) ++index;
  return index;
}

Place Rules::state(Place place) const {
  place.height = static_cast<int>(bin(place));
  place.width = 0;
  for (OpenList& list : place.open) {
    list.opened_at = list.deepest = 0;
    list.is_beginning = false;
    list.rest.clear();
    list.written.clear();
  }
  return place;
}

// ---- Where a symbol leads to ----

namespace {

using Kind = Place::Kind;

// What `layer` leaves. FC and GAP leave no map: all sizes become 1.
Place behind(const Place& place, const Layer& layer) {
  Place next;
  next.depth = place.depth + 1;
  next.height = place.height;
  next.width = place.width;
  const auto convolve = [&](int field, int stride, int filters, int form) {
    next.last = Kind::convolution;
    next.field = field;
    next.stride = stride;
    next.units = filters;
    next.form = form;
    next.height = convolution_output(place.height, field, stride);
    next.width = convolution_output(place.width, field, stride);
  };
  const auto pool = [&](int field, int stride, int form) {
    next.last = Kind::pooling;
    next.field = field;
    next.stride = stride;
    next.form = form;
    next.height = pooling_output(place.height, field, stride);
    next.width = pooling_output(place.width, field, stride);
  };
  const auto connect = [&](Kind kind, int units) {
    next.last = kind;
    next.units = units;
    next.height = next.width = 1;
  };
  std::visit(Match{[&](const Convolution& c) { convolve(c.field, c.stride, c.filters, 0); },
                   [&](const DepthwiseConvolution& c) { convolve(c.field, c.stride, 0, 1); },
                   [&](const Pooling& p) { pool(p.field, p.stride, 0); },
                   [&](const AveragePooling& p) { pool(p.field, p.stride, 1); },
                   [&](const MixedPooling& p) { pool(p.field, p.stride, 2); },
                   [&](const BatchNormalization&) { next.last = Kind::normalization; },
                   [&](const FullyConnected& f) {
                     connect(Kind::fully_connected, f.neurons);
                     next.in_a_row = place.in_a_row + 1;
                   },
                   [&](const GlobalAveragePooling& g) { connect(Kind::average, g.classes); },
                   [&](const auto&) { next = place; }},
             layer);
  return next;
}

// Between layers, where nothing of the last one matters.
Place cleared(const Place& place, Kind last, int form) {
  Place next;
  next.last = last;
  next.form = form;
  next.depth = place.depth;
  next.height = place.height;
  next.width = place.width;
  next.open = place.open;
  return next;
}

Place opened(const Place& place, Bracket kind) {
  Place next = cleared(place, Kind::list, 0);
  if (!next.open.empty()) ++next.open.back().layers;
  OpenList list;
  list.kind = kind;
  if (kind == Bracket::split) list.opened_at = place.depth;
  next.open.push_back(std::move(list));
  return next;
}

Place in_next_branch(const Place& place) {
  Place next = cleared(place, Kind::list, 0);
  OpenList& list = next.open.back();
  list.deepest = std::max(list.deepest, place.depth - list.opened_at);
  next.depth = list.opened_at;
  list.layers = 0;
  ++list.branch;
  list.rest = std::move(list.written);
  list.written.clear();
  list.is_beginning = true;
  return next;
}

Place closed(const Place& place) {
  const OpenList& list = place.open.back();
  Place next = cleared(place, Kind::list, list.kind == Bracket::residual ? 1 : 2);
  if (list.kind == Bracket::split)
    next.depth = list.opened_at + std::max(list.deepest, place.depth - list.opened_at);
  next.open.pop_back();
  return next;
}

}  // namespace

Place Rules::advance(const Place& place, const Symbol& symbol) const {
  const Bracket* bracket = std::get_if<Bracket>(&symbol);
  Place next;
  if (!bracket) {
    next = behind(place, std::get<Layer>(symbol));
    next.open = place.open;
    if (!next.open.empty()) ++next.open.back().layers;
  } else if (*bracket == Bracket::next_branch) {
    next = in_next_branch(place);
  } else {
    next = *bracket == Bracket::end ? closed(place) : opened(place, *bracket);
  }
  // It is part of every branch around it.
  size_t around = std::min(place.open.size(), next.open.size());
  if (bracket && *bracket == Bracket::next_branch) --around;
  for (size_t i = 0; i < around; ++i) write(next.open[i], symbol, settings_.split_branches);
  return next;
}

// ---- What may stand where ----

const std::vector<int>& Rules::filters(const Place& place) const {
  if (place.open.empty()) return settings_.convolution_filters;
  const auto& own = place.open.back().kind == Bracket::residual ? settings_.residual_filters
                                                                : settings_.split_filters;
  return own.empty() ? settings_.convolution_filters : own;
}

int Rules::most_layers(Bracket kind) const {
  return kind == Bracket::residual ? settings_.residual_layers : settings_.split_layers;
}

Rule Rules::check(const Place& place, const Symbol& symbol) const {
  if (const Bracket* bracket = std::get_if<Bracket>(&symbol)) return check_bracket(place, *bracket);
  return check_layer(place, std::get<Layer>(symbol));
}

Rule Rules::check_layer(const Place& place, const Layer& layer) const {
  if (!place.open.empty()) {
    const bool may_be_inside = std::holds_alternative<Convolution>(layer) ||
                               std::holds_alternative<DepthwiseConvolution>(layer) ||
                               std::holds_alternative<BatchNormalization>(layer);
    if (!may_be_inside) return Rule::not_in_lists;
    const OpenList& list = place.open.back();
    if (list.layers >= most_layers(list.kind)) return Rule::list_is_full;
  }
  if (const auto* softmax = std::get_if<Softmax>(&layer))
    return softmax->classes == settings_.classes ? Rule::allowed : Rule::classes;
  if (place.last == Kind::average) return Rule::only_softmax_after_average;
  if (place.depth >= settings_.depth_limit) return Rule::depth_limit;
  const Rule rule = std::visit([&](const auto& it) { return check_one(place, it); }, layer);
  if (rule != Rule::allowed) return rule;
  return keeps_order(place, layer, place.open.size()) ? Rule::allowed : Rule::order_of_branches;
}

Rule Rules::check_window(const Place& place, int field, int stride) const {
  if (!contains(settings_.convolution_strides, stride)) return Rule::unknown_stride;
  if (stride > 1 && is_in(place, Bracket::split)) return Rule::stride_in_a_split;
  const bool fits = contains(settings_.bins[bin(place)].convolution_fields, field);
  return fits ? Rule::allowed : Rule::field_not_at_this_size;
}

Rule Rules::check_one(const Place& place, const Convolution& c) const {
  if (place.last == Kind::fully_connected) return Rule::no_map_after_fully_connected;
  if (!contains(filters(place), c.filters)) return Rule::unknown_filters;
  return check_window(place, c.field, c.stride);
}

Rule Rules::check_one(const Place& place, const DepthwiseConvolution& c) const {
  if (!settings_.depthwise_convolution || c.field == 1) return Rule::not_in_this_space;
  if (place.last == Kind::fully_connected) return Rule::no_map_after_fully_connected;
  return check_window(place, c.field, c.stride);
}

Rule Rules::check_pooling(const Place& place, const Pooling& p, bool is_there) const {
  if (!is_there) return Rule::not_in_this_space;
  if (place.last == Kind::fully_connected) return Rule::no_map_after_fully_connected;
  if (place.last == Kind::start && !settings_.pooling_first) return Rule::no_pooling_first;
  if (place.last == Kind::pooling && !settings_.pooling_after_pooling)
    return Rule::no_pooling_after_pooling;
  const bool fits = contains(settings_.bins[bin(place)].pooling, p);
  return fits ? Rule::allowed : Rule::pooling_not_at_this_size;
}

Rule Rules::check_one(const Place& place, const Pooling& p) const {
  return check_pooling(place, p, true);
}
Rule Rules::check_one(const Place& place, const AveragePooling& p) const {
  return check_pooling(place, {p.field, p.stride}, settings_.average_pooling);
}
Rule Rules::check_one(const Place& place, const MixedPooling& p) const {
  return check_pooling(place, {p.field, p.stride}, settings_.mixed_pooling);
}

Rule Rules::check_one(const Place& place, const BatchNormalization&) const {
  if (!settings_.batch_normalization) return Rule::not_in_this_space;
  if (place.last == Kind::fully_connected) return Rule::no_map_after_fully_connected;
  const bool may_be = place.last != Kind::start && place.last != Kind::normalization;
  return may_be ? Rule::allowed : Rule::no_normalization_here;
}

Rule Rules::check_one(const Place& place, const FullyConnected& f) const {
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

Rule Rules::check_one(const Place& place, const GlobalAveragePooling& g) const {
  if (!settings_.global_average_pooling) return Rule::no_average;
  if (place.last == Kind::fully_connected) return Rule::no_map_after_fully_connected;
  return g.classes == settings_.classes ? Rule::allowed : Rule::classes;
}

Rule Rules::check_opening(const Place& place, Bracket bracket) const {
  const bool is_there =
      bracket == Bracket::residual ? settings_.residual_layers > 0 : settings_.split_branches > 0;
  if (!is_there) return Rule::not_in_this_space;
  if (place.last == Kind::average) return Rule::only_softmax_after_average;
  if (place.last == Kind::fully_connected) return Rule::no_map_after_fully_connected;
  if (place.depth >= settings_.depth_limit) return Rule::depth_limit;
  if (place.open.size() > (settings_.nested_lists ? 1U : 0U)) return Rule::no_list_in_a_list;
  if (!place.open.empty() && place.open.back().layers >= most_layers(place.open.back().kind))
    return Rule::list_is_full;
  if (!keeps_order(place, bracket, place.open.size())) return Rule::order_of_branches;
  const Place inside = advance(place, bracket);
  const bool has_one = std::any_of(leaves_.begin(), leaves_.end(), [&](const Symbol& leaf) {
    return check(inside, leaf) == Rule::allowed;
  });
  return has_one ? Rule::allowed : Rule::no_layer_fits_in_a_list;
}

Rule Rules::check_bracket(const Place& place, Bracket bracket) const {
  if (bracket == Bracket::residual || bracket == Bracket::split)
    return check_opening(place, bracket);
  if (place.open.empty()) return Rule::no_list_is_open;
  const OpenList& list = place.open.back();
  const bool is_split = list.kind == Bracket::split;
  if (list.layers == 0) return Rule::list_is_empty;
  // Shorter than the branch that it is the beginning of.
  if (is_split && list.is_beginning && !list.rest.empty()) return Rule::order_of_branches;
  if (!keeps_order(place, bracket, place.open.size() - 1)) return Rule::order_of_branches;
  if (bracket == Bracket::next_branch) {
    if (!is_split) return Rule::no_list_is_open;
    return list.branch + 1 < settings_.split_branches ? Rule::allowed : Rule::too_many_branches;
  }
  return is_split && list.branch == 0 ? Rule::too_few_branches : Rule::allowed;
}

// ---- In words ----

namespace {

// The number that a rule about a layer's number is about.
int number_of(Rule rule, const Layer& layer) {
  return std::visit(
      Match{[&](const Convolution& c) {
              return rule == Rule::unknown_filters  ? c.filters
                     : rule == Rule::unknown_stride ? c.stride
                                                    : c.field;
            },
            [&](const DepthwiseConvolution& c) {
              return rule == Rule::unknown_stride ? c.stride : c.field;
            },
            [](const Pooling& p) { return p.field; },
            [](const FullyConnected& f) { return f.neurons; },
            [](const Dropout& d) { return d.index; },
            [](const GlobalAveragePooling& g) { return g.classes; },
            [](const Softmax& s) { return s.classes; }, [](const auto&) { return 0; }},
      layer);
}

std::string kind_of(const Symbol& symbol) {
  const std::string text = to_string(symbol);
  return text.substr(0, text.find_first_of("(["));
}

std::string size_of(const Place& place) {
  const std::string height = std::to_string(place.height);
  return place.height == place.width ? height : height + "x" + std::to_string(place.width);
}

// The setting that brings a kind of layer into a space.
std::string setting_of(const std::string& kind) {
  if (kind == "A") return "average_pooling = true";
  if (kind == "M") return "mixed_pooling = true";
  if (kind == "DC") return "depthwise_convolution = true, and fields above 1,";
  if (kind == "BN") return "batch_normalization = true";
  if (kind == "R") return "residual_layers";
  return "split_branches";
}

}  // namespace

// "4 to 7"
std::string Rules::range(size_t index) const {
  const int smallest = settings_.bins[index].smallest;
  if (index == 0) return std::to_string(smallest) + " or more";
  const int largest = settings_.bins[index - 1].smallest - 1;
  return smallest == largest ? std::to_string(smallest)
                             : std::to_string(smallest) + " to " + std::to_string(largest);
}

// "at size 7 (4 to 7: 1, 3)"
std::string Rules::at_size(const Place& place, const std::string& allowed) const {
  return "at size " + size_of(place) + " (" + range(bin(place)) + ": " + allowed + ")";
}

std::string Rules::explain(Rule rule, const Place& place, const Symbol& symbol) const {
  const std::string name = to_string(symbol);
  const std::string kind = kind_of(symbol);
  const Layer* layer = std::get_if<Layer>(&symbol);
  const std::string number = std::to_string(layer ? number_of(rule, *layer) : 0);
  const std::string classes = "(" + std::to_string(settings_.classes) + ")";
  const SizeBin& here = settings_.bins[bin(place)];
  const Bracket open = place.open.empty() ? Bracket::residual : place.open.back().kind;
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
      return number + " filters are not in the list " + list(filters(place));
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
    case Rule::not_in_this_space:
      return "this space has no " + kind + "; " + setting_of(kind) + " would bring it";
    case Rule::no_normalization_here:
      return "no BN at the start or directly after BN";
    case Rule::not_in_lists:
      return "only C, DC, BN, R and S may stand in " + letter(open) + " in this space";
    case Rule::no_list_in_a_list:
      return settings_.nested_lists ? "lists are at most one in another in this space"
                                    : "no list in a list; nested_lists = true would allow one";
    case Rule::list_is_full:
      return "at most " + std::to_string(most_layers(open)) + " layers in a list of " +
             letter(open);
    case Rule::no_layer_fits_in_a_list:
      return "no layer may stand in a list " + at_size(place, list(here.convolution_fields));
    case Rule::stride_in_a_split:
      return "only stride 1 in S in this space";
    case Rule::too_many_branches:
      return "at most " + std::to_string(settings_.split_branches) + " branches in S";
    case Rule::list_is_empty:
      return "a list needs a layer";
    case Rule::too_few_branches:
      return "S needs two branches";
    case Rule::no_list_is_open:
      return "no list is open that it could end";
    case Rule::order_of_branches:
      return "branches are written in their order";
  }
  fail_assertion(__FILE__, __LINE__, "unknown rule " + std::to_string(static_cast<int>(rule)));
}

// ---- Every symbol ----

namespace {

template <typename T>
void add_new(std::vector<T>& all, const std::vector<T>& more) {
  for (const T& value : more) {
    if (!contains(all, value)) all.push_back(value);
  }
}

}  // namespace

std::vector<Symbol> Rules::all_leaves() const {
  std::vector<int> fields, filters = settings_.convolution_filters;
  for (const SizeBin& bin : settings_.bins) add_new(fields, bin.convolution_fields);
  if (settings_.residual_layers > 0) add_new(filters, settings_.residual_filters);
  if (settings_.split_branches > 0) add_new(filters, settings_.split_filters);
  std::vector<Symbol> leaves;
  for (int count : filters) {
    for (int field : fields) {
      for (int stride : settings_.convolution_strides)
        leaves.push_back(Convolution{count, field, stride});
    }
  }
  for (int field : fields) {
    for (int stride : settings_.convolution_strides) {
      if (settings_.depthwise_convolution && field > 1)
        leaves.push_back(DepthwiseConvolution{field, stride});
    }
  }
  if (settings_.batch_normalization) leaves.push_back(BatchNormalization{});
  return leaves;
}

std::vector<Symbol> Rules::vocabulary() const {
  std::vector<Pooling> pooling;
  for (const SizeBin& bin : settings_.bins) add_new(pooling, bin.pooling);
  std::vector<Symbol> all = leaves_;
  all.insert(all.end(), pooling.begin(), pooling.end());
  for (const auto& [field, stride] : pooling) {
    if (settings_.average_pooling) all.push_back(AveragePooling{field, stride});
  }
  for (const auto& [field, stride] : pooling) {
    if (settings_.mixed_pooling) all.push_back(MixedPooling{field, stride});
  }
  if (settings_.residual_layers > 0) all.push_back(Bracket::residual);
  if (settings_.split_branches > 0) {
    all.push_back(Bracket::split);
    all.push_back(Bracket::next_branch);
  }
  if (settings_.residual_layers > 0 || settings_.split_branches > 0) all.push_back(Bracket::end);
  for (int neurons : settings_.fully_connected_neurons) all.push_back(FullyConnected{neurons});
  all.push_back(GlobalAveragePooling{settings_.classes});
  all.push_back(Softmax{settings_.classes});
  return all;
}

}  // namespace metaqnn::search
