// Random networks of all layers, lists in lists among them.
#pragma once

#include <string>
#include <vector>

#include "metaqnn/architecture/architecture.h"
#include "metaqnn/architecture/shapes.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"

namespace metaqnn::tests {

class RichNetworks {
 public:
  RichNetworks(const Shape& input, int classes, uint64_t seed)
      : input_(input), classes_(classes), random_(seed) {}

  // One whose sizes fit.
  std::string next() {
    for (;;) {
      std::string text = "[" + list(0, false);
      const std::string tails[] = {"", "", "FC(9), ", "FC(9), BN, ", "GAP(6), ", "GAP(6), BN, "};
      text += ", " + tails[random_.below(6)] + "SM(" + std::to_string(classes_) + ")]";
      try {
        const Architecture architecture = parse_architecture(text);
        analyse(architecture, input_);
        return to_string(architecture);
      } catch (const UsageError&) {
      }
    }
  }

 private:
  std::string list(int depth, bool keeps_size) {
    std::string text = layer(depth, keeps_size);
    const uint64_t more = random_.below(depth == 0 ? 5 : 3);
    for (uint64_t i = 0; i < more; ++i) text += ", " + layer(depth, keeps_size);
    return text;
  }

  std::string layer(int depth, bool keeps_size) {
    const std::string stride = keeps_size ? "1" : one_of({"1", "1", "1", "2", "3"});
    const std::string window = keeps_size ? "(1,1)" : one_of({"(1,1)", "(2,2)", "(3,2)", "(2,1)"});
    switch (random_.below(depth < 2 ? 12 : 8)) {
      case 0:
      case 1:
        return "C(" + one_of({"4", "5", "8"}) + "," + one_of({"1", "3", "5"}) + "," + stride + ")";
      case 2:
      case 3:
        return "DC(" + one_of({"1", "3", "5"}) + "," + stride + ")";
      case 4:
        return "P" + window;
      case 5:
        return "A" + window;
      case 6:
        return "M" + window;
      case 7:
        return "BN";
      case 8:
      case 9:
        return "R[" + list(depth + 1, keeps_size) + "]";
      default: {
        const bool keep_it = keeps_size || random_.below(4) > 0;  // or they rarely fit
        std::string text = "S[" + list(depth + 1, keep_it);
        const uint64_t more = random_.below(3);
        for (uint64_t i = 0; i < more; ++i) text += " ; " + list(depth + 1, keep_it);
        return text + "]";
      }
    }
  }

  std::string one_of(const std::vector<std::string>& all) { return all[random_.below(all.size())]; }

  Shape input_;
  int classes_;
  Random random_;
};

}  // namespace metaqnn::tests
