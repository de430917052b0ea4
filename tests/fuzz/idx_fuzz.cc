// Any two files either parse or throw metaqnn::Error, and what parses is consistent. The first two
// bytes, big-endian, say how many of the rest are the file of images; what remains is the file of
// labels. Either may be compressed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "datasets/images/data_set.h"
#include "datasets/images/file.h"
#include "metaqnn/base/error.h"

namespace {

using metaqnn::datasets::ImageSet;

constexpr int kClasses = 10;

std::vector<uint8_t> decompressed(std::vector<uint8_t> bytes) {
  constexpr uint64_t kLargestBytes = 1 << 20;
  if (!metaqnn::datasets::is_gzip(bytes)) return bytes;
  return metaqnn::datasets::decompress_gzip(bytes, "fuzz.gz", kLargestBytes);
}

void check(const ImageSet& images) {
  METAQNN_ASSERT(images.size() >= 1, "no image");
  METAQNN_ASSERT(
      static_cast<int64_t>(images.pixels.size()) == images.size() * images.shape.elements(),
      std::to_string(images.pixels.size()) + " pixels");
  for (const int32_t label : images.labels) {
    METAQNN_ASSERT(label >= 0 && label < kClasses, "label " + std::to_string(label));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint8_t* end = data + size;
  const uint8_t* middle = data + 2 + std::min<size_t>(size - 2, size_t{data[0]} << 8 | data[1]);
  ImageSet images;
  try {
    images = metaqnn::datasets::parse_idx(decompressed({data + 2, middle}), "images",
                                          decompressed({middle, end}), "labels", kClasses);
  } catch (const metaqnn::Error&) {
    return 0;
  }
  check(images);
  return 0;
}
