#include "search/evaluate/bfloat16.h"

#include <fstream>
#include <string>

namespace metaqnn::search {

bool processor_has_bfloat16() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("flags", 0) == 0)
      return line.find(" avx512_bf16") != std::string::npos ||
             line.find(" amx_bf16") != std::string::npos;
  }
  return false;
}

}  // namespace metaqnn::search
