// Images that are padded, and pictures that people give: PNG and JPEG files become inputs.
#include "datasets/images/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <turbojpeg.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "datasets/images/padding.h"
#include "metaqnn/base/error.h"
#include "tests/folder.h"

namespace metaqnn::datasets {
namespace {

namespace fs = std::filesystem;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

// ---- padding ----

TEST(Padding, PutsZerosAroundAndRepeatsGreyOverTheChannels) {
  const ImageSet grey{{1, 1, 2}, 3, {5, 6, 7, 8}, {0, 2}};
  const ImageSet wide = pad(grey, {2, 2, 5});
  // One of three missing columns to the left, none of one missing row above.
  EXPECT_THAT(wide.pixels, ElementsAre(0, 5, 6, 0, 0, 0, 0, 0, 0, 0,  // image 0, channel 0
                                       0, 5, 6, 0, 0, 0, 0, 0, 0, 0,  // channel 1
                                       0, 7, 8, 0, 0, 0, 0, 0, 0, 0,  // image 1
                                       0, 7, 8, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(wide.labels, grey.labels);
  EXPECT_EQ(wide.classes, 3);
  EXPECT_EQ(wide.shape, (Shape{2, 2, 5}));
}

TEST(Padding, OfMnistIsTwoPixelsOnEachSide) {
  EXPECT_EQ(padding_of(28, 32).before, 2);
  EXPECT_EQ(padding_of(28, 32).after, 2);
}

TEST(Padding, LeavesImagesOfTheRightShapeAlone) {
  const ImageSet images{{2, 1, 1}, 1, {1, 2}, {0}};
  EXPECT_EQ(pad(images, {2, 1, 1}).pixels, images.pixels);
}

TEST(Padding, RefusesLargerImagesAndLostColour) {
  for (const Shape& wanted : {Shape{3, 28, 32}, Shape{3, 32, 28}, Shape{1, 32, 32}}) {
    try {
      check_padding({3, 32, 32}, wanted);
      ADD_FAILURE() << to_string(wanted);
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(),
                  HasSubstr("images of 3x32x32 do not fit a network for " + to_string(wanted)));
    }
  }
}

// ---- pictures ----

class PictureFile : public testing::Test {
 protected:
  // Pixels in the format of libpng's simplified interface.
  fs::path write_png(const std::string& name, int width, int height, png_uint_32 format,
                     const std::vector<uint8_t>& pixels) const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width);
    image.height = static_cast<png_uint_32>(height);
    image.format = format;
    const fs::path file = folder_ / name;
    EXPECT_NE(png_image_write_to_file(&image, file.c_str(), 0, pixels.data(), 0, nullptr), 0);
    return file;
  }

  fs::path write_jpeg(const std::string& name, int width, int height,
                      const std::vector<uint8_t>& rgb) const {
    const tjhandle encoder = tjInitCompress();
    unsigned char* bytes = nullptr;
    unsigned long size = 0;
    EXPECT_EQ(tjCompress2(encoder, rgb.data(), width, 0, height, TJPF_RGB, &bytes, &size,
                          TJSAMP_444, 100, 0),
              0);
    const fs::path file = folder_.write(name, {reinterpret_cast<const char*>(bytes), size});
    tjFree(bytes);
    tjDestroy(encoder);
    return file;
  }

