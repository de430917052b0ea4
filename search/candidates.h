// Architectures that nobody has trained yet, as predictors read them: canonical, from a file with one
// a line, or drawn from a space.
//
//   Candidates drawn = draw_candidates(space, 10'000, seed, model.encoding());
//   model.rank(drawn.architectures, 10);
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "metaqnn/predict/options.h"
#include "metaqnn/search/space/distinct_walks.h"
#include "metaqnn/search/study/study.h"

namespace metaqnn::search {

struct Candidates {
  std::vector<std::string> architectures;
  std::vector<int64_t> lines;         // of the file, one for each
  std::vector<std::string> problems;  // lines of the file that cannot be read
  int64_t known = 0, refused = 0;     // met in drawing and left out
};

// From a list, one architecture a line, or a table: of the columns that describe networks, or with
// a column net or architecture, such as `predict` prints. "-" is standard input. Empty lines are
// nothing. Throws DataError where the file cannot be read, UsageError where it lacks a column.
Candidates read_candidates(const std::filesystem::path& file,
                           const predict::EncodingSettings& encoding);

// Different ones, by uniform walks, none of `known` and none that is not admitted. Throws
// FailureError where fewer than `count` are found.
Candidates draw_candidates(const Space& space, int64_t count, uint64_t seed,
                           const predict::EncodingSettings& encoding, Admission admits = {},
                           std::unordered_set<std::string> known = {});

// By the study's own strategy, with all that the study knows: different architectures that it has not
// seen. Without a seed that of the study. Throws FailureError where fewer than `count` are found.
std::vector<std::string> draw_by_policy(Study& study, int64_t count, double epsilon,
                                        std::optional<uint64_t> seed = std::nullopt);

}  // namespace metaqnn::search
