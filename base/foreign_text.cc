#include "base/foreign_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "base/secrets.h"

namespace metaqnn {
namespace {

constexpr std::string_view kCut = "...";

// The first character of a text.
struct Character {
  size_t bytes = 1;
  char32_t code = 0;
  bool valid = false;  // else a byte that is no UTF-8
};

Character decoded(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 0x80) return {1, byte(0), true};
  const size_t bytes = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || bytes > text.size()) return {};
  char32_t code = byte(0) & (0x7F >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3F);
  }
  // Longer than need be, half of a UTF-16 pair, or beyond Unicode.
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[bytes] || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) return {};
  return {bytes, code, true};
}

bool is_control(char32_t code) { return code < ' ' || (code >= 0x7F && code < 0xA0); }

// Marks, embeddings, overrides and isolates, and the separators of lines and paragraphs.
bool changes_direction(char32_t code) {
  return code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

std::string visible_character(std::string_view text, const Character& character) {
  char escaped[12];
  if (!character.valid || character.code < ' ') {
    std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<uint8_t>(text[0]));
    return escaped;
  }
  if (!is_control(character.code) && !changes_direction(character.code))
    return std::string(text.substr(0, character.bytes));
  std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(character.code));
  return escaped;
}

// As many whole characters, made visible, as fit.
std::string visible_start(std::string_view text, size_t longest, char kept = ' ') {
  std::string result;
  while (!text.empty()) {
    const Character character = decoded(text);
    const std::string next =
        text[0] == kept ? std::string(1, kept) : visible_character(text, character);
    if (result.size() + next.size() > longest) break;
    result += next;
    text.remove_prefix(character.bytes);
  }
  return result;
}

// The last `longest` bytes at most, from the beginning of a character.
std::string_view end_of(std::string_view text, size_t longest) {
  if (text.size() <= longest) return text;
  text.remove_prefix(text.size() - longest);
  while (!text.empty() && (static_cast<uint8_t>(text[0]) & 0xC0) == 0x80) text.remove_prefix(1);
  return text;
}

}  // namespace

std::string visible(std::string_view text, char kept) {
  return visible_start(text, std::string::npos, kept);
}

std::string shown(std::string_view text, size_t longest) {
  // What is cut off cannot be seen, but may say that what is left is a password.
  constexpr size_t kLooksAhead = 4096;
  const bool whole = text.size() <= longest + kLooksAhead;
  const std::string safe = without_passwords(text.substr(0, longest + kLooksAhead));
  if (whole && visible(safe).size() <= longest) return visible(safe);
  return visible_start(safe, longest - kCut.size()).append(kCut);
}

std::string message_line(std::string_view text) {
  constexpr size_t kEnd = 800;
  constexpr size_t kLooksAt = 65536;  // of a message of megabytes
  std::string line(text.size() <= kLooksAt ? text : text.substr(0, kLooksAt / 2));
  if (text.size() > kLooksAt)
    line.append(" ").append(kCut).append(" ").append(end_of(text, kLooksAt / 2));
  std::replace(line.begin(), line.end(), '\n', ' ');
  line = without_passwords(line);
  const std::string all = visible(line);
  if (all.size() <= kLongestMessage) return all;
  return visible_start(line, kLongestMessage - kEnd - kCut.size() - 2)
      .append(" ")
      .append(kCut)
      .append(" ")
      .append(end_of(all, kEnd));
}

std::string_view first_character(std::string_view text) {
  return text.empty() ? text : text.substr(0, decoded(text).bytes);
}

size_t columns_of(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace metaqnn
