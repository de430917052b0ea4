#include "predict/string_codec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>

#include "base/foreign_text.h"
#include "base/names.h"
#include "predict/cell.h"

namespace metaqnn::predict {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

// Deeper layers than this have no columns of their own.
constexpr int kPositions = 24;
// Texts with more different tokens than this have no column for each at each position.
constexpr size_t kPositionwiseTokens = 64;

bool opens(char c) { return c == '[' || c == '('; }
bool closes(char c) { return c == ']' || c == ')'; }

// Without the pair of brackets that holds all of it, where one does.
std::string_view inside(std::string_view text) {
  if (text.size() < 2 || !opens(text.front()) || !closes(text.back())) return text;
  int depth = 0;
  for (char c : text.substr(0, text.size() - 1)) {
    depth += opens(c) - closes(c);
    if (depth == 0) return text;
  }
  return text.substr(1, text.size() - 2);
}

// Split at the separator; a comma inside brackets parts nothing, and white space around a piece is
// not part of it.
std::vector<std::string> pieces(std::string_view text, const std::string& separator) {
  const bool is_comma = separator == ",";
  if (is_comma) text = inside(text);
  std::vector<std::string> pieces;
  size_t begin = 0;
  int depth = 0;
  const auto add = [&](size_t end) {
    const std::string_view piece = trimmed(text.substr(begin, end - begin));
    if (!piece.empty()) pieces.emplace_back(piece);
  };
  for (size_t i = 0; i < text.size();) {
    depth += is_comma ? opens(text[i]) - closes(text[i]) : 0;
    if (depth > 0 || !text.substr(i).starts_with(separator)) {
      ++i;
      continue;
    }
    add(i);
    begin = i += separator.size();
  }
  add(text.size());
  return pieces;
}

class NoStrings : public StringCodec {
 public:
  std::vector<std::string> tokens(const std::string&) const override { return {}; }
  std::vector<FeatureColumn> columns() const override { return {}; }
  VectorXd features(const std::string&) const override { return {}; }
  std::vector<std::string> strangers(const std::string&) const override { return {}; }
};

// Layers of the grammar are all comparable: there are no strangers.
class Grammar : public StringCodec {
 public:
  Grammar(const Shape& input, const std::vector<std::string>& training) : input_(input) {
    std::ptrdiff_t most = 0;
    for (const std::string& text : training) {
      const std::vector<Symbol> symbols = described_symbols(parse_architecture(text));
      most = std::max(
          most, std::ranges::count_if(symbols, std::holds_alternative<Layer, Layer, Bracket>));
    }
    positions_ = static_cast<int>(std::min<std::ptrdiff_t>(most, kPositions));
  }
  std::vector<std::string> tokens(const std::string& text) const override {
    std::vector<std::string> tokens;
    for (const Symbol& symbol : described_symbols(parse_architecture(text)))
      tokens.push_back(to_string(symbol));
    return tokens;
  }
  std::vector<FeatureColumn> columns() const override {
    std::vector<FeatureColumn> all = global_feature_columns();
    const auto by_position = position_feature_columns(positions_);
    all.insert(all.end(), by_position.begin(), by_position.end());
    return all;
  }
  VectorXd features(const std::string& text) const override {
    const Architecture architecture = parse_architecture(text);
    const VectorXd global = global_features(architecture, input_);
    const VectorXd by_position = position_features(architecture, positions_);
    VectorXd all(global.size() + by_position.size());
    all << global, by_position;
    return all;
  }
  std::vector<std::string> strangers(const std::string&) const override { return {}; }

