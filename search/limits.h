// Which networks are too large? The limits of a study or a configuration, and those that a user adds,
// as one question for whoever draws architectures (search/space/distinct_walks.h).
#pragma once

#include <cstdint>
#include <optional>

#include "metaqnn/search/configuration.h"
#include "metaqnn/search/space/distinct_walks.h"
#include "search/evaluate/training_memory.h"

namespace metaqnn::search {

// What a network may take; 0 = no limit.
struct SizeLimits {
  int64_t parameters = 0;    // trainable
  int64_t macs = 0;          // of one image
  int64_t memory_bytes = 0;  // of training, by the estimate (search/evaluate/training_memory.h)
};

// The stricter of `limits` and what the configuration's evaluator would refuse.
SizeLimits limits_of(const Configuration& configuration, SizeLimits limits = {});

// Whether a network of this input keeps the limits; empty where there is none. Throws UsageError
// for limits on strings that are no networks, which have no input.
Admission within(const SizeLimits& limits, const std::optional<Shape>& input,
                 const TrainingMemorySettings& memory);

// The same with the configuration's limits and what its trainings would be given. Without others:
// metaqnn/search/search.h.
Admission admission_of(const Configuration& configuration, const std::optional<Shape>& input,
                       const SizeLimits& limits);

}  // namespace metaqnn::search
