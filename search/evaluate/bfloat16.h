#pragma once

namespace metaqnn::search {

// Whether this processor multiplies bfloat16: AVX512-BF16 or AMX.
bool processor_has_bfloat16();

}  // namespace metaqnn::search
