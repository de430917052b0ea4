#include "metaqnn/base/random.h"

#include "base/hash.h"
#include "metaqnn/base/error.h"

namespace metaqnn {
namespace {

uint64_t split_mix(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

uint64_t rotate_left(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

}  // namespace

uint64_t stable_hash(std::string_view text) {
  uint64_t hash = fnv_1a<uint64_t>(text);
  return split_mix(hash);
}

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = split_mix(seed);
}

Random Random::stream(uint64_t seed, std::string_view purpose, uint64_t index) {
  uint64_t mixed = seed;
  uint64_t key = split_mix(mixed) ^ stable_hash(purpose);
  mixed = key;
  key = split_mix(mixed) ^ index;
  return Random(key);
}

Random::result_type Random::operator()() {
  const uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

uint64_t Random::below(uint64_t bound) {
  METAQNN_ASSERT(bound > 0, "Random::below needs a bound above 0, got 0");
  __extension__ using Wide = unsigned __int128;
  Wide product = Wide{(*this)()} * bound;
  if (static_cast<uint64_t>(product) < bound) {
    const uint64_t threshold = -bound % bound;
    while (static_cast<uint64_t>(product) < threshold) product = Wide{(*this)()} * bound;
  }
  return static_cast<uint64_t>(product >> 64);
}

double Random::uniform() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

}  // namespace metaqnn
