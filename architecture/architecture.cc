#include "metaqnn/architecture/architecture.h"

#include <array>
#include <cctype>

#include "base/foreign_text.h"
#include "metaqnn/base/error.h"

namespace metaqnn {
namespace {

constexpr int kLargestSize = 65536;
constexpr int kLargestField = 255;
constexpr size_t kMostLayers = 1000;

// One kind of layer in the grammar: its name, the upper limit of each argument, and how to make it.
struct LayerForm {
  std::string_view name;
  std::vector<int> limits;
  Layer (*make)(const std::array<int, 3>&);
};

const std::vector<LayerForm>& layer_forms() {
  using Arguments = std::array<int, 3>;
  static const std::vector<LayerForm> forms = {
      {"C",
       {kLargestSize, kLargestField, kLargestField},
       [](const Arguments& a) -> Layer {
         return Convolution{a[0], a[1], a[2]};
       }},
      {"P",
       {kLargestField, kLargestField},
       [](const Arguments& a) -> Layer {
         return Pooling{a[0], a[1]};
       }},
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
      skip_space();
      const size_t layer_at = position_;
      architecture.layers.push_back(parse_layer());
      if (architecture.layers.size() > kMostLayers) fail(layer_at, "at most 1000 layers");
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

  Layer parse_layer() {
    const size_t start = position_;
    while (position_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[position_])))
      ++position_;
    const std::string_view name = text_.substr(start, position_ - start);
    for (const LayerForm& form : layer_forms()) {
      if (form.name == name) return parse_arguments(form);
    }
    fail(start, "a layer: C, P, FC, GAP, D or SM");
  }

  Layer parse_arguments(const LayerForm& form) {
    std::array<int, 3> values{};
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
};

std::string join(const std::vector<Layer>& layers, bool with_dropout) {
  std::string text = "[";
  for (const Layer& layer : layers) {
    if (!with_dropout && std::holds_alternative<Dropout>(layer)) continue;
    if (text.size() > 1) text += ", ";
    text += to_string(layer);
  }
  return text + "]";
}

}  // namespace

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
                          [&](const Softmax& s) { return call("SM", {s.classes}); }},
                    layer);
}

std::string to_string(const Architecture& architecture) { return join(architecture.layers, true); }

std::string identity(const Architecture& architecture) { return join(architecture.layers, false); }

int depth(const Architecture& architecture) {
  int count = 0;
  for (const Layer& layer : architecture.layers) {
    if (!std::holds_alternative<Dropout>(layer) && !std::holds_alternative<Softmax>(layer)) ++count;
  }
  return count;
}

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
