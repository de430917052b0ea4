// What does a kernel see of architectures?
//
// Points carry both forms of each: a vector of features and a sequence of tokens. A token is a
// number: below the size of the alphabet one that the training strings hold, from there on one that
// they do not. The latter are known to the points alone, by name, so that no encoding need learn
// them.
//
//   TokenNumbers numbers(4);       // an alphabet of 4
//   numbers.number("conv_7x7");    // 4, and 4 again
#pragma once

#include <Eigen/Core>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernels/edit_distance.h"

namespace metaqnn::kernels {

// Names of tokens that an alphabet lacks: the first of them has the number `first`, its size.
struct UnseenTokens {
  int first = 0;
  std::vector<std::string> names;
};

struct Points {
  Eigen::MatrixXd features;    // n x d
  std::vector<Tokens> tokens;  // n
  // Of all tokens beyond the alphabet; null where there are none.
  std::shared_ptr<const UnseenTokens> unseen = nullptr;

  Eigen::Index size() const { return features.rows(); }
  Points subset(const std::vector<Eigen::Index>& rows) const;
  Points range(Eigen::Index first, Eigen::Index count) const;
  // Points of the same encoding after these.
  void append(const Points& more);
};

// Numbers tokens that an alphabet lacks in the order in which they come.
class TokenNumbers {
 public:
  explicit TokenNumbers(int alphabet) { unseen_.first = alphabet; }
  explicit TokenNumbers(const UnseenTokens& known);

  int number(const std::string& name);
  // The sequences of points first to first + count - 1 in these numbers. Throws UsageError where
  // the points are of another alphabet.
  std::vector<Tokens> number(const Points& points, Eigen::Index first, Eigen::Index count);

  const std::vector<std::string>& names() const { return unseen_.names; }
  // Null where there are none.
  std::shared_ptr<const UnseenTokens> unseen() const;

 private:
  UnseenTokens unseen_;
  std::unordered_map<std::string, int> numbers_;
};

}  // namespace metaqnn::kernels
