// Images in MNIST's form that a test writes: noise, so that nothing can be learned from them.
//
//   write_idx(folder, "train", {20, 30});     // 20 images of class 0, 30 of class 1
//   write_idx(folder, "train", {20, 30}, 1);  // all black
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "metaqnn/base/random.h"
#include "tests/folder.h"

namespace metaqnn::tests {

inline void write_idx(const Folder& folder, const std::string& part, const std::vector<int>& counts,
                      uint64_t shades = 256) {
  const auto number = [](uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
    return bytes;
  };
  std::string labels;
  for (size_t k = 0; k < counts.size(); ++k)
    labels += std::string(static_cast<size_t>(counts[k]), static_cast<char>(k));
  const auto n = static_cast<uint32_t>(labels.size());
  std::string pixels(size_t{n} * 28 * 28, '\0');
  Random random = Random::stream(7, part);
  for (char& pixel : pixels) pixel = static_cast<char>(random.below(shades));
  folder.write(part + "-labels-idx1-ubyte", number(0x801) + number(n) + labels);
  folder.write(part + "-images-idx3-ubyte",
               number(0x803) + number(n) + number(28) + number(28) + pixels);
}

}  // namespace metaqnn::tests
