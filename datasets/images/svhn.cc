// SVHN's cropped digits (Netzer et al., 2011): MATLAB files with
//   X   32 x 32 x 3 x n (row, column, colour, image), uint8, column-major: rows vary fastest
//   y   n x 1, uint8 or double, 1 to 10; 10 stands for the digit 0
#include <matio.h>

#include <climits>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "datasets/images/file.h"
#include "datasets/images/readers.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

constexpr Shape kSvhnShape{3, 32, 32};
constexpr size_t kSide = 32, kPlane = kSide * kSide, kImageBytes = 3 * kPlane;
constexpr int kClasses = 10;
constexpr const char* kRemedy = "; download the file again";

using Mat = std::unique_ptr<mat_t, decltype(&Mat_Close)>;
using Variable = std::unique_ptr<matvar_t, decltype(&Mat_VarFree)>;

// The first complaint of matio in this thread since it was last cleared. Mat_VarReadDataLinear
// returns success for values that are cut short and only logs it, so that the log is part of its
// answer.
thread_local std::string complaint;

// matio 1.5.23 passes char*, later ones const char*: the same function, as a template, fits both.
template <typename Character>
void keep_complaint(int, Character* message) {
  if (!complaint.empty()) return;
  for (const char* c = message; *c != '\0'; ++c) {
    const bool blank = *c == ' ' || *c == '\n' || *c == '\t';
    if (!blank || (!complaint.empty() && complaint.back() != ' ')) complaint += blank ? ' ' : *c;
  }
}

// Instead of printing to stderr.
void redirect_matio_log() {
  static std::once_flag once;
  std::call_once(once, [] { Mat_LogInitFunc("metaqnn", keep_complaint); });
}

Mat open_mat(const std::filesystem::path& path, const std::string& remedy) {
  if (!file_exists(path)) throw_missing_file(path, remedy);
  redirect_matio_log();
  Mat mat(Mat_Open(path.c_str(), MAT_ACC_RDONLY), &Mat_Close);
  if (!mat) {
    throw DataError(path.string() + ": byte 0: expected the header of a MATLAB file, found none" +
                    kRemedy);
  }
  return mat;
}

// A level 5 file is a header of 128 bytes, then elements of 4 bytes type, 4 bytes size and as many
// bytes as that says. matio does not see where the last one is cut.
void check_elements(const std::filesystem::path& path, uint64_t file_bytes) {
  constexpr uint64_t kHeaderBytes = 128, kTagBytes = 8;
  std::ifstream stream(path, std::ios::binary);
  unsigned char byte_order[2] = {};
  stream.seekg(kHeaderBytes - 2).read(reinterpret_cast<char*>(byte_order), 2);
  const bool little_endian = byte_order[0] == 'I';
  for (uint64_t position = kHeaderBytes; position < file_bytes;) {
    unsigned char tag[kTagBytes] = {};
    stream.seekg(static_cast<std::streamoff>(position));
    stream.read(reinterpret_cast<char*>(tag), kTagBytes);
    uint64_t size = 0;
    for (int i = 0; i < 4; ++i) size = size << 8 | tag[little_endian ? 7 - i : 4 + i];
    const uint64_t end = position + kTagBytes + size;
    if (end > file_bytes) {
      throw DataError(path.string() + ": byte " + std::to_string(position) +
                      ": the element that begins here is cut: it should end at byte " +
                      std::to_string(end) + ", the file at byte " + std::to_string(file_bytes) +
                      kRemedy);
    }
    position = end;
  }
}

std::string dimensions(const matvar_t& variable) {
  std::string text;
  for (int i = 0; i < variable.rank; ++i) {
    text += (i > 0 ? "x" : "") + std::to_string(variable.dims[i]);
  }
  return text;
}

// What matio's names for classes of numbers are in MATLAB.
std::string class_name(const matvar_t& variable) {
  if (variable.isComplex) return "complex numbers";
  if (variable.class_type == MAT_C_UINT8) return "uint8";
  if (variable.class_type == MAT_C_DOUBLE) return "double";
  return "another class (matio's number " + std::to_string(variable.class_type) + ")";
}

Variable find_variable(mat_t* mat, const std::string& source, const char* name) {
  Variable variable(Mat_VarReadInfo(mat, name), &Mat_VarFree);
  if (!variable || variable->dims == nullptr) {
    throw DataError(source + ": expected a variable " + name + ", found none" + kRemedy);
  }
  return variable;
}

