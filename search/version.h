// Which program and which libraries made this result? Stored in every study, printed by `metaqnn
// --version`.
#pragma once

#include <string>

namespace metaqnn::search {

std::string program_version();  // "0.1.0"
// One line: SIMD target and compiler, before them LibTorch and CUDA where it is asked for them,
// which loads LibTorch.
std::string library_versions(bool with_torch);

}  // namespace metaqnn::search
