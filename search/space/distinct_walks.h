// Different architectures of a space that have not been seen yet and that a limit admits: what a
// search proposes, a screening picks from, `sample` lists and `rank` ranks.
//
//   DistinctWalks walks(space, admits, seen);
//   std::vector<std::string> some = walks.uniform(100, seed);
//   walks.refused();  // so many others were too large
//
// Cost: one draw and one look-up for each walk, one check of the limit for each different one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "metaqnn/search/space/space.h"

namespace metaqnn::search {

// Whether an architecture may be drawn; a function of the architecture alone. Empty: every one may.
using Admission = std::function<bool(const std::string& architecture)>;

// When drawing ends although architectures may be left: after so many walks in a row onto what was
// met before, and so many different architectures that were refused.
struct DrawPatience {
  int64_t fruitless = 1'000'000, refused = 1'000'000;
};

class DistinctWalks {
 public:
  // `space` must outlive it. `seen` need not be of the space.
  explicit DistinctWalks(const Space& space, Admission admits = {},
                         std::unordered_set<std::string> seen = {}, DrawPatience patience = {});

  // The walk's architecture where it is met for the first time, has not been seen and is admitted.
  std::optional<std::string> take(const Walk& walk);
  // The first that is taken of what `draw` gives; nothing where the space or the patience is
  // exhausted.
  std::optional<std::string> next(const std::function<Walk()>& draw);
  // `count` of them, in the order of drawing; fewer where no more are found.
  std::vector<std::string> next(int64_t count, const std::function<Walk()>& draw);
  // The same; throws FailureError where fewer are found.
  std::vector<std::string> exactly(int64_t count, const std::function<Walk()>& draw);
  // Exactly `count`, by uniform walks of one stream of the seed.
  std::vector<std::string> uniform(int64_t count, uint64_t seed);

  // Different architectures that were met and not taken: refused, seen before.
  int64_t refused() const { return refused_; }
  int64_t known() const { return known_; }

 private:
  bool space_is_exhausted();

  const Space& space_;
  Admission admits_;
  std::unordered_set<std::string> seen_, met_;
  DrawPatience patience_;
  int64_t refused_ = 0, known_ = 0;
  std::optional<int64_t> space_size_;  // once it is asked for
};

}  // namespace metaqnn::search
