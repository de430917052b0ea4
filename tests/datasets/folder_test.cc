// Pictures in folders and IDX files of any size: data sets whose files say what they are.
#include "tests/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "datasets/images/data_set.h"
#include "metaqnn/base/error.h"
#include "tests/error_message.h"

namespace metaqnn::datasets {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class PictureFolder : public ::testing::Test {
 protected:
  // One shade all over.
  void write(const std::string& name, uint8_t shade = 100, int width = 6, int height = 4,
             bool is_grey = false) const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width);
    image.height = static_cast<png_uint_32>(height);
    image.format = is_grey ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    const std::vector<uint8_t> pixels(static_cast<size_t>(width * height * 3), shade);
    const fs::path file = folder_ / name;
    fs::create_directories(file.parent_path());
    ASSERT_NE(png_image_write_to_file(&image, file.c_str(), 0, pixels.data(), 0, nullptr), 0);
  }
  void write_text(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    folder_.write(name, text);
  }
  // So many of one class, of different shades.
  void write_class(const std::string& name, int count) const {
    for (int i = 0; i < count; ++i)
      write(name + "/" + std::to_string(i) + ".png", static_cast<uint8_t>(i));
  }
  ImageSource source() const { return {.name = "folder", .folder = folder_.path()}; }
  DataSet load() const { return load_data_set(source()); }

  tests::Folder folder_;
};

std::vector<int> counts(const ImageSet& images) {
  std::vector<int> counts(static_cast<size_t>(images.classes));
  for (const int32_t label : images.labels) ++counts[static_cast<size_t>(label)];
  return counts;
}

TEST_F(PictureFolder, HasAClassForEachFolderAndATestPartOfEach) {
  write_class("nut", 10);
  write_class("bolt", 20);
  const DataSet data = load();
  EXPECT_THAT(data.class_names, ElementsAre("bolt", "nut"));
  EXPECT_EQ(data.training.shape, (Shape{3, 4, 6}));
  EXPECT_THAT(counts(data.training), ElementsAre(16, 8));
  EXPECT_THAT(counts(data.test), ElementsAre(4, 2));
  EXPECT_EQ(static_cast<int64_t>(data.training.pixels.size()), 24 * 72);
  EXPECT_THAT(data.remarks, IsEmpty());
  const DataSetFacts facts = look_at(source());
  EXPECT_EQ(facts.training_images, 24);
  EXPECT_EQ(facts.shape, data.training.shape);
  EXPECT_EQ(facts.class_names, data.class_names);
}

TEST_F(PictureFolder, HasTheSameTestPartForEveryoneButAnotherSeed) {
  write_class("a", 40);
  write_class("b", 40);
  EXPECT_EQ(load().test.pixels, load().test.pixels);
  ImageSource other = source();
  other.test_seed = 2;
  EXPECT_NE(load_data_set(other).test.pixels, load().test.pixels);
  other.test_share = 0.5;
  EXPECT_THAT(counts(load_data_set(other).test), ElementsAre(20, 20));
}

TEST_F(PictureFolder, MayBringItsOwnTestPart) {
  write("train/a/1.png", 1);
  write("train/b/2.png", 2);
  write("test/b/3.png", 3);
  write("test/c/4.png", 4);
  const DataSet data = load();
  EXPECT_THAT(data.class_names, ElementsAre("a", "b"));
  EXPECT_THAT(data.training.labels, ElementsAre(0, 1));
  EXPECT_THAT(data.test.labels, ElementsAre(1));
  EXPECT_THAT(data.test.pixels, Each(3));
  EXPECT_THAT(data.remarks, ElementsAre(HasSubstr("test images of c are left out")));
}

TEST_F(PictureFolder, TakesAValidationPartAsWhatIsMissing) {
  write("train/a/1.png", 1);
  write("train/b/2.png", 2);
  write("val/b/3.png", 3);
  EXPECT_THAT(load().test.pixels, Each(3));
  EXPECT_THAT(load().remarks, ElementsAre(HasSubstr("val is taken as the test part")));
  write("test/b/4.png", 4);
  EXPECT_THAT(load().test.pixels, Each(4));
  EXPECT_THAT(load().training.labels, ElementsAre(0, 1, 1));
  EXPECT_THAT(load().remarks,
              ElementsAre(HasSubstr("val is taken as a part of the training images")));
}

