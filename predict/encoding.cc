#include "predict/encoding.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "metaqnn/base/error.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Deeper layers than this have no columns of their own.
constexpr int kPositions = 24;
// Texts with more different tokens than this have no column for each at each position.
constexpr size_t kPositionwiseTokens = 64;

std::vector<std::string> split(const std::string& text, const EncodingSettings& settings) {
  std::vector<std::string> tokens;
  if (settings.is_grammar()) {
    for (const Layer& layer : described_layers(parse_architecture(text)))
      tokens.push_back(to_string(layer));
  } else if (settings.tokens == "characters") {
    for (char c : text) tokens.emplace_back(1, c);
  } else {
    const std::string& separator = settings.tokens;
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find(separator, begin), text.size());
      if (end > begin) tokens.push_back(text.substr(begin, end - begin));
      begin = end + separator.size();
    }
  }
  return tokens;
}

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
  return std::visit(
      Match{
          [&](const Convolution& x) -> std::vector<Difference> {
            const auto& y = std::get<Convolution>(b);
            return {{filters, octaves(x.filters, y.filters)},
                    {field, std::abs(x.field - y.field) / 2.0},
                    {stride, octaves(x.stride, y.stride)}};
          },
          [&](const Pooling& x) -> std::vector<Difference> {
            const auto& y = std::get<Pooling>(b);
            return {{pooling, (std::abs(x.field - y.field) + std::abs(x.stride - y.stride)) / 2.0}};
          },
          [&](const FullyConnected& x) -> std::vector<Difference> {
            return {{neurons, octaves(x.neurons, std::get<FullyConnected>(b).neurons)}};
          },
          [&](const auto&) -> std::vector<Difference> { return {}; }},
      a);
}

const char* type_name(const Layer& layer) {
  return std::visit(
      Match{[](const Convolution&) { return "convolution"; },
            [](const Pooling&) { return "pooling"; },
            [](const FullyConnected&) { return "fully_connected"; },
            [](const GlobalAveragePooling&) { return "global_average_pooling"; },
            [](const Dropout&) { return "dropout"; }, [](const Softmax&) { return "softmax"; }},
      layer);
}

}  // namespace

// Fixed by the training strings.
struct Encoding::State {
  EncodingSettings settings;
  // The alphabet.
  std::vector<std::string> tokens;
  std::map<std::string, int> ids;
  std::vector<std::optional<Layer>> layers;  // of each token; none for texts
  int positions = 0;
  std::vector<FeatureColumn> columns;  // those kept
  std::vector<Index> kept;             // of all
  VectorXd mean, deviation;            // of those kept
  std::vector<kernels::NamedGroup> groups;
  std::vector<kernels::KernelParameter> cost_parameters;
  std::vector<std::optional<Index>> substitution_parameter;  // GrammarCost -> cost_parameters
  std::map<std::string, Index> insertion_parameter;          // type -> cost_parameters

  std::optional<Layer> layer_of(const std::string& token) const {
    if (!settings.is_grammar()) return std::nullopt;
    return parse_architecture("[" + token + ", SM(10)]").layers[0];
  }

  void learn_alphabet(const std::vector<std::string>& training) {
    for (const std::string& text : training) {
      for (const std::string& token : split(text, settings)) {
        if (!ids.try_emplace(token, static_cast<int>(tokens.size())).second) continue;
        tokens.push_back(token);
        layers.push_back(layer_of(token));
      }
    }
  }

  kernels::Tokens encode(const std::string& text, kernels::TokenNumbers& unseen) const {
    kernels::Tokens sequence;
    for (const std::string& token : split(text, settings)) {
      const auto known = ids.find(token);
      sequence.push_back(known != ids.end() ? known->second : unseen.number(token));
    }
    return sequence;
  }

  int alphabet() const { return static_cast<int>(tokens.size()); }

  std::vector<FeatureColumn> all_columns() const {
    std::vector<FeatureColumn> all;
    if (settings.is_grammar()) {
      all = global_feature_columns();
      const auto by_position = position_feature_columns(positions);
      all.insert(all.end(), by_position.begin(), by_position.end());
      return all;
    }
    all.push_back({"length", "counts"});
    for (const std::string& token : tokens) all.push_back({"count_of_" + token, "counts"});
    for (int p = 0; p < positions && tokens.size() <= kPositionwiseTokens; ++p) {
      for (const std::string& token : tokens)
        all.push_back({"token_" + std::to_string(p + 1) + "_is_" + token, "positions"});
    }
    return all;
  }

  VectorXd all_features(const std::string& text, const kernels::Tokens& sequence) const {
    if (settings.is_grammar()) {
      const Architecture architecture = parse_architecture(text);
      const VectorXd global = global_features(architecture, settings.input);
      const VectorXd by_position = position_features(architecture, positions);
      VectorXd all(global.size() + by_position.size());
      all << global, by_position;
      return all;
    }
    const auto alphabet = static_cast<Index>(tokens.size());
    const bool positionwise = tokens.size() <= kPositionwiseTokens;
    VectorXd all = VectorXd::Zero(1 + alphabet * (1 + (positionwise ? positions : 0)));
    all(0) = static_cast<double>(sequence.size());
    for (size_t p = 0; p < sequence.size(); ++p) {
      if (sequence[p] >= alphabet) continue;
      all(1 + sequence[p]) += 1;
      if (positionwise && static_cast<int>(p) < positions)
        all(1 + alphabet * (1 + static_cast<Index>(p)) + sequence[p]) = 1;
    }
    return all;
  }

