// What does a cell of operations compute? Two that compute the same are the same here.
//
//   |conv~0|+|none~0|skip~1|+|skip~0|conv~1|pool~2|
//
// Nodes are joined by +. Each is the sum of its edges, op~k being the operation op of node k; node 0
// is the input, the last node the output. An operation called none or zero (zeroize and the like)
// gives nothing, one called skip or identity its node as it is. So every node is a sum of terms, an
// operation of another sum or the input itself, and the output holds only what reaches it: node
// numbers, edges that lead nowhere and the order of sums are gone, and a sum handed on by skip is
// part of the next. NAS-Bench-201 (Dong and Yang, ICLR 2020) has 15,625 strings of 4,990 such cells.
//
//   std::optional<Cell> cell = Cell::parse(text);      // none: the text is no cell
//   cell->paths(4)["conv>pool"];                       // how often the output holds that
//   cell->reach(only_conv);                            // paths of these operations alone
//
// Numbers grow with the number of paths, which doubles with each node at most; they are doubles.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace metaqnn::predict {

// Of all paths from the input to the output: how many, and operations on the shortest and longest.
struct Reach {
  double paths = 0;
  int shortest = 0, longest = 0;  // 0 where there is no path
};

class Cell {
 public:
  static std::optional<Cell> parse(const std::string& text);

  // A sum: the input so many times, and terms.
  struct Term {
    std::string operation;
    int sum;  // of which; a smaller number than that of the sum it is in
    double times;
  };
  struct Sum {
    double input = 0;
    std::vector<Term> terms;
  };
  // All that reach the output, which is the last; empty where nothing does. No. 0 is the input.
  const std::vector<Sum>& sums() const { return sums_; }

  // Operations joined by >, from the input on, of at most `longest` operations; "" is the input
  // itself.
  std::map<std::string, double> paths(int longest) const;
  // Over operations that `allowed` holds for.
  Reach reach(const std::function<bool(const std::string&)>& allowed) const;

 private:
  std::vector<Sum> sums_;
};

}  // namespace metaqnn::predict
