#pragma once

#include <filesystem>
#include <string>

namespace metaqnn::search {

// "file:/path%20of/study.db": the form of a name that SQLite takes options behind, ?mode=ro.
std::string sqlite_uri(const std::filesystem::path& file);

}  // namespace metaqnn::search
