// IDX, the format of MNIST (LeCun, Cortes, Burges: "The MNIST database"): big-endian 32-bit
// numbers, a magic number and one size per dimension, then one byte per value.
//   images   0x00000803, n, height, width, n*height*width pixels
//   labels   0x00000801, n, n labels
#include <cstddef>
#include <string>

#include "datasets/images/file.h"
#include "datasets/images/readers.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

constexpr uint32_t kImageMagic = 0x00000803, kLabelMagic = 0x00000801;
constexpr size_t kImageHeaderBytes = 16, kLabelHeaderBytes = 8;
constexpr uint32_t kLargestSide = 65536;

uint32_t big_endian(const std::vector<uint8_t>& bytes, size_t position) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | bytes[position + i];
  return value;
}

std::string hexadecimal(uint32_t value) {
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[value >> shift & 15];
  return text;
}

std::string at_byte(const std::string& source, size_t position) {
  return source + ": byte " + std::to_string(position) + ": ";
}

// What the file is instead, where that can be told.
std::string hint_about_magic(uint32_t found) {
  if (found == kImageMagic)
    return " (a file of images); check that the files' names are not mixed up";
  if (found == kLabelMagic)
    return " (a file of labels); check that the files' names are not mixed up";
  return "; download the file again";
}

void check_header(const std::vector<uint8_t>& bytes, const std::string& source, uint32_t magic,
                  size_t header_bytes) {
  if (bytes.size() < header_bytes) {
    throw DataError(at_byte(source, bytes.size()) + "the file ends in its header of " +
                    std::to_string(header_bytes) + " bytes; download it again");
  }
  const uint32_t found = big_endian(bytes, 0);
  if (found != magic) {
    throw DataError(at_byte(source, 0) + "expected the magic number " + hexadecimal(magic) +
                    (magic == kImageMagic ? " of IDX images" : " of IDX labels") + ", found " +
                    hexadecimal(found) + hint_about_magic(found));
  }
  if (big_endian(bytes, 4) == 0) {
    throw DataError(at_byte(source, 4) + "expected a count of at least 1, found 0; " +
                    "download the file again");
  }
}

// `expected` cannot wrap around: sides are at most 2^16 and the count is less than 2^32.
void check_size(const std::vector<uint8_t>& bytes, const std::string& source, uint64_t expected) {
  if (bytes.size() == expected) return;
  const bool cut = bytes.size() < expected;
  throw DataError(at_byte(source, cut ? bytes.size() : static_cast<size_t>(expected)) +
                  (cut ? "the file ends early" : "the file goes on after its last value") +
                  ": its header asks for " + std::to_string(expected) + " bytes, found " +
                  std::to_string(bytes.size()) + "; download the file again");
}

int parse_side(const std::vector<uint8_t>& bytes, const std::string& source, size_t position) {
  const uint32_t side = big_endian(bytes, position);
  if (side < 1 || side > kLargestSide) {
    throw DataError(at_byte(source, position) + "expected an image " +
                    (position == 8 ? "height" : "width") + " from 1 to " +
                    std::to_string(kLargestSide) + ", found " + std::to_string(side) +
                    "; download the file again");
  }
  return static_cast<int>(side);
}

void check_labels(const std::vector<uint8_t>& bytes, const std::string& source, int classes) {
  for (size_t i = kLabelHeaderBytes; i < bytes.size(); ++i) {
    if (bytes[i] >= classes) {
      throw DataError(at_byte(source, i) + "expected a label from 0 to " +
                      std::to_string(classes - 1) + ", found " + std::to_string(int{bytes[i]}) +
                      " for image " + std::to_string(i - kLabelHeaderBytes) +
                      "; download the file again or check that it belongs to this data set");
    }
  }
}

struct NamedBytes {
  std::string source;
  std::vector<uint8_t> bytes;
};

NamedBytes read_plain_or_gzip(const std::filesystem::path& folder, const std::string& name,
                              const std::string& remedy) {
  for (const std::filesystem::path& path : {folder / name, folder / (name + ".gz")}) {
    if (!file_exists(path)) continue;
    std::vector<uint8_t> bytes = read_file(path);
    if (is_gzip(bytes)) bytes = decompress_gzip(bytes, path.string());
    return {path.string(), std::move(bytes)};
  }
  throw_missing_file(folder / (name + "[.gz]"), remedy);
}

ImageSet load_part(const std::filesystem::path& folder, const std::string& part, const Shape& shape,
                   int classes, const std::string& remedy) {
  const NamedBytes images = read_plain_or_gzip(folder, part + "-images-idx3-ubyte", remedy);
  const NamedBytes labels = read_plain_or_gzip(folder, part + "-labels-idx1-ubyte", remedy);
  ImageSet result = parse_idx(images.bytes, images.source, labels.bytes, labels.source, classes);
  if (result.shape != shape) {
    throw DataError(at_byte(images.source, 8) + "expected images of shape " + to_string(shape) +
                    ", found " + to_string(result.shape) +
                    "; check that the file belongs to this data set");
  }
  return result;
}

}  // namespace

ImageSet parse_idx(const std::vector<uint8_t>& image_bytes, const std::string& image_source,
                   const std::vector<uint8_t>& label_bytes, const std::string& label_source,
                   int classes) {
  check_header(image_bytes, image_source, kImageMagic, kImageHeaderBytes);
  check_header(label_bytes, label_source, kLabelMagic, kLabelHeaderBytes);
  const uint64_t images = big_endian(image_bytes, 4), labels = big_endian(label_bytes, 4);
  const int height = parse_side(image_bytes, image_source, 8);
  const int width = parse_side(image_bytes, image_source, 12);
  check_size(
      image_bytes, image_source,
      kImageHeaderBytes + images * static_cast<uint64_t>(height) * static_cast<uint64_t>(width));
  check_size(label_bytes, label_source, kLabelHeaderBytes + labels);
  if (images != labels) {
    throw DataError(at_byte(label_source, 4) + "expected as many labels as the " +
                    std::to_string(images) + " images of " + image_source + ", found " +
                    std::to_string(labels) + "; check that the two files belong together");
  }
  check_labels(label_bytes, label_source, classes);
  return {{1, height, width},
          classes,
          {image_bytes.begin() + kImageHeaderBytes, image_bytes.end()},
          {label_bytes.begin() + kLabelHeaderBytes, label_bytes.end()}};
}

DataSet load_idx(const std::filesystem::path& folder, const Shape& shape, int classes,
                 const std::string& remedy) {
  return {load_part(folder, "train", shape, classes, remedy),
          load_part(folder, "t10k", shape, classes, remedy)};
}

}  // namespace metaqnn::datasets
