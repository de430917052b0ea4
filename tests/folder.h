#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace metaqnn::tests {

// A folder of one test; it goes when the test ends.
class Folder {
 public:
  Folder() {
    std::string path = testing::TempDir() + "/metaqnn_XXXXXX";
    if (mkdtemp(path.data()) == nullptr)
      throw std::runtime_error("cannot make " + path + ": " + std::strerror(errno));
    path_ = path;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::string url(const std::string& name) const { return "sqlite:///" + (path_ / name).string(); }
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace metaqnn::tests
