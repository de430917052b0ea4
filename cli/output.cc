#include "cli/output.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace metaqnn::cli {
namespace {

// Of UTF-8 text: bytes that do not continue a letter.
size_t letters(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Where a line may end: after the comma between layers, after a '+' of other alphabets.
size_t next_break(const std::string& text, size_t from) {
  const size_t comma = text.find(", ", from), plus = text.find('+', from);
  if (comma == std::string::npos && plus == std::string::npos) return text.size();
  return comma < plus ? comma + 2 : plus + 1;
}

// Breaks a text so that no line is longer than `width`, where there is a place for it.
std::vector<std::string> wrap(const std::string& text, size_t width) {
  std::vector<std::string> lines{""};
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = next_break(text, begin);
    const std::string word = text.substr(begin, end - begin);
    const size_t visible = word.back() == ' ' ? word.size() - 1 : word.size();
    if (!lines.back().empty() && lines.back().size() + visible > width) lines.emplace_back();
    lines.back() += word;
    begin = end;
  }
  return lines;
}

std::string trim_right(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

bool is_terminal(int file_descriptor) { return isatty(file_descriptor) == 1; }

int terminal_width() {
  winsize size{};
  if (!is_terminal(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col > 0 ? size.ws_col : 80;
}

std::string Table::render(int width) const {
  std::vector<size_t> widths;
  for (const Column& column : columns_) widths.push_back(column.title.size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], letters(row[i]));
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
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < last; ++i) {
      const bool right = columns_[i].align == Align::right;
      line += right ? fmt::format("{:>{}}", cells[i], widths[i])
                    : fmt::format("{:<{}}", cells[i], widths[i]);
      line += gap;
    }
    const bool right = columns_[last].align == Align::right;
    const std::vector<std::string> parts =
        right ? std::vector{fmt::format("{:>{}}", cells[last], widths[last])}
              : wrap(cells[last], room);
    for (size_t i = 0; i < parts.size(); ++i)
      text += trim_right((i == 0 ? line : std::string(indent, ' ')) + parts[i]) + "\n";
  };
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  add_line(titles);
  for (const auto& row : rows_) add_line(row);
  return text;
}

std::string fixed(std::optional<double> value, int decimals) {
  if (!value || std::isnan(*value)) return "-";
  return fmt::format("{:.{}f}", *value, decimals);
}

std::string grouped(int64_t value) {
  std::string digits = std::to_string(value);
  const size_t first = digits[0] == '-' ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string plural(int64_t count, const std::string& noun) {
  return grouped(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string scientific(const std::string& digits) {
  if (digits.size() <= 6) return digits;
  return fmt::format("{}.{}e+{}", digits[0], digits.substr(1, 2), digits.size() - 1);
}

std::string short_count(std::optional<int64_t> value) {
  if (!value) return "-";
  const double v = static_cast<double>(*value);
  if (v >= 1e9) return fmt::format("{:.2f} G", v / 1e9);
  if (v >= 1e6) return fmt::format("{:.2f} M", v / 1e6);
  if (v >= 1e3) return fmt::format("{:.1f} k", v / 1e3);
  return std::to_string(*value);
}

std::string short_bytes(int64_t bytes) {
  const double mib = static_cast<double>(bytes) / (1 << 20);
  return mib >= 1024 ? fmt::format("{:.2f} GiB", mib / 1024) : fmt::format("{:.0f} MiB", mib);
}

std::string duration(double seconds) {
  const auto s = static_cast<int64_t>(std::llround(seconds));
  if (s >= 100 * 86400) return grouped(std::llround(seconds / 86400)) + " days";
  if (s >= 48 * 3600) return fmt::format("{:.1f} days", seconds / 86400);
  if (s >= 3600) return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
  if (s >= 60) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} s", s);
}

void print_problems(const std::vector<std::string>& problems) {
  constexpr size_t kMost = 5;
  for (size_t i = 0; i < std::min(kMost, problems.size()); ++i)
    fmt::print(stderr, "{}\n", problems[i]);
  if (problems.size() > kMost)
    fmt::print(stderr, "... and {} more rows left out\n", problems.size() - kMost);
}

}  // namespace metaqnn::cli
