// Help that fits a terminal of 80 columns: descriptions are broken between words, and of what an
// option takes only its type or choices and its default are shown.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace metaqnn::cli {

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_subcommand(const CLI::App* command) const override;
};

}  // namespace metaqnn::cli
