#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <matio.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/names.h"
#include "datasets/images/data_set.h"
#include "datasets/images/file.h"
#include "datasets/images/preprocessing.h"
#include "datasets/images/split.h"
#include "metaqnn/base/error.h"
#include "metaqnn/base/random.h"
#include "tests/error_message.h"
#include "tests/folder.h"

namespace metaqnn::datasets {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using Bytes = std::vector<uint8_t>;

class ImageFolder : public tests::Folder {
 public:
  std::string name(const std::string& file) const { return (path() / file).string(); }
  void write(const std::string& file, const Bytes& bytes) const {
    std::filesystem::create_directories((path() / file).parent_path());
    std::ofstream stream(path() / file, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
  }
};

Bytes big_endian(const std::vector<uint32_t>& values) {
  Bytes bytes;
  for (const uint32_t value : values) {
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<uint8_t>(value >> shift));
  }
  return bytes;
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes gzip(Bytes bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes result(deflateBound(&stream, bytes.size()) + 64);
  stream.next_in = bytes.data();
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = result.data();
  stream.avail_out = static_cast<uInt>(result.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

Bytes cut(Bytes bytes, size_t size) {
  bytes.resize(size);
  return bytes;
}

// ---- names

TEST(NearestName, IsTheOneWithTheFewestEdits) {
  const std::vector<std::string> valid{"mnist", "cifar10", "cifar100", "svhn"};
  EXPECT_EQ(nearest_name("cifar-10", valid), "cifar10");    // one deletion
  EXPECT_EQ(nearest_name("cifar-100", valid), "cifar100");  // one deletion
  EXPECT_EQ(nearest_name("shvn", valid), "svhn");           // two substitutions
  EXPECT_EQ(nearest_name("mnits", valid), "mnist");
}

TEST(NearestName, DoesNotMindUpperCaseAndEmptyNames) {
  EXPECT_EQ(nearest_name("MNIST", {"svhn", "mnist"}), "mnist");
  EXPECT_EQ(nearest_name("", {"mnist", "svhn"}), "svhn");  // 4 insertions, not 5
  EXPECT_EQ(nearest_name("mnist", {}), "");
}

TEST(NearestName, IsTheFirstOfSeveralThatAreEquallyNear) {
  EXPECT_EQ(nearest_name("ad", {"ab", "ac"}), "ab");
}

// ---- IDX

// Two images of height 2 and width 3.
Bytes small_images() {
  return big_endian({0x803, 2, 2, 3}) + Bytes{0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255};
}
Bytes small_labels() { return big_endian({0x801, 2}) + Bytes{3, 9}; }

ImageSet parse_small(const Bytes& images, const Bytes& labels) {
  return parse_idx(images, "IMAGES", labels, "LABELS", 10);
}

std::string idx_message(const Bytes& images, const Bytes& labels) {
  return tests::message_of<DataError>([&] { parse_small(images, labels); });
}

TEST(IdxReader, ReadsImagesAndLabels) {
  const ImageSet images = parse_small(small_images(), small_labels());
  EXPECT_EQ(images.shape, (Shape{1, 2, 3}));
  EXPECT_EQ(images.classes, 10);
  EXPECT_THAT(images.labels, ElementsAre(3, 9));
  EXPECT_THAT(images.pixels, ElementsAre(0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255));
}

TEST(IdxReader, NamesTheByteWhereTheMagicNumberIsWrong) {
  Bytes images = small_images(), labels = small_labels();
  images[2] = 0x0d;
  EXPECT_THAT(idx_message(images, labels),
              HasSubstr("IMAGES: byte 0: expected the magic number 0x00000803 of IDX images, found "
                        "0x00000d03; download the file again"));
  labels[3] = 7;
  EXPECT_THAT(idx_message(small_images(), labels),
              HasSubstr("LABELS: byte 0: expected the magic number 0x00000801 of IDX labels, found "
                        "0x00000807"));
}

TEST(IdxReader, TellsWhenTheTwoFilesAreMixedUp) {
  EXPECT_THAT(idx_message(small_labels() + Bytes(8), small_labels()),
              HasSubstr("found 0x00000801 (a file of labels); check that the files' names are not "
                        "mixed up"));
  EXPECT_THAT(idx_message(small_images(), small_images()),
              HasSubstr("found 0x00000803 (a file of images)"));
}

TEST(IdxReader, NamesTheByteWhereAHeaderIsCut) {
  EXPECT_THAT(idx_message(cut(small_images(), 15), small_labels()),
              HasSubstr("IMAGES: byte 15: the file ends in its header of 16 bytes"));
  EXPECT_THAT(idx_message(small_images(), {}),
              HasSubstr("LABELS: byte 0: the file ends in its header of 8 bytes"));
}

TEST(IdxReader, NamesTheByteWhereAFileIsCut) {
  EXPECT_THAT(idx_message(cut(small_images(), 27), small_labels()),
              HasSubstr("IMAGES: byte 27: the file ends early: its header asks for 28 bytes, found "
                        "27; download the file again"));
  EXPECT_THAT(idx_message(small_images(), cut(small_labels(), 9)),
              HasSubstr("LABELS: byte 9: the file ends early: its header asks for 10 bytes"));
}

TEST(IdxReader, NamesTheByteWhereAFileShouldHaveEnded) {
  EXPECT_THAT(idx_message(small_images() + Bytes{0}, small_labels()),
              HasSubstr("IMAGES: byte 28: the file goes on after its last value: its header asks "
                        "for 28 bytes, found 29"));
}

TEST(IdxReader, BelievesNoCountThatTheFileCannotHold) {
  EXPECT_THAT(
      idx_message(big_endian({0x803, 0xffffffff, 65536, 65536}) + Bytes(100), small_labels()),
      HasSubstr("IMAGES: byte 116: the file ends early: its header asks for "
                "18446744069414584336 bytes, found 116"));
}

TEST(IdxReader, RefusesImpossibleSidesAndEmptyFiles) {
  EXPECT_THAT(idx_message(big_endian({0x803, 2, 0, 3}), small_labels()),
              HasSubstr("IMAGES: byte 8: expected an image height from 1 to 65536, found 0"));
  EXPECT_THAT(idx_message(big_endian({0x803, 2, 3, 65537}), small_labels()),
              HasSubstr("IMAGES: byte 12: expected an image width from 1 to 65536, found 65537"));
  EXPECT_THAT(idx_message(big_endian({0x803, 0, 2, 3}), big_endian({0x801, 0})),
              HasSubstr("IMAGES: byte 4: expected a count of at least 1, found 0"));
}

TEST(IdxReader, NamesBothFilesWhereTheirCountsDiffer) {
  EXPECT_THAT(
      idx_message(small_images(), big_endian({0x801, 3}) + Bytes{1, 2, 3}),
      HasSubstr("LABELS: byte 4: expected as many labels as the 2 images of IMAGES, found 3; "
                "check that the two files belong together"));
}

TEST(IdxReader, NamesTheByteOfALabelThatIsTooLarge) {
  EXPECT_THAT(idx_message(small_images(), big_endian({0x801, 2}) + Bytes{9, 10}),
              HasSubstr("LABELS: byte 9: expected a label from 0 to 9, found 10 for image 1"));
}

// One black and one white image of 28 x 28.
Bytes mnist_images() { return big_endian({0x803, 2, 28, 28}) + Bytes(784, 0) + Bytes(784, 255); }

void write_mnist(const ImageFolder& folder) {
  folder.write("train-images-idx3-ubyte", mnist_images());
  folder.write("train-labels-idx1-ubyte.gz", gzip(small_labels()));
  folder.write("t10k-images-idx3-ubyte.gz", mnist_images());  // decompressed under its old name
  folder.write("t10k-labels-idx1-ubyte", gzip(small_labels()));
}

TEST(MnistFolder, MayHoldPlainAndCompressedFilesUnderEitherName) {
  const ImageFolder folder;
  write_mnist(folder);
  const DataSet data = load_data_set({.name = "mnist", .folder = folder.path()});
  EXPECT_EQ(data.training.size(), 2);
  EXPECT_EQ(data.test.size(), 2);
  EXPECT_THAT(data.test.labels, ElementsAre(3, 9));
  EXPECT_EQ(data.training.pixels[783], 0);
  EXPECT_EQ(data.training.pixels[784], 255);
}

TEST(MnistFolder, SaysWhatToDownloadWhereAFileIsMissing) {
  const ImageFolder folder;
  write_mnist(folder);
  std::filesystem::remove(folder.path() / "t10k-labels-idx1-ubyte");
  EXPECT_THAT(tests::message_of<DataError>(
                  [&] { load_data_set({.name = "mnist", .folder = folder.path()}); }),
              AllOf(HasSubstr(folder.name("t10k-labels-idx1-ubyte[.gz]") + ": no such file"),
                    HasSubstr("download train-images-idx3-ubyte.gz"), HasSubstr("https://"),
                    HasSubstr("`path` under [data]")));
}

TEST(MnistFolder, RefusesImagesOfAnotherShape) {
  const ImageFolder folder;
  write_mnist(folder);
  folder.write("train-images-idx3-ubyte", small_images());
  EXPECT_THAT(tests::message_of<DataError>(
                  [&] { load_data_set({.name = "mnist", .folder = folder.path()}); }),
              HasSubstr(folder.name("train-images-idx3-ubyte") +
                        ": byte 8: expected images of shape 1x28x28, found 1x2x3"));
}

TEST(MnistFolder, NamesTheCompressedFileThatIsDamaged) {
  const ImageFolder folder;
  write_mnist(folder);
  const Bytes compressed = gzip(small_labels());
  folder.write("train-labels-idx1-ubyte.gz", cut(compressed, compressed.size() - 1));
  EXPECT_THAT(tests::message_of<DataError>(
                  [&] { load_data_set({.name = "mnist", .folder = folder.path()}); }),
              HasSubstr(folder.name("train-labels-idx1-ubyte.gz") + ": byte " +
                        std::to_string(compressed.size() - 1) +
                        ": the file ends in the middle of its gzip stream"));
}

TEST(FashionMnist, IsReadFromWhereDebianInstallsIt) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")) {
    GTEST_SKIP() << "the Debian package dataset-fashion-mnist is not installed";
  }
  const DataSet data = load_data_set({.name = "fashion_mnist"});
  EXPECT_EQ(data.training.size(), 60000);
  EXPECT_EQ(data.training.size(), find_data_set("fashion_mnist").facts->training_images);
  EXPECT_EQ(data.test.size(), 10000);
  EXPECT_EQ(data.training.shape, (Shape{1, 28, 28}));
  EXPECT_EQ(Bytes(data.training.labels.begin(), data.training.labels.begin() + 4),
            (Bytes{9, 0, 0, 3}));
  for (int32_t label = 0; label < 10; ++label) {
    EXPECT_EQ(std::count(data.training.labels.begin(), data.training.labels.end(), label), 6000);
  }
}

// ---- gzip

TEST(Gzip, GivesBackWhatWasCompressed) {
  Bytes bytes(1000000);  // several chunks
  Random random(1);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.below(256));
  EXPECT_TRUE(is_gzip(gzip(bytes)));
  EXPECT_FALSE(is_gzip(Bytes{0x1f}));
  EXPECT_EQ(decompress_gzip(gzip(bytes), "F"), bytes);
}

TEST(Gzip, MayConsistOfSeveralMembers) {
  EXPECT_THAT(decompress_gzip(gzip({1, 2}) + gzip({}) + gzip({3}), "F"), ElementsAre(1, 2, 3));
}

TEST(Gzip, IsRefusedWhereverItIsCut) {
  const Bytes whole = gzip(small_images());
  for (size_t size = 2; size < whole.size(); ++size) {
    EXPECT_THAT(tests::message_of<DataError>([&] { decompress_gzip(cut(whole, size), "F"); }),
                HasSubstr("F: byte " + std::to_string(size) + ": the file ends in the middle"));
  }
}

TEST(Gzip, IsRefusedWhereItsCheckSumIsWrong) {
  Bytes bytes = gzip(small_images());
  bytes[bytes.size() - 8] ^= 1;  // CRC-32, then the size, end the member
  EXPECT_THAT(
      tests::message_of<DataError>([&] { decompress_gzip(bytes, "F"); }),
      HasSubstr("the gzip stream is corrupt (incorrect data check); download the file again"));
}

TEST(Gzip, IsRefusedWhereOtherBytesFollow) {
  const Bytes bytes = gzip({1});
  EXPECT_THAT(tests::message_of<DataError>([&] {
                decompress_gzip(bytes + Bytes{0, 0}, "F");
              }),
              HasSubstr("F: byte " + std::to_string(bytes.size()) +
                        ": expected the gzip magic number 0x1f8b or the file's end"));
}

TEST(Gzip, IsRefusedWhereItsContentIsLargerThanAllowed) {
  const Bytes bomb = gzip(Bytes(1000000));
  EXPECT_THAT(tests::message_of<DataError>([&] { decompress_gzip(bomb, "F", 999999); }),
              HasSubstr("F: its content is larger than the 999999 bytes allowed"));
  EXPECT_THAT(decompress_gzip(bomb, "F", 1000000), SizeIs(1000000));
}

// ---- CIFAR

// A record whose pixels are all `value`.
Bytes record(const Bytes& labels, uint8_t value) { return labels + Bytes(3072, value); }

TEST(CifarReader, AppendsRecords) {
  ImageSet images{{3, 32, 32}, 10, {}, {}};
  append_cifar(record({9}, 1), "F", 1, images);
  append_cifar(record({0}, 2) + record({5}, 3), "F", 1, images);
  EXPECT_THAT(images.labels, ElementsAre(9, 0, 5));
  EXPECT_EQ(images.pixels, Bytes(3072, 1) + Bytes(3072, 2) + Bytes(3072, 3));
}

TEST(CifarReader, TakesTheLastLabelOfARecord) {
  ImageSet images{{3, 32, 32}, 100, {}, {}};
  append_cifar(record({19, 99}, 7) + record({4, 0}, 8), "F", 2, images);
  EXPECT_THAT(images.labels, ElementsAre(99, 0));
  EXPECT_EQ(images.pixels, Bytes(3072, 7) + Bytes(3072, 8));
}

TEST(CifarReader, NamesTheByteWhereTheCutRecordBegins) {
  ImageSet images{{3, 32, 32}, 10, {}, {}};
  const Bytes bytes = cut(record({1}, 0) + record({2}, 0), 3073 + 100);
  EXPECT_THAT(tests::message_of<DataError>([&] { append_cifar(bytes, "F", 1, images); }),
              HasSubstr("F: byte 3073: record 1 is cut: expected 3073 bytes, found 100"));
  EXPECT_EQ(images.size(), 0);
}

TEST(CifarReader, RefusesAnEmptyFile) {
  ImageSet images{{3, 32, 32}, 10, {}, {}};
  EXPECT_THAT(tests::message_of<DataError>([&] { append_cifar({}, "F", 1, images); }),
              HasSubstr("F: byte 0: expected a record of 3073 bytes, found an empty file"));
}

TEST(CifarReader, NamesTheRecordAndByteOfALabelThatIsTooLarge) {
  ImageSet images{{3, 32, 32}, 10, {}, {}};
  EXPECT_THAT(tests::message_of<DataError>(
                  [&] { append_cifar(record({9}, 0) + record({10}, 0), "F", 1, images); }),
              HasSubstr("F: byte 3073: record 1: expected a label from 0 to 9, found 10"));
  images.classes = 100;
  EXPECT_THAT(tests::message_of<DataError>([&] {
                append_cifar(record({0, 100}, 0), "F", 2, images);
              }),
              HasSubstr("F: byte 1: record 0: expected a label from 0 to 99, found 100"));
}

TEST(Cifar10Folder, MayHoldFewerBatches) {
  const ImageFolder folder;
  folder.write("data_batch_2.bin", record({2}, 20));
  folder.write("data_batch_5.bin", record({5}, 50) + record({6}, 60));
  folder.write("test_batch.bin", record({7}, 70));
  const DataSet data = load_data_set({.name = "cifar10", .folder = folder.path()});
  EXPECT_THAT(data.training.labels, ElementsAre(2, 5, 6));
  EXPECT_THAT(data.test.labels, ElementsAre(7));
  EXPECT_EQ(data.test.pixels, Bytes(3072, 70));
}

TEST(Cifar10Folder, MayBeTheOneWhereTheArchiveWasUnpacked) {
  const ImageFolder folder;
  folder.write("cifar-10-batches-bin/data_batch_1.bin", record({1}, 1));
  folder.write("cifar-10-batches-bin/test_batch.bin", record({2}, 2));
  EXPECT_THAT(load_data_set({.name = "cifar10", .folder = folder.path()}).training.labels,
              ElementsAre(1));
}

TEST(Cifar10Folder, SaysWhatToDownloadWhereAFileIsMissing) {
  const ImageFolder folder;
  const auto load = [&] { load_data_set({.name = "cifar10", .folder = folder.path()}); };
  const auto remedy = HasSubstr(
      "download https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz, unpack it into a folder");
  EXPECT_THAT(tests::message_of<DataError>(load),
              AllOf(HasSubstr(folder.name("data_batch_1.bin") + ": no such file; "), remedy));
  folder.write("data_batch_1.bin", record({1}, 1));
  EXPECT_THAT(tests::message_of<DataError>(load),
              AllOf(HasSubstr(folder.name("test_batch.bin") + ": no such file; "), remedy));
}

TEST(Cifar10Folder, SaysSoWhereAFolderStandsInAFilesPlace) {
  const ImageFolder folder;
  folder.write("data_batch_1.bin/inside", {});
  EXPECT_THAT(tests::message_of<DataError>(
                  [&] { load_data_set({.name = "cifar10", .folder = folder.path()}); }),
              HasSubstr(folder.name("data_batch_1.bin") + ": expected a file, found a folder"));
}

TEST(Cifar100Folder, IsReadWithItsFineLabels) {
  const ImageFolder folder;
  folder.write("cifar-100-binary/train.bin", record({3, 77}, 1));
  EXPECT_THAT(tests::message_of<DataError>(
                  [&] { load_data_set({.name = "cifar100", .folder = folder.path()}); }),
              AllOf(HasSubstr(folder.name("cifar-100-binary/test.bin") + ": no such file"),
                    HasSubstr("cifar-100-binary.tar.gz")));
  folder.write("cifar-100-binary/test.bin", record({4, 88}, 2));
  const DataSet data = load_data_set({.name = "cifar100", .folder = folder.path()});
  EXPECT_EQ(data.training.classes, 100);
  EXPECT_THAT(data.training.labels, ElementsAre(77));
  EXPECT_THAT(data.test.labels, ElementsAre(88));
}

TEST(Cifar10Folder, OfRealImagesIsReadWhole) {
#ifdef METAQNN_SHARED_DATA
  const std::filesystem::path folder = METAQNN_SHARED_DATA "/cifar10_sample";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "there is no " << folder;
  const DataSet data = load_data_set({.name = "cifar10", .folder = folder});
  EXPECT_EQ(data.training.size(), 3500);
  EXPECT_EQ(data.test.size(), 500);
  const double sum = std::accumulate(data.training.pixels.begin(), data.training.pixels.end(), 0.0);
  // The mean of CIFAR-10's training images is 0.473 of white; this is a sample of them.
  EXPECT_NEAR(sum / static_cast<double>(data.training.pixels.size()) / 255, 0.473, 0.02);
#else
  GTEST_SKIP() << "METAQNN_SHARED_DATA was not defined";
#endif
}

// ---- SVHN

template <typename Value>
struct MatVariable {
  std::string name;
  matio_classes class_type;
  matio_types data_type;
  std::vector<size_t> dimensions;
  std::vector<Value> values;
};

MatVariable<uint8_t> bytes_variable(const std::string& name, const std::vector<size_t>& dimensions,
                                    const Bytes& values) {
  return {name, MAT_C_UINT8, MAT_T_UINT8, dimensions, values};
}
MatVariable<double> doubles_variable(const std::string& name, const std::vector<size_t>& dimensions,
                                     const std::vector<double>& values) {
  return {name, MAT_C_DOUBLE, MAT_T_DOUBLE, dimensions, values};
}

template <typename Value>
void write_variable(mat_t* mat, MatVariable<Value> variable, matio_compression compression) {
  matvar_t* written = Mat_VarCreate(variable.name.c_str(), variable.class_type, variable.data_type,
                                    static_cast<int>(variable.dimensions.size()),
                                    variable.dimensions.data(), variable.values.data(), 0);
  ASSERT_NE(written, nullptr);
  EXPECT_EQ(Mat_VarWrite(mat, written, compression), 0);
  Mat_VarFree(written);
}

template <typename... Values>
void write_mat(const std::string& path, matio_compression compression,
               const MatVariable<Values>&... variables) {
  mat_t* mat = Mat_CreateVer(path.c_str(), nullptr, MAT_FT_MAT5);
  ASSERT_NE(mat, nullptr);
  (write_variable(mat, variables, compression), ...);
  Mat_Close(mat);
}

// What stands at (channel, row, column) of an image.
uint8_t svhn_pixel(size_t image, size_t channel, size_t row, size_t column) {
  return static_cast<uint8_t>((image * 89 + channel * 53 + row * 7 + column * 3) % 251);
}

// Rows vary fastest, then columns, channels and images.
MatVariable<uint8_t> svhn_images(size_t count) {
  Bytes values;
  for (size_t image = 0; image < count; ++image)
    for (size_t channel = 0; channel < 3; ++channel)
      for (size_t column = 0; column < 32; ++column)
        for (size_t row = 0; row < 32; ++row)
          values.push_back(svhn_pixel(image, channel, row, column));
  return bytes_variable("X", {32, 32, 3, count}, values);
}

MatVariable<double> svhn_labels(const std::vector<double>& values) {
  return doubles_variable("y", {values.size(), 1}, values);
}

void write_svhn(const ImageFolder& folder, matio_compression compression) {
  write_mat(folder.name("train_32x32.mat"), compression, svhn_images(3), svhn_labels({1, 9, 10}));
  write_mat(folder.name("extra_32x32.mat"), compression, svhn_images(2), svhn_labels({4, 5}));
  write_mat(folder.name("test_32x32.mat"), compression, bytes_variable("y", {2, 1}, {10, 2}),
            svhn_images(2));
}

std::string svhn_message(const ImageFolder& folder) {
  return tests::message_of<DataError>(
      [&] { load_data_set({.name = "svhn", .folder = folder.path()}); });
}

TEST(SvhnReader, TurnsColumnsIntoRowsAndTenIntoZero) {
  for (const matio_compression compression : {MAT_COMPRESSION_NONE, MAT_COMPRESSION_ZLIB}) {
    const ImageFolder folder;
    write_svhn(folder, compression);
    const DataSet data = load_data_set({.name = "svhn", .folder = folder.path()});
    EXPECT_THAT(data.training.labels, ElementsAre(1, 9, 0));
    EXPECT_THAT(data.test.labels, ElementsAre(0, 2));
    ASSERT_THAT(data.training.pixels, SizeIs(3 * 3072));
    size_t i = 0;
    for (size_t image = 0; image < 3; ++image)
      for (size_t channel = 0; channel < 3; ++channel)
        for (size_t row = 0; row < 32; ++row)
          for (size_t column = 0; column < 32; ++column)
            ASSERT_EQ(data.training.pixels[i++], svhn_pixel(image, channel, row, column));
  }
}

TEST(SvhnReader, AppendsTheExtraImagesWhereTheyAreAskedFor) {
  const ImageFolder folder;
  write_svhn(folder, MAT_COMPRESSION_ZLIB);
  const DataSet data = load_data_set({.name = "svhn_extra", .folder = folder.path()});
  EXPECT_THAT(data.training.labels, ElementsAre(1, 9, 0, 4, 5));
  EXPECT_EQ(data.training.pixels[3 * 3072 + 32], svhn_pixel(0, 0, 1, 0));
}

TEST(SvhnReader, ReadsASingleImage) {
  const ImageFolder folder;
  write_svhn(folder, MAT_COMPRESSION_ZLIB);
  write_mat(folder.name("test_32x32.mat"), MAT_COMPRESSION_ZLIB,
            bytes_variable("X", {32, 32, 3}, svhn_images(1).values), svhn_labels({7}));
  EXPECT_THAT(load_data_set({.name = "svhn", .folder = folder.path()}).test.labels, ElementsAre(7));
}

TEST(SvhnReader, SaysWhatToDownloadWhereAFileIsMissing) {
  const ImageFolder folder;
  EXPECT_THAT(svhn_message(folder),
              AllOf(HasSubstr(folder.name("train_32x32.mat") + ": no such file; download "),
                    HasSubstr("http://ufldl.stanford.edu/housenumbers/")));
  write_svhn(folder, MAT_COMPRESSION_ZLIB);
  std::filesystem::remove(folder.path() / "extra_32x32.mat");
  EXPECT_THAT(tests::message_of<DataError>(
                  [&] { load_data_set({.name = "svhn_extra", .folder = folder.path()}); }),
              AllOf(HasSubstr(folder.name("extra_32x32.mat") + ": no such file"),
                    HasSubstr("extra_32x32.mat and test_32x32.mat from")));
}

TEST(SvhnReader, RefusesWhatIsNoMatlabFileWithoutPrinting) {
  const ImageFolder folder;
  folder.write("train_32x32.mat", Bytes(1000, '<'));
  ::testing::internal::CaptureStderr();
  const std::string message = svhn_message(folder);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_THAT(message, AllOf(HasSubstr(folder.name("train_32x32.mat")),
                             HasSubstr("download the file again")));
}

TEST(SvhnReader, NamesTheVariableThatIsMissing) {
  const ImageFolder folder;
  write_mat(folder.name("train_32x32.mat"), MAT_COMPRESSION_ZLIB, svhn_images(1));
  EXPECT_THAT(svhn_message(folder),
              HasSubstr("train_32x32.mat: expected a variable y, found none"));
  write_mat(folder.name("train_32x32.mat"), MAT_COMPRESSION_ZLIB, svhn_labels({1}));
  EXPECT_THAT(svhn_message(folder),
              HasSubstr("train_32x32.mat: expected a variable X, found none"));
}

TEST(SvhnReader, NamesTheClassOrDimensionsThatAreWrong) {
  const ImageFolder folder;
  const std::string path = folder.name("train_32x32.mat");
  write_mat(path, MAT_COMPRESSION_ZLIB,
            doubles_variable("X", {32, 32, 3, 1}, std::vector<double>(3072)), svhn_labels({1}));
  EXPECT_THAT(svhn_message(folder), HasSubstr("variable X: expected uint8, found double"));
  write_mat(path, MAT_COMPRESSION_ZLIB, bytes_variable("X", {3, 32, 32, 1}, Bytes(3072)),
            svhn_labels({1}));
  EXPECT_THAT(svhn_message(folder), HasSubstr("variable X: expected 32x32x3xN, found 3x32x32x1"));
  write_mat(path, MAT_COMPRESSION_ZLIB, bytes_variable("X", {32, 96}, Bytes(3072)),
            svhn_labels({1}));
  EXPECT_THAT(svhn_message(folder), HasSubstr("variable X: expected 32x32x3xN, found 32x96"));
  write_mat(path, MAT_COMPRESSION_ZLIB, svhn_images(2), svhn_labels({1, 2, 3}));
  EXPECT_THAT(svhn_message(folder),
              HasSubstr("variable y: expected one label for each image of X, 2x1, found 3x1"));
}

TEST(SvhnReader, NamesTheImageWhoseLabelIsOutOfRange) {
  for (const double label : {0.0, 11.0, 2.5, -1.0, 1e300, std::nan("")}) {
    const ImageFolder folder;
    write_mat(folder.name("train_32x32.mat"), MAT_COMPRESSION_ZLIB, svhn_images(2),
              svhn_labels({1, label}));
    EXPECT_THAT(svhn_message(folder),
                HasSubstr("variable y: image 1: expected a whole number from 1 to 10, found "));
  }
}

TEST(SvhnReader, RefusesAFileWhereverItIsCut) {
  for (const matio_compression compression : {MAT_COMPRESSION_NONE, MAT_COMPRESSION_ZLIB}) {
    const ImageFolder folder;
    write_svhn(folder, compression);
    const std::filesystem::path path = folder.path() / "test_32x32.mat";
    for (uintmax_t size = std::filesystem::file_size(path); size-- > 0;) {
      if (size > 400 && size % 61 != 0) continue;
      std::filesystem::resize_file(path, size);
      EXPECT_THAT(svhn_message(folder), HasSubstr("test_32x32.mat: "));
    }
  }
}

TEST(SvhnReader, BelievesNoDimensionThatTheFileCannotHold) {
  const ImageFolder folder;
  write_mat(folder.name("train_32x32.mat"), MAT_COMPRESSION_NONE, svhn_images(1 + 1),
            svhn_labels({1, 2}));
  // The file header has 128 bytes, X's tag and flags 8 + 16, the tag of its dimensions 8; the
  // fourth is 12 further.
  Bytes bytes = read_file(folder.path() / "train_32x32.mat");
  ASSERT_EQ(bytes[172], 2);
  bytes[174] = 9;  // 9 * 65536 + 2 images
  folder.write("train_32x32.mat", bytes);
  EXPECT_THAT(svhn_message(folder), HasSubstr("found 32x32x3x589826, more than its "));
}

// ---- the table

TEST(DataSets, HaveNamesShapesAndRemedies) {
  std::vector<std::string> names;
  for (const DataSetEntry& entry : data_sets()) {
    names.push_back(entry.name);
    EXPECT_EQ(&find_data_set(entry.name), &entry);
    if (entry.is_open()) continue;
    EXPECT_THAT(entry.remedy, AllOf(HasSubstr("http"), HasSubstr("`path` under [data]")));
  }
  EXPECT_THAT(names, ElementsAre("mnist", "fashion_mnist", "cifar10", "cifar100", "svhn",
                                 "svhn_extra", "folder", "idx"));
  EXPECT_EQ(find_data_set("svhn").facts->shape, (Shape{3, 32, 32}));
  EXPECT_EQ(find_data_set("cifar100").facts->classes(), 100);
  EXPECT_EQ(find_data_set("svhn_extra").facts->training_images, 604388);
  EXPECT_EQ(find_data_set("fashion_mnist").default_folder, "/usr/share/datasets/fashion-mnist");
}

TEST(DataSets, NameTheNearestWhereANameIsUnknown) {
  EXPECT_EQ(tests::message_of<UsageError>([] { find_data_set("cifar-10"); }),
            "unknown data set \"cifar-10\"; did you mean \"cifar10\"?");
}

TEST(DataSets, WithoutAFolderOfTheirOwnAskForOne) {
  EXPECT_THAT(tests::message_of<UsageError>([] { load_data_set({.name = "cifar10"}); }),
              AllOf(HasSubstr("data set \"cifar10\" needs `path` under [data]"),
                    HasSubstr("download https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz")));
}

// ---- splits

std::vector<int> class_counts(const std::vector<int32_t>& labels,
                              const std::vector<int64_t>& indices, int classes) {
  std::vector<int> counts(static_cast<size_t>(classes));
  for (const int64_t i : indices) ++counts[static_cast<size_t>(labels[static_cast<size_t>(i)])];
  return counts;
}

TEST(StratifiedSplit, GivesTheRestToTheLargestRemainders) {
  // 10 images: 5, 3 and 2 of each class. Validation of 3: 3*5/10 = 1.5, 3*3/10 = 0.9, 3*2/10 = 0.6:
  // whole parts 1, 0, 0; the remaining two go to the second and third class. The rest is 4, 2, 1.
  // Training of 4 of the 7: 16/7 = 2 + 2/7, 8/7 = 1 + 1/7, 4/7: whole parts 2, 1, 0, the last to
  // the third class.
  const std::vector<int32_t> labels{0, 1, 2, 0, 1, 0, 0, 1, 2, 0};
  const Split split = stratified_split(labels, 3, 4, 3, 1);
  EXPECT_THAT(class_counts(labels, split.validation, 3), ElementsAre(1, 1, 1));
  EXPECT_THAT(class_counts(labels, split.training, 3), ElementsAre(2, 1, 1));
}

TEST(StratifiedSplit, TrainsWithAllTheRestWhereNoSizeIsGiven) {
  const std::vector<int32_t> labels{0, 1, 2, 0, 1, 0, 0, 1, 2, 0};
  const Split split = stratified_split(labels, 3, 0, 3, 1);
  EXPECT_THAT(split.validation, SizeIs(3));
  EXPECT_THAT(class_counts(labels, split.training, 3), ElementsAre(4, 2, 1));
}

TEST(StratifiedSplit, GivesSortedPartsThatDoNotOverlapInTheProportionsOfTheLabels) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Random random = Random::stream(seed, "labels");
    std::vector<int32_t> labels(1 + 1 + random.below(500));
    for (int32_t& label : labels) {
      label = static_cast<int32_t>(std::min(random.below(10), random.below(10)));
    }
    const int64_t images = static_cast<int64_t>(labels.size());
    const int64_t validation = 1 + static_cast<int64_t>(random.below(labels.size() - 1));
    const int64_t rest = images - validation;
    const int64_t training = static_cast<int64_t>(random.below(static_cast<uint64_t>(rest) + 1));
    const Split split = stratified_split(labels, 10, training, validation, seed);