TEST_F(PictureFolder, MayHaveAClassThatIsCalledTrain) {
  write_class("bus", 5);
  write_class("train", 5);
  EXPECT_THAT(load().class_names, ElementsAre("bus", "train"));
}

TEST_F(PictureFolder, MakesAllPicturesOneSize) {
  write("a/1.png", 10, 3, 2);
  write("a/2.png", 20, 300, 200);
  write("a/3.png", 30, 90, 30);
  write("b/4.png", 40, 90, 30);
  write("b/5.png", 50, 1, 1);
  const Shape shape = load().training.shape;
  EXPECT_EQ(shape, (Shape{3, 21, 64}));  // the middle ones are 90 and 30, of which 64 / 90
  ImageSource wanted = source();
  wanted.input = Shape{1, 8, 8};
  const DataSet data = load_data_set(wanted);
  EXPECT_EQ(data.training.shape, (Shape{1, 8, 8}));
  EXPECT_EQ(data.training.pixels.size(), 4 * 64U);
  wanted.fit = Fit::pad;
  EXPECT_THAT(load_data_set(wanted).training.pixels, Contains(0));
  EXPECT_THAT(data.training.pixels, Not(Contains(0)));
}

TEST_F(PictureFolder, IsGreyWhereAllPicturesAre) {
  write("a/1.png", 10, 4, 4, true);
  write("b/2.png", 10, 4, 4, true);
  EXPECT_EQ(look_at(source()).shape, (Shape{1, 4, 4}));
  write("b/3.png", 10, 4, 4, false);
  EXPECT_EQ(look_at(source()).shape, (Shape{3, 4, 4}));
}

TEST_F(PictureFolder, NamesFiveFilesThatCannotBeReadAndCountsTheRest) {
  write_class("a", 10);
  write_class("b", 10);
  for (int i = 0; i < 7; ++i) write_text("a/broken" + std::to_string(i) + ".png", "\x89PNG....");
  const DataSet data = load();
  EXPECT_THAT(counts(data.training), ElementsAre(8, 8));
  ASSERT_THAT(data.remarks, SizeIs(7));
  EXPECT_EQ(data.remarks[0], "7 pictures left out:");
  EXPECT_THAT(data.remarks[1], AllOf(HasSubstr("a/broken0.png: the PNG is damaged")));
  EXPECT_EQ(data.remarks[6], "  and 2 more");
}

TEST_F(PictureFolder, CountsWhatIsNoPicture) {
  write_class("a", 3);
  write_class("b/deeper/still", 3);
  write_text(".DS_Store", "x");
  write_text("a/._0.png", "x");
  write_text("a/Thumbs.db", "x");
  write_text("b/notes.txt", "x");
  write_text("b/LICENSE", "x");
  write("lost.png");
  fs::create_directories(folder_ / "__MACOSX");
  fs::create_directories(folder_ / "empty");
  EXPECT_THAT(load().class_names, ElementsAre("a", "b"));
  EXPECT_THAT(
      load().remarks,
      ElementsAre(
          "class empty is left out: there is no picture of it to train with",
          "left out: 2 hidden files, 1 picture in no class's folder, 3 files of other types "
          "(.db, .txt, without a type)"));
}

TEST_F(PictureFolder, KeepsTheClassesThatItIsTold) {
  write_class("a", 3);
  write_class("b", 3);
  write_class("c", 3);
  ImageSource told = source();
  told.class_names = {"c", "a"};
  const DataSet data = load_data_set(told);
  EXPECT_EQ(data.class_names, told.class_names);
  EXPECT_THAT(counts(data.training), ElementsAre(2, 3));
  EXPECT_THAT(data.remarks,
              ElementsAre(HasSubstr("folder b is left out: data.class_names does not have it")));
  told.class_names = {"a", "d"};
  EXPECT_THAT(
      tests::message_of<DataError>([&] { load_data_set(told); }),
      HasSubstr(
          "no picture of the class d, which is named in data.class_names; put back its folder"));
}

