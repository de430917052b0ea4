// What has Q-learning come to value? The Q-values of a study's fold, one for each choice that a walk
// took in a state.
//
// They are the table that the next proposal would be drawn from (search/agent/q_learning.h): a
// function of the samples with a result, in their order, of the settings alpha, gamma, initial_q
// and replay, and of the seed. A study of another strategy has them too, as Q-learning would value
// its samples.
//
//   for (const QValue& value : q_values(*open_study_to_read("sqlite:///quick.db")))
//     value.depth, value.choice, value.q;   // 3, "C(64,3,1)", 0.81
//
// Cost: as the fold, some 30 microseconds a sample of the paper's space.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "metaqnn/search/configuration.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

struct QValue {
  int64_t depth = 0;   // 1-based, of the layer or the slot that the choice writes
  std::string type;    // convolution, pooling, fully connected, GAP or end; of a slot its token
  std::string choice;  // as a string holds it: "C(64,3,1)"
  double q = 0;        // the expected reward, 0 to 1
  int64_t visits = 0;  // samples with a result that chose it in this state
};

// The types of layers, as they follow each other in networks.
std::vector<std::string> layer_types();

// By depth, then by state; within a state in the order of its choices. Throws UsageError where what
// is searched for is worth no reward from 0 to 1, and what reading the study throws.
std::vector<QValue> q_values(Study& study);

}  // namespace metaqnn::search