    EXPECT_THAT(split.validation, SizeIs(static_cast<size_t>(validation)));
    EXPECT_THAT(split.training, SizeIs(static_cast<size_t>(training > 0 ? training : rest)));
    EXPECT_TRUE(std::is_sorted(split.training.begin(), split.training.end()));
    EXPECT_TRUE(std::is_sorted(split.validation.begin(), split.validation.end()));
    std::set<int64_t> all(split.training.begin(), split.training.end());
    all.insert(split.validation.begin(), split.validation.end());
    EXPECT_EQ(all.size(), split.training.size() + split.validation.size());
    EXPECT_TRUE(*all.begin() >= 0 && *all.rbegin() < images);

    std::vector<int64_t> everything(labels.size());
    std::iota(everything.begin(), everything.end(), 0);
    const std::vector<int> counts = class_counts(labels, everything, 10);
    const std::vector<int> validating = class_counts(labels, split.validation, 10);
    const std::vector<int> trained = class_counts(labels, split.training, 10);
    for (size_t k = 0; k < 10; ++k) {
      EXPECT_LT(std::abs(validating[k] -
                         static_cast<double>(validation * counts[k]) / static_cast<double>(images)),
                1);
      EXPECT_LT(std::abs(trained[k] - static_cast<double>(split.training.size()) *
                                          (counts[k] - validating[k]) / static_cast<double>(rest)),
                1);
    }
  }
}

