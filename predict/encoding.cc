#include "predict/encoding.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/foreign_text.h"
#include "base/names.h"
#include "datasets/logs/description.h"
#include "metaqnn/base/error.h"
#include "metaqnn/datasets/logs/log.h"
#include "predict/column_codec.h"
#include "predict/string_codec.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Of more columns than this all are one group, which has one width.
constexpr size_t kGroupsOfTheirOwn = 24;

// How much a token differs from another: parameter index and amount. A substitution costs the sum
// of exp(parameter) * amount.
struct Difference {
  size_t parameter;
  double amount;
};

enum GrammarCost : size_t { filters, field, stride, pooling, neurons, type, type_costs };
constexpr const char* kGrammarCosts[] = {"filters", "field",   "stride",
                                         "pooling", "neurons", "type"};
constexpr double kGrammarStarts[] = {0.2, 0.3, 0.5, 0.3, 0.2, 1.0};

double octaves(int a, int b) { return std::abs(std::log2(a) - std::log2(b)); }

std::vector<Difference> differences(const Layer& a, const Layer& b) {
  if (a.index() != b.index()) return {{type, 1}};
  const auto of_pooling = [&](const auto& x) -> std::vector<Difference> {
    const auto& y = std::get<std::decay_t<decltype(x)>>(b);
    return {{pooling, (std::abs(x.field - y.field) + std::abs(x.stride - y.stride)) / 2.0}};
  };
  return std::visit(
      Match{[&](const Convolution& x) -> std::vector<Difference> {
              const auto& y = std::get<Convolution>(b);
              return {{filters, octaves(x.filters, y.filters)},
                      {field, std::abs(x.field - y.field) / 2.0},
                      {stride, octaves(x.stride, y.stride)}};
            },
            [&](const DepthwiseConvolution& x) -> std::vector<Difference> {
              const auto& y = std::get<DepthwiseConvolution>(b);
              return {{field, std::abs(x.field - y.field) / 2.0},
                      {stride, octaves(x.stride, y.stride)}};
            },
            [&](const Pooling& x) { return of_pooling(x); },
            [&](const AveragePooling& x) { return of_pooling(x); },
            [&](const MixedPooling& x) { return of_pooling(x); },
            [&](const FullyConnected& x) -> std::vector<Difference> {
              return {{neurons, octaves(x.neurons, std::get<FullyConnected>(b).neurons)}};
            },
            [&](const auto&) -> std::vector<Difference> { return {}; }},
      a);
}

std::vector<Difference> differences(const Symbol& a, const Symbol& b) {
  const Layer *x = std::get_if<Layer>(&a), *y = std::get_if<Layer>(&b);
  if (x && y) return differences(*x, *y);
  if (a == b) return {};
  return {{type, 1}};
}

const char* type_name(const Layer& layer) {
  return std::visit(
      Match{[](const Convolution&) { return "convolution"; },
            [](const Pooling&) { return "pooling"; },
            [](const FullyConnected&) { return "fully_connected"; },
            [](const GlobalAveragePooling&) { return "global_average_pooling"; },
            [](const Dropout&) { return "dropout"; }, [](const Softmax&) { return "softmax"; },
            [](const AveragePooling&) { return "average_pooling"; },
            [](const MixedPooling&) { return "mixed_pooling"; },
            [](const DepthwiseConvolution&) { return "depthwise_convolution"; },
            [](const BatchNormalization&) { return "batch_normalization"; },
            [](const Residual&) { return "residual"; }, [](const Split&) { return "split"; }},
      layer);
}

// One for all brackets: a list has two of them or more, whose costs only count together.
constexpr const char* kBracket = "bracket";
constexpr double kBracketStart = 0.3;

std::string type_name(const Symbol& symbol) {
  const Layer* layer = std::get_if<Layer>(&symbol);
  return layer ? type_name(*layer) : kBracket;
}

using Json = nlohmann::json;

// A text in its parts.
struct Network {
  std::string string;
  Json columns;
};

Network network_of(const std::string& text, const EncodingSettings& settings) {
  if (settings.features.empty()) return {text, {}};
  datasets::Description description = datasets::parse_description(text);
  return {description.architecture.value_or(""), std::move(description.columns)};
}

}  // namespace

