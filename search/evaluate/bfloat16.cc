#include "search/evaluate/bfloat16.h"

#include <dlfcn.h>

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

bool gpu_has_bfloat16(int index) {
  constexpr int kCapabilityMajor = 75;  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
  constexpr int kFirstWithBfloat16 = 8;
  // LibTorch uses the same driver; its functions have kept their form since CUDA 2.
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY);
  if (driver == nullptr) return false;
  const auto initialise = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
  const auto get_device = reinterpret_cast<int (*)(int*, int)>(dlsym(driver, "cuDeviceGet"));
  const auto get_attribute =
      reinterpret_cast<int (*)(int*, int, int)>(dlsym(driver, "cuDeviceGetAttribute"));
  int device = 0, major = 0;
  const bool is_known = initialise != nullptr && get_device != nullptr &&
                        get_attribute != nullptr && initialise(0) == 0 &&
                        get_device(&device, index) == 0 &&
                        get_attribute(&major, kCapabilityMajor, device) == 0;
  dlclose(driver);
  return is_known && major >= kFirstWithBfloat16;
}

}  // namespace metaqnn::search
