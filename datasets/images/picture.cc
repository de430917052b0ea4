#include "datasets/images/picture.h"

#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "datasets/images/file.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

void check_size(int64_t width, int64_t height, const std::string& source) {
  if (width >= 1 && height >= 1 && width * height <= kLargestPicturePixels) return;
  throw DataError(source + ": is " + std::to_string(width) + " x " + std::to_string(height) +
                  " pixels; at least 1 and at most " + std::to_string(kLargestPicturePixels) +
                  " are read");
}

Picture blank(int64_t width, int64_t height, const std::string& source) {
  check_size(width, height, source);
  return {static_cast<int>(width), static_cast<int>(height),
          std::vector<uint8_t>(static_cast<size_t>(width * height) * kColours)};
}

Picture decode_png(const std::vector<uint8_t>& bytes, const std::string& source) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const auto refuse = [&] {
    const std::string reason = image.message;
    png_image_free(&image);
    throw DataError(source + ": the PNG is damaged (" + reason + ")");
  };
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) refuse();
  image.format = PNG_FORMAT_RGB;
  Picture picture;
  try {
    picture = blank(image.width, image.height, source);
  } catch (const DataError&) {
    png_image_free(&image);
    throw;
  }
  const png_color white{255, 255, 255};
  if (png_image_finish_read(&image, &white, picture.pixels.data(), 0, nullptr) == 0) refuse();
  return picture;
}

// Of the EXIF orientation: 1 to 8; 1 where none is told.
//
// A JPEG begins with segments: 0xff, a kind, two bytes of length with themselves. EXIF is of the
// kind 0xe1 and holds a TIFF: its byte order, where its first directory lies, and there entries of
// 12 bytes: tag, type, count, value.
class ExifOrientation {
 public:
  explicit ExifOrientation(const std::vector<uint8_t>& bytes) : bytes_(bytes) {}

  int read() const {
    constexpr size_t kExif = 0xe1, kScan = 0xda;
    for (size_t at = 2; at + 4 <= bytes_.size() && bytes_[at] == 0xff && bytes_[at + 1] != kScan;) {
      const size_t length = big(at + 2, 2);
      if (bytes_[at + 1] == kExif && begins(at + 4, "Exif")) return in_tiff(at + 10);
      at += 2 + length;
    }
    return kUpright;
  }

 private:
  static constexpr int kUpright = 1;

  int in_tiff(size_t tiff) const {
    constexpr size_t kOrientation = 0x0112, kEntryBytes = 12;
    const bool is_little = begins(tiff, "II");
    const auto number = [&](size_t at, size_t size) {
      return is_little ? little(at, size) : big(at, size);
    };
    const size_t directory = tiff + number(tiff + 4, 4);
    const size_t entries = number(directory, 2);
    for (size_t i = 0; i < entries; ++i) {
      const size_t entry = directory + 2 + i * kEntryBytes;
      if (number(entry, 2) != kOrientation) continue;
      const size_t value = number(entry + 8, 2);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : kUpright;
    }
    return kUpright;
  }

  // Zeros beyond the end.
  size_t byte(size_t at) const { return at < bytes_.size() ? bytes_[at] : 0; }
  size_t big(size_t at, size_t size) const {
    size_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | byte(at + i);
    return value;
  }
  size_t little(size_t at, size_t size) const {
    size_t value = 0;
    for (size_t i = size; i-- > 0;) value = value << 8 | byte(at + i);
    return value;
  }
  bool begins(size_t at, std::string_view text) const {
    for (size_t i = 0; i < text.size(); ++i) {
      if (byte(at + i) != static_cast<uint8_t>(text[i])) return false;
    }
    return true;
  }

  const std::vector<uint8_t>& bytes_;
};

constexpr int kFirstSideways = 5;  // orientations from here on swap width and height

Picture turned(Picture picture, int orientation) {
  if (orientation == 1) return picture;
  const int w = picture.width, h = picture.height;
  const bool is_sideways = orientation >= kFirstSideways;
  Picture upright{is_sideways ? h : w, is_sideways ? w : h,
                  std::vector<uint8_t>(picture.pixels.size())};
  size_t to = 0;
  for (int y = 0; y < upright.height; ++y) {
    for (int x = 0; x < upright.width; ++x, to += kColours) {
      int column = is_sideways ? y : x, row = is_sideways ? x : y;
      const bool flips_column =
          orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
      const bool flips_row =
          orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
      if (flips_column) column = w - 1 - column;
      if (flips_row) row = h - 1 - row;
      const uint8_t* from =
          picture.pixels.data() +
          (static_cast<size_t>(row) * static_cast<size_t>(w) + static_cast<size_t>(column)) *
              kColours;
      std::copy_n(from, kColours, upright.pixels.data() + to);
    }
  }
  return upright;
}

struct JpegHeader {
  int width = 0, height = 0, subsampling = 0, colours = 0;
};

class JpegDecoder {
 public:
  JpegDecoder(const std::vector<uint8_t>& bytes, const std::string& source)
      : decoder_(tjInitDecompress(), tjDestroy), bytes_(bytes), source_(source) {
    if (!decoder_) throw FailureError("the JPEG decoder could not start: out of memory");
  }