// How many images X claims to have. The claim is checked against the file's size before anything is
// allocated: deflate makes at most 1032 bytes of one.
size_t count_images(const matvar_t& x, const std::string& source, uint64_t file_bytes) {
  constexpr uint64_t kLargestExpansion = 1032;
  if (x.class_type != MAT_C_UINT8 || x.isComplex) {
    throw DataError(source + ": variable X: expected uint8, found " + class_name(x) + kRemedy);
  }
  // MATLAB drops a last dimension of 1.
  const bool one = x.rank == 3;
  if ((x.rank != 4 && !one) || x.dims[0] != kSide || x.dims[1] != kSide || x.dims[2] != 3 ||
      (!one && x.dims[3] == 0)) {
    throw DataError(source + ": variable X: expected 32x32x3xN, found " + dimensions(x) + kRemedy);
  }
  const size_t images = one ? 1 : x.dims[3];
  if (images > INT_MAX / kImageBytes || images * kImageBytes / kLargestExpansion > file_bytes) {
    throw DataError(source + ": variable X: expected 32x32x3xN, found " + dimensions(x) +
                    ", more than its " + std::to_string(file_bytes) + " bytes can hold" + kRemedy);
  }
  return images;
}

void check_label_variable(const matvar_t& y, const std::string& source, size_t images) {
  if ((y.class_type != MAT_C_UINT8 && y.class_type != MAT_C_DOUBLE) || y.isComplex) {
    throw DataError(source + ": variable y: expected uint8 or double, found " + class_name(y) +
                    kRemedy);
  }
  if (y.rank != 2 || y.dims[0] != images || y.dims[1] != 1) {
    throw DataError(source + ": variable y: expected one label for each image of X, " +
                    std::to_string(images) + "x1, found " + dimensions(y) + kRemedy);
  }
}

void read_values(mat_t* mat, matvar_t* variable, const std::string& source, void* values,
                 size_t count) {
  complaint.clear();
  const int status = Mat_VarReadDataLinear(mat, variable, values, 0, 1, static_cast<int>(count));
  if (status != 0 || !complaint.empty()) {
    throw DataError(source + ": variable " + variable->name + ": its values are cut or corrupt (" +
                    (complaint.empty() ? "matio's status " + std::to_string(status) : complaint) +
                    ")" + kRemedy);
  }
}

// Column-major to row-major, in place.
void transpose_planes(uint8_t* pixels, size_t planes) {
  for (size_t plane = 0; plane < planes; ++plane, pixels += kPlane) {
    for (size_t row = 0; row < kSide; ++row) {
      for (size_t column = 0; column < row; ++column) {
        std::swap(pixels[row * kSide + column], pixels[column * kSide + row]);
      }
    }
  }
}

template <typename Value>
std::vector<uint8_t> read_labels(mat_t* mat, matvar_t* y, const std::string& source,
                                 size_t images) {
  std::vector<Value> values(images);
  read_values(mat, y, source, values.data(), images);
  std::vector<uint8_t> labels(images);
  for (size_t i = 0; i < images; ++i) {
    const double value = static_cast<double>(values[i]);
    // Written so that NaN fails.
    const bool valid = value >= 1 && value <= kClasses && value == static_cast<int>(value);
    if (!valid) {
      throw DataError(source + ": variable y: image " + std::to_string(i) +
                      ": expected a whole number from 1 to 10, found " + std::to_string(value) +
                      kRemedy);
    }
    labels[i] = static_cast<uint8_t>(static_cast<int>(value) % kClasses);
  }
  return labels;
}

void append_mat(const std::filesystem::path& path, const std::string& remedy, ImageSet& images) {
  const Mat mat = open_mat(path, remedy);
  const std::string source = path.string();
  const uint64_t file_bytes = std::filesystem::file_size(path);
  if (Mat_GetVersion(mat.get()) == MAT_FT_MAT5) check_elements(path, file_bytes);
  const Variable x = find_variable(mat.get(), source, "X");
  const size_t count = count_images(*x, source, file_bytes);
  const Variable y = find_variable(mat.get(), source, "y");
  check_label_variable(*y, source, count);

  const std::vector<uint8_t> labels = y->class_type == MAT_C_UINT8
                                          ? read_labels<uint8_t>(mat.get(), y.get(), source, count)
                                          : read_labels<double>(mat.get(), y.get(), source, count);
  const size_t begin = images.pixels.size();
  images.pixels.resize(begin + count * kImageBytes);
  read_values(mat.get(), x.get(), source, images.pixels.data() + begin, count * kImageBytes);
  transpose_planes(images.pixels.data() + begin, count * 3);
  images.labels.insert(images.labels.end(), labels.begin(), labels.end());
}

}  // namespace

DataSet load_svhn(const std::filesystem::path& folder, bool with_extra, const std::string& remedy) {
  DataSet data{{kSvhnShape, kClasses, {}, {}}, {kSvhnShape, kClasses, {}, {}}};
  append_mat(folder / "train_32x32.mat", remedy, data.training);
  if (with_extra) append_mat(folder / "extra_32x32.mat", remedy, data.training);
  append_mat(folder / "test_32x32.mat", remedy, data.test);
  return data;
}

}  // namespace metaqnn::datasets