// Fixed by the training strings.
struct Encoding::State {
  EncodingSettings settings;
  std::unique_ptr<StringCodec> strings;
  std::optional<Cells> cells;
  // The alphabet.
  std::vector<std::string> tokens;
  std::map<std::string, int> ids;
  std::vector<std::optional<Symbol>> symbols;  // of each token; none for texts
  std::vector<ColumnCodec> described;          // of settings.features
  double largest_budget = 0;
  std::vector<FeatureColumn> columns;  // those kept
  std::vector<Index> kept;             // of all
  Index string_columns_kept = 0;       // of those kept, the first so many
  VectorXd mean, deviation;            // of those kept
  std::vector<kernels::NamedGroup> groups;
  std::vector<kernels::KernelParameter> cost_parameters;
  std::vector<std::optional<Index>> substitution_parameter;  // GrammarCost -> cost_parameters
  std::map<std::string, Index> insertion_parameter;          // type -> cost_parameters

  std::optional<Symbol> symbol_of(const std::string& token) const {
    if (!settings.is_grammar()) return std::nullopt;
    return parse_symbol(token);
  }

  void learn_alphabet(const std::vector<Network>& training) {
    for (const Network& network : training) {
      for (const std::string& token : strings->tokens(network.string)) {
        if (!ids.try_emplace(token, static_cast<int>(tokens.size())).second) continue;
        tokens.push_back(token);
        symbols.push_back(symbol_of(token));
      }
    }
  }

  kernels::Tokens encode(const std::string& text, kernels::TokenNumbers& unseen) const {
    kernels::Tokens sequence;
    for (const std::string& token : strings->tokens(text)) {
      const auto known = ids.find(token);
      sequence.push_back(known != ids.end() ? known->second : unseen.number(token));
    }
    return sequence;
  }

  int alphabet() const { return static_cast<int>(tokens.size()); }

  // With the largest budget where it has none.
  Network network(const std::string& text) const {
    Network network = network_of(text, settings);
    if (!settings.budget.empty() && !network.columns.contains(settings.budget))
      network.columns[settings.budget] = largest_budget;
    return network;
  }

  std::vector<FeatureColumn> all_columns() const {
    std::vector<FeatureColumn> all = strings->columns();
    for (size_t i = 0; i < described.size(); ++i)
      described[i].add_columns(all, group_of(settings.features[i]));
    return all;
  }

  std::string group_of(const std::string& feature) const {
    return settings.features.size() <= kGroupsOfTheirOwn ? feature : "columns";
  }

  VectorXd all_features(const Network& network) const {
    const VectorXd of_string = strings->features(network.string);
    std::vector<double> features(of_string.begin(), of_string.end());
    for (const ColumnCodec& codec : described) codec.add_features(network.columns, features);
    return Eigen::Map<const VectorXd>(features.data(), static_cast<Index>(features.size()));
  }

  void learn_columns(const std::vector<Network>& training, const std::vector<std::string>& wanted) {
    const std::set<std::string> names(wanted.begin(), wanted.end());
    const std::vector<FeatureColumn> all = all_columns();
    MatrixXd features(static_cast<Index>(training.size()), static_cast<Index>(all.size()));
    for (size_t i = 0; i < training.size(); ++i)
      features.row(static_cast<Index>(i)) = all_features(training[i]);
    const VectorXd means = features.colwise().mean();
    const VectorXd deviations =
        ((features.rowwise() - means.transpose()).colwise().squaredNorm() / features.rows())
            .cwiseSqrt();
    const auto of_strings = static_cast<Index>(strings->columns().size());
    for (Index c = 0; c < features.cols(); ++c) {
      if (deviations(c) <= 1e-9 * (1 + std::abs(means(c)))) continue;  // the same for all
      if (!names.empty() && !names.contains(all[static_cast<size_t>(c)].name)) continue;
      kept.push_back(c);
      columns.push_back(all[static_cast<size_t>(c)]);
      if (c < of_strings) ++string_columns_kept;
    }
    mean = means(kept);
    deviation = deviations(kept);
    for (Index c = 0; c < static_cast<Index>(columns.size()); ++c) {
      const std::string& group = columns[static_cast<size_t>(c)].group;
      if (groups.empty() || groups.back().name != group || c == string_columns_kept)
        groups.push_back({group, {c, 0}});
      ++groups.back().columns.count;
    }
  }

  Index add_cost(const std::string& name, double start, double below, double above) {
    const double log_start = std::log(start);
    cost_parameters.push_back({name, log_start, log_start - below, log_start + above, 0.7});
    return static_cast<Index>(cost_parameters.size()) - 1;
  }