 private:
  Shape input_;
  int positions_;
};

std::optional<double> number(const std::string& token) {
  double value = 0;
  const char* end = token.data() + token.size();
  const auto [rest, error] = std::from_chars(token.data(), end, value);
  if (error != std::errc() || rest != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Positions at which all training texts have a number, widths of layers say: what one-hot columns
// have to learn value by value. By logarithms where all are positive.
class Numbers {
 public:
  explicit Numbers(const std::vector<std::vector<std::string>>& training) {
    std::vector<std::set<double>> values;
    for (size_t i = 0; i < training.size(); ++i) {
      if (i == 0) values.resize(std::min<size_t>(training[0].size(), kPositions));
      for (size_t p = 0; p < values.size(); ++p) {
        const auto value = p < training[i].size() ? number(training[i][p]) : std::nullopt;
        if (value) values[p].insert(*value);
        if (!value) is_other_.insert(p);
      }
    }
    for (size_t p = 0; p < values.size(); ++p) {
      if (is_other_.contains(p) || values[p].size() < kFewestValues) continue;
      positions_.push_back(p);
      are_positive_ = are_positive_ && *values[p].begin() > 0;
    }
  }

  void add_columns(std::vector<FeatureColumn>& all) const {
    if (positions_.empty()) return;
    for (size_t p : positions_) all.push_back({"number_" + std::to_string(p + 1), "numbers"});
    for (const char* what : {"sum_of_numbers", "smallest_number", "largest_number"})
      all.push_back({what, "numbers"});
  }
  // Of a text that lacks one the value that says least, 0.
  void add_features(const std::vector<std::string>& tokens, std::vector<double>& all) const {
    if (positions_.empty()) return;
    double sum = 0, smallest = 0, largest = 0;
    for (size_t p : positions_) {
      double value = (p < tokens.size() ? number(tokens[p]) : std::nullopt).value_or(0);
      if (are_positive_) value = value > 0 ? std::log2(value) : 0;
      all.push_back(value);
      smallest = p == positions_.front() ? value : std::min(smallest, value);
      largest = p == positions_.front() ? value : std::max(largest, value);
      sum += value;
    }
    all.insert(all.end(), {sum, smallest, largest});
  }

 private:
  static constexpr size_t kFewestValues = 3;
  std::set<size_t> is_other_;
  std::vector<size_t> positions_;
  bool are_positive_ = true;
};

class Texts : public StringCodec {
 public:
  Texts(const EncodingSettings& settings, const std::vector<std::string>& training)
      : settings_(settings) {
    size_t most = 0;
    std::vector<std::vector<std::string>> sequences;
    for (const std::string& text : training) {
      sequences.push_back(this->tokens(text));
      const std::vector<std::string>& tokens = sequences.back();
      most = std::max(most, tokens.size());
      for (const std::string& token : tokens) {
        if (ids_.try_emplace(token, static_cast<Index>(alphabet_.size())).second)
          alphabet_.push_back(token);
      }
    }
    const bool positionwise = alphabet_.size() <= kPositionwiseTokens;
    positions_ = positionwise ? static_cast<Index>(std::min<size_t>(most, kPositions)) : 0;
    numbers_.emplace(sequences);
  }
  std::vector<std::string> tokens(const std::string& text) const override {
    if (settings_.tokens != "characters") return pieces(text, settings_.tokens);
    std::vector<std::string> bytes;
    for (char c : text) bytes.emplace_back(1, c);
    return bytes;
  }
  std::vector<FeatureColumn> columns() const override {
    std::vector<FeatureColumn> all{{"length", "counts"}};
    for (const std::string& token : alphabet_) all.push_back({"count_of_" + token, "counts"});
    for (Index p = 0; p < positions_; ++p) {
      for (const std::string& token : alphabet_)
        all.push_back({"token_" + std::to_string(p + 1) + "_is_" + token, "positions"});
    }
    numbers_->add_columns(all);
    return all;
  }
  VectorXd features(const std::string& text) const override {
    const auto alphabet = static_cast<Index>(alphabet_.size());
    const std::vector<std::string> tokens = this->tokens(text);
    VectorXd all = VectorXd::Zero(1 + alphabet * (1 + positions_));
    all(0) = static_cast<double>(tokens.size());
    for (size_t p = 0; p < tokens.size(); ++p) {
      const auto id = ids_.find(tokens[p]);
      if (id == ids_.end()) continue;
      all(1 + id->second) += 1;
      if (static_cast<Index>(p) < positions_)
        all(1 + alphabet * (1 + static_cast<Index>(p)) + id->second) = 1;
    }
    std::vector<double> numbers;
    numbers_->add_features(tokens, numbers);
    VectorXd joined(all.size() + static_cast<Index>(numbers.size()));
    joined << all, Eigen::Map<const VectorXd>(numbers.data(), static_cast<Index>(numbers.size()));
    return joined;
  }
  std::vector<std::string> strangers(const std::string& text) const override {
    std::vector<std::string> strangers;
    for (const std::string& token : tokens(text)) {
      if (!ids_.contains(token)) strangers.push_back("token " + shown(token));
    }
    return strangers;
  }

 private:
  EncodingSettings settings_;
  std::vector<std::string> alphabet_;
  std::unordered_map<std::string, Index> ids_;
  Index positions_;
  std::optional<Numbers> numbers_;
};

class CellsAsComputed : public StringCodec {
 public:
  explicit CellsAsComputed(const std::vector<std::string>& training) {
    std::map<std::string, size_t> occurrences;
    std::set<std::string> operations;
    for (const std::string& text : training) {
      const Cell cell = *Cell::parse(text);
      for (const Cell::Sum& sum : cell.sums()) {
        for (const Cell::Term& term : sum.terms) operations.insert(term.operation);
      }
      for (const auto& [path, count] : cell.paths(kLongestPath)) ++occurrences[path];
      longest_ = std::max(longest_, cell.reach(any).longest);
    }
    operations_.assign(operations.begin(), operations.end());
    learn_paths(occurrences);
    learn_sets();
  }

  std::vector<std::string> tokens(const std::string& text) const override {
    const std::optional<Cell> cell = Cell::parse(text);
    std::vector<std::string> tokens;
    if (!cell) return tokens;
    for (const auto& [path, count] : cell->paths(kLongestPath)) tokens.push_back(path);
    return tokens;
  }
  std::vector<FeatureColumn> columns() const override {
    std::vector<FeatureColumn> all;
    for (const char* name : {"sums", "terms", "inputs", "output_terms"})
      all.push_back({name, "operations"});
    for (const std::string& operation : operations_) {
      for (const char* place : {"", "_at_input", "_at_output"})
        all.push_back({"count_of_" + operation + place, "operations"});
    }
    for (const auto& set : sets_) {
      std::string name = "input";
      for (const std::string& operation : set) name += "+" + operation;
      for (const char* what : {"shortest_", "longest_", "paths_"})
        all.push_back({what + name, "reach"});
    }
    for (const std::string& path : paths_) all.push_back({"path_" + path, "paths"});
    return all;
  }
  VectorXd features(const std::string& text) const override {
    const Cell cell = Cell::parse(text).value_or(Cell{});
    std::vector<double> all;
    add_operations(cell, all);
    for (const auto& set : sets_) {
      const Reach reach =
          cell.reach([&](const std::string& operation) { return set.contains(operation); });
      const bool is_any = reach.paths > 0;
      all.push_back(is_any ? reach.shortest : longest_ + 1);
      all.push_back(is_any ? reach.longest : -1);
      all.push_back(std::log2(1 + reach.paths));
    }
    const auto paths = cell.paths(kLongestPath);
    for (const std::string& path : paths_) {
      const auto found = paths.find(path);
      all.push_back(found == paths.end() ? 0 : std::log2(1 + found->second));
    }
    return Eigen::Map<const VectorXd>(all.data(), static_cast<Index>(all.size()));
  }
  std::vector<std::string> strangers(const std::string& text) const override {
    const std::optional<Cell> cell = Cell::parse(text);
    if (!cell) return {"a text that is no cell such as |op~0|+|op~0|op~1|, " + shown(text)};
    std::set<std::string> strangers;
    for (const Cell::Sum& sum : cell->sums()) {
      for (const Cell::Term& term : sum.terms) {
        if (!std::binary_search(operations_.begin(), operations_.end(), term.operation))
          strangers.insert("operation " + shown(term.operation));
      }
    }
    return {strangers.begin(), strangers.end()};
  }

 private:
  static constexpr int kLongestPath = 4;     // operations, of paths with a column
  static constexpr size_t kMostPaths = 128;  // columns
  static constexpr size_t kAllSets = 5;      // operations of which all sets are looked at

  static bool any(const std::string&) { return true; }

  // Those of two training cells at least, the most frequent.
  void learn_paths(const std::map<std::string, size_t>& occurrences) {
    std::vector<std::pair<size_t, std::string>> order;
    for (const auto& [path, count] : occurrences) {
      if (count > 1) order.emplace_back(count, path);
    }
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    order.resize(std::min(order.size(), kMostPaths));
    for (const auto& [count, path] : order) paths_.push_back(path);
    std::sort(paths_.begin(), paths_.end());
  }

  // Of few operations all; of more none, all, each one alone and all without it.
  void learn_sets() {
    const size_t count = operations_.size();
    const std::set<std::string> all(operations_.begin(), operations_.end());
    if (count <= kAllSets) {
      for (size_t mask = 0; mask < size_t{1} << count; ++mask) {
        std::set<std::string> set;
        for (size_t i = 0; i < count; ++i) {
          if (mask >> i & 1) set.insert(operations_[i]);
        }
        sets_.push_back(std::move(set));
      }
      return;
    }
    sets_ = {{}, all};
    for (const std::string& operation : operations_) {
      sets_.push_back({operation});
      sets_.push_back(all);
      sets_.back().erase(operation);
    }
  }

  void add_operations(const Cell& cell, std::vector<double>& all) const {
    double terms = 0, inputs = 0;
    std::map<std::string, std::array<double, 3>> of_operations;
    for (size_t s = 1; s < cell.sums().size(); ++s) {
      const Cell::Sum& sum = cell.sums()[s];
      terms += static_cast<double>(sum.terms.size());
      inputs += sum.input;
      for (const Cell::Term& term : sum.terms) {
        auto& [count, at_input, at_output] = of_operations[term.operation];
        ++count;
        at_input += term.sum == 0;
        at_output += s + 1 == cell.sums().size();
      }
    }
    const Cell::Sum output = cell.sums().empty() ? Cell::Sum{} : cell.sums().back();
    all.insert(all.end(), {static_cast<double>(cell.sums().size()), terms, inputs,
                           output.input + static_cast<double>(output.terms.size())});
    for (const std::string& operation : operations_) {
      const auto& counts = of_operations[operation];
      all.insert(all.end(), counts.begin(), counts.end());
    }
  }

  std::vector<std::string> operations_, paths_;  // in alphabetical order
  std::vector<std::set<std::string>> sets_;
  int longest_ = 0;
};

class CellsAsWritten : public StringCodec {
 public:
  CellsAsWritten(const EncodingSettings& settings, const std::vector<std::string>& training)
      : computed_(training), written_(settings, training) {}

  std::vector<std::string> tokens(const std::string& text) const override {
    return written_.tokens(text);
  }
  std::vector<FeatureColumn> columns() const override {
    std::vector<FeatureColumn> all = computed_.columns();
    for (const FeatureColumn& column : written_.columns())
      all.push_back({"written_" + column.name, "written_" + column.group});
    return all;
  }
  VectorXd features(const std::string& text) const override {
    const VectorXd computed = computed_.features(text), written = written_.features(text);
    VectorXd all(computed.size() + written.size());
    all << computed, written;
    return all;
  }
  std::vector<std::string> strangers(const std::string& text) const override {
    return computed_.strangers(text);
  }

 private:
  CellsAsComputed computed_;
  Texts written_;
};

}  // namespace

bool are_cells(const EncodingSettings& settings, const std::vector<std::string>& training) {
  return settings.has_strings() && !settings.is_grammar() && settings.tokens == "|" &&
         std::all_of(training.begin(), training.end(),
                     [](const auto& text) { return Cell::parse(text).has_value(); });
}

std::unique_ptr<StringCodec> make_string_codec(const EncodingSettings& settings,
                                               const std::vector<std::string>& training,
                                               const std::optional<Cells>& cells) {
  if (!settings.has_strings()) return std::make_unique<NoStrings>();
  if (settings.is_grammar()) return std::make_unique<Grammar>(settings.input, training);
  if (!cells) return std::make_unique<Texts>(settings, training);
  if (cells == Cells::as_computed) return std::make_unique<CellsAsComputed>(training);
  return std::make_unique<CellsAsWritten>(settings, training);
}

}  // namespace metaqnn::predict