TEST_F(PictureFolder, AsksForClassesWhereThereAreNone) {
  const auto message = [&] { return tests::message_of<UsageError>([&] { load(); }); };
  EXPECT_THAT(
      message(),
      AllOf(HasSubstr(folder_.path().string() + ": holds PNG or JPEG pictures of no class; "),
            HasSubstr("put those of each class, two at least, into a folder of its own")));
  write("a/1.png");
  write_text("b/1.webp", "x");
  EXPECT_THAT(message(), HasSubstr("of one class (and 1 file of other types (.webp))"));
  write("b/1.png");
  EXPECT_THAT(
      tests::message_of<DataError>(
          [&] { load_data_set({.name = "folder", .folder = folder_ / "none"}); }),
      HasSubstr("none: cannot be read as a folder (No such file or directory); check `path`"));
  EXPECT_THAT(tests::message_of<UsageError>([&] { load_data_set({.name = "folder"}); }),
              HasSubstr("data set \"folder\" needs `path` under [data]"));
}

// ---- IDX of any size ----

std::string idx_header(const std::vector<uint32_t>& values) {
  std::string bytes;
  for (const uint32_t value : values) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
  }
  return bytes;
}

class IdxFolder : public ::testing::Test {
 protected:
  DataSet load() const { return load_data_set({.name = "idx", .folder = folder_.path()}); }
  std::string training_bytes() const {
    const std::vector<uint8_t> pixels = load().training.pixels;
    return {pixels.begin(), pixels.end()};
  }
  std::string refusal() const {
    return tests::message_of<DataError>([&] { load(); });
  }
  tests::Folder folder_;
};

const std::string kTwoByThree("\1\2\3\4\5\6", 6);

TEST_F(IdxFolder, OfAnySizeNameAndLabelsIsRead) {
  folder_.write("emnist-letters-train-images-idx3-ubyte",
                idx_header({0x803, 2, 1, 3}) + kTwoByThree);
  folder_.write("emnist-letters-train-labels-idx1-ubyte", idx_header({0x801, 2}) + "\2\4");
  folder_.write("emnist-letters-test-images-idx3-ubyte", idx_header({0x803, 1, 1, 3}) + "abc");
  folder_.write("emnist-letters-test-labels-idx1-ubyte", idx_header({0x801, 1}) + "\5");
  const DataSet data = load();
  EXPECT_EQ(data.training.shape, (Shape{1, 1, 3}));
  EXPECT_THAT(data.training.labels, ElementsAre(2, 4));
  EXPECT_THAT(data.test.labels, ElementsAre(5));
  EXPECT_THAT(data.class_names, ElementsAre("0", "1", "2", "3", "4", "5"));
  EXPECT_EQ(look_at({.name = "idx", .folder = folder_.path()}).classes(), 6);
}

TEST_F(IdxFolder, OfColoursHasChannelsFirstOrLast) {
  folder_.write("train-labels", idx_header({0x801, 2}) + std::string("\0\1", 2));
  folder_.write("test-labels", idx_header({0x801, 1}) + std::string(1, '\0'));
  folder_.write("test-images", idx_header({0x804, 1, 3, 1, 2}) + "abcdef");
  folder_.write("train-images", idx_header({0x804, 2, 3, 1, 2}) + "abcdefABCDEF");
  EXPECT_EQ(load().training.shape, (Shape{3, 1, 2}));
  EXPECT_EQ(training_bytes(), "abcdefABCDEF");
  folder_.write("train-images", idx_header({0x804, 2, 1, 2, 3}) + "adgbehADGBEH");
  folder_.write("test-images", idx_header({0x804, 1, 1, 2, 3}) + "abcdef");
  EXPECT_EQ(load().training.shape, (Shape{1, 2, 3}));  // one channel of 2 x 3
  folder_.write("train-images", idx_header({0x804, 1, 2, 2, 3}) + "adgbehcficfi");
  folder_.write("train-labels", idx_header({0x801, 1}) + std::string("\1", 1));
  folder_.write("test-images", idx_header({0x804, 1, 2, 2, 3}) + "adgbehcficfi");
  EXPECT_EQ(load().training.shape, (Shape{3, 2, 2}));
  EXPECT_EQ(training_bytes(), "abccdeffghii");
}