  void learn_costs() {
    substitution_parameter.resize(type_costs);
    std::set<size_t> used;
    std::set<std::string> types;
    for (size_t a = 0; a < tokens.size(); ++a) {
      for (size_t b = 0; b < a; ++b) {
        if (!symbols[a]) {
          used.insert(type);
          continue;
        }
        for (const Difference& d : differences(*symbols[a], *symbols[b])) {
          if (d.amount > 0) used.insert(d.parameter);
        }
      }
      if (symbols[a]) types.insert(type_name(*symbols[a]));
    }
    for (size_t cost : used)
      substitution_parameter[cost] = add_cost(kGrammarCosts[cost], kGrammarStarts[cost], 3, 1.5);
    // Only costs relative to each other and to the width matter.
    if (types.size() > 1) {
      for (const std::string& name : types)
        insertion_parameter[name] =
            add_cost("insert_" + name, name == kBracket ? kBracketStart : 1, 2, 1);
    }
  }

  // exp(parameter), or the start where it is left out.
  using Prices = std::array<double, type_costs>;

  Prices prices(const VectorXd& parameters) const {
    Prices prices{};
    for (size_t cost = 0; cost < type_costs; ++cost) {
      const auto index = substitution_parameter[cost];
      prices[cost] = index ? std::exp(parameters(*index)) : kGrammarStarts[cost];
    }
    return prices;
  }

  static double substitution(const std::optional<Symbol>& a, const std::optional<Symbol>& b,
                             const Prices& prices) {
    if (!a) return prices[type];
    double sum = 0;
    for (const Difference& d : differences(*a, *b)) sum += prices[d.parameter] * d.amount;
    return sum;
  }

  kernels::EditCosts costs(const VectorXd& parameters,
                           const std::vector<std::string>& unseen) const {
    std::vector<std::optional<Symbol>> all = symbols;
    for (const std::string& token : unseen) all.push_back(symbol_of(token));
    const auto size = static_cast<Index>(all.size());
    const Prices prices = this->prices(parameters);
    kernels::EditCosts costs{MatrixXd::Zero(size, size), VectorXd::Ones(size),
                             VectorXd::Ones(size)};
    for (Index a = 0; a < size; ++a) {
      const auto& symbol = all[static_cast<size_t>(a)];
      for (Index b = 0; b < a; ++b) {
        costs.substitution(a, b) = costs.substitution(b, a) =
            substitution(symbol, all[static_cast<size_t>(b)], prices);
      }
      if (!symbol) continue;
      const auto learned = insertion_parameter.find(type_name(*symbol));
      if (learned != insertion_parameter.end())
        costs.insertion(a) = costs.deletion(a) = std::exp(parameters(learned->second));
    }
    return costs;
  }
};

namespace {

std::string canonical_string(const std::string& text, const EncodingSettings& settings) {
  if (!settings.is_grammar()) return text;
  const Architecture architecture = parse_architecture(text);
  analyse(architecture, settings.input);
  return identity(architecture);
}

// Those of `names` in their order; blanks are nothing.
std::vector<std::pair<std::string, std::string>> cells_of(const Json& columns,
                                                          const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, std::string>> cells;
  for (const std::string& name : names) {
    const auto value = columns.find(name);
    if (value != columns.end()) cells.emplace_back(name, word_of(*value));
  }
  return cells;
}

}  // namespace

std::string canonical(const std::string& text, const EncodingSettings& settings) {
  if (settings.features.empty()) return canonical_string(text, settings);
  const datasets::Description description = datasets::parse_description(text);
  if (description.architecture.has_value() != settings.has_strings()) {
    throw UsageError(settings.has_strings()
                         ? "the network has no string beside its columns"
                         : "it is a string, and these networks are described by the columns " +
                               listed(settings.features) + "; give a table that has them");
  }
  std::optional<std::string> string;
  if (settings.has_strings()) string = canonical_string(*description.architecture, settings);
  return datasets::described(string, cells_of(description.columns, settings.features));
}

std::string string_of(const std::string& text, const EncodingSettings& settings) {
  return network_of(text, settings).string;
}

std::string without_budget(const std::string& text, const EncodingSettings& settings) {
  if (settings.budget.empty()) return text;
  const datasets::Description description = datasets::parse_description(text);
  std::vector<std::string> names = settings.features;
  std::erase(names, settings.budget);
  return datasets::described(description.architecture, cells_of(description.columns, names));
}

