#include "predict/cell.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

namespace metaqnn::predict {
namespace {

struct Edge {
  std::string operation;
  int from;
};

bool names(const std::string& operation, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return operation.find(word) != std::string::npos;
  });
}
bool gives_nothing(const std::string& operation) { return names(operation, {"none", "zero"}); }
bool hands_on(const std::string& operation) { return names(operation, {"skip", "identity"}); }

std::optional<Edge> parse_edge(std::string_view text, int node) {
  const size_t tilde = text.rfind('~');
  if (tilde == std::string_view::npos || tilde == 0) return std::nullopt;
  int from = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + tilde + 1, end, from);
  if (error != std::errc() || rest != end || from < 0 || from >= node) return std::nullopt;
  return Edge{std::string(text.substr(0, tilde)), from};
}

// |edge|edge|
std::optional<std::vector<Edge>> parse_node(std::string_view text, int node) {
  if (text.size() < 2 || text.front() != '|' || text.back() != '|') return std::nullopt;
  std::vector<Edge> edges;
  text.remove_prefix(1);
  while (!text.empty()) {
    const size_t bar = text.find('|');
    const std::optional<Edge> edge = parse_edge(text.substr(0, bar), node);
    if (!edge) return std::nullopt;
    edges.push_back(*edge);
    text.remove_prefix(bar + 1);
  }
  return edges;
}

// The terms of a sum by what they are, in the one order that equal sums share.
using Key = std::pair<std::string, int>;
using Terms = std::map<Key, double>;

// Sums as they are met, each once.
class Sums {
 public:
  // The input itself is "" of sum 0.
  Sums() { all_.push_back({{{"", 0}, 1}}); }

  int number(const Terms& terms) {
    for (size_t i = 0; i < all_.size(); ++i) {
      if (all_[i] == terms) return static_cast<int>(i);
    }
    all_.push_back(terms);
    return static_cast<int>(all_.size()) - 1;
  }
  const Terms& operator[](int sum) const { return all_[static_cast<size_t>(sum)]; }

 private:
  std::vector<Terms> all_;
};

}  // namespace

std::optional<Cell> Cell::parse(const std::string& text) {
  Sums sums;
  std::vector<int> nodes{0};  // the sum that each is; -1: nothing
  for (size_t begin = 0; begin <= text.size();) {
    // A plus inside an operation's name is none between nodes.
    const size_t plus = std::min(text.find("|+|", begin), text.size());
    const size_t end = plus < text.size() ? plus + 1 : plus;
    const auto edges = parse_node(std::string_view(text).substr(begin, end - begin),
                                  static_cast<int>(nodes.size()));
    if (!edges) return std::nullopt;
    Terms terms;
    for (const Edge& edge : *edges) {
      const int from = nodes[static_cast<size_t>(edge.from)];
      if (from < 0 || gives_nothing(edge.operation)) continue;
      if (hands_on(edge.operation)) {
        for (const auto& [key, times] : sums[from]) terms[key] += times;
      } else {
        terms[{edge.operation, from}] += 1;
      }
    }
    nodes.push_back(terms.empty() ? -1 : sums.number(terms));
    if (plus == text.size()) break;
    begin = plus + 2;
  }
  Cell cell;
  if (nodes.back() < 0) return cell;
  // Those that reach the output, sources first, in the order in which a walk from it meets them.
  std::map<int, int> places{{0, 0}};
  cell.sums_.push_back({1, {}});
  const std::function<int(int)> place = [&](int sum) {
    if (const auto known = places.find(sum); known != places.end()) return known->second;
    Sum made;
    for (const auto& [key, times] : sums[sum]) {
      if (key.first.empty()) {
        made.input = times;
      } else {
        made.terms.push_back({key.first, place(key.second), times});
      }
    }
    cell.sums_.push_back(std::move(made));
    return places[sum] = static_cast<int>(cell.sums_.size()) - 1;
  };
  place(nodes.back());
  return cell;
}

std::map<std::string, double> Cell::paths(int longest) const {
  struct Paths {
    std::map<std::string, double> count;
    std::map<std::string, int> length;
  };
  std::vector<Paths> of_sums(sums_.size());
  for (size_t s = 0; s < sums_.size(); ++s) {
    Paths& all = of_sums[s];
    const auto add = [&](const std::string& path, int length, double times) {
      if (length > longest) return;
      all.count[path] += times;
      all.length[path] = length;
    };
    if (sums_[s].input > 0) add("", 0, sums_[s].input);
    for (const Term& term : sums_[s].terms) {
      const Paths& before = of_sums[static_cast<size_t>(term.sum)];
      for (const auto& [path, count] : before.count) {
        add(path.empty() ? term.operation : path + ">" + term.operation, before.length.at(path) + 1,
            count * term.times);
      }
    }
  }
  if (of_sums.empty()) return {};
  return std::move(of_sums.back().count);
}

Reach Cell::reach(const std::function<bool(const std::string&)>& allowed) const {
  std::vector<Reach> of_sums(sums_.size());
  for (size_t s = 0; s < sums_.size(); ++s) {
    Reach& all = of_sums[s];
    const auto add = [&](double paths, int shortest, int longest) {
      if (!(paths > 0)) return;
      all.shortest = all.paths > 0 ? std::min(all.shortest, shortest) : shortest;
      all.longest = all.paths > 0 ? std::max(all.longest, longest) : longest;
      all.paths += paths;
    };
    add(sums_[s].input, 0, 0);
    for (const Term& term : sums_[s].terms) {
      if (!allowed(term.operation)) continue;
      const Reach& before = of_sums[static_cast<size_t>(term.sum)];
      add(before.paths * term.times, before.shortest + 1, before.longest + 1);
    }
  }
  return of_sums.empty() ? Reach{} : of_sums.back();
}

}  // namespace metaqnn::predict
