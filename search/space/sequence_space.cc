#include <algorithm>
#include <set>

#include "base/foreign_text.h"
#include "metaqnn/base/error.h"
#include "search/space/builder.h"

namespace metaqnn::search {
namespace {

constexpr std::string_view kSlot = "{}";

// The template taken apart: literal 0, slot 0, literal 1, slot 1, ..., the last literal.
struct Template {
  std::vector<std::string> literals;                // one more than there are slots
  std::vector<std::vector<std::string>> alphabets;  // of each slot

  size_t slots() const { return alphabets.size(); }
};

std::string quoted(std::string_view text) { return "'" + shown(text) + "'"; }

std::string slot_name(size_t slot) { return "slot " + std::to_string(slot + 1); }

std::vector<std::string> split_pattern(const std::string& pattern) {
  std::vector<std::string> literals;
  size_t begin = 0;
  for (size_t at; (at = pattern.find(kSlot, begin)) != std::string::npos; begin = at + kSlot.size())
    literals.push_back(pattern.substr(begin, at - begin));
  literals.push_back(pattern.substr(begin));
  return literals;
}

void check_tokens(const std::vector<std::string>& alphabet, size_t slot) {
  const std::string where = "space.alphabet, " + slot_name(slot) + ": ";
  if (alphabet.empty()) throw UsageError(where + "the list is empty; name at least one token");
  std::set<std::string_view> seen;
  for (const std::string& token : alphabet) {
    if (token.empty()) throw UsageError(where + "a token is empty; give it at least one character");
    if (!seen.insert(token).second) throw UsageError(where + quoted(token) + " stands there twice");
  }
}

// A text is read from the left, a token and the literal after it at a time. It can be read in one
// way only if at no slot two tokens, each with the literal, could stand at the same place.
// (Stricter than needed, but easy to explain.) The last slot needs no check: the text ends after
// its literal.
void check_readable(const std::vector<std::string>& alphabet, const std::string& literal,
                    size_t slot) {
  std::vector<std::string> followed;
  for (const std::string& token : alphabet) followed.push_back(token + literal);
  std::sort(followed.begin(), followed.end());
  // Sorted, what begins with a text stands directly behind it.
  for (size_t i = 0; i + 1 < followed.size(); ++i) {
    if (!followed[i + 1].starts_with(followed[i])) continue;
    const auto token = [&](const std::string& text) {
      return quoted(std::string_view(text).substr(0, text.size() - literal.size()));
    };
    throw UsageError("space.alphabet, " + slot_name(slot) + ": " + token(followed[i]) + " and " +
                     token(followed[i + 1]) + " cannot be told apart when followed by " +
                     (literal.empty() ? "the next slot" : quoted(literal)) +
                     "; rename one or separate the slots in space.template");
  }
}

Template parse_template(const SequenceSpaceSettings& settings) {
  Template form;
  form.literals = split_pattern(settings.pattern);
  const size_t slots = form.literals.size() - 1;
  if (slots == 0) {
    throw UsageError("space.template: " + quoted(settings.pattern) +
                     " has no slot; write {} where a token belongs");
  }
  const size_t given = settings.alphabets.size();
  if (given != 1 && given != slots) {
    throw UsageError("space.alphabet: expected 1 list for all slots or " + std::to_string(slots) +
                     ", one per slot, found " + std::to_string(given));
  }
  for (size_t slot = 0; slot < slots; ++slot) {
    const auto& alphabet = settings.alphabets[given == 1 ? 0 : slot];
    check_tokens(alphabet, slot);
    if (slot + 1 < slots) check_readable(alphabet, form.literals[slot + 1], slot);
    form.alphabets.push_back(alphabet);
  }
  return form;
}

// Reads a text along the template.
class Reader {
 public:
  Reader(const Template& form, const Space& space, std::string_view text)
      : form_(form), space_(space), text_(text) {}

  Space::Found read() {
    found_.canonical = std::string(text_);
    Walk walk;
    int32_t position = space_.start();
    bool fits = read_literal(0);
    for (size_t slot = 0; fits && slot < form_.slots(); ++slot) {
      const auto choice = read_token(slot);
      fits = choice.has_value() && read_literal(slot + 1);
      if (!fits) break;
      walk.push_back({position, *choice});
      position = space_.choices(position)[*choice].target;
    }
    if (fits && at_ < text_.size()) fits = refuse("expected the end of the text");
    if (fits) found_.walk = std::move(walk);
    return found_;
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }

  bool refuse(const std::string& why) {
    found_.refusal = "column " + std::to_string(at_ + 1) + ": " + why;
    return false;
  }

  bool read_literal(size_t index) {
    const std::string& literal = form_.literals[index];
    if (!rest().starts_with(literal)) return refuse("expected " + quoted(literal));
    at_ += literal.size();
    return true;
  }

  // The token that the literal follows; where there is none the longest that stands here, so that
  // the literal is blamed.
  std::optional<int32_t> read_token(size_t slot) {
    const std::vector<std::string>& alphabet = form_.alphabets[slot];
    const std::string& literal = form_.literals[slot + 1];
    const bool last = slot + 1 == form_.slots();
    std::optional<int32_t> longest;
    for (size_t i = 0; i < alphabet.size(); ++i) {
      const std::string& token = alphabet[i];
      if (!rest().starts_with(token)) continue;
      const std::string_view after = rest().substr(token.size());
      const bool fits = last ? after == literal : after.starts_with(literal);
      if (fits || !longest || token.size() > alphabet[*longest].size())
        longest = static_cast<int32_t>(i);
      if (fits) break;
    }
    if (longest)
      at_ += alphabet[*longest].size();
    else
      refuse_token(slot);
    return longest;
  }

  void refuse_token(size_t slot) {
    const std::string& literal = form_.literals[slot + 1];
    const size_t length = literal.empty() ? std::string_view::npos : rest().find(literal);
    const std::string_view token = rest().substr(0, length);
    std::string known;
    for (const std::string& allowed : form_.alphabets[slot])
      known += (known.empty() ? "" : ", ") + allowed;
    refuse((token.empty() ? "a token is missing" : quoted(token) + " is not") +
           (token.empty() ? "; the alphabet of " : " in the alphabet of ") + slot_name(slot) +
           ": " + known);
  }

  const Template& form_;
  const Space& space_;
  std::string_view text_;
  size_t at_ = 0;
  Space::Found found_;
};

}  // namespace

Space build_sequence_space(const SequenceSpaceSettings& settings) {
  const Template form = parse_template(settings);
  SpaceBuilder builder;
  // Position 0 is the start; then, slot by slot, one position for each token that can stand before
  // the next slot. A position is its own state: (slot, previous token).
  int32_t next_slot_begin = 1;
  int32_t state = 0;
  for (size_t slot = 0; slot < form.slots(); ++slot) {
    const bool last = slot + 1 == form.slots();
    std::vector<Choice> choices;
    for (const std::string& token : form.alphabets[slot]) {
      const auto offset = static_cast<int32_t>(choices.size());
      choices.push_back({builder.label(token), last ? Space::kEnd : next_slot_begin + offset});
    }
    const size_t positions = slot == 0 ? 1 : form.alphabets[slot - 1].size();
    for (size_t i = 0; i < positions; ++i) builder.add_position(state++, choices);
    next_slot_begin += static_cast<int32_t>(choices.size());
  }
  builder.write_as(form.literals.front(), {form.literals.begin() + 1, form.literals.end() - 1},
                   form.literals.back());
  builder.find_by([form](const Space& space, std::string_view text) {
    return Reader(form, space, text).read();
  });
  return builder.finish();
}

}  // namespace metaqnn::search
