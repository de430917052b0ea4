// Different architectures, as many as asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "search/space/space.h"

namespace metaqnn::cli {

// Calls `next` until `count` are there that differ from each other and from `seen`. Throws
// FailureError where a long run of draws brings nothing new.
std::vector<std::string> draw_distinct(int64_t count, const std::function<std::string()>& next,
                                       std::unordered_set<std::string> seen = {});

// By a uniform walk through the space.
std::vector<std::string> draw_uniformly(const search::Space& space, int64_t count, uint64_t seed);

}  // namespace metaqnn::cli
