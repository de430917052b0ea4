#include "metaqnn/architecture/architecture.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "architecture/symbols.h"
#include "base/foreign_text.h"
#include "metaqnn/base/error.h"

namespace metaqnn {
namespace {

constexpr int kLargestSize = 65536;
constexpr int kLargestField = 255;
constexpr size_t kMostLayers = 1000;
constexpr int kDeepestList = 8;

// One kind of layer in the grammar: its name, the upper limit of each argument, how to make it, and
// whether it may stand in a list of R or S.
struct LayerForm {
  std::string_view name;
  std::vector<int> limits;
  Layer (*make)(const std::array<int, 3>&);
  bool in_lists = false;
};

const std::vector<LayerForm>& layer_forms() {
  using Arguments = std::array<int, 3>;
  static const std::vector<LayerForm> forms = {
      {"C",
       {kLargestSize, kLargestField, kLargestField},
       [](const Arguments& a) -> Layer {
         return Convolution{a[0], a[1], a[2]};
       },
       true},
      {"P",
       {kLargestField, kLargestField},
       [](const Arguments& a) -> Layer {
         return Pooling{a[0], a[1]};
       },
       true},
      {"A",
       {kLargestField, kLargestField},
       [](const Arguments& a) -> Layer {
         return AveragePooling{a[0], a[1]};
       },
       true},
      {"M",
       {kLargestField, kLargestField},
       [](const Arguments& a) -> Layer {
         return MixedPooling{a[0], a[1]};
       },
       true},
      {"DC",
       {kLargestField, kLargestField},
       [](const Arguments& a) -> Layer {
         return DepthwiseConvolution{a[0], a[1]};
       },
       true},
      {"BN", {}, [](const Arguments&) -> Layer { return BatchNormalization{}; }, true},
      {"FC", {kLargestSize}, [](const Arguments& a) -> Layer { return FullyConnected{a[0]}; }},
      {"GAP",
       {kLargestSize},
       [](const Arguments& a) -> Layer { return GlobalAveragePooling{a[0]}; }},
      {"D",
       {kLargestField, kLargestField},
       [](const Arguments& a) -> Layer {
         return Dropout{a[0], a[1]};
       }},
      {"SM", {kLargestSize}, [](const Arguments& a) -> Layer { return Softmax{a[0]}; }},
  };
  return forms;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Architecture parse() {
    Architecture architecture;
    expect('[', "'[' at the start of the architecture");
    while (true) {
      architecture.layers.push_back(parse_layer());
      skip_space();
      const bool softmax = std::holds_alternative<Softmax>(architecture.layers.back());
      if (softmax) {
        expect(']', "']', because SM is the last layer");
        break;
      }
      if (peek() == ']')
        fail(position_, "', ' and another layer, because the last layer must be SM");
      expect(',', "',' or ']' after a layer");
    }
    skip_space();
    if (position_ != text_.size()) fail(position_, "the end of the text after ']'");
    return architecture;
  }

 private:
  char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }

  void skip_space() {
    while (position_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[position_])))
      ++position_;
  }

  void expect(char wanted, const std::string& expectation) {
    skip_space();
    if (position_ >= text_.size() || text_[position_] != wanted) fail(position_, expectation);
    ++position_;
  }

  [[noreturn]] void fail(size_t at, const std::string& expectation) const {
    std::string found = "the end of the text";
    if (at < text_.size()) {
      size_t end = at + first_character(text_.substr(at)).size();
      const auto is_word = [this](size_t i) {
        return i < text_.size() && std::isalnum(static_cast<unsigned char>(text_[i]));
      };
      if (is_word(at)) {
        while (is_word(end) && end - at < 20) ++end;
      }
      found = "'" + visible(text_.substr(at, end - at)) + "'";
    }
    throw UsageError("architecture, column " + std::to_string(at + 1) + ": expected " +
                     expectation + ", found " + found);
  }

  // Up to the ']' of a list within the architecture, or the ';' that parts it from the next.
  Layers parse_list() {
    Layers layers;
    do {
      layers.push_back(parse_layer());
      skip_space();
    } while (skip(','));
    return layers;
  }

  bool skip(char wanted) {
    const bool is_there = peek() == wanted;
    if (is_there) ++position_;
    return is_there;
  }

  Layer parse_residual() {
    Residual residual{parse_list()};
    expect(']', "',' or ']' after a layer of R");
    return residual;
  }

  Layer parse_split(size_t at) {
    std::vector<Layers> branches;
    do {
      branches.push_back(parse_list());
    } while (skip(';'));
    expect(']', "',', ';' or ']' after a layer of S");
    if (branches.size() < 2) fail(at, "at least two branches in S, parted by ';'");
    return Split(std::move(branches));
  }

  Layer parse_lists(const std::string& name, size_t at) {
    expect('[', "'[' after " + name);
    if (++list_depth_ > kDeepestList)
      fail(at, "lists at most " + std::to_string(kDeepestList) + " deep");
    Layer layer = name == "R" ? parse_residual() : parse_split(at);
    --list_depth_;
    return layer;
  }

  Layer parse_layer() {
    skip_space();
    const size_t start = position_;
    if (++layers_ > kMostLayers) fail(start, "at most " + std::to_string(kMostLayers) + " layers");
    while (position_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[position_])))
      ++position_;
    const std::string_view name = text_.substr(start, position_ - start);
    if (name == "R" || name == "S") return parse_lists(std::string(name), start);
    for (const LayerForm& form : layer_forms()) {
      if (form.name != name) continue;
      if (list_depth_ > 0 && !form.in_lists)
        fail(start, "C, DC, P, A, M, BN, R or S, because it stands in a list");
      return parse_arguments(form);
    }
    fail(start, "a layer: C, DC, P, A, M, BN, R, S, FC, GAP, D or SM");
  }

  Layer parse_arguments(const LayerForm& form) {
    std::array<int, 3> values{};
    if (form.limits.empty()) return form.make(values);
    expect('(', "'(' after " + std::string(form.name));
    const size_t values_at = position_;
    for (size_t i = 0; i < form.limits.size(); ++i) {
      if (i > 0) {
        expect(',', "',', because " + std::string(form.name) + " has " +
                        std::to_string(form.limits.size()) + " numbers");
      }
      values[i] = parse_number(form.limits[i]);
    }
    expect(')', "')' after the " +
                    (form.limits.size() == 1 ? std::string("number")
                                             : std::to_string(form.limits.size()) + " numbers") +
                    " of " + std::string(form.name));
    const Layer layer = form.make(values);
    if (const auto* dropout = std::get_if<Dropout>(&layer);
        dropout != nullptr && dropout->index > dropout->count) {
      fail(values_at, "D(i,n) with i at most n");
    }
    return layer;
  }

  int parse_number(int limit) {
    skip_space();
    const size_t start = position_;
    long value = 0;
    while (position_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[position_]))) {
      value = value * 10 + (text_[position_] - '0');
      ++position_;
      if (value > limit) break;
    }
    if (position_ == start || value < 1 || value > limit)
      fail(start, "a whole number from 1 to " + std::to_string(limit));
    return static_cast<int>(value);
  }

  std::string_view text_;
  size_t position_ = 0;
  size_t layers_ = 0;
  int list_depth_ = 0;
};

