#include "search/version.h"

#include <hwy/targets.h>

#include "generated_version.h"
#include "search/evaluate/torch.h"

namespace metaqnn::search {
namespace {

// Highway numbers its targets so that the best one is the lowest bit.
std::string simd_target() {
  const int64_t supported = hwy::SupportedTargets();
  return hwy::TargetName(supported & -supported);
}

}  // namespace

std::string program_version() { return METAQNN_VERSION; }

std::string library_versions(bool with_torch) {
  return (with_torch ? torch_version() + ", " : "") + "SIMD " + simd_target() +
         ", " METAQNN_COMPILER;
}

}  // namespace metaqnn::search
