// Any bytes either parse or throw metaqnn::Error, and what parses gives the bytes back. The first
// byte chooses between CIFAR-10's and CIFAR-100's records.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "datasets/images/data_set.h"
#include "metaqnn/base/error.h"

namespace {

using metaqnn::datasets::ImageSet;

void check(const std::vector<uint8_t>& bytes, size_t label_bytes, const ImageSet& images) {
  const size_t record_bytes = label_bytes + 3072;
  const size_t records = images.labels.size();
  METAQNN_ASSERT(records * record_bytes == bytes.size(), std::to_string(records) + " records");
  METAQNN_ASSERT(images.pixels.size() == records * 3072,
                 std::to_string(images.pixels.size()) + " pixels");
  for (size_t i = 0; i < bytes.size(); ++i) {
    const size_t record = i / record_bytes, position = i % record_bytes;
    if (position + 1 < label_bytes) continue;  // the coarse label is not kept
    const uint8_t kept = position < label_bytes
                             ? images.labels[record]
                             : images.pixels[record * 3072 + position - label_bytes];
    METAQNN_ASSERT(kept == bytes[i], "byte " + std::to_string(i) + " changed");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const bool fine = data[0] % 2 == 1;
  const int label_bytes = fine ? 2 : 1;
  const std::vector<uint8_t> bytes(data + 1, data + size);
  ImageSet images{{3, 32, 32}, fine ? 100 : 10, {}, {}};
  try {
    metaqnn::datasets::append_cifar(bytes, "fuzz", label_bytes, images);
  } catch (const metaqnn::Error&) {
    return 0;
  }
  check(bytes, static_cast<size_t>(label_bytes), images);
  return 0;
}
