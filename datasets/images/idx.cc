// IDX, the format of MNIST (LeCun, Cortes, Burges: "The MNIST database"): big-endian 32-bit
// numbers, a magic number and one size per dimension, then one byte per value.
//   images   0x00000803, n, height, width, n*height*width pixels
//   labels   0x00000801, n, n labels
//
// Other sets of the kind have colours, a fourth size, and labels of more than a byte: the third byte
// of the magic number is the type (0x08 bytes, 0x0b and 0x0c numbers of two and four bytes), the fourth
// how many sizes follow.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

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

NamedBytes read_decompressed(const std::filesystem::path& path) {
  std::vector<uint8_t> bytes = read_file(path);
  if (is_gzip(bytes)) bytes = decompress_gzip(bytes, path.string());
  return {path.string(), std::move(bytes)};
}

NamedBytes read_plain_or_gzip(const std::filesystem::path& folder, const std::string& name,
                              const std::string& remedy) {
  for (const std::filesystem::path& path : {folder / name, folder / (name + ".gz")}) {
    if (file_exists(path)) return read_decompressed(path);
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

// ---- of any size ----

constexpr uint8_t kByteType = 0x08, kShortType = 0x0b, kIntType = 0x0c;

// A file of any type and sizes; its values lie from `begin` on.
struct IdxContent {
  const NamedBytes& file;
  size_t value_bytes = 1;
  std::vector<uint32_t> sizes;
  size_t begin = 0;

  int64_t value(size_t index) const {
    const size_t at = begin + index * value_bytes;
    int64_t value = value_bytes == 1 ? file.bytes[at] : static_cast<int8_t>(file.bytes[at]);
    for (size_t i = 1; i < value_bytes; ++i) value = value * 256 + file.bytes[at + i];
    return value;
  }
};

IdxContent parse_any(const NamedBytes& file) {
  constexpr size_t kMagicBytes = 4;
  const std::vector<uint8_t>& bytes = file.bytes;
  const bool is_idx = bytes.size() >= kMagicBytes && bytes[0] == 0 && bytes[1] == 0 &&
                      (bytes[2] == kByteType || bytes[2] == kShortType || bytes[2] == kIntType) &&
                      bytes[3] >= 1 && bytes[3] <= 4;
  if (!is_idx) {
    throw DataError(
        at_byte(file.source, 0) +
        "expected the magic number of an IDX file, 0x00000803 for grey images of bytes or "
        "0x00000801 for labels of bytes; check `path` under [data]");
  }
  const size_t dimensions = bytes[3];
  IdxContent content{file,
                     bytes[2] == kByteType    ? 1u
                     : bytes[2] == kShortType ? 2u
                                              : 4u,
                     {},
                     kMagicBytes * (1 + dimensions)};
  if (bytes.size() < content.begin) {
    throw DataError(at_byte(file.source, bytes.size()) + "the file ends in its header of " +
                    std::to_string(content.begin) + " bytes; it is cut");
  }
  uint64_t values = 1;
  for (size_t i = 0; i < dimensions; ++i) {
    content.sizes.push_back(big_endian(bytes, kMagicBytes * (1 + i)));
    // Sides are bounded, so that the product of four sizes cannot wrap around.
    if (content.sizes[i] == 0 || (i > 0 && content.sizes[i] > kLargestSide) ||
        values > kLargestContentBytes) {
      throw DataError(at_byte(file.source, kMagicBytes * (1 + i)) + "expected a size from 1 to " +
                      std::to_string(kLargestSide) + ", found " + std::to_string(content.sizes[i]));
    }
    values *= content.sizes[i];
  }
  check_size(bytes, file.source, content.begin + values * content.value_bytes);
  return content;
}

bool is_colours(uint32_t size) { return size == 1 || size == 3; }

// n x height x width, n x channels x height x width, or n x height x width x channels.
ImageSet parse_images(const NamedBytes& file) {
  const IdxContent content = parse_any(file);
  const std::vector<uint32_t>& sizes = content.sizes;
  const bool colours_first = sizes.size() == 4 && is_colours(sizes[1]);
  const bool colours_last = sizes.size() == 4 && !colours_first && is_colours(sizes[3]);
  if (content.value_bytes != 1 || (sizes.size() != 3 && !colours_first && !colours_last)) {
    throw DataError(at_byte(file.source, 0) +
                    "expected images: bytes of 3 sizes (images, height, width) or of 4 with 1 or 3 "
                    "channels before or after height and width");
  }
  const auto side = [&](size_t i) { return static_cast<int>(sizes[i]); };
  ImageSet images;
  images.shape = sizes.size() == 3 ? Shape{1, side(1), side(2)}
                 : colours_first   ? Shape{side(1), side(2), side(3)}
                                   : Shape{side(3), side(1), side(2)};
  images.pixels.assign(file.bytes.begin() + static_cast<std::ptrdiff_t>(content.begin),
                       file.bytes.end());
  if (!colours_last) return images;
  const auto channels = static_cast<size_t>(images.shape.channels),
             positions = static_cast<size_t>(images.shape.elements()) / channels;
  for (size_t image = 0; image < sizes[0]; ++image) {
    const size_t first = image * positions * channels;
    for (size_t i = 0; i < positions; ++i) {
      for (size_t c = 0; c < channels; ++c)
        images.pixels[first + c * positions + i] =
            file.bytes[content.begin + first + i * channels + c];
    }
  }
  return images;
}

ImageSet parse_pair(const NamedBytes& image_file, const NamedBytes& label_file) {
  constexpr int64_t kMostClasses = 65536;
  ImageSet images = parse_images(image_file);
  const auto count =
      static_cast<uint64_t>(images.pixels.size()) / static_cast<uint64_t>(images.shape.elements());
  const IdxContent labels = parse_any(label_file);
  if (labels.sizes.size() != 1 || labels.sizes[0] != count) {
    throw DataError(at_byte(label_file.source, 4) + "expected one label for each of the " +
                    std::to_string(count) + " images of " + image_file.source + ", found " +
                    std::to_string(labels.sizes[0]) + "; check that the two files belong together");
  }
  for (size_t i = 0; i < count; ++i) {
    const int64_t label = labels.value(i);
    if (label < 0 || label >= kMostClasses) {
      throw DataError(at_byte(label_file.source, labels.begin + i * labels.value_bytes) +
                      "expected a label from 0 to " + std::to_string(kMostClasses - 1) +
                      ", found " + std::to_string(label) + " for image " + std::to_string(i));
    }
    images.labels.push_back(static_cast<int32_t>(label));
    images.classes = std::max(images.classes, static_cast<int>(label) + 1);
  }
  return images;
}

// The files of one part, by what is in their names: "train" or not, "images" or "labels".
struct Pair {
  std::filesystem::path images, labels;
};

class PairFinder {
 public:
  explicit PairFinder(const std::filesystem::path& folder) : folder_(folder) {}

  Pair find(bool training) const {
    Pair pair{only(training, "images"), only(training, "labels")};
    if (training && (pair.images.empty() || pair.labels.empty())) {
      throw DataError(
          folder_.string() +
          ": expected files whose names hold \"train\" and \"images\", and \"train\" and "
          "\"labels\", such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz");
    }
    if (pair.images.empty() != pair.labels.empty()) {
      throw DataError(folder_.string() + ": of the test part there are only " +
                      (pair.images.empty() ? "labels" : "images") +
                      "; put the other file there too");
    }
    return pair;
  }

 private:
  std::filesystem::path only(bool training, const std::string& kind) const {
    std::vector<std::filesystem::path> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
      const std::string name = entry.path().filename().string();
      const auto holds = [&](const std::string& text) {
        return name.find(text) != std::string::npos;
      };
      const bool is_test = holds("t10k") || holds("test");
      if (holds(kind) &&
          (training ? holds("train") && !holds("t10k") : is_test && !holds("train")) &&
          entry.is_regular_file())
        found.push_back(entry.path());
    }
    if (error)
      throw DataError(folder_.string() + ": cannot be read as a folder (" + error.message() +
                      "); check `path` under [data]");
    std::sort(found.begin(), found.end());
    // One file, decompressed beside itself.
    if (found.size() == 2 && found[1] == found[0].string() + ".gz") found.pop_back();
    if (found.size() > 1) {
      throw DataError(folder_.string() + ": " + found[0].filename().string() + " and " +
                      found[1].filename().string() + " may both be the " + kind + " of the " +
                      (training ? "training" : "test") +
                      " part; keep each set in a folder of its own");
    }
    return found.empty() ? std::filesystem::path() : found[0];
  }

  const std::filesystem::path& folder_;
};

void check_class_count(const ImageSource& source, int classes) {
  if (source.class_names.empty() || classes <= static_cast<int>(source.class_names.size())) return;
  throw UsageError("data.class_names has " + std::to_string(source.class_names.size()) +
                   " names, but there is an image with label " + std::to_string(classes - 1) +
                   "; give a name for each label from 0 on");
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

DataSet load_open_idx(const ImageSource& source) {
  const PairFinder files(source.folder);
  const auto load = [](const Pair& pair) {
    return parse_pair(read_decompressed(pair.images), read_decompressed(pair.labels));
  };
  DataSet data;
  data.training = load(files.find(true));
  const Pair test = files.find(false);
  if (!test.images.empty()) {
    data.test = load(test);
    if (data.test.shape != data.training.shape) {
      throw DataError(test.images.string() + ": holds images of " + to_string(data.test.shape) +
                      ", those to train with are " + to_string(data.training.shape));
    }
  }
  const int found = std::max(data.training.classes, data.test.classes);
  check_class_count(source, found);
  data.class_names = source.class_names;
  if (data.class_names.empty()) {
    for (int label = 0; label < found; ++label) data.class_names.push_back(std::to_string(label));
  }
  data.training.classes = data.test.classes = static_cast<int>(data.class_names.size());
  if (test.images.empty()) split_off_test(source, data);
  return data;
}

// Compressed files tell their sizes only when they are read.
DataSetFacts look_at_open_idx(const ImageSource& source) {
  const DataSet data = load_open_idx(source);
  return {data.training.shape, data.class_names, data.training.size()};
}

}  // namespace metaqnn::datasets
