// What may the agent write next, and where does it lead? The rules of the CNN space, which
// cnn_space.cc walks: of layers one after the other, and of lists that are open (architecture/symbols.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "architecture/symbols.h"
#include "metaqnn/search/space/space.h"

namespace metaqnn::search {

// Throws UsageError naming the setting that breaks a rule.
void check(const CnnSpaceSettings& settings);

// A list that is open. In a split the branches are written in their one order, so that no
// architecture is written twice: while a branch is the beginning of the one before, it must go on as
// that or with what comes later in the order.
struct OpenList {
  Bracket kind = Bracket::residual;
  int layers = 0;                // of the list in hand; a list in it is one
  int branch = 0;                // of a split, from 0
  int opened_at = 0;             // depth, where branches count
  int deepest = 0;               // branch that is finished, of a split
  bool is_beginning = false;     // is what is written the beginning of the branch before?
  std::vector<int64_t> rest;     // of the branch before, where it is: order() of its symbols
  std::vector<int64_t> written;  // of the branch in hand, while another may follow
  friend bool operator==(const OpenList&, const OpenList&) = default;
};

// All that decides what may follow. With height and width it is a position; with their bin instead,
// and without what the agent does not see of open lists, a state.
struct Place {
  enum class Kind : int {
    start,
    convolution,
    pooling,
    fully_connected,
    average,
    normalization,
    list
  };
  Kind last = Kind::start;
  int depth = 0;
  int field = 0, stride = 0;
  int units = 0;  // filters or neurons
  int height = 0, width = 0;
  int in_a_row = 0;              // FC
  int form = 0;                  // which kind of pooling, convolution or list the last one is
  std::vector<OpenList> open{};  // the innermost last
  friend bool operator==(const Place&, const Place&) = default;
};

struct PlaceHash {
  size_t operator()(const Place& place) const;
};

// Why a symbol may not stand at a place.
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
  dropout,
  not_in_this_space,
  no_normalization_here,
  not_in_lists,
  no_list_in_a_list,
  list_is_full,
  no_layer_fits_in_a_list,
  stride_in_a_split,
  too_many_branches,
  list_is_empty,
  too_few_branches,
  no_list_is_open,
  order_of_branches
};

class Rules {
 public:
  explicit Rules(CnnSpaceSettings settings)
      : settings_(std::move(settings)), leaves_(all_leaves()) {}

  Place start() const;
  Place state(Place place) const;
  // Where a symbol leads to; SM leads to the end.
  Place advance(const Place& place, const Symbol& symbol) const;
  Rule check(const Place& place, const Symbol& symbol) const;
  // The rule in words, with what the place allows instead.
  std::string explain(Rule rule, const Place& place, const Symbol& symbol) const;

  // Every symbol that stands somewhere, in the order of choices: C by filters, field and stride, DC,
  // BN, P, A, M, "R[", "S[", ";", "]", FC, GAP, SM.
  std::vector<Symbol> vocabulary() const;

 private:
  size_t bin(const Place& place) const;
  const std::vector<int>& filters(const Place& place) const;
  int most_layers(Bracket kind) const;
  Rule check_layer(const Place& place, const Layer& layer) const;
  Rule check_one(const Place& place, const Convolution& c) const;
  Rule check_one(const Place& place, const DepthwiseConvolution& c) const;
  Rule check_one(const Place& place, const Pooling& p) const;
  Rule check_one(const Place& place, const AveragePooling& p) const;
  Rule check_one(const Place& place, const MixedPooling& p) const;
  Rule check_one(const Place& place, const BatchNormalization&) const;
  Rule check_one(const Place& place, const FullyConnected& f) const;
  Rule check_one(const Place& place, const GlobalAveragePooling& g) const;
  Rule check_one(const Place&, const Dropout&) const { return Rule::dropout; }
  Rule check_one(const Place&, const Softmax&) const { return Rule::allowed; }
  Rule check_one(const Place&, const Residual&) const { return Rule::not_in_this_space; }
  Rule check_one(const Place&, const Split&) const { return Rule::not_in_this_space; }
  Rule check_window(const Place& place, int field, int stride) const;
  Rule check_pooling(const Place& place, const Pooling& p, bool is_there) const;
  Rule check_bracket(const Place& place, Bracket bracket) const;
  Rule check_opening(const Place& place, Bracket bracket) const;
  std::vector<Symbol> all_leaves() const;
  std::string range(size_t index) const;
  std::string at_size(const Place& place, const std::string& allowed) const;

  CnnSpaceSettings settings_;
  std::vector<Symbol> leaves_;  // layers that may stand in lists
};

}  // namespace metaqnn::search