TEST(StratifiedSplit, IsAFunctionOfTheSeed) {
  std::vector<int32_t> labels(1000);
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i % 10);
  const Split split = stratified_split(labels, 10, 0, 100, 7);
  EXPECT_EQ(stratified_split(labels, 10, 0, 100, 7).validation, split.validation);
  EXPECT_NE(stratified_split(labels, 10, 0, 100, 8).validation, split.validation);
  // A smaller training part keeps the validation images.
  EXPECT_EQ(stratified_split(labels, 10, 50, 100, 7).validation, split.validation);
}

TEST(StratifiedSplit, WithoutValidationTrainsOnAll) {
  const Split split = stratified_split({0, 1, 0, 1}, 2, 0, 0, 1);
  EXPECT_EQ(split.training, (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_TRUE(split.validation.empty());
}

TEST(StratifiedSplit, RefusesSizesThatTheImagesCannotMeet) {
  const std::vector<int32_t> labels{0, 1, 0, 1};
  const auto message = [&](int64_t training, int64_t validation) {
    return tests::message_of<UsageError>(
        [&] { stratified_split(labels, 2, training, validation, 1); });
  };
  EXPECT_THAT(message(0, -1), HasSubstr("validation_images is -1: expected at least 0"));
  EXPECT_THAT(message(-1, 1), HasSubstr("training_images is -1"));
  EXPECT_THAT(message(3, 2),
              AllOf(HasSubstr("training_images 3 and validation_images 2 ask for more "
                              "images than there are"),
                    HasSubstr("the training part has 4 images")));
  EXPECT_THAT(message(0, 4), HasSubstr("at least one must train"));
  EXPECT_THAT(message(INT64_MAX, INT64_MAX), HasSubstr("ask for more images"));
}

// ---- preprocessing

TEST(Preprocessing, HasNamesThatAreReadAndWritten) {
  for (const char* name : {"none", "mean", "standardize", "local_contrast"}) {
    EXPECT_EQ(to_string(parse_preprocessing(name)), name);
  }
  EXPECT_EQ(tests::message_of<UsageError>([] { parse_preprocessing("standardise"); }),
            "unknown preprocessing \"standardise\": expected one of none, mean, standardize, "
            "local_contrast; did you mean \"standardize\"?");
}

// Three images of 1 x 1 x 2; the last does not train.
ImageSet three_images() { return {{1, 1, 2}, 2, {0, 51, 102, 51, 255, 255}, {0, 1, 0}}; }

TEST(Normalization, WithoutPreprocessingDividesByWhite) {
  const Normalization normalization = fit_normalization(three_images(), {}, Preprocessing::none);
  EXPECT_THAT(normalization.scale, Each(FloatNear(1 / 255.0F, 1e-9F)));
  EXPECT_THAT(normalization.scale, SizeIs(2));
  EXPECT_THAT(normalization.shift, ElementsAre(0, 0));
}

TEST(Normalization, SubtractsTheMeanOfTheTrainingImagesAlone) {
  // First pixel: (0 + 102) / 2 / 255 = 0.2. Second: 51 / 255 = 0.2.
  const Normalization normalization =
      fit_normalization(three_images(), {0, 1}, Preprocessing::mean);
  EXPECT_THAT(normalization.scale, Each(FloatNear(1 / 255.0F, 1e-9F)));
  EXPECT_THAT(normalization.shift, ElementsAre(FloatNear(-0.2F, 1e-7F), FloatNear(-0.2F, 1e-7F)));
}

TEST(Normalization, DividesByTheStandardDeviationButNeverByLessThanOneHundredth) {
  // First pixel: 0 and 0.4 have mean 0.2 and deviation 0.2: scale 1/(255*0.2) = 1/51, shift -1.
  // Second: 0.2 twice has deviation 0, below 0.01: scale 1/2.55, shift -20.
  const Normalization normalization =
      fit_normalization(three_images(), {0, 1}, Preprocessing::standardize);
  EXPECT_THAT(normalization.scale,
              ElementsAre(FloatNear(1 / 51.0F, 1e-8F), FloatNear(1 / 2.55F, 1e-7F)));
  EXPECT_THAT(normalization.shift, ElementsAre(FloatNear(-1, 1e-6F), FloatNear(-20, 1e-5F)));
}

// As the header says it, one pixel at a time in double precision.
std::vector<double> obvious_window_mean(const std::vector<double>& plane, int height, int width) {
  std::vector<double> result;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      double sum = 0, weights = 0;
      for (int v = std::max(0, y - 4); v <= std::min(height - 1, y + 4); ++v) {
        for (int u = std::max(0, x - 4); u <= std::min(width - 1, x + 4); ++u) {
          const double weight =
              std::exp(-((v - y) * (v - y) + (u - x) * (u - x)) / (2 * 2.0 * 2.0));
          sum += weight * plane[static_cast<size_t>(v * width + u)];
          weights += weight;
        }
      }
      result.push_back(sum / weights);
    }
  }
  return result;
}

