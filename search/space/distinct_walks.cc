#include "metaqnn/search/space/distinct_walks.h"

#include "metaqnn/base/error.h"

namespace metaqnn::search {

DistinctWalks::DistinctWalks(const Space& space, Admission admits,
                             std::unordered_set<std::string> seen, DrawPatience patience)
    : space_(space), admits_(std::move(admits)), seen_(std::move(seen)), patience_(patience) {}

std::optional<std::string> DistinctWalks::take(const Walk& walk) {
  std::string text = space_.text(walk);
  if (!met_.insert(text).second) return std::nullopt;
  if (seen_.contains(text)) {
    ++known_;
  } else if (admits_ && !admits_(text)) {
    ++refused_;
  } else {
    return text;
  }
  return std::nullopt;
}

std::optional<std::string> DistinctWalks::next(const std::function<Walk()>& draw) {
  for (int64_t fruitless = 0; refused_ < patience_.refused;) {
    const int64_t refused = refused_;
    if (auto text = take(draw())) return text;
    if (refused_ > refused) continue;
    if (++fruitless == patience_.fruitless || space_is_exhausted()) break;
  }
  return std::nullopt;
}

std::vector<std::string> DistinctWalks::next(int64_t count, const std::function<Walk()>& draw) {
  std::vector<std::string> taken;
  while (static_cast<int64_t>(taken.size()) < count) {
    auto text = next(draw);
    if (!text) break;
    taken.push_back(std::move(*text));
  }
  return taken;
}

std::vector<std::string> DistinctWalks::exactly(int64_t count, const std::function<Walk()>& draw) {
  std::vector<std::string> taken = next(count, draw);
  if (static_cast<int64_t>(taken.size()) == count) return taken;
  throw FailureError("only " + std::to_string(taken.size()) + " distinct architectures found" +
                     (refused_ > 0 ? ", and " + std::to_string(refused_) + " over a limit" : "") +
                     ": the space has no more, or walks do not reach them; ask for fewer" +
                     (refused_ > 0 ? ", or raise the limit" : ""));
}

std::vector<std::string> DistinctWalks::uniform(int64_t count, uint64_t seed) {
  Random random = Random::stream(seed, "sample");
  return exactly(count, [&] { return space_.uniform_walk(random); });
}

bool DistinctWalks::space_is_exhausted() {
  if (!space_size_) space_size_ = space_.architecture_count();
  return static_cast<int64_t>(met_.size()) == *space_size_;
}

}  // namespace metaqnn::search
