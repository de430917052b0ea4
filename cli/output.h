// The one way from the program to its reader, and how results look there: tables that fit the
// terminal, numbers short enough to read.
//
// Whatever a text holds of others (names, strings of a log, messages of libraries), neither a
// terminal obeys it nor does it show a password (base/foreign_text.h). Nothing here throws
// where it cannot be written: what goes wrong on standard error nobody can be told, and what goes
// wrong on standard output is told by finish_output().
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/numbers.h"

namespace metaqnn::cli {

// Columns of the terminal on standard output; 0 where it is none, so that nothing is wrapped in a
// pipe.
int terminal_width();

std::string harmless(std::string_view text);        // on one line
std::string harmless_lines(std::string_view text);  // line ends stay
void write(std::FILE* stream, std::string_view text);

// A value that is a text by way of `safely`, others as they are.
template <typename Value>
auto made_safe(std::string (*safely)(std::string_view), const Value& value) {
  if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
    return safely(value);
  } else {
    return value;
  }
}

// Of a column of values: "accuracy" for the validation accuracy, another measure by its name.
std::string value_heading(const std::string& measure);

// Of the terminal on standard output; what is printed next begins at its top.
void clear_screen();

// On standard error: what happens. Each value on one line.
template <typename... Values>
void say(fmt::format_string<Values...> format, Values&&... values) {
  write(stderr,
        fmt::format(fmt::runtime(fmt::string_view(format)), made_safe(harmless, values)...));
}

// Where print() writes: standard output, unless that takes a file of the command.
std::FILE* result_stream();
// `file` is what the command will write: throws where it cannot be (check_output()). Where it leads
// to where standard output does ("/dev/stdout"), what print() writes would be part of it, and goes
// to standard error from now on.
void prepare_output(const std::filesystem::path& file);

// On standard output: results for people. A value may be a table.
template <typename... Values>
void print(fmt::format_string<Values...> format, Values&&... values) {
  write(result_stream(),
        fmt::format(fmt::runtime(fmt::string_view(format)), made_safe(harmless_lines, values)...));
}

// On standard output: results for programs, to the letter, except on a terminal.
void print_data(std::string_view text);
// The same into a file, where one is named.
void write_or_print(const std::string& file, std::string_view text);

// The line at the end of standard error that the next one replaces; nothing where that is no
// terminal.
class LiveLine {
 public:
  LiveLine();
  bool is_live() const { return is_live_; }  // on a terminal
  bool is_shown() const { return is_shown_; }
  void show(std::string_view line);
  void clear() { show(""); }

 private:
  bool is_live_, is_shown_ = false;
};

// Does the work, whose steps `tell` is told by any thread: a live line shows the last one.
template <typename Work>
auto while_telling(std::function<void(const std::string& what)>& tell, const Work& work) {
  LiveLine line;
  std::mutex mutex;
  if (line.is_live()) {
    tell = [&](const std::string& what) {
      const std::lock_guard lock(mutex);
      line.show(what);
    };
  }
  auto result = work();
  tell = {};
  line.clear();
  return result;
}

// Writes what is left of standard output. 0, or the errno of the first write that failed.
int finish_output();

// "8.30%"; "-" where there is none.
std::string percent(std::optional<double> fraction);

enum class Align { left, right };

// Columns beside each other, `gap` spaces between; the last one wraps between layers to the
// terminal's width.
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns, size_t gap = 2)
      : columns_(std::move(columns)), gap_(gap) {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string render(int width = terminal_width()) const;

 private:
  std::vector<Column> columns_;
  size_t gap_;
  std::vector<std::vector<std::string>> rows_;
};

// A text in lines of the terminal's width, as far as it can be broken.
std::string wrapped(const std::string& text, int width = terminal_width());

// Row-level problems: at most five lines on standard error, then how many more.
void print_problems(const std::vector<std::string>& problems);

}  // namespace metaqnn::cli
