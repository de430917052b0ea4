// Which number stands for a text, on every machine and in every release? FNV-1a (Fowler, Noll, Vo)
// in 32 or 64 bits: for seeds, checksums and places, not against people.
//
//   fnv_1a<uint32_t>("foobar");  // 0xbf9cf968
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace metaqnn {

template <typename Word>
constexpr Word fnv_1a(std::string_view text) {
  constexpr bool kWide = std::is_same_v<Word, uint64_t>;
  static_assert(kWide || std::is_same_v<Word, uint32_t>);
  constexpr auto kPrime = static_cast<Word>(kWide ? 0x100000001b3 : 0x01000193);
  auto hash = static_cast<Word>(kWide ? 0xcbf29ce484222325 : 0x811c9dc5);
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  return hash;
}

}  // namespace metaqnn
