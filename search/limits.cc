#include "search/limits.h"

#include <algorithm>

#include "metaqnn/base/error.h"
#include "metaqnn/search/search.h"
#include "search/memory_basis.h"

namespace metaqnn::search {
namespace {

int64_t stricter(int64_t a, int64_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

bool is_within(int64_t value, int64_t limit) { return limit == 0 || value <= limit; }

}  // namespace

SizeLimits limits_of(const Configuration& configuration, SizeLimits limits) {
  if (configuration.evaluator.trains()) {
    const TrainingSettings& training = configuration.evaluator.training;
    limits.parameters = stricter(limits.parameters, training.max_parameters);
    limits.memory_bytes = stricter(limits.memory_bytes, training.max_memory);
  }
  return limits;
}

Admission within(const SizeLimits& limits, const std::optional<Shape>& input,
                 const TrainingMemorySettings& memory) {
  if (limits.parameters == 0 && limits.macs == 0 && limits.memory_bytes == 0) return {};
  if (!input) {
    throw UsageError(
        "limits on parameters, MACs and memory need networks, and the strings of this space are "
        "none; leave the limits out");
  }
  return [limits, input = *input, memory](const std::string& text) {
    const Architecture architecture = parse_architecture(text);
    const Analysis analysis = analyse(architecture, input);
    return is_within(analysis.parameters, limits.parameters) &&
           is_within(analysis.macs, limits.macs) &&
           (limits.memory_bytes == 0 ||
            estimate_training_memory(architecture, input, memory).total() <= limits.memory_bytes);
  };
}

Admission admission_of(const Configuration& configuration, const std::optional<Shape>& input,
                       const SizeLimits& limits) {
  const SizeLimits all = limits_of(configuration, limits);
  // What trainings are given is asked for only where it counts: LibTorch may have to be loaded.
  return within(
      all, input,
      all.memory_bytes > 0 ? memory_basis(configuration).settings : TrainingMemorySettings{});
}

Admission admission_of(const Configuration& configuration, const std::optional<Shape>& input) {
  return admission_of(configuration, input, {});
}

}  // namespace metaqnn::search
