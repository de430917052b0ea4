#include "datasets/logs/read_frame.h"

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <system_error>

#include "base/names.h"
#include "datasets/logs/csv.h"
#include "datasets/logs/json_frame.h"
#include "datasets/logs/keras_tuner.h"
#include "datasets/logs/optuna.h"
#include "metaqnn/base/error.h"

namespace metaqnn::datasets {
namespace {

// How files of other kinds begin.
struct Kind {
  std::string_view beginning;
  const char* what;
};
constexpr const char* kDump =
    "a dump of a database in SQL; make it again with sqlite3 FILE.db < FILE.sql";
constexpr Kind kKinds[] = {
    {"\xFF\xFE", "UTF-16; save it as UTF-8"},
    {"\xFE\xFF", "UTF-16; save it as UTF-8"},
    {"PK\x03\x04", "a zip file (a workbook, a torch file or an archive); write the table as CSV"},
    {"SQLite format 3", "an SQLite database; name it as a log, or export it as CSV"},
    {"\x89HDF", "an HDF5 file; write the table as CSV"},
    {"PAR1", "a Parquet file; write it as CSV"},
    {"ARROW1", "an Arrow file; write it as CSV"},
    {"\x93NUMPY", "a NumPy array; write it as CSV"},
    {"BZh", "a bzip2 file; unpack it"},
    {"\xFD"
     "7zXZ",
     "an xz file; unpack it"},
    {"\x28\xB5\x2F\xFD", "a zstd file; unpack it"},
    {"\x80\x02",
     "a pickle or torch file, which would have to be executed to be read; write it as CSV"},
    {"\x80\x03",
     "a pickle or torch file, which would have to be executed to be read; write it as CSV"},
    {"\x80\x04",
     "a pickle or torch file, which would have to be executed to be read; write it as CSV"},
    {"\x80\x05",
     "a pickle or torch file, which would have to be executed to be read; write it as CSV"},
    {"PRAGMA ", kDump},
    {"BEGIN TRANSACTION", kDump},
    {"CREATE TABLE", kDump},
    {"---\n", "YAML; write it as JSON or CSV"},
    {"%YAML", "YAML; write it as JSON or CSV"},
};

// "name: value" in one line after the other, and no separator.
bool looks_like_yaml(std::string_view text) {
  for (int lines = 0; lines < 2; ++lines) {
    const std::string_view line = trimmed(text.substr(0, text.find('\n')));
    const size_t colon = line.find(':');
    const bool is_member = colon != std::string_view::npos && colon > 0 &&
                           line.find_first_of(" ,;|\t\"'[({") >= colon &&
                           (colon + 1 == line.size() || line[colon + 1] == ' ');
    if (!is_member || text.find('\n') == std::string_view::npos) return false;
    text.remove_prefix(text.find('\n') + 1);
  }
  return true;
}

[[noreturn]] void unreadable(const std::string& source, const std::string& why) {
  throw DataError("cannot read " + source + ": " + why);
}

std::string why_not_opened(const std::filesystem::path& file) {
  std::error_code error;
  return std::filesystem::exists(file, error) ? "it cannot be opened; check its permissions"
                                              : "there is no such file; check the path";
}

}  // namespace

void refuse_other_kinds(std::string_view text, const std::string& source) {
  for (const Kind& kind : kKinds) {
    if (text.starts_with(kind.beginning)) throw DataError(source + ": this is " + kind.what);
  }
  if (looks_like_yaml(text)) throw DataError(source + ": this is YAML; write it as JSON or CSV");
}

std::string read_text(const std::filesystem::path& file) {
  const bool is_input = file == "-";
  const std::string source = is_input ? "standard input" : file.string();
  std::error_code error;
  if (std::filesystem::is_directory(file, error))
    unreadable(source, "it is a directory; name a file in it");
  // What is not packed is read as it is.
  std::unique_ptr<gzFile_s, int (*)(gzFile)> in(
      is_input ? gzdopen(0, "rb") : gzopen(file.c_str(), "rb"), gzclose);
  if (!in) unreadable(source, is_input ? "it cannot be opened" : why_not_opened(file));
  constexpr unsigned kBlock = 1 << 20;
  gzbuffer(in.get(), kBlock);
  std::string text;
  bool is_cut = false;
  while (true) {
    const size_t size = text.size();
    text.resize(size + kBlock);
    const int count = gzread(in.get(), text.data() + size, kBlock);
    text.resize(size + static_cast<size_t>(std::max(count, 0)));
    if (count < 0) unreadable(source, "it is damaged, or cannot be read");
    // Versions of zlib say it after the read that met the end, after the next, or when it is closed.
    int state = Z_OK;
    gzerror(in.get(), &state);
    is_cut |= state == Z_BUF_ERROR;
    if (count == 0) break;
  }
  is_cut |= gzclose(in.release()) == Z_BUF_ERROR;
  // Of a file that ends in its first bytes these are handed out as they are.
  is_cut |= text.starts_with("\x1F\x8B");
  if (is_cut) unreadable(source, "its gzip data are cut short, or packed twice");
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);  // a byte order mark
  return text;
}

DataFrame data_frame_of(std::string text, const std::string& source, const LogOptions& options) {
  refuse_other_kinds(text, source);
  if (is_optuna_journal(text))
    return optuna_frame(read_optuna_journal(text, source), options.study_name, source);
  if (looks_like_json(text)) return parse_json_frame(text, source);
  DataFrame frame = with_parted_cells(parse_csv(std::move(text), source, options.has_header));
  recognise_optuna_dataframe(frame);
  return frame;
}

DataFrame read_data_frame(const std::filesystem::path& file, const LogOptions& options) {
  if (const auto project = keras_tuner_folder(file)) return read_keras_tuner_folder(*project);
  return data_frame_of(read_text(file), file == "-" ? "standard input" : file.string(), options);
}

}  // namespace metaqnn::datasets