std::vector<bool> at_largest_budget(const std::vector<std::string>& texts,
                                    const EncodingSettings& settings) {
  std::vector<bool> at_largest(texts.size(), true);
  if (settings.budget.empty()) return at_largest;
  std::map<std::string, double> largest;
  std::vector<std::pair<std::string, double>> trained;
  for (const std::string& text : texts) {
    const datasets::Description description = datasets::parse_description(text);
    const auto value = description.columns.find(settings.budget);
    const bool is_known = value != description.columns.end() && value->is_number();
    const double budget =
        is_known ? value->get<double>() : -std::numeric_limits<double>::infinity();
    trained.emplace_back(without_budget(text, settings), budget);
    double& most = largest.try_emplace(trained.back().first, budget).first->second;
    most = std::max(most, budget);
  }
  for (size_t i = 0; i < texts.size(); ++i)
    at_largest[i] = trained[i].second == largest[trained[i].first];
  return at_largest;
}

Encoding::Encoding(EncodingSettings settings, const std::vector<std::string>& training,
                   const Reading& reading) {
  METAQNN_ASSERT(!training.empty(), "an encoding needs training strings");
  if (settings.tokens.empty())
    throw UsageError("tokens: the separator is empty; give grammar, characters or a separator");
  const auto state = std::make_shared<State>();
  state->settings = std::move(settings);
  std::vector<Network> networks;
  for (const std::string& text : training) networks.push_back(network_of(text, state->settings));
  std::vector<Json> descriptions;
  for (const Network& network : networks) descriptions.push_back(network.columns);
  for (const std::string& name : state->settings.features) {
    state->described.emplace_back(name, descriptions);
    if (name == state->settings.budget) state->largest_budget = state->described.back().largest();
  }
  std::vector<std::string> of_strings;
  for (const Network& network : networks) of_strings.push_back(network.string);
  if (are_cells(state->settings, of_strings)) state->cells = reading.cells;
  state->strings = make_string_codec(state->settings, of_strings, state->cells);
  state->learn_alphabet(networks);
  state->learn_columns(networks, reading.columns);
  state->learn_costs();
  state_ = state;
}

const EncodingSettings& Encoding::settings() const { return state_->settings; }

std::optional<Cells> Encoding::cells() const { return state_->cells; }

kernels::Points Encoding::points(const std::vector<std::string>& texts) const {
  kernels::Points points;
  kernels::TokenNumbers unseen(state_->alphabet());
  points.features.resize(static_cast<Index>(texts.size()), static_cast<Index>(columns().size()));
  for (size_t i = 0; i < texts.size(); ++i) {
    const Network network = state_->network(texts[i]);
    points.tokens.push_back(state_->encode(network.string, unseen));
    const VectorXd all = state_->all_features(network);
    points.features.row(static_cast<Index>(i)) =
        ((all(state_->kept) - state_->mean).array() / state_->deviation.array()).matrix();
  }
  points.unseen = unseen.unseen();
  return points;
}

std::string Encoding::unknown(const std::string& text) const {
  const Network network = state_->network(text);
  std::vector<std::string> strangers = state_->strings->strangers(network.string);
  for (const ColumnCodec& codec : state_->described) {
    if (codec.lacks(network.columns)) return "it has no " + shown(codec.name());
    if (std::string stranger = codec.unknown(network.columns); !stranger.empty())
      strangers.push_back(std::move(stranger));
  }
  constexpr size_t kMostNamed = 3;
  if (strangers.size() > kMostNamed) {
    const std::string more = std::to_string(strangers.size() - kMostNamed) + " more";
    strangers.resize(kMostNamed);
    strangers.push_back(more);
  }
  return strangers.empty() ? "" : "no network of the model's log has " + listed(strangers);
}

const std::vector<FeatureColumn>& Encoding::columns() const { return state_->columns; }

const std::vector<kernels::NamedGroup>& Encoding::groups() const { return state_->groups; }

std::vector<kernels::NamedGroup> Encoding::described_groups() const {
  std::vector<kernels::NamedGroup> found;
  for (const kernels::NamedGroup& group : groups()) {
    if (group.columns.begin >= state_->string_columns_kept) found.push_back(group);
  }
  return found;
}

kernels::CostFamily Encoding::costs() const {
  return {state_->cost_parameters, state_->alphabet(),
          [state = state_](const VectorXd& parameters, const std::vector<std::string>& unseen) {
            return state->costs(parameters, unseen);
          }};
}

}  // namespace metaqnn::predict