  void learn_columns(const std::vector<std::string>& training) {
    std::vector<kernels::Tokens> sequences;
    kernels::TokenNumbers unseen(alphabet());
    for (const std::string& text : training) {
      sequences.push_back(encode(text, unseen));
      positions = std::max(positions, static_cast<int>(sequences.back().size()));
    }
    positions = std::min(positions, kPositions);
    const std::vector<FeatureColumn> all = all_columns();
    MatrixXd features(static_cast<Index>(training.size()), static_cast<Index>(all.size()));
    for (size_t i = 0; i < training.size(); ++i)
      features.row(static_cast<Index>(i)) = all_features(training[i], sequences[i]);
    const VectorXd means = features.colwise().mean();
    const VectorXd deviations =
        ((features.rowwise() - means.transpose()).colwise().squaredNorm() / features.rows())
            .cwiseSqrt();
    for (Index c = 0; c < features.cols(); ++c) {
      if (deviations(c) <= 1e-9 * (1 + std::abs(means(c)))) continue;  // the same for all
      kept.push_back(c);
      columns.push_back(all[static_cast<size_t>(c)]);
    }
    mean = means(kept);
    deviation = deviations(kept);
    for (Index c = 0; c < static_cast<Index>(columns.size()); ++c) {
      const std::string& group = columns[static_cast<size_t>(c)].group;
      if (groups.empty() || groups.back().name != group) groups.push_back({group, {c, 0}});
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
        if (!layers[a]) {
          used.insert(type);
          continue;
        }
        for (const Difference& d : differences(*layers[a], *layers[b])) {
          if (d.amount > 0) used.insert(d.parameter);
        }
      }
      if (layers[a]) types.insert(type_name(*layers[a]));
    }
    for (size_t cost : used)
      substitution_parameter[cost] = add_cost(kGrammarCosts[cost], kGrammarStarts[cost], 3, 1.5);
    // Only costs relative to each other and to the width matter.
    if (types.size() > 1) {
      for (const std::string& name : types)
        insertion_parameter[name] = add_cost("insert_" + name, 1, 2, 1);
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

  static double substitution(const std::optional<Layer>& a, const std::optional<Layer>& b,
                             const Prices& prices) {
    if (!a) return prices[type];
    double sum = 0;
    for (const Difference& d : differences(*a, *b)) sum += prices[d.parameter] * d.amount;
    return sum;
  }

  kernels::EditCosts costs(const VectorXd& parameters,
                           const std::vector<std::string>& unseen) const {
    std::vector<std::optional<Layer>> all = layers;
    for (const std::string& token : unseen) all.push_back(layer_of(token));
    const auto size = static_cast<Index>(all.size());
    const Prices prices = this->prices(parameters);
    kernels::EditCosts costs{MatrixXd::Zero(size, size), VectorXd::Ones(size),
                             VectorXd::Ones(size)};
    for (Index a = 0; a < size; ++a) {
      const auto& layer = all[static_cast<size_t>(a)];
      for (Index b = 0; b < a; ++b) {
        costs.substitution(a, b) = costs.substitution(b, a) =
            substitution(layer, all[static_cast<size_t>(b)], prices);
      }
      if (!layer) continue;
      const auto learned = insertion_parameter.find(type_name(*layer));
      if (learned != insertion_parameter.end())
        costs.insertion(a) = costs.deletion(a) = std::exp(parameters(learned->second));
    }
    return costs;
  }
};

std::string canonical(const std::string& text, const EncodingSettings& settings) {
  if (!settings.is_grammar()) return text;
  const Architecture architecture = parse_architecture(text);
  analyse(architecture, settings.input);
  return identity(architecture);
}

Encoding::Encoding(EncodingSettings settings, const std::vector<std::string>& training) {
  METAQNN_ASSERT(!training.empty(), "an encoding needs training strings");
  if (settings.tokens.empty())
    throw UsageError("tokens: the separator is empty; give grammar, characters or a separator");
  const auto state = std::make_shared<State>();
  state->settings = std::move(settings);
  state->learn_alphabet(training);
  state->learn_columns(training);
  state->learn_costs();
  state_ = state;
}

const EncodingSettings& Encoding::settings() const { return state_->settings; }

kernels::Points Encoding::points(const std::vector<std::string>& texts) const {
  kernels::Points points;
  kernels::TokenNumbers unseen(state_->alphabet());
  points.features.resize(static_cast<Index>(texts.size()), static_cast<Index>(columns().size()));
  for (size_t i = 0; i < texts.size(); ++i) {
    points.tokens.push_back(state_->encode(texts[i], unseen));
    const VectorXd all = state_->all_features(texts[i], points.tokens.back());
    points.features.row(static_cast<Index>(i)) =
        ((all(state_->kept) - state_->mean).array() / state_->deviation.array()).matrix();
  }
  points.unseen = unseen.unseen();
  return points;
}

const std::vector<FeatureColumn>& Encoding::columns() const { return state_->columns; }

const std::vector<kernels::NamedGroup>& Encoding::groups() const { return state_->groups; }

kernels::CostFamily Encoding::costs() const {
  return {state_->cost_parameters, state_->alphabet(),
          [state = state_](const VectorXd& parameters, const std::vector<std::string>& unseen) {
            return state->costs(parameters, unseen);
          }};
}

}  // namespace metaqnn::predict
