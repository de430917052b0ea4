#include "search/agent/mutation.h"

#include <algorithm>

namespace metaqnn::search {
namespace {

enum class Edit { substitute, insert, remove };

// Edits that lead back to the same walk are thrown away; a space may have only few others.
constexpr int kEdits = 1000;

int32_t label_of(const Space& space, const Step& step) {
  return space.choices(step.position)[static_cast<size_t>(step.choice)].label;
}

// Adds a choice and returns where it leads.
int32_t add(const Space& space, int32_t position, int32_t choice, Walk& walk) {
  walk.push_back({position, choice});
  return space.choices(position)[static_cast<size_t>(choice)].target;
}

// The walk's steps from `next` on, without those that are illegal where they would come.
void follow(const Space& space, const Walk& parent, size_t next, int32_t position, Random& random,
            Walk& child) {
  while (position != Space::kEnd) {
    const auto choices = space.choices(position);
    auto found = choices.end();
    for (; next < parent.size() && found == choices.end(); ++next) {
      const int32_t label = label_of(space, parent[next]);
      found = std::find_if(choices.begin(), choices.end(),
                           [label](const Choice& choice) { return choice.label == label; });
    }
    const auto choice = found != choices.end() ? static_cast<uint64_t>(found - choices.begin())
                                               : random.below(choices.size());
    position = add(space, position, static_cast<int32_t>(choice), child);
  }
}

Walk edited(const Space& space, const Walk& parent, Edit edit, size_t at, Random& random) {
  Walk child(parent.begin(), parent.begin() + static_cast<std::ptrdiff_t>(at));
  int32_t position = parent[at].position;
  if (edit != Edit::remove) {
    const auto choice = static_cast<int32_t>(random.below(space.choices(position).size()));
    position = add(space, position, choice, child);
  }
  follow(space, parent, edit == Edit::insert ? at : at + 1, position, random, child);
  return child;
}

bool equal(const Walk& a, const Walk& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Step& x, const Step& y) {
    return x.position == y.position && x.choice == y.choice;
  });
}

}  // namespace

Walk mutate(const Space& space, const Walk& walk, Random& random) {
  // In a sequence space putting in or leaving out would move all that follows to other slots.
  const uint64_t edits = space.input() ? 3 : 1;
  for (int i = 0; i < kEdits; ++i) {
    const auto edit = static_cast<Edit>(random.below(edits));
    const Walk child = edited(space, walk, edit, random.below(walk.size()), random);
    if (!equal(child, walk)) return child;
  }
  return walk;
}

}  // namespace metaqnn::search
