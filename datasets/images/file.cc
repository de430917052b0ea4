#include "datasets/images/file.h"

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <system_error>

#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

// zlib's state, released on every way out.
class Inflater {
 public:
  Inflater() {
    constexpr int kGzipWithLargestWindow = 16 + MAX_WBITS;
    if (inflateInit2(&stream, kGzipWithLargestWindow) != Z_OK) {
      throw FailureError("zlib could not start to decompress: out of memory");
    }
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream{};
};

std::string too_large(const std::string& source, uint64_t largest_bytes) {
  return source + ": its content is larger than the " + std::to_string(largest_bytes) +
         " bytes allowed for a file of images; it is not a file of a known data set: check `path` "
         "under [data]";
}

// Decompresses one member from bytes[position] on, appends its content and returns where the next
// begins.
size_t decompress_member(const std::vector<uint8_t>& bytes, size_t position,
                         const std::string& source, uint64_t largest_bytes,
                         std::vector<uint8_t>& content) {
  constexpr size_t kChunkBytes = size_t{1} << 18;
  Inflater inflater;
  z_stream& stream = inflater.stream;
  std::vector<uint8_t> chunk(kChunkBytes);
  for (int status = Z_OK; status != Z_STREAM_END;) {
    const size_t available = std::min(bytes.size() - position, kChunkBytes);
    stream.next_in = const_cast<Bytef*>(bytes.data() + position);  // zlib does not write there
    stream.avail_in = static_cast<uInt>(available);
    stream.next_out = chunk.data();
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    position += available - stream.avail_in;
    const size_t produced = chunk.size() - stream.avail_out;
    if (content.size() + produced > largest_bytes) {
      throw DataError(too_large(source, largest_bytes));
    }
    content.insert(content.end(), chunk.begin(), chunk.begin() + static_cast<ptrdiff_t>(produced));
    if (status == Z_BUF_ERROR || (status == Z_OK && produced == 0 && position == bytes.size())) {
      throw DataError(source + ": byte " + std::to_string(position) +
                      ": the file ends in the middle of its gzip stream; download it again");
    }
    if (status != Z_OK && status != Z_STREAM_END) {
      const std::string reason =
          stream.msg != nullptr ? stream.msg : "zlib status " + std::to_string(status);
      throw DataError(source + ": byte " + std::to_string(position) +
                      ": the gzip stream is corrupt (" + reason + "); download the file again");
    }
  }
  return position;
}

bool is_gzip_at(const std::vector<uint8_t>& bytes, size_t position) {
  return bytes.size() - position >= 2 && bytes[position] == 0x1f && bytes[position + 1] == 0x8b;
}

}  // namespace

bool file_exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

std::vector<uint8_t> read_file(const std::filesystem::path& path, uint64_t most) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw DataError(path.string() + ": expected a file, found " +
                    (std::filesystem::is_directory(path, error) ? "a folder" : "none") +
                    "; check `path` under [data]");
  }
  const uint64_t all = std::filesystem::file_size(path, error);
  if (error) throw DataError(path.string() + ": its size is unknown: " + error.message());
  const uint64_t size = std::min(all, most);
  if (size > kLargestContentBytes) throw DataError(too_large(path.string(), kLargestContentBytes));
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    throw DataError(path.string() + ": cannot be opened; check that you may read the file");
  }
  std::vector<uint8_t> bytes(size);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (static_cast<uint64_t>(stream.gcount()) != size) {
    throw DataError(path.string() + ": byte " + std::to_string(stream.gcount()) +
                    ": cannot be read on, although the file has " + std::to_string(size) +
                    " bytes; check the disk and that nothing else is writing the file");
  }
  return bytes;
}

bool is_gzip(const std::vector<uint8_t>& bytes) { return is_gzip_at(bytes, 0); }

std::vector<uint8_t> decompress_gzip(const std::vector<uint8_t>& bytes, const std::string& source,
                                     uint64_t largest_bytes) {
  std::vector<uint8_t> content;
  size_t position = 0;
  do {
    if (!is_gzip_at(bytes, position)) {
      throw DataError(source + ": byte " + std::to_string(position) +
                      ": expected the gzip magic number 0x1f8b or the file's end, found other "
                      "bytes; download the file again");
    }
    position = decompress_member(bytes, position, source, largest_bytes, content);
  } while (position < bytes.size());
  return content;
}

void throw_missing_file(const std::filesystem::path& path, const std::string& remedy) {
  throw DataError(path.string() + ": no such file; " + remedy);
}

}  // namespace metaqnn::datasets
