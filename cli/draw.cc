#include "cli/draw.h"

#include <fmt/format.h>

#include "architecture/error.h"

namespace metaqnn::cli {

std::vector<std::string> draw_distinct(int64_t count, const std::function<std::string()>& next,
                                       std::unordered_set<std::string> seen) {
  constexpr int kFruitless = 1000000;
  std::vector<std::string> drawn;
  for (int fruitless = 0; static_cast<int64_t>(drawn.size()) < count;) {
    std::string text = next();
    if (seen.insert(text).second) {
      drawn.push_back(std::move(text));
      fruitless = 0;
    } else if (++fruitless == kFruitless) {
      throw FailureError(
          fmt::format("only {} distinct architectures found: the space has no more, "
                      "or this policy does not reach them; ask for fewer",
                      drawn.size()));
    }
  }
  return drawn;
}

std::vector<std::string> draw_uniformly(const search::Space& space, int64_t count, uint64_t seed) {
  Random random = Random::stream(seed, "sample");
  return draw_distinct(count, [&] { return space.text(space.uniform_walk(random)); });
}

}  // namespace metaqnn::cli
