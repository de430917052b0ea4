// Which random numbers does this purpose get? Every stream is derived from (study seed, purpose,
// index), so that a result depends neither on who ran first nor on how many numbers another purpose
// took.
//
//   Random random = Random::stream(seed, "walk", sample_number);
//   int choice = random.below(6);
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace metaqnn {

// 64-bit FNV-1a of a text, finished by SplitMix64's mixer: the same on every machine and release.
uint64_t stable_hash(std::string_view text);

// xoshiro256** (Blackman, Vigna, 2018), seeded by SplitMix64. Satisfies UniformRandomBitGenerator.
// The draws below are our own because the distributions of <random> differ between standard
// libraries.
class Random {
 public:
  using result_type = uint64_t;

  explicit Random(uint64_t seed);
  static Random stream(uint64_t seed, std::string_view purpose, uint64_t index = 0);

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  result_type operator()();

  // Uniform integer in [0, bound), bound >= 1, without bias (Lemire, 2019).
  uint64_t below(uint64_t bound);
  // Uniform real in [0, 1) with 53 random bits.
  double uniform();

 private:
  uint64_t state_[4];
};

// Fisher-Yates. Written out because std::shuffle's result differs between standard libraries.
template <typename T>
void shuffle(std::vector<T>& values, Random& random) {
  for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
}

}  // namespace metaqnn
