// Images that are padded, and pictures that people give: PNG and JPEG files become inputs.
#include "datasets/images/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <turbojpeg.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
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

  static std::string content_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
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

// A JPEG of 16 x 8 whose left half is black, with an EXIF segment that asks for a turn.
std::string with_orientation(const std::string& jpeg, char orientation, bool little_endian) {
  const std::string number =
      little_endian ? std::string{orientation, 0} : std::string{0, orientation};
  const std::string tiff = little_endian ? std::string("II*\0\10\0\0\0\1\0\22\1\3\0\1\0\0\0", 18)
                                         : std::string("MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1", 18);
  const std::string content = std::string("Exif\0\0", 6) + tiff + number + std::string(6, '\0');
  const auto length = static_cast<char>(content.size() + 2);
  return jpeg.substr(0, 2) + std::string("\xff\xe1\0", 3) + length + content + jpeg.substr(2);
}

TEST_F(PictureFile, OfJpegIsTurnedAsItsExifSays) {
  std::vector<uint8_t> rgb(16 * 8 * 3, 255);
  for (size_t y = 0; y < 8; ++y)
    std::fill_n(rgb.begin() + static_cast<std::ptrdiff_t>(y * 48), 24, uint8_t{0});
  const std::string plain = content_of(write_jpeg("plain.jpg", 16, 8, rgb));
  // Where the dark half comes to lie.
  const std::map<int, std::string> kDark{{1, "left"}, {2, "right"}, {3, "right"},  {4, "left"},
                                         {5, "top"},  {6, "top"},   {7, "bottom"}, {8, "bottom"}};
  for (const auto& [orientation, side] : kDark) {
    for (const bool little_endian : {false, true}) {
      const fs::path file = folder_.write(
          "turned.jpg", with_orientation(plain, static_cast<char>(orientation), little_endian));
      const Picture picture = read_picture(file);
      const bool is_upright = orientation <= 4;
      EXPECT_EQ(picture.width, is_upright ? 16 : 8);
      EXPECT_EQ(picture.height, is_upright ? 8 : 16);
      EXPECT_EQ(picture_size(file).width, picture.width);
      EXPECT_EQ(picture_size(file).height, picture.height);
      const bool first_is_dark = picture.pixels.front() < 50,
                 last_is_dark = picture.pixels.back() < 50;
      EXPECT_NE(first_is_dark, last_is_dark);
      EXPECT_EQ(first_is_dark, side == "left" || side == "top") << orientation;
      // Along its short side it is of one shade.
      const size_t along = is_upright ? static_cast<size_t>(picture.width) * 7 * 3 : 7 * 3;
      EXPECT_NEAR(picture.pixels[0], picture.pixels[along], 5) << orientation;
    }
  }
}

TEST_F(PictureFile, ThatIsLargeIsDecodedSmallerAndLooksTheSame) {
  std::vector<uint8_t> rgb;
  for (int y = 0; y < 400; ++y) {
    for (int x = 0; x < 800; ++x) {
      for (const int value : {x / 4, y / 2, (x + y) / 5})
        rgb.push_back(static_cast<uint8_t>(value));
    }
  }
  const fs::path file = write_jpeg("large.jpg", 800, 400, rgb);
  const Shape wanted{3, 20, 40};
  const Picture small = read_picture(file, wanted);
  EXPECT_EQ(small.width, 200);  // a quarter; an eighth would be 100 x 50, less than twice 40 high
  EXPECT_EQ(small.height, 100);
  const ImageSet a = fit_picture(small, wanted), b = fit_picture(read_picture(file), wanted);
  for (size_t i = 0; i < a.pixels.size(); ++i) EXPECT_NEAR(a.pixels[i], b.pixels[i], 3);
}