TEST_F(IdxFolder, MayHaveLabelsOfMoreThanAByteAndNoTestPart) {
  std::string labels, pixels;
  for (uint32_t i = 0; i < 10; ++i) {
    labels += idx_header({i % 2 == 0 ? 300U : 7U});
    pixels += static_cast<char>(i);
  }
  folder_.write("train-images", idx_header({0x803, 10, 1, 1}) + pixels);
  folder_.write("train-labels", idx_header({0xc01, 10}) + labels);
  const DataSet data = load();
  EXPECT_EQ(data.training.size(), 8);
  EXPECT_EQ(data.test.size(), 2);
  EXPECT_EQ(data.training.classes, 301);
  EXPECT_THAT(data.training.labels, Each(::testing::AnyOf(7, 300)));
}

TEST_F(IdxFolder, NamesWhatIsWrongWithIt) {
  EXPECT_THAT(refusal(), HasSubstr("expected files whose names hold \"train\" and \"images\""));
  folder_.write("train-images", idx_header({0x803, 2, 1, 3}) + kTwoByThree);
  folder_.write("train-labels", idx_header({0x801, 3}) + "\1\2\3");
  EXPECT_THAT(refusal(),
              HasSubstr("train-labels: byte 4: expected one label for each of the 2 images"));
  folder_.write("train-labels", idx_header({0x803, 1, 1, 2}) + "\1\2");
  EXPECT_THAT(refusal(), HasSubstr("expected one label for each of the 2 images"));
  folder_.write("train-labels", idx_header({0xc01, 2, 1, 0xffffffff}));
  EXPECT_THAT(
      refusal(),
      HasSubstr("train-labels: byte 12: expected a label from 0 to 65535, found -1 for image 1"));
  folder_.write("train-labels", idx_header({0x801, 2}) + "\1\2");
  folder_.write("train-images", idx_header({0xd03, 2, 1, 3}) + kTwoByThree);
  EXPECT_THAT(refusal(),
              HasSubstr("train-images: byte 0: expected the magic number of an IDX file"));
  folder_.write("train-images", idx_header({0x802, 2, 3}) + kTwoByThree);
  EXPECT_THAT(refusal(), HasSubstr("expected images: bytes of 3 sizes"));
  folder_.write("train-images", idx_header({0x803, 0xffffffff, 0xffff, 0xffff}));
  EXPECT_THAT(refusal(), HasSubstr("train-images: byte 12: expected a size"));
  folder_.write("train-images", idx_header({0x803, 2, 1, 3}) + "abc");
  EXPECT_THAT(refusal(), HasSubstr("train-images: byte 19: the file ends early"));
  folder_.write("train-images", idx_header({0x803, 2, 1, 3}) + kTwoByThree);
  folder_.write("test-images", idx_header({0x803, 1, 1, 2}) + "ab");
  EXPECT_THAT(refusal(), HasSubstr("of the test part there are only images"));
  folder_.write("test-labels", idx_header({0x801, 1}) + "\1");
  EXPECT_THAT(refusal(),
              HasSubstr("test-images: holds images of 1x1x2, those to train with are 1x1x3"));
  folder_.write("train-images-2", idx_header({0x803, 2, 1, 3}) + kTwoByThree);
  EXPECT_THAT(
      refusal(),
      HasSubstr("train-images and train-images-2 may both be the images of the training part"));
}

TEST_F(IdxFolder, NamesItsClassesWhereItIsTold) {
  folder_.write("train-images", idx_header({0x803, 4, 1, 1}) + "abcd");
  folder_.write("train-labels", idx_header({0x801, 4}) + std::string("\0\1\0\1", 4));
  ImageSource told{.name = "idx", .folder = folder_.path()};
  told.test_share = 0.5;
  told.class_names = {"cat", "dog"};
  EXPECT_EQ(load_data_set(told).class_names, told.class_names);
  told.class_names = {"cat"};
  EXPECT_THAT(tests::message_of<UsageError>([&] { load_data_set(told); }),
              HasSubstr("data.class_names has 1 names, but there is an image with label 1"));
}

}  // namespace
}  // namespace metaqnn::datasets