std::vector<double> obvious_local_contrast(std::vector<double> plane, int height, int width) {
  const std::vector<double> mean = obvious_window_mean(plane, height, width);
  std::vector<double> squares;
  for (size_t i = 0; i < plane.size(); ++i) {
    plane[i] -= mean[i];
    squares.push_back(plane[i] * plane[i]);
  }
  std::vector<double> deviations = obvious_window_mean(squares, height, width);
  for (double& deviation : deviations) deviation = std::sqrt(deviation);
  const double c = std::accumulate(deviations.begin(), deviations.end(), 0.0) /
                   static_cast<double>(deviations.size());
  for (size_t i = 0; i < plane.size(); ++i) plane[i] /= std::max(c, deviations[i]);
  return plane;
}

TEST(LocalContrastNormalization, AgreesWithTheObviousOne) {
  Random random(3);
  for (const Shape& shape : {Shape{3, 32, 32}, {1, 28, 28}, {2, 5, 13}, {1, 1, 3}, {1, 7, 1}}) {
    const size_t plane = static_cast<size_t>(shape.height * shape.width);
    ImageSet images{shape, 2, Bytes(2 * static_cast<size_t>(shape.elements())), {0, 1}};
    for (uint8_t& pixel : images.pixels) pixel = static_cast<uint8_t>(random.below(256));
    const std::vector<float> result = local_contrast_normalization(images);
    ASSERT_EQ(result.size(), images.pixels.size());
    for (size_t begin = 0; begin < result.size(); begin += plane) {
      std::vector<double> pixels;
      for (size_t i = 0; i < plane; ++i) pixels.push_back(images.pixels[begin + i] / 255.0);
      const std::vector<double> expected =
          obvious_local_contrast(pixels, shape.height, shape.width);
      // Single precision carries 7 digits, lost in part by the subtraction of the mean.
      for (size_t i = 0; i < plane; ++i) ASSERT_NEAR(result[begin + i], expected[i], 2e-5);
    }
  }
}

TEST(LocalContrastNormalization, OfAFlatImageIsExactlyZero) {
  for (const uint8_t value : {0, 77, 255}) {
    const ImageSet images{{1, 32, 32}, 1, Bytes(1024, value), {0}};
    EXPECT_THAT(local_contrast_normalization(images), Each(0.0F));
  }
}

TEST(LocalContrastNormalization, DoesNotSeeBrightnessAndContrast) {
  ImageSet dark{{1, 16, 16}, 1, Bytes(256), {0}}, bright = dark;
  Random random(5);
  for (size_t i = 0; i < 256; ++i) {
    dark.pixels[i] = static_cast<uint8_t>(random.below(50));
    bright.pixels[i] = static_cast<uint8_t>(dark.pixels[i] * 4 + 30);
  }
  const std::vector<float> a = local_contrast_normalization(dark);
  const std::vector<float> b = local_contrast_normalization(bright);
  for (size_t i = 0; i < 256; ++i) EXPECT_NEAR(a[i], b[i], 2e-5);
}

}  // namespace
}  // namespace metaqnn::datasets
