#include "architecture/symbols.h"

#include <initializer_list>

#include "metaqnn/base/error.h"

namespace metaqnn {
namespace {

void append(const Layer& layer, std::vector<Symbol>& all) {
  const auto append_each = [&](const Layers& layers) {
    for (const Layer& inside : layers) append(inside, all);
  };
  std::visit(Match{[&](const Residual& residual) {
                     all.push_back(Bracket::residual);
                     append_each(residual.body);
                     all.push_back(Bracket::end);
                   },
                   [&](const Split& split) {
                     Bracket before = Bracket::split;
                     for (const Layers& branch : split.branches) {
                       all.push_back(before);
                       append_each(branch);
                       before = Bracket::next_branch;
                     }
                     all.push_back(Bracket::end);
                   },
                   [&](const auto&) { all.push_back(layer); }},
             layer);
}

// Kind, field, stride, filters or the like, from the most significant to the least.
int64_t key(int kind, int field = 0, int stride = 0, int units = 0) {
  constexpr int64_t kFields = 256, kUnits = 1 << 17;
  return ((kind * kFields + field) * kFields + stride) * kUnits + units;
}

int64_t key_of(const Layer& layer) {
  return std::visit(
      Match{[](const Convolution& c) { return key(2, c.field, c.stride, c.filters); },
            [](const DepthwiseConvolution& c) { return key(3, c.field, c.stride); },
            [](const Pooling& p) { return key(4, p.field, p.stride); },
            [](const AveragePooling& p) { return key(5, p.field, p.stride); },
            [](const MixedPooling& p) { return key(6, p.field, p.stride); },
            [](const BatchNormalization&) { return key(7); },
            [](const FullyConnected& f) { return key(10, 0, 0, f.neurons); },
            [](const GlobalAveragePooling& g) { return key(11, 0, 0, g.classes); },
            [](const Dropout& d) { return key(12, d.count, d.index); },
            [](const Softmax& s) { return key(13, 0, 0, s.classes); },
            [](const auto&) -> int64_t {
              fail_assertion(__FILE__, __LINE__, "a symbol that holds lists");
            }},
      layer);
}

int64_t key_of(Bracket bracket) {
  switch (bracket) {
    case Bracket::end:
      return key(0);
    case Bracket::next_branch:
      return key(1);
    case Bracket::residual:
      return key(8);
    case Bracket::split:
      return key(9);
  }
  fail_assertion(__FILE__, __LINE__, "unknown bracket");
}

std::string text_of(Bracket bracket) {
  switch (bracket) {
    case Bracket::end:
      return "]";
    case Bracket::next_branch:
      return ";";
    case Bracket::residual:
      return "R[";
    case Bracket::split:
      return "S[";
  }
  fail_assertion(__FILE__, __LINE__, "unknown bracket");
}

bool is_one_of(const Symbol& symbol, std::initializer_list<Bracket> brackets) {
  const Bracket* bracket = std::get_if<Bracket>(&symbol);
  for (const Bracket one : brackets) {
    if (bracket && *bracket == one) return true;
  }
  return false;
}

}  // namespace

std::vector<Symbol> symbols(const Layers& layers) {
  std::vector<Symbol> all;
  for (const Layer& layer : layers) append(layer, all);
  return all;
}

int64_t order(const Symbol& symbol) {
  return std::visit([](const auto& it) { return key_of(it); }, symbol);
}

std::string to_string(const Symbol& symbol) {
  return std::visit(Match{[](const Layer& layer) { return to_string(layer); },
                          [](Bracket bracket) { return text_of(bracket); }},
                    symbol);
}

Symbol parse_symbol(std::string_view text) {
  for (const Bracket bracket :
       {Bracket::end, Bracket::next_branch, Bracket::residual, Bracket::split}) {
    if (text == text_of(bracket)) return bracket;
  }
  const bool is_last = text.starts_with("SM");
  const Architecture architecture =
      parse_architecture("[" + std::string(text) + (is_last ? "]" : ", SM(1)]"));
  METAQNN_ASSERT(architecture.layers.size() == (is_last ? 1 : 2),
                 std::string(text) + " is no single symbol");
  return architecture.layers[0];
}

std::string_view separator(const Symbol& before, const Symbol& after) {
  if (is_one_of(before, {Bracket::residual, Bracket::split}) || is_one_of(after, {Bracket::end}))
    return "";
  const bool parts_branches =
      is_one_of(before, {Bracket::next_branch}) || is_one_of(after, {Bracket::next_branch});
  return parts_branches ? " " : ", ";
}

}  // namespace metaqnn
