#include "metaqnn/search/q_values.h"

#include <algorithm>
#include <map>
#include <utility>

#include "metaqnn/search/search.h"
#include "search/agent/q_learning.h"
#include "search/agent/rewards.h"

namespace metaqnn::search {
namespace {

constexpr std::pair<const char*, const char*> kTypes[] = {{"C", "convolution"},
                                                          {"DC", "depthwise convolution"},
                                                          {"BN", "batch normalisation"},
                                                          {"P", "pooling"},
                                                          {"A", "average pooling"},
                                                          {"M", "mixed pooling"},
                                                          {"R[", "residual"},
                                                          {"S[", "split"},
                                                          {";", "next branch"},
                                                          {"]", "end of list"},
                                                          {"FC", "fully connected"},
                                                          {"GAP", "GAP"},
                                                          {"SM", "end"}};

// C(64,3,1) as "convolution".
std::string type_of(const std::string& label) {
  for (const auto& [letters, type] : kTypes) {
    if (label.substr(0, label.find('(')) == letters) return type;
  }
  METAQNN_ASSERT(false, "no layer of a space: " + label);
}

}  // namespace

std::vector<std::string> layer_types() {
  std::vector<std::string> types;
  for (const auto& [letters, type] : kTypes) types.emplace_back(type);
  return types;
}

std::vector<QValue> q_values(Study& study) {
  const Configuration configuration = stored_configuration(study);
  const Objective& objective = configuration.evaluator.objective;
  if (!objective.has_several() && !objective.is_fraction() && !objective.reward_range) {
    throw UsageError("the study has no Q-values: nothing says what a value of '" +
                     measure_of(objective).name +
                     "' is worth; objective.reward_range does, when a study is made");
  }
  const Space space = build_space(configuration);
  QLearning fold(configuration.strategy, space, study.info().seed);
  std::map<std::pair<size_t, int32_t>, std::pair<Step, int64_t>> visited;  // by depth and Q-value
  Rewards rewards(objective);
  for (SequencedSample& sample : study.sequenced_samples_after(0, objective.has_several())) {
    sample.reward = rewards.next(sample);
    fold.observe(sample);
    if (!sample.reward) continue;
    const Space::Found found = space.find(sample.architecture);
    if (!found.walk) continue;
    for (size_t i = 0; i < found.walk->size(); ++i) {
      const Step& step = (*found.walk)[i];
      auto& [first, visits] = visited.try_emplace({i, space.q_index(step)}, step, 0).first->second;
      ++visits;
    }
  }
  std::vector<QValue> values;
  for (const auto& [key, visit] : visited) {
    const auto& [step, visits] = visit;
    const std::string& label =
        space.label(space.choices(step.position)[static_cast<size_t>(step.choice)].label);
    values.push_back({static_cast<int64_t>(key.first) + 1,
                      configuration.space.is_sequence() ? label : type_of(label), label,
                      fold.values(step.position)[static_cast<size_t>(step.choice)], visits});
  }
  return values;
}

}  // namespace metaqnn::search
