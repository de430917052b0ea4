#include "search/evaluate/libtorch/tensor_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace metaqnn::search {
namespace {

constexpr uintptr_t kAlignment = 64;  // as LibTorch's own allocator has it

// Before each block of ours: malloc's block, and the same disguised, which tells our blocks from
// those that LibTorch took before we came.
struct Header {
  uintptr_t block, disguised;
};
constexpr uintptr_t kDisguise = 0x6d657461716e6e21;

void release(void* data) {
  if (data == nullptr) return;
  const Header header = *(static_cast<const Header*>(data) - 1);
  const bool ours = (header.block ^ kDisguise) == header.disguised;
  std::free(ours ? reinterpret_cast<void*>(header.block) : data);  // NOLINT: an address
}

void* take(size_t bytes) {
  void* block = std::malloc(bytes + sizeof(Header) + kAlignment);
  if (block == nullptr) throw std::bad_alloc();
  const auto address = reinterpret_cast<uintptr_t>(block);
  const uintptr_t data = (address + sizeof(Header) + kAlignment - 1) / kAlignment * kAlignment;
  *(reinterpret_cast<Header*>(data) - 1) = {address, address ^ kDisguise};  // NOLINT: an address
  return reinterpret_cast<void*>(data);                                     // NOLINT: an address
}

// LibTorch 1.13 declares allocate() const, later ones do not, and copy_data() is newer: what a
// version does not declare is a function that nobody calls.
class Allocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) const {  // NOLINT: overrides in some versions
    void* data = bytes == 0 ? nullptr : take(bytes);
    return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DataPtr allocate(size_t bytes) {  // NOLINT: overrides in some versions
    return static_cast<const Allocator*>(this)->allocate(bytes);
  }
  void copy_data(void* to, const void* from, size_t bytes) const {  // NOLINT: as above
    std::memcpy(to, from, bytes);
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
};

}  // namespace

void keep_tensor_memory() {
  static Allocator allocator;
  c10::SetCPUAllocator(&allocator);
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
}

void release_tensor_memory() { malloc_trim(0); }

}  // namespace metaqnn::search
