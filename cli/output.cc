#include "cli/output.h"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>

#include "base/foreign_text.h"
#include "base/output_file.h"
#include "base/secrets.h"

namespace metaqnn::cli {
namespace {

int output_error = 0;  // of standard output, the first
bool results_are_kept_out = false;

// Where a line may end: after a blank, as between layers, and after a '+' of other alphabets.
size_t next_break(const std::string& text, size_t from) {
  const size_t found = text.find_first_of(" +", from);
  return found == std::string::npos ? text.size() : found + 1;
}

// Breaks a text so that no line is longer than `width`, where there is a place for it.
std::vector<std::string> wrap(const std::string& text, size_t width) {
  std::vector<std::string> lines{""};
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = next_break(text, begin);
    const std::string word = text.substr(begin, end - begin);
    const size_t columns = columns_of(word) - (word.back() == ' ' ? 1 : 0);
    if (!lines.back().empty() && columns_of(lines.back()) + columns > width) lines.emplace_back();
    lines.back() += word;
    begin = end;
  }
  return lines;
}

std::string padded(const std::string& text, Align align, size_t width) {
  const std::string blanks(width - std::min(width, columns_of(text)), ' ');
  return align == Align::right ? blanks + text : text + blanks;
}

std::string trim_right(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

bool is_terminal(int file_descriptor) { return isatty(file_descriptor) == 1; }

}  // namespace

int terminal_width() {
  winsize size{};
  if (!is_terminal(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col > 0 ? size.ws_col : 80;
}

std::FILE* result_stream() { return results_are_kept_out ? stderr : stdout; }

void prepare_output(const std::filesystem::path& file) {
  check_output(file);
  struct stat named {
  }, output{};
  results_are_kept_out = stat(file.c_str(), &named) == 0 && fstat(STDOUT_FILENO, &output) == 0 &&
                         named.st_dev == output.st_dev && named.st_ino == output.st_ino;
}

std::string value_heading(const std::string& measure) {
  return measure == "validation_accuracy" ? "accuracy" : measure;
}

std::string harmless(std::string_view text) { return visible(without_passwords(text)); }

std::string harmless_lines(std::string_view text) {
  std::string lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines += harmless(text.substr(begin, end - begin));
    if (end < text.size()) lines += '\n';
    begin = end + 1;
  }
  return lines;
}

void write(std::FILE* stream, std::string_view text) {
  errno = 0;
  const bool whole = std::fwrite(text.data(), 1, text.size(), stream) == text.size();
  if (!whole && stream == stdout && output_error == 0) output_error = errno == 0 ? EIO : errno;
}

void print_data(std::string_view text) {
  is_terminal(STDOUT_FILENO) ? write(stdout, harmless_lines(text)) : write(stdout, text);
}

void write_or_print(const std::string& file, std::string_view text) {
  file.empty() ? print_data(text) : write_file(file, text);
}

void clear_screen() { write(stdout, "\x1b[H\x1b[2J"); }

LiveLine::LiveLine() : is_live_(is_terminal(STDERR_FILENO)) {}

void LiveLine::show(std::string_view line) {
  if (!is_live_) return;
  write(stderr, "\r\x1b[K" + harmless(line));
  is_shown_ = !line.empty();
}

int finish_output() {
  errno = 0;
  const bool failed = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (failed && output_error == 0) output_error = errno == 0 ? EIO : errno;
  return output_error;
}

std::string percent(std::optional<double> fraction) {
  return fraction && !std::isnan(*fraction) ? fixed(*fraction * 100, 2) + "%" : "-";
}

std::string Table::render(int width) const {
  std::vector<std::vector<std::string>> lines(1);
  for (const Column& column : columns_) lines[0].push_back(harmless(column.title));
  for (const auto& row : rows_) {
    std::vector<std::string>& cells = lines.emplace_back();
    for (const std::string& cell : row) cells.push_back(harmless(cell));
  }
  std::vector<size_t> widths(columns_.size(), 0);
  for (const auto& cells : lines) {
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], columns_of(cells[i]));
  }
  const std::string gap(gap_, ' ');
  const size_t last = columns_.size() - 1;
  size_t indent = 0;
  for (size_t i = 0; i < last; ++i) indent += widths[i] + gap_;
  const size_t room =
      width > 0 ? std::max<size_t>(20, static_cast<size_t>(width) -
                                           std::min<size_t>(indent, static_cast<size_t>(width)))
                : std::string::npos;
  std::string text;
  for (const auto& cells : lines) {
    std::string line;
    for (size_t i = 0; i < last; ++i) line += padded(cells[i], columns_[i].align, widths[i]) + gap;
    const std::vector<std::string> parts =
        columns_[last].align == Align::right
            ? std::vector{padded(cells[last], Align::right, widths[last])}
            : wrap(cells[last], room);
    for (size_t i = 0; i < parts.size(); ++i)
      text += trim_right((i == 0 ? line : std::string(indent, ' ')) + parts[i]) + "\n";
  }
  return text;
}

std::string wrapped(const std::string& text, int width) {
  if (width <= 0) return text;
  std::string lines;
  for (const std::string& line : wrap(text, static_cast<size_t>(width)))
    lines += (lines.empty() ? "" : "\n") + trim_right(line);
  return lines;
}

void print_problems(const std::vector<std::string>& problems) {
  constexpr size_t kMost = 5;
  for (size_t i = 0; i < std::min(kMost, problems.size()); ++i)
    say("{}\n", message_line(problems[i]));
  if (problems.size() > kMost) say("... and {} more\n", problems.size() - kMost);
}

}  // namespace metaqnn::cli