TEST_F(PictureFile, HasASizeThatIsKnownFromItsHeader) {
  const PictureSize grey = picture_size(write_png("a.png", 2, 1, PNG_FORMAT_GRAY, {7, 200}));
  EXPECT_EQ(grey.width, 2);
  EXPECT_EQ(grey.height, 1);
  EXPECT_TRUE(grey.is_grey);
  EXPECT_FALSE(picture_size(write_png("b.png", 2, 2, PNG_FORMAT_RGB, kFourColours)).is_grey);
  // More than a first look reads stands before the header.
  const std::string jpeg = content_of(write_jpeg("c.jpg", 16, 8, std::vector<uint8_t>(384, 90)));
  std::string comment = std::string("\xff\xfe\xff\xff", 4) + std::string(0xfffd, 'x');
  const fs::path file =
      folder_.write("d.jpg", jpeg.substr(0, 2) + comment + comment + comment + jpeg.substr(2));
  EXPECT_EQ(picture_size(file).width, 16);
  EXPECT_FALSE(picture_size(file).is_grey);
  EXPECT_THROW(picture_size(folder_.write("cut.png", "\x89PNG\r\n")), DataError);
}

TEST_F(PictureFile, WithBytesTooManyInTheMiddleIsReadAllTheSame) {
  const std::string jpeg = content_of(write_jpeg("a.jpg", 16, 8, std::vector<uint8_t>(384, 90)));
  const std::string extraneous =
      jpeg.substr(0, jpeg.size() - 2) + "xyz" + jpeg.substr(jpeg.size() - 2);
  EXPECT_EQ(read_picture(folder_.write("b.jpg", extraneous)).width, 16);
}

TEST_F(PictureFile, ThatIsCutOrSomethingElseIsRefused) {
  for (const fs::path& file : {write_png("a.png", 2, 2, PNG_FORMAT_RGB, kFourColours),
                               write_jpeg("a.jpg", 16, 8, std::vector<uint8_t>(384, 90))}) {
    const std::string whole = content_of(file);
    for (const double part : {0.3, 0.6, 0.8}) {
      const fs::path cut = folder_.write(
          "cut", whole.substr(0, static_cast<size_t>(part * static_cast<double>(whole.size()))));
      EXPECT_THAT(refusal(cut), HasSubstr("is damaged")) << file << " " << part;
    }
  }
  EXPECT_THAT(refusal(folder_.write("a.gif", "GIF89a")), HasSubstr("is neither PNG nor JPEG"));
  EXPECT_THAT(refusal(folder_.write("empty", "")), HasSubstr("is empty"));
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
  const std::vector<uint8_t> four{0, 0, 0, 10, 10, 10, 200, 200, 200, 100, 100, 100};
  EXPECT_THAT(fit_picture({4, 1, four}, {1, 1, 2}).pixels, ElementsAre(5, 150));
  // Three columns to two: each is one column and half of the middle one, (60 + 30 / 2) / 1.5 = 50.
  const std::vector<uint8_t> three{60, 60, 60, 30, 30, 30, 0, 0, 0};
  EXPECT_THAT(fit_picture({3, 1, three}, {1, 1, 2}).pixels, ElementsAre(50, 10));
}

// Two rows of four columns.
const Picture kWide{4, 2, {10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 40, 40,
                           50, 50, 50, 60, 60, 60, 70, 70, 70, 80, 80, 80}};

TEST(FitPicture, StretchesCropsTheMiddleOrPadsWithBlack) {
  EXPECT_THAT(fit_picture(kWide, {1, 2, 2}, Fit::stretch).pixels, ElementsAre(15, 35, 55, 75));
  EXPECT_THAT(fit_picture(kWide, {1, 2, 2}, Fit::crop).pixels, ElementsAre(20, 30, 60, 70));
  EXPECT_THAT(fit_picture(kWide, {1, 4, 4}, Fit::pad).pixels,
              ElementsAre(0, 0, 0, 0, 10, 20, 30, 40, 50, 60, 70, 80, 0, 0, 0, 0));
  // One row of the mean of each half.
  EXPECT_THAT(fit_picture(kWide, {1, 2, 2}, Fit::pad).pixels, ElementsAre(35, 55, 0, 0));
}

TEST(Fit, HasNamesThatAreReadAndWritten) {
  for (const std::string& name : fit_names()) EXPECT_EQ(to_string(parse_fit(name)), name);
  try {
    parse_fit("cut");
    ADD_FAILURE();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("fit \"cut\" is not known; use stretch, crop or pad"));
  }
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
