// Which architectures may the agent write, and one step at a time, which choices does it have?
//
// A space is a finite acyclic decision process. A *position* is all that decides what may follow
// and what it becomes (for the CNN space: layer type, depth, field, stride, filters, true
// representation size, FC in a row). A *state* is what the agent sees of it: the same with the size
// replaced by its bin (paper, section 4.2). Every position of a state has the same list of choices
// in the same order, so (state, choice) is one dense index, the index of a Q-value; only the
// position that a choice leads to may differ (paper, appendix B: pooling is stochastic from the
// agent's view).
//
//   Space space = build_cnn_space(settings);
//   Walk walk = space.uniform_walk(random);
//   space.text(walk);                            // "[C(64,3,1), P(2,2), SM(10)]"
//   space.find("[P(2,2), SM(10)]").refusal;      // "layer 1, P(2,2): no pooling at the start"
//
// Source: Baker, Gupta, Naik, Raskar, ICLR 2017, Table 1, section 4.2; the rules are listed in
// docs/space.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metaqnn/architecture/shapes.h"
#include "metaqnn/base/random.h"

namespace metaqnn::search {

// A run of the representation's side: a bin holds sizes from `smallest` up to the next larger bin.
struct SizeBin {
  int smallest = 1;
  std::vector<int> convolution_fields;  // receptive fields allowed here
  std::vector<Pooling> pooling;         // pooling layers allowed here
  bool fully_connected = false;         // may FC begin here?
};

// What the paper's networks have not is off by default (docs/space.md).
struct CnnSpaceSettings {
  Shape input{3, 32, 32};
  int classes = 10;
  int depth_limit = 18;  // layers, D and SM not counted
  std::vector<int> convolution_filters{64, 128, 256, 512};
  std::vector<int> convolution_strides{1};
  std::vector<int> fully_connected_neurons{512, 256, 128};
  int fully_connected_in_a_row = 2;
  bool fully_connected_may_grow = false;  // may an FC be larger than the FC before it?
  bool global_average_pooling = true;
  bool pooling_first = false;
  bool pooling_after_pooling = false;
  bool average_pooling = false, mixed_pooling = false;  // A and M, wherever P may be
  bool depthwise_convolution = false;                   // DC, with the fields of C above 1
  bool batch_normalization = false;                     // BN as a layer
  int residual_layers = 0;                              // most in the body of R; 0: no R
  std::vector<int> residual_filters{};                  // in R; none: convolution_filters
  int split_branches = 0;                               // most in S; 0: no S
  int split_layers = 1;                                 // most in a branch
  std::vector<int> split_filters{};                     // in S; none: convolution_filters
  bool nested_lists = false;                            // may R and S stand in R and S, once?
  std::vector<SizeBin> bins{// from the largest sizes to the smallest; the last one's smallest is 1
                            {8, {1, 3, 5}, {{5, 3}, {3, 2}, {2, 2}}, false},
                            {4, {1, 3}, {{3, 2}, {2, 2}}, true},
                            {1, {}, {}, true}};
};

// Strings of another alphabet: each "{}" of `pattern` is a slot. State: (slot, previous token).
struct SequenceSpaceSettings {
  std::string pattern;                              // the TOML key `template`
  std::vector<std::vector<std::string>> alphabets;  // one for all slots, or one per slot
};

// The choices of one walk, from the start to the end.
struct Step {
  int32_t position;  // where the choice is made
  int32_t choice;    // index into choices(position)
};
using Walk = std::vector<Step>;

struct Choice {
  int32_t label;   // index into labels(): "C(64,3,1)"
  int32_t target;  // the position it leads to, or Space::kEnd
};

class Space {
 public:
  static constexpr int32_t kEnd = -1;

  int32_t start() const { return 0; }
  std::span<const Choice> choices(int32_t position) const;
  const std::string& label(int32_t label) const;
  int32_t state(int32_t position) const;
  // The Q-values of a state are choice_count(state), from q_begin(state) on: one for each choice that
  // some position of the state has.
  int32_t q_begin(int32_t state) const;
  int32_t choice_count(int32_t state) const;
  // Index of the Q-value of a choice at a position.
  int32_t q_index(const Step& step) const {
    const int32_t first = q_begin(state(step.position));
    return first + (value_.empty()
                        ? step.choice
                        : value_[static_cast<size_t>(
                              choice_begin_[static_cast<size_t>(step.position)] + step.choice)]);
  }

  int64_t positions() const;
  int64_t states() const;       // in which the agent chooses: the start counts, the end does not
  int64_t transitions() const;  // pairs of state and choice, that is Q-values
  // Exact number of different complete walks, in decimal digits (it exceeds 64 bits).
  std::string architectures() const;
  int64_t architecture_count() const;  // the same; 2^63 - 1 where it is no less

  Walk uniform_walk(Random& random) const;  // each choice uniform among the legal ones
  std::string text(const Walk& walk) const;

  struct Found {
    std::optional<Walk> walk;
    std::string canonical;  // the string as the space writes it: one form, without D; also where it
                            // is refused
    std::string refusal;    // why the space does not allow it; "" where it does
  };
  // Throws UsageError where the text is no architecture at all (CNN). A sequence never throws: what
  // does not fit the template is refused with the column and what was expected there.
  Found find(std::string_view text) const;

  // The same space with no other walks than those that lead to one of `architectures`; all else is
  // refused with `refusal`. What is not of the space is not looked at; where none is, the result has
  // no walk and no position.
  Space restricted(const std::vector<std::string>& architectures, const std::string& refusal) const;

  // CNN: the input it was built for. Sequence: none.
  std::optional<Shape> input() const { return input_; }
  int classes() const { return classes_; }  // 0 for a sequence space

 private:
  friend class SpaceBuilder;
  Space() = default;

  // What stands around the labels of a walk: a separator for each gap, or by the labels around it.
  struct Form {
    std::string opening;
    std::vector<std::string> separators;
    std::function<std::string_view(int32_t before, int32_t after)> separator;
    std::string closing;
  };

  // Positions are numbered so that every choice leads to a higher number; the choices of position p
  // are choices_[choice_begin_[p]] up to choices_[choice_begin_[p + 1]].
  std::vector<int32_t> choice_begin_{0};
  std::vector<Choice> choices_;
  // Which of its state's Q-values each choice has; empty where all positions of a state have the same
  // choices.
  std::vector<int32_t> value_;
  std::vector<int32_t> state_;       // of each position
  std::vector<int32_t> q_begin_{0};  // of each state, and the total
  std::vector<std::string> labels_;
  Form form_;
  std::function<Found(const Space&, std::string_view)> find_;
  std::optional<Shape> input_;
  int classes_ = 0;
};

// Both throw UsageError naming the setting that breaks a rule: bins out of order, a pooling field
// larger than its bin's smallest size, an even receptive field, an empty list, the same value
// twice, a template without slots, alphabets that could make two walks the same string, more than
// 20 million choices over all positions.
Space build_cnn_space(const CnnSpaceSettings& settings);
Space build_sequence_space(const SequenceSpaceSettings& settings);

}  // namespace metaqnn::search
