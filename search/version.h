// Which program and which libraries made this result? Stored in every study, printed by `metaqnn
// --version`.
#pragma once

#include <string>

namespace metaqnn::search {

std::string program_version();   // "0.1.0"
std::string library_versions();  // one line: LibTorch, CUDA, SIMD target, compiler

}  // namespace metaqnn::search