  JpegHeader header() const {
    JpegHeader header;
    if (tjDecompressHeader3(decoder_.get(), bytes_.data(), size(), &header.width, &header.height,
                            &header.subsampling, &header.colours) != 0)
      refuse();
    return header;
  }

  Picture decode(const std::optional<Shape>& wanted) const {
    const JpegHeader whole = header();
    check_size(whole.width, whole.height, source_);
    const tjscalingfactor scale = scale_for(whole, wanted);
    Picture picture = blank(TJSCALED(whole.width, scale), TJSCALED(whole.height, scale), source_);
    const int status =
        tjDecompress2(decoder_.get(), bytes_.data(), size(), picture.pixels.data(), picture.width,
                      0, picture.height, TJPF_RGB, TJFLAG_ACCURATEDCT);
    // What decodes with a warning is whole, unless its end is missing or its data wrong.
    if (status != 0 && (tjGetErrorCode(decoder_.get()) == TJERR_FATAL || is_damage())) refuse();
    return turned(std::move(picture), ExifOrientation(bytes_).read());
  }

 private:
  unsigned long size() const { return static_cast<unsigned long>(bytes_.size()); }

  bool is_damage() const {
    return std::string_view(tjGetErrorStr2(decoder_.get())).find("extraneous bytes") ==
           std::string_view::npos;
  }

  static tjscalingfactor scale_for(const JpegHeader& header, const std::optional<Shape>& wanted) {
    constexpr int kLeast = 2;  // times as large as what is wanted
    tjscalingfactor scale{1, 1};
    if (!wanted) return scale;
    // It may lie on its side.
    const int side = kLeast * std::max(wanted->width, wanted->height);
    for (const int part : {2, 4, 8}) {
      if (header.width / part >= side && header.height / part >= side) scale = {1, part};
    }
    return scale;
  }

  [[noreturn]] void refuse() const {
    throw DataError(source_ + ": the JPEG is damaged or of a kind that is not read (" +
                    tjGetErrorStr2(decoder_.get()) + ")");
  }

  std::unique_ptr<void, int (*)(tjhandle)> decoder_;
  const std::vector<uint8_t>& bytes_;
  const std::string& source_;
};

// Its first bytes, or all of them.
std::vector<uint8_t> read_regular_file(const std::filesystem::path& file,
                                       uint64_t most = UINT64_MAX) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    throw DataError(
        file.string() +
        (std::filesystem::exists(file, error) ? ": no regular file" : ": no such file") +
        "; give a PNG or JPEG file");
  }
  return read_file(file, most);
}

enum class Kind { png, jpeg };

Kind kind_of(const std::vector<uint8_t>& bytes, const std::string& source) {
  const std::vector<uint8_t> png{0x89, 'P', 'N', 'G'}, jpeg{0xff, 0xd8, 0xff};
  const auto begins_with = [&](const std::vector<uint8_t>& magic) {
    return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
  };
  if (begins_with(png)) return Kind::png;
  if (begins_with(jpeg)) return Kind::jpeg;
  throw DataError(source + (bytes.empty()
                                ? ": is empty"
                                : ": is neither PNG nor JPEG; convert it to one of them"));
}

// The image header is the first chunk: width and height from byte 16 on, the kind of colours in byte
// 25, where 0 and 4 are grey.
PictureSize png_size(const std::vector<uint8_t>& bytes, const std::string& source) {
  constexpr size_t kHeaderBytes = 26;
  if (bytes.size() < kHeaderBytes)
    throw DataError(source + ": the PNG is damaged (its header is cut)");
  const auto side = [&](size_t at) {
    return static_cast<int64_t>(bytes[at]) << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 |
           bytes[at + 3];
  };
  check_size(side(16), side(20), source);
  return {static_cast<int>(side(16)), static_cast<int>(side(20)), bytes[25] == 0 || bytes[25] == 4};
}

PictureSize jpeg_size(const std::vector<uint8_t>& bytes, const std::string& source) {
  const JpegHeader header = JpegDecoder(bytes, source).header();
  check_size(header.width, header.height, source);
  PictureSize size{header.width, header.height, header.colours == TJCS_GRAY};
  if (ExifOrientation(bytes).read() >= kFirstSideways) std::swap(size.width, size.height);
  return size;
}

}  // namespace

Picture read_picture(const std::filesystem::path& file, const std::optional<Shape>& wanted) {
  const std::vector<uint8_t> bytes = read_regular_file(file);
  const std::string source = file.string();
  if (kind_of(bytes, source) == Kind::png) return decode_png(bytes, source);
  return JpegDecoder(bytes, source).decode(wanted);
}

// A camera puts small pictures and colour profiles before the header.
PictureSize picture_size(const std::filesystem::path& file) {
  constexpr uint64_t kSmall = 1 << 12, kLarge = 1 << 17;
  const std::string source = file.string();
  for (const uint64_t most : {kSmall, kLarge, UINT64_MAX}) {
    const std::vector<uint8_t> bytes = read_regular_file(file, most);
    if (kind_of(bytes, source) == Kind::png) return png_size(bytes, source);
    try {
      return jpeg_size(bytes, source);
    } catch (const DataError&) {
      if (bytes.size() < most) throw;  // that was all of it
    }
  }
  throw DataError(source + ": has no JPEG header");
}

}  // namespace metaqnn::datasets