std::string joined(const Layers& layers) {
  const std::vector<Symbol> all = symbols(layers);
  std::string text;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i > 0) text += separator(all[i - 1], all[i]);
    text += to_string(all[i]);
  }
  return text;
}

}  // namespace

bool operator==(const Residual& a, const Residual& b) { return a.body == b.body; }
bool operator==(const Split& a, const Split& b) { return a.branches == b.branches; }

Split::Split(std::vector<Layers> given) : branches(std::move(given)) {
  std::ranges::stable_sort(branches, {}, [](const Layers& branch) {
    std::vector<int64_t> orders;
    for (const Symbol& symbol : symbols(branch)) orders.push_back(order(symbol));
    return orders;
  });
}

Architecture parse_architecture(std::string_view text) { return Parser(text).parse(); }

std::string to_string(const Layer& layer) {
  const auto call = [](const char* name, std::initializer_list<int> values) {
    std::string text = std::string(name) + "(";
    bool first = true;
    for (int value : values) {
      if (!first) text += ',';
      first = false;
      text += std::to_string(value);
    }
    return text + ")";
  };
  return std::visit(Match{[&](const Convolution& c) {
                            return call("C", {c.filters, c.field, c.stride});
                          },
                          [&](const Pooling& p) {
                            return call("P", {p.field, p.stride});
                          },
                          [&](const FullyConnected& f) { return call("FC", {f.neurons}); },
                          [&](const GlobalAveragePooling& g) { return call("GAP", {g.classes}); },
                          [&](const Dropout& d) {
                            return call("D", {d.index, d.count});
                          },
                          [&](const Softmax& s) { return call("SM", {s.classes}); },
                          [&](const AveragePooling& p) {
                            return call("A", {p.field, p.stride});
                          },
                          [&](const MixedPooling& p) {
                            return call("M", {p.field, p.stride});
                          },
                          [&](const DepthwiseConvolution& c) {
                            return call("DC", {c.field, c.stride});
                          },
                          [&](const BatchNormalization&) { return std::string("BN"); },
                          [&](const Residual&) { return joined({layer}); },
                          [&](const Split&) { return joined({layer}); }},
                    layer);
}

std::string to_string(const Architecture& architecture) {
  return "[" + joined(architecture.layers) + "]";
}

std::string identity(const Architecture& architecture) {
  Layers layers = architecture.layers;
  std::erase_if(layers, [](const Layer& layer) { return std::holds_alternative<Dropout>(layer); });
  return "[" + joined(layers) + "]";
}

namespace {

int depth(const Layers& layers) {
  int sum = 0;
  for (const Layer& layer : layers) {
    sum += std::visit(Match{[](const Dropout&) { return 0; }, [](const Softmax&) { return 0; },
                            [](const Residual& residual) { return depth(residual.body); },
                            [](const Split& split) {
                              int deepest = 0;
                              for (const Layers& branch : split.branches)
                                deepest = std::max(deepest, depth(branch));
                              return deepest;
                            },
                            [](const auto&) { return 1; }},
                      layer);
  }
  return sum;
}

}  // namespace

int depth(const Architecture& architecture) { return depth(architecture.layers); }

Architecture place_dropout(const Architecture& architecture) {
  Architecture placed;
  int layer_number = 0;
  int count = 0;
  for (const Layer& layer : architecture.layers) {
    if (std::holds_alternative<Dropout>(layer)) continue;
    placed.layers.push_back(layer);
    if (std::holds_alternative<Softmax>(layer)) break;
    ++layer_number;
    const bool fully_connected = std::holds_alternative<FullyConnected>(layer);
    const bool averaged = std::holds_alternative<GlobalAveragePooling>(layer);
    if ((layer_number % 2 == 0 || fully_connected) && !averaged)
      placed.layers.push_back(Dropout{++count, 0});
  }
  for (Layer& layer : placed.layers) {
    if (auto* dropout = std::get_if<Dropout>(&layer)) dropout->count = count;
  }
  return placed;
}

}  // namespace metaqnn
