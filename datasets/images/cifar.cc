// CIFAR's binary version (Krizhevsky, 2009): records without a header, each its label or labels,
// then 3x32x32 pixels, the planes red, green and blue, row by row.
#include <algorithm>
#include <cstddef>
#include <string>

#include "datasets/images/file.h"
#include "datasets/images/readers.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

constexpr Shape kCifarShape{3, 32, 32};
constexpr size_t kPixelBytes = 3 * 32 * 32;

// The archive unpacks into a folder of its own; either may be named.
std::filesystem::path folder_with(const std::filesystem::path& folder,
                                  const std::string& unpacked) {
  return file_exists(folder / unpacked) ? folder / unpacked : folder;
}

void append_file(const std::filesystem::path& path, int label_bytes, const std::string& remedy,
                 ImageSet& images) {
  if (!file_exists(path)) throw_missing_file(path, remedy);
  append_cifar(read_file(path), path.string(), label_bytes, images);
}

void check_whole_records(const std::vector<uint8_t>& bytes, const std::string& source,
                         size_t record_bytes) {
  if (bytes.empty()) {
    throw DataError(source + ": byte 0: expected a record of " + std::to_string(record_bytes) +
                    " bytes, found an empty file; download it again");
  }
  const size_t cut = bytes.size() % record_bytes;
  if (cut != 0) {
    throw DataError(source + ": byte " + std::to_string(bytes.size() - cut) + ": record " +
                    std::to_string(bytes.size() / record_bytes) + " is cut: expected " +
                    std::to_string(record_bytes) + " bytes, found " + std::to_string(cut) +
                    "; download the file again or check that it belongs to this data set");
  }
}

void check_labels(const std::vector<uint8_t>& bytes, const std::string& source, size_t label_bytes,
                  int classes) {
  const size_t record_bytes = label_bytes + kPixelBytes;
  for (size_t record = 0; record < bytes.size() / record_bytes; ++record) {
    const size_t position = record * record_bytes + label_bytes - 1;
    if (bytes[position] >= classes) {
      throw DataError(source + ": byte " + std::to_string(position) + ": record " +
                      std::to_string(record) + ": expected a label from 0 to " +
                      std::to_string(classes - 1) + ", found " +
                      std::to_string(int{bytes[position]}) +
                      "; download the file again or check that it belongs to this data set");
    }
  }
}

}  // namespace

void append_cifar(const std::vector<uint8_t>& bytes, const std::string& source, int label_bytes,
                  ImageSet& images) {
  METAQNN_ASSERT(label_bytes >= 1, "label_bytes is " + std::to_string(label_bytes) + ", not >= 1");
  METAQNN_ASSERT(images.shape == kCifarShape,
                 "shape is " + to_string(images.shape) + ", not 3x32x32");
  const size_t skipped = static_cast<size_t>(label_bytes), record_bytes = skipped + kPixelBytes;
  check_whole_records(bytes, source, record_bytes);
  check_labels(bytes, source, skipped, images.classes);
  const size_t records = bytes.size() / record_bytes;
  const size_t first = images.labels.size();
  images.labels.resize(first + records);
  images.pixels.resize((first + records) * kPixelBytes);
  for (size_t record = 0; record < records; ++record) {
    const uint8_t* pixels = bytes.data() + record * record_bytes + skipped;
    images.labels[first + record] = pixels[-1];
    std::copy_n(pixels, kPixelBytes, images.pixels.data() + (first + record) * kPixelBytes);
  }
}

DataSet load_cifar10(const std::filesystem::path& folder, const std::string& remedy) {
  const std::filesystem::path files = folder_with(folder, "cifar-10-batches-bin");
  DataSet data{{kCifarShape, 10, {}, {}}, {kCifarShape, 10, {}, {}}};
  for (int batch = 1; batch <= 5; ++batch) {
    const std::filesystem::path path = files / ("data_batch_" + std::to_string(batch) + ".bin");
    if (file_exists(path)) append_file(path, 1, remedy, data.training);
  }
  if (data.training.size() == 0) throw_missing_file(files / "data_batch_1.bin", remedy);
  append_file(files / "test_batch.bin", 1, remedy, data.test);
  return data;
}

DataSet load_cifar100(const std::filesystem::path& folder, const std::string& remedy) {
  const std::filesystem::path files = folder_with(folder, "cifar-100-binary");
  DataSet data{{kCifarShape, 100, {}, {}}, {kCifarShape, 100, {}, {}}};
  append_file(files / "train.bin", 2, remedy, data.training);
  append_file(files / "test.bin", 2, remedy, data.test);
  return data;
}

}  // namespace metaqnn::datasets
