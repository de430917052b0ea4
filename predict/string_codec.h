// How is the string of a network read: which tokens is it, and which features?
//
//   grammar      our architectures: global and position-wise features (architecture/features.h); a
//                token is a layer without D and SM, or what stands around lists (architecture/symbols.h)
//   characters   any text: a token is a byte
//   a separator  any text, split at it; empty pieces are no tokens
//   none         no string
//
// Texts have as features the length, how often each token occurs, and which token stands at each
// position, and where all have a number at a position its value. Where all training texts are cells (predict/cell.h) they are read as what they compute:
//
//   tokens       the paths, in their order, so that distances count those that differ
//   operations   of each how many there are, at the input, at the output
//   reach        for each set of operations, the shortest and the longest path of these alone, and
//                how many (after Kadlecova et al., "Surprisingly strong performance prediction with
//                neural graph features", ICML 2024)
//   paths        how often each occurs (after White et al., "BANANAS", AAAI 2021)
//
// so that two cells that compute the same are one and the same; or as_written besides, tokens and
// features of the text as above, for measures to which dead edges matter, such as latencies.
#pragma once

#include <Eigen/Core>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "architecture/features.h"
#include "metaqnn/predict/options.h"

namespace metaqnn::predict {

// Learned from training strings; never changes.
class StringCodec {
 public:
  virtual ~StringCodec() = default;
  virtual std::vector<std::string> tokens(const std::string& text) const = 0;
  virtual std::vector<FeatureColumn> columns() const = 0;
  // As many as columns.
  virtual Eigen::VectorXd features(const std::string& text) const = 0;
  // What of it no training string holds, one each.
  virtual std::vector<std::string> strangers(const std::string& text) const = 0;
};

enum class Cells { as_computed, as_written };

// Whether the settings and the training strings make them cells.
bool are_cells(const EncodingSettings& settings, const std::vector<std::string>& training);

// `cells`: how these are read; none = as any other text.
std::unique_ptr<StringCodec> make_string_codec(const EncodingSettings& settings,
                                               const std::vector<std::string>& training,
                                               const std::optional<Cells>& cells);

}  // namespace metaqnn::predict
