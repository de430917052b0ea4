#include "kernels/points.h"

#include "metaqnn/base/error.h"

namespace metaqnn::kernels {

using Eigen::Index;

Points Points::subset(const std::vector<Index>& rows) const {
  Points result;
  result.features.resize(static_cast<Index>(rows.size()), features.cols());
  for (size_t i = 0; i < rows.size(); ++i) {
    result.features.row(static_cast<Index>(i)) = features.row(rows[i]);
    result.tokens.push_back(tokens[static_cast<size_t>(rows[i])]);
  }
  result.unseen = unseen;
  return result;
}

Points Points::range(Index first, Index count) const {
  return {features.middleRows(first, count),
          std::vector<Tokens>(tokens.begin() + first, tokens.begin() + first + count), unseen};
}

void Points::append(const Points& more) {
  if (more.size() == 0) return;
  std::vector<Tokens> numbered = more.tokens;
  if (unseen == nullptr) {
    unseen = more.unseen;
  } else if (more.unseen != nullptr && more.unseen != unseen) {
    TokenNumbers numbers(*unseen);
    numbered = numbers.number(more, 0, more.size());
    unseen = numbers.unseen();
  }
  features.conservativeResize(size() + more.size(), more.features.cols());
  features.bottomRows(more.size()) = more.features;
  tokens.insert(tokens.end(), numbered.begin(), numbered.end());
}

TokenNumbers::TokenNumbers(const UnseenTokens& known) {
  unseen_.first = known.first;
  for (const std::string& name : known.names) number(name);
}

int TokenNumbers::number(const std::string& name) {
  const int next = unseen_.first + static_cast<int>(unseen_.names.size());
  const auto [known, added] = numbers_.try_emplace(name, next);
  if (added) unseen_.names.push_back(name);
  return known->second;
}

std::vector<Tokens> TokenNumbers::number(const Points& points, Index first, Index count) {
  std::vector<Tokens> sequences(points.tokens.begin() + first,
                                points.tokens.begin() + first + count);
  if (points.unseen == nullptr) return sequences;
  if (points.unseen->first != unseen_.first) {
    throw UsageError("points of alphabets of " + std::to_string(points.unseen->first) + " and " +
                     std::to_string(unseen_.first) +
                     " tokens do not compare; encode them by one encoding");
  }
  for (Tokens& sequence : sequences) {
    for (int& token : sequence) {
      if (token < unseen_.first) continue;
      const auto place = static_cast<size_t>(token - unseen_.first);
      METAQNN_ASSERT(place < points.unseen->names.size(),
                     "token " + std::to_string(token) + " of " +
                         std::to_string(points.unseen->names.size()) + " unseen ones");
      token = number(points.unseen->names[place]);
    }
  }
  return sequences;
}

std::shared_ptr<const UnseenTokens> TokenNumbers::unseen() const {
  if (unseen_.names.empty()) return nullptr;
  return std::make_shared<const UnseenTokens>(unseen_);
}

}  // namespace metaqnn::kernels
