// What does a file of a data set hold, decompressed if need be? Private to this folder and its
// tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace metaqnn::datasets {

// No file of a known data set comes near it; a gzip bomb does.
inline constexpr uint64_t kLargestContentBytes = uint64_t{4} << 30;

// Whether anything of that name is there; false as well where the folder may not be searched.
bool file_exists(const std::filesystem::path& path);

// The bytes of `path`, the first `most` of them. Throws DataError where it is no readable regular file
// or larger than kLargestContentBytes.
std::vector<uint8_t> read_file(const std::filesystem::path& path, uint64_t most = UINT64_MAX);

// By content (RFC 1952), since a browser may decompress a download and keep its name.
bool is_gzip(const std::vector<uint8_t>& bytes);

// All members of a gzip file. Throws DataError naming the byte where it is cut, corrupt or followed
// by anything else, or where the content is larger than `largest_bytes`. `source` names the file in
// errors.
std::vector<uint8_t> decompress_gzip(const std::vector<uint8_t>& bytes, const std::string& source,
                                     uint64_t largest_bytes = kLargestContentBytes);

// "FILE: no such file; REMEDY"
[[noreturn]] void throw_missing_file(const std::filesystem::path& path, const std::string& remedy);

}  // namespace metaqnn::datasets
