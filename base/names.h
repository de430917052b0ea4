// What users write, and what they probably meant: errors about unknown names end with the nearest.
//
//   nearest_name("cifar-10", {"mnist", "cifar10", "svhn"});  // "cifar10"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace metaqnn {

// The valid name with the smallest edit distance (insertion, deletion and substitution of a byte
// cost 1 each; Levenshtein, 1966) to `name`, the first of several; "" where `valid` is empty. Upper
// and lower case count as equal. Only the first 200 bytes of each are compared. Cost: the product of
// the lengths compared, for each valid name.
std::string nearest_name(std::string_view name, const std::vector<std::string>& valid);

// Without the white space around it.
std::string_view trimmed(std::string_view text);

// "a, b, c".
std::string listed(const std::vector<std::string>& names);
// "a, b or c".
std::string list_names(const std::vector<std::string>& names);

}  // namespace metaqnn