  std::string refusal(const fs::path& file) const {
    try {
      read_picture(file);
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  }

  tests::Folder folder_;
};

const std::vector<uint8_t> kFourColours{255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30};

TEST_F(PictureFile, OfPngIsReadPixelByPixel) {
  const Picture picture = read_picture(write_png("a.png", 2, 2, PNG_FORMAT_RGB, kFourColours));
  EXPECT_EQ(picture.width, 2);
  EXPECT_EQ(picture.height, 2);
  EXPECT_EQ(picture.pixels, kFourColours);
}

TEST_F(PictureFile, OfGreyPngHasThreeEqualChannels) {
  const Picture picture = read_picture(write_png("a.png", 2, 1, PNG_FORMAT_GRAY, {7, 200}));
  EXPECT_THAT(picture.pixels, ElementsAre(7, 7, 7, 200, 200, 200));
}

TEST_F(PictureFile, WithTransparentPixelsLiesOnWhite) {
  const Picture picture =
      read_picture(write_png("a.png", 2, 1, PNG_FORMAT_RGBA, {9, 9, 9, 0, 9, 9, 9, 255}));
  EXPECT_THAT(picture.pixels, ElementsAre(255, 255, 255, 9, 9, 9));
}

TEST_F(PictureFile, OfJpegIsReadWhateverItsName) {
  const std::vector<uint8_t> rgb(16 * 8 * 3, 90);
  const Picture picture = read_picture(write_jpeg("picture.png", 16, 8, rgb));
  EXPECT_EQ(picture.width, 16);
  EXPECT_EQ(picture.height, 8);
  EXPECT_THAT(picture.pixels, Each(testing::AllOf(testing::Ge(88), testing::Le(92))));
}

TEST_F(PictureFile, ThatIsCutOrSomethingElseIsRefused) {
  for (const fs::path& file : {write_png("a.png", 2, 2, PNG_FORMAT_RGB, kFourColours),
                               write_jpeg("a.jpg", 16, 8, std::vector<uint8_t>(384, 90))}) {
    std::ifstream in(file, std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(in), {}};
    for (const double part : {0.3, 0.6, 0.8}) {
      const fs::path cut = folder_.write(
          "cut", whole.substr(0, static_cast<size_t>(part * static_cast<double>(whole.size()))));
      EXPECT_THAT(refusal(cut), HasSubstr("is damaged")) << file << " " << part;
    }
  }
  EXPECT_THAT(refusal(folder_.write("a.gif", "GIF89a")), HasSubstr("is neither PNG nor JPEG"));
  EXPECT_THAT(refusal(folder_.write("empty", "")), HasSubstr("is neither PNG nor JPEG"));
  EXPECT_THAT(refusal(folder_ / "none.png"), HasSubstr("no such file"));
  EXPECT_THAT(refusal(folder_.path()), HasSubstr("no regular file"));
}

TEST(FitPicture, OfTheSameSizeOnlyOrdersThePixelsByChannel) {
  const ImageSet image = fit_picture({2, 2, kFourColours}, {3, 2, 2});
  EXPECT_THAT(image.pixels, ElementsAre(255, 0, 0, 10, 0, 255, 0, 20, 0, 0, 255, 30));
  EXPECT_EQ(image.size(), 1);
}

TEST(FitPicture, WeighsColoursForGrey) {
  // 0.299 * 255 = 76, 0.587 * 255 = 150, 0.114 * 255 = 29, 2.99 + 11.74 + 3.42 = 18.
  EXPECT_THAT(fit_picture({2, 2, kFourColours}, {1, 2, 2}).pixels, ElementsAre(76, 150, 29, 18));
}

TEST(FitPicture, AveragesWhatShrinks) {
  // Four columns to two: the triangle of reach 2 around 1 weighs 0.75, 0.75, 0.25 (and 0), so that
  // of 0, 0, 200, 200 come 200 * 0.25 / 1.75 = 29 and 200 - 29 = 171.
  const std::vector<uint8_t> row{0, 0, 0, 0, 0, 0, 200, 200, 200, 200, 200, 200};
  EXPECT_THAT(fit_picture({4, 1, row}, {1, 1, 2}).pixels, ElementsAre(29, 171));
}

TEST(FitPicture, InterpolatesWhatGrows) {
  // Two columns to four: centres at 0.25, 0.75, 1.25, 1.75 of pixels at 0.5 and 1.5.
  const std::vector<uint8_t> row{0, 0, 0, 100, 100, 100};
  EXPECT_THAT(fit_picture({2, 1, row}, {1, 1, 4}).pixels, ElementsAre(0, 25, 75, 100));
}

TEST(FitPicture, KeepsOneColourAtEverySize) {
  const Picture grey{5, 7, std::vector<uint8_t>(5 * 7 * 3, 123)};
  for (const Shape& shape : {Shape{1, 28, 28}, Shape{3, 2, 3}, Shape{3, 64, 1}})
    EXPECT_THAT(fit_picture(grey, shape).pixels, Each(123));
}

TEST(FitPicture, RefusesOtherNumbersOfChannels) {
  EXPECT_THROW(fit_picture({1, 1, {1, 2, 3}}, {2, 1, 1}), UsageError);
}

}  // namespace
}  // namespace metaqnn::datasets
