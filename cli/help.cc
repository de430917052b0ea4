#include "cli/help.h"

#include <sstream>

namespace metaqnn::cli {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kColumn = 26;  // where descriptions begin

// `head`, and `text` in the column beside it or, where that is not free, from the next line on.
std::string entry(const std::string& head, const std::string& text) {
  std::string all = "  " + head, line = all;
  const auto new_line = [&] {
    all += '\n';
    line.clear();
  };
  if (line.size() + 2 > kColumn && !text.empty()) new_line();
  std::istringstream words(text);
  bool is_first = true;
  for (std::string word; words >> word; is_first = false) {
    if (!is_first && line.size() + 1 + word.size() > kWidth) new_line();
    const std::string gap(line.size() < kColumn ? kColumn - line.size() : 1, ' ');
    all += gap + word;
    line += gap + word;
  }
  return all + '\n';
}

// CLI11 writes "INT:INT in [1 - 1024]" for a type with a range, "TEXT:{table,json}" for choices.
std::string values(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t choices = type.find('{');
  return choices == std::string::npos ? type.substr(0, type.find(':')) : type.substr(choices);
}

// CLI11 2.5 and later break the lines of a footer unless told not to.
template <typename Formatter>
void keep_footer_lines([[maybe_unused]] Formatter& formatter) {
  if constexpr (requires { formatter.enable_footer_formatting(false); })
    formatter.enable_footer_formatting(false);
}

}  // namespace

HelpFormatter::HelpFormatter() { keep_footer_lines(*this); }

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  std::string head = make_option_name(option, is_positional);
  if (!is_positional && option->get_type_size() != 0) head += " " + values(*option);
  if (!option->get_default_str().empty()) head += "=" + option->get_default_str();
  std::string text = option->get_description();
  if (option->get_required()) text += text.empty() ? "required" : "; required";
  return entry(head, text);
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  return entry(command->get_name(), command->get_description());
}

}  // namespace metaqnn::cli
